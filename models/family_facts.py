"""Facts about model families that the manifest lacks: our judgment, not measurements.

A ``confidence`` is where a form starts.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A family of models.

    Args:
        confidence: the recommended minimum confidence of its boxes and masks
    """

    confidence: float = 0.25


_DEFAULT = Family()
_FAMILIES = {
    "yolo": Family(0.25),
    "yolo-world": Family(0.2),
    "yoloe": Family(0.25),
    "yoloe-pf": Family(0.25),
    "yolo-nas": Family(0.25),
    "rtdetr": Family(0.5),
    "rfdetr": Family(0.5),
    "dfine": Family(0.5),
    "detection-transformer": Family(0.5),
    "faster-rcnn": Family(0.3),
    "retinanet": Family(0.3),
    "mask-rcnn": Family(0.5),
    "mask2former": Family(0.5),
    "oneformer": Family(0.5),
    "universal-segmentation-transformer": Family(0.5),
    "fc-clip": Family(0.5),
    "grounding-dino": Family(0.3),
    "llmdet": Family(0.3),
    "omdet-turbo": Family(0.3),
    "owlvit": Family(0.2),
    "zero-shot-detection-transformer": Family(0.3),
}


def family(name: str) -> Family:
    """What is known of a family."""
    return _FAMILIES.get(name, _DEFAULT)
