"""How a model, a method and the other settings of a run depend on each other."""

import os
import re
from collections.abc import Collection

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Method, ModelType, RunConfig, Task
from auto_labeling.models import catalog, checkpoints, requirements, vocabularies
from auto_labeling.models.spec import ModelSpec

_HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")

MAX_ZERO_SHOT_CLASSES = 1000

#: The model of runs that lift the labels of a field.
LIFTED_LABELS = "lifted-labels"


def problems(config: RunConfig, skip: Collection[str] = ()) -> dict[str, str]:
    """Judges a configuration without a dataset.

    Args:
        config: the configuration; fields in ``skip`` hold something harmless
        skip (()): the fields that are wrong in themselves

    Returns:
        a dict from field name to a sentence about the problem
    """
    by_field: dict[str, str] = {}
    if "task" not in skip and config.method is not Method.ONE_STAGE:
        by_field.update(_method_problems(config))
    spec = None
    if "model" not in skip:
        spec, problem = _find(config.model)
        if spec is not None:
            misfit = _misfit(spec, config) if "task" not in skip else ""
            problem = misfit or _packages(spec)
        if problem:
            by_field["model"] = problem
    if config.method is Method.TWO_STAGE and "segmenter" not in skip:
        problem = _segmenter_problem(config.segmenter)
        if problem:
            by_field["segmenter"] = problem
    if spec is not None:
        by_field.update(_class_problems(spec, config, skip))
        by_field.update(_checkpoint_problems(spec, config))
    if config.half and config.device == "cpu":
        by_field["half"] = "Half precision needs a GPU"
    return by_field


def _method_problems(config: RunConfig) -> dict[str, str]:
    needed = Task.DETECTION_3D if config.method.lifts else Task.INSTANCE_SEGMENTATION
    if config.task is needed:
        return {}
    text = f"{config.method.label} is for {needed.label_within}, not {config.task.label_within}"
    return {"method": text}


def _find(name: str) -> tuple[ModelSpec | None, str]:
    try:
        return catalog.get_model(name), ""
    except ModelUnavailable as error:
        return None, str(error)


def _packages(spec: ModelSpec) -> str:
    missing = catalog.missing_packages(spec)
    if not missing:
        return ""
    command = requirements.install_command(missing)
    return f"{spec.name} needs packages that are not installed: {command}"


def _misfit(spec: ModelSpec, config: RunConfig) -> str:
    """Why the model cannot take its part in the method; empty if it can."""
    if config.method is Method.EXISTING_DETECTIONS:
        return "" if spec.is_segmenter else f"{spec.name} does not make masks from boxes"
    if spec.lifts_labels != (config.method is Method.LIFT_LABELS):
        if spec.lifts_labels:
            return f"{spec.name} is for the method {Method.LIFT_LABELS.label}"
        return f"Existing 2D labels need no model: choose '{LIFTED_LABELS}'"
    if spec.is_segmenter:
        return f"{spec.name} makes masks from boxes; it finds nothing by itself"
    if config.method is Method.LIFT_MODEL:
        if spec.task in (Task.DETECTION, Task.INSTANCE_SEGMENTATION):
            return ""
        return f"{spec.name} is for {spec.task.label_within}; lifting needs boxes or masks"
    task = Task.DETECTION if config.method is Method.TWO_STAGE else config.task
    if spec.task is not task:
        return f"{spec.name} is for {spec.task.label_within}, not {task.label_within}"
    return ""


def _segmenter_problem(name: str) -> str:
    if not name:
        return "Choose the model that makes masks from the boxes"
    spec, problem = _find(name)
    if spec is None:
        return problem
    return _packages(spec) if spec.is_segmenter else f"{name} does not make masks from boxes"


def _class_problems(spec: ModelSpec, config: RunConfig, skip: Collection[str]) -> dict[str, str]:
    by_field: dict[str, str] = {}
    zero_shot = spec.model_type is ModelType.ZERO_SHOT and not spec.is_segmenter
    if "classes" not in skip:
        if zero_shot and not config.classes:
            by_field["classes"] = f"{spec.name} looks for the classes you name: name at least one"
        elif zero_shot and len(config.classes) > MAX_ZERO_SHOT_CLASSES:
            by_field["classes"] = f"At most {MAX_ZERO_SHOT_CLASSES:,} classes for a zero-shot model"
        elif spec.names_outputs and not config.classes:
            by_field["classes"] = "Name the outputs of your model, in order"
        elif config.classes and not zero_shot:
            by_field.update(_unknown_classes(spec, config))
    if config.prompts and not zero_shot:
        by_field["prompts"] = f"{spec.name} has a fixed vocabulary; it takes no prompts"
    return by_field


def _unknown_classes(spec: ModelSpec, config: RunConfig) -> dict[str, str]:
    known = catalog.known_classes(spec, config.checkpoint)
    if known is None or spec.names_outputs:
        return {}
    name = os.path.basename(config.checkpoint) if spec.source == "custom" else spec.name
    problem = vocabularies.unknown(name, config.classes, known)
    return {"classes": problem} if problem else {}


def _checkpoint_problems(spec: ModelSpec, config: RunConfig) -> dict[str, str]:
    checkpoint = config.checkpoint
    if not spec.needs_checkpoint:
        return {"checkpoint": f"{spec.name} has its own weights"} if checkpoint else {}
    if not checkpoint:
        return {"checkpoint": _HOW_TO_NAME.get(spec.family, _HUB)}
    if spec.source == "custom" and not _is_reference(spec, checkpoint):
        return {"checkpoint": _HOW_TO_NAME[spec.family]}
    if spec.source != "custom" and not (is_hub_id(checkpoint) or os.path.isabs(checkpoint)):
        return {"checkpoint": f"{_HUB}, or the full path of a folder"}
    problem = checkpoints.misfit(spec, checkpoint)
    return {"checkpoint": problem} if problem else {}


def is_hub_id(text: str) -> bool:
    """Whether a text is the id of a model on the Hugging Face hub, and not a folder."""
    return _HUB_ID.fullmatch(text) is not None


def _is_reference(spec: ModelSpec, checkpoint: str) -> bool:
    """Whether an import path is one, or a path to a file is whole."""
    if spec.family != "custom-python":
        return os.path.isabs(checkpoint)
    module, _, name = checkpoint.partition(":")
    return all(part.isidentifier() for part in [*module.split("."), name])


_HUB = "Enter a Hugging Face model as owner/name"
_FILE = "Enter the full path of the file on the worker"
_HOW_TO_NAME = {
    "custom-python": "Enter your model as package.module:Name",
    "custom-torch": _FILE,
    "custom-ultralytics": _FILE,
}
