"""The answers of the configure page ⇄ RunConfig, and how one answer changes others.

Answers are a dict of plain values, as the App's controls hold them, and may be anything at all.
"""

from auto_labeling.app import pasted_ids
from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Method, ModelType, RunConfig, Target, Task
from auto_labeling.models import catalog, class_text, model_choice
from auto_labeling.models.spec import ModelSpec

#: The answers on which others depend, or what is shown beside them.
NARROWING = frozenset(
    {
        "target",
        "ids",
        "group_slices",
        "task",
        *model_choice.LEVELS,
        "checkpoint",
        "classes",
        "vocabulary",
        "class_file",
        "class_source",
        "label_field",
        "masks",
        "mask_location",
        "device",
        "half",
        "workers",
        "segmenter",
        "source_field",
    }
)

#: Where masks go: to files at the mask location, or into the dataset.
MASKS_IN_FILES, MASKS_INLINE = "files", "inline"

#: The device that a run gets by default. (A control cannot hold the empty text.)
AUTOMATIC = "automatic"


#: What adds classes to the answers, and is then empty again: a list, a file, a field.
CLASS_ENTRIES = ("class_list", "class_file", "class_source")


def blank() -> dict:
    """The form before any answer."""
    return {
        "target": Target.ALL.value,
        "ids": "",
        "group_slices": [],
        "task": Task.DETECTION.value,
        **dict.fromkeys(model_choice.LEVELS, ""),
        "model": "",
        "checkpoint": "",
        "segmenter": "",
        "source_field": "",
        "classes": [],
        "vocabulary": "",
        **dict.fromkeys(CLASS_ENTRIES, ""),
        "label_field": "",
        "name": "",
        "confidence": "",
        "max_labels": "",
        "masks": MASKS_IN_FILES,
        "mask_location": "",
        "keep_without_mask": False,
        "device": AUTOMATIC,
        "half": False,
        "workers": 1,
    }


def given(form: dict) -> dict:
    """Turns a form into answers for ``labeling.check``, which judges them.

    What the form does not ask for, given its other answers, is left out.
    """
    method, spec = form.get("method"), chosen_model(form)
    device = text(form.get("device"))
    said = {
        **{name: text(form.get(name)) for name in ("model", "label_field", "name")},
        **{name: form.get(name) for name in ("target", "task", "method")},
        "confidence": _unless_empty(form.get("confidence")),
        "device": "" if device == AUTOMATIC else device,
        "half": form.get("half"),
        "workers": 1 if form.get("workers") == "" else form.get("workers"),
    }
    if form.get("task") != Task.CLASSIFICATION.value:
        said["max_labels"] = _unless_empty(form.get("max_labels"))
    if asks_in_words(spec):
        said |= _in_words(form)
    else:
        said["classes"] = form.get("classes") or ()
    if spec is not None and spec.needs_checkpoint:
        said["checkpoint"] = text(form.get("checkpoint"))
    if method == Method.TWO_STAGE.value:
        said["segmenter"] = text(form.get("segmenter"))
    if method == Method.EXISTING_DETECTIONS.value:
        said["source_field"] = text(form.get("source_field"))
    if makes_masks(form):
        said["keep_without_mask"] = bool(form.get("keep_without_mask"))
        if form.get("masks") != MASKS_INLINE:
            said["mask_location"] = _location(form)
    if not by_ids(form):  # ids say themselves in which slices their samples are
        said["group_slices"] = form.get("group_slices") or ()
    return said


def problems(form: dict) -> dict[str, str]:
    """What is wrong with a form that its answers do not show: a sentence by field."""
    found = {}
    if asks_in_words(chosen_model(form)):
        try:
            class_text.read(text(form.get("vocabulary")))
        except ValueError as error:
            found["classes"] = str(error)
    if by_ids(form) and (problem := pasted_ids.read(text(form.get("ids"))).problem):
        found["ids"] = problem
    if makes_masks(form) and form.get("masks") != MASKS_INLINE and not _location(form):
        found["mask_location"] = "Choose a folder for the masks, or keep them in the dataset"
    return found


def missing(form: dict) -> list[str]:
    """What a form still needs before a run can start, in the order of the page."""
    spec, method = chosen_model(form), form.get("method")
    boxes = method == Method.EXISTING_DETECTIONS.value
    in_files = makes_masks(form) and form.get("masks") != MASKS_INLINE
    wanted = {
        "sample IDs": by_ids(form) and not text(form.get("ids")),
        "a model": spec is None,
        "the weights": spec is not None
        and spec.needs_checkpoint
        and not text(form.get("checkpoint")),
        "a segmenter": method == Method.TWO_STAGE.value and not text(form.get("segmenter")),
        "a field with boxes": boxes and not text(form.get("source_field")),
        "classes": asks_in_words(spec) and not text(form.get("vocabulary")),
        "a label field": not text(form.get("label_field")),
        "a folder for the masks": in_files and not _location(form),
    }
    return [name for name, lacks in wanted.items() if lacks]


def from_config(config: RunConfig) -> tuple[dict, dict]:
    """The form that gives a configuration, and what to remember of its choices."""
    values = config.model_dump(mode="json")
    form = {**blank(), **{name: values[name] for name in blank().keys() & values.keys()}}
    form |= {
        "classes": list(config.classes),
        "group_slices": list(config.group_slices),
        "vocabulary": class_text.write(config.classes, config.prompts),
        "masks": MASKS_IN_FILES if config.mask_location else MASKS_INLINE,
        "device": config.device or AUTOMATIC,
        "confidence": _or_empty(config.confidence),
        "max_labels": _or_empty(config.max_labels),
    }
    spec = chosen_model(form)
    if spec is None:
        return form, {}
    remembered = model_choice.leading_to(spec, config.task, config.method)
    return form | _levels(model_choice.narrow(config.task, remembered)), remembered


def adapt(form: dict, remembered: dict, name: str) -> tuple[dict, dict]:
    """What else changes in a form when one field has: each choice narrows the next.

    Args:
        form: the answers, with the change
        remembered: the choices so far, and what was answered for each model
        name: the field that has changed; empty to complete a form

    Returns:
        ``(changes, remembered)``
    """
    task = task_of(form)
    if task is None or name not in ("", "task", *model_choice.LEVELS):
        return {}, remembered
    if name in model_choice.LEVELS:
        # With those above it, which another event may still be about to remember.
        for level in model_choice.LEVELS[: model_choice.LEVELS.index(name) + 1]:
            if value := text(form.get(level)):
                remembered = model_choice.remember(task, remembered, level, value)
    choices = model_choice.narrow(task, remembered)
    before, after = chosen_model(form), choices.spec
    changes = _levels(choices) | {"model": after.name if after else ""}
    if after is not before:
        remembered = _with_answers(remembered, before, form)
        changes |= _answers_for(remembered, before, after, form)
    return {k: v for k, v in changes.items() if form.get(k) != v}, remembered


def choices_of(form: dict, remembered: dict) -> model_choice.Choices:
    """The choices that lead to a model, as they stand."""
    return model_choice.narrow(task_of(form) or Task.DETECTION, remembered, form)


def chosen_model(form: dict):
    """The :class:`auto_labeling.models.spec.ModelSpec` that a form names, or None."""
    try:
        return catalog.get_model(text(form.get("model")))
    except ModelUnavailable:
        return None


def segmenters() -> list:
    """The models that make masks out of boxes, in the order in which they are offered."""
    return model_choice.in_order(catalog.segmenters())


def chosen_classes(form: dict) -> list[str]:
    """The classes that are chosen from those of a model."""
    classes = form.get("classes")
    return [n for n in classes if isinstance(n, str)] if isinstance(classes, list) else []


def by_ids(form: dict) -> bool:
    """Whether the target samples are a list of ids."""
    return form.get("target") == Target.IDS.value


def from_boxes(form: dict) -> bool:
    """Whether a form asks for masks of the boxes in a field."""
    return makes_masks(form) and form.get("method") == Method.EXISTING_DETECTIONS.value


def makes_masks(form: dict) -> bool:
    """Whether a form asks for instance segmentation."""
    return form.get("task") == Task.INSTANCE_SEGMENTATION.value


def asks_in_words(spec: ModelSpec) -> bool:
    """Whether people write a model's classes down: what it looks for, or its outputs' names."""
    if spec is None or spec.is_segmenter:
        return False
    return spec.model_type is ModelType.ZERO_SHOT or spec.names_outputs


def _levels(choices):
    return {name: level.value for name, level in choices.levels.items()}


def _with_answers(remembered, spec: ModelSpec, form: dict):
    """Keeps what was answered for a model, for when it is chosen again."""
    if spec is None:
        return remembered
    kept = {name: form.get(name) for name in ("classes", "checkpoint")}
    return {**remembered, f"answers for {spec.name}": kept}


def _answers_for(remembered, before, after, form: dict):
    """The answers that depend on the model: those of last time, and its own confidence."""
    kept = remembered.get(f"answers for {after.name}") if after else None
    kept = kept if isinstance(kept, dict) else {}
    changes = {"classes": kept.get("classes") or [], "checkpoint": kept.get("checkpoint") or ""}
    untouched = _unless_empty(form.get("confidence")) == (before.confidence if before else None)
    if untouched:
        changes["confidence"] = _or_empty(after.confidence if after else None)
    return changes


def task_of(form: dict) -> Task | None:
    """The task that a form asks for; None if it names none."""
    try:
        return Task(form.get("task"))
    except ValueError:
        return None


def _in_words(form: dict):
    try:
        classes, prompts = class_text.read(text(form.get("vocabulary")), repeated=True)
    except ValueError:  # told by problems()
        return {"classes": (), "prompts": {}}
    return {"classes": classes, "prompts": prompts}


def _location(form: dict) -> str:
    chosen = form.get("mask_location")  # the file explorer's answer is an object
    return text(chosen.get("absolute_path") if isinstance(chosen, dict) else chosen)


def _unless_empty(value):
    return None if value == "" else value


def _or_empty(value):
    return "" if value is None else value


def text(value) -> str:
    """Typed text without surrounding spaces; "" for anything else."""
    return value.strip() if isinstance(value, str) else ""
