"""The options of the configure page, with their labels."""

from collections.abc import Callable, Iterable

from auto_labeling.app import answers
from auto_labeling.core.run import Method, ModelType, Task
from auto_labeling.models import display_names
from auto_labeling.models.spec import ModelSpec

TASKS = {
    Task.DETECTION: "Boxes around objects",
    Task.CLASSIFICATION: "One label per sample",
    Task.INSTANCE_SEGMENTATION: "Boxes with masks",
    Task.DETECTION_3D: "Boxes in point clouds and scenes",
}
METHODS = {
    Method.ONE_STAGE: "One model finds and outlines",
    Method.TWO_STAGE: "One finds boxes, another adds masks",
    Method.EXISTING_DETECTIONS: "Adds masks to your existing boxes",
    Method.LIFT_LABELS: "Lifts labels of calibrated cameras into 3D",
    Method.LIFT_MODEL: "Lifts a 2D model's labels of camera images into 3D",
}
_YOUR_3D_MODEL = "Your own model finds boxes in 3D"
MODEL_TYPES = {
    ModelType.FIXED_VOCABULARY: "Knows a list of classes",
    ModelType.ZERO_SHOT: "Looks for the classes you name",
}
#: What the choices of a model are called, and their options.
LEVEL_LABELS: dict[str, tuple[str, Callable[[str], str]]] = {
    "family": ("Model family", display_names.family),
    "version": ("Version", display_names.version),
    "size": ("Size", display_names.size),
    "variant": ("Variant", str),
}
DEVICES = {
    answers.AUTOMATIC: "Automatic",
    "cpu": "CPU",
    "cuda": "GPU",
    **{f"cuda:{number}": f"GPU {number}" for number in range(8)},
    "mps": "Apple GPU",
}
CHECKPOINTS = {
    "custom-python": (
        "Import path",
        "package.module:Name",
        "A fiftyone.core.models.Model, or a function that returns one, on the worker",
    ),
    "custom-torch": (
        "Checkpoint",
        "/models/mine.pt",
        "Full path on the worker to a TorchScript or pickled module",
    ),
    "custom-ultralytics": (
        "Checkpoint",
        "/models/mine.pt",
        "Full path on the worker to an Ultralytics checkpoint",
    ),
}
HUB_CHECKPOINT = (
    "Hugging Face model",
    "owner/name",
    "Its ID on the Hugging Face Hub, or a folder on the worker",
)
_SCENE_MODEL = (
    "Import path",
    "package.module:Name",
    "A class on the worker: its method predict takes a scene and returns 3D detections",
)


def methods(names: Iterable[str], task: Task | None) -> dict[Method, str]:
    """The methods that can be chosen, and what each does.

    Args:
        names: the methods
        task: the task
    """
    meanings = {Method(name): METHODS[Method(name)] for name in names}
    if task is not None and task.is_3d and Method.ONE_STAGE in meanings:
        meanings[Method.ONE_STAGE] = _YOUR_3D_MODEL
    return meanings


def checkpoint_of(spec: ModelSpec) -> tuple[str, str, str]:
    """The label, the placeholder and the meaning of the field that names a person's own model."""
    if spec.task.is_3d:
        return _SCENE_MODEL
    return CHECKPOINTS.get(spec.family, HUB_CHECKPOINT)
