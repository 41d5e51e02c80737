"""Facts about model families that the manifest lacks: our judgment, not measurements."""

_CONFIDENCE = 0.25
_CONFIDENCES = {
    "yolo-world": 0.2,
    "rtdetr": 0.5,
    "rfdetr": 0.5,
    "dfine": 0.5,
    "detection-transformer": 0.5,
    "faster-rcnn": 0.3,
    "retinanet": 0.3,
    "mask-rcnn": 0.5,
    "mask2former": 0.5,
    "oneformer": 0.5,
    "universal-segmentation-transformer": 0.5,
    "fc-clip": 0.5,
    "grounding-dino": 0.3,
    "llmdet": 0.3,
    "omdet-turbo": 0.3,
    "owlvit": 0.2,
    "zero-shot-detection-transformer": 0.3,
}


def confidence(family: str) -> float:
    """The recommended minimum confidence of a family's boxes and masks: where a form starts."""
    return _CONFIDENCES.get(family, _CONFIDENCE)
