"""The kinds of labels that models return, told apart before a model runs."""

from auto_labeling.core.run import Task

# Ultralytics' words for its tasks, and ours: what a model of that kind is called.
_CALLED = {
    "detect": "a detector",
    "classify": "a classifier",
    "segment": "an instance segmentation model",
    "obb": "an OBB model",
    "pose": "a pose model",
    "semantic": "a semantic segmentation model",
    "depth": "a depth model",
    "keypoints": "a keypoint model",
}
_WANTED = {
    Task.DETECTION: "detect",
    Task.CLASSIFICATION: "classify",
    Task.INSTANCE_SEGMENTATION: "segment",
}
# What the names of architectures on the Hugging Face hub end in.
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
        name: what people call the model
        kind: Ultralytics' word for its task, or what an architecture is called; empty if unknown
        task: what is asked of it

    Returns:
        a sentence such as "best.pt is an OBB model; detection needs a detector"; empty if it can
    """
    wanted = _WANTED[task]
    if kind in ("", wanted):
        return ""
    found = _CALLED.get(kind) or f"{_article(kind)} {kind}"
    return f"{name} is {found}; {task.label.lower()} needs {_CALLED[wanted]}"


def of_architecture(name: str) -> str:
    """The kind of a Hugging Face architecture, such as ``"DetrForObjectDetection"``.

    Returns:
        a kind that :func:`misfit` takes: the name itself where it has no head that we know
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
