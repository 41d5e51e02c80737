"""The kinds of labels that models return, told apart before a model runs."""

from auto_labeling.core.run import Task

# The name of a model of each kind, by Ultralytics' words for its tasks, and ours.
_NAMES = {
    "detect": "a detector",
    "classify": "a classifier",
    "segment": "an instance segmentation model",
    "obb": "an OBB model",
    "pose": "a pose model",
    "semantic": "a semantic segmentation model",
    "depth": "a depth model",
    "keypoints": "a keypoint model",
    "detect_3d": "a model of 3D scenes",
}
_NEEDED = {
    Task.DETECTION: "detect",
    Task.CLASSIFICATION: "classify",
    Task.INSTANCE_SEGMENTATION: "segment",
    Task.DETECTION_3D: "detect_3d",
}
# The ends of the names of architectures on the Hugging Face hub.
_HEADS = {
    "ImageClassification": "classify",
    "ObjectDetection": "detect",
    "UniversalSegmentation": "segment",
    "InstanceSegmentation": "segment",
    "ForSegmentation": "segment",
    "SemanticSegmentation": "semantic",
    "DepthEstimation": "depth",
}
_PROCESSORS = {
    "ClassifierOutputProcessor": "classify",
    "DetectorOutputProcessor": "detect",
    "InstanceSegmenterOutputProcessor": "segment",
    "KeypointDetectorOutputProcessor": "keypoints",
    "SemanticSegmenterOutputProcessor": "semantic",
}


def misfit(name: str, kind: str, task: Task) -> str:
    """Why a model of some kind cannot do a task.

    Args:
        name: of the model, for people
        kind: Ultralytics' word for its task, or the name of an architecture; empty if unknown
        task: the run's task

    Returns:
        a sentence such as "best.pt is an OBB model; detection needs a detector"; empty if it can
    """
    needed = _NEEDED[task]
    if kind in ("", needed):
        return ""
    actual = _NAMES.get(kind) or f"{_article(kind)} {kind}"
    return f"{name} is {actual}; {task.label_within} needs {_NAMES[needed]}"


def of_architecture(name: str) -> str:
    """The kind of a Hugging Face architecture, such as ``"DetrForObjectDetection"``.

    Returns:
        a kind that :func:`misfit` takes: the name itself where its head is unknown
    """
    return next((kind for end, kind in _HEADS.items() if name.endswith(end)), name)


def of_model(model: object) -> str:
    """The kind of a loaded model, if its class tells; empty if not."""
    processor = getattr(model, "_output_processor", None)
    # A processor is named by the class of FiftyOne that it is made from.
    names = [cls.__name__ for cls in type(processor).__mro__]
    return next((_PROCESSORS[name] for name in names if name in _PROCESSORS), "")


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeio" else "a"
