"""The answers of the configure page ⇄ RunConfig, and how one answer changes others.

Answers are a dict of plain values, as the App's controls hold them. They come from a browser, so
any of them may be anything.
"""

from collections.abc import Mapping
from typing import Any

from auto_labeling.app import form_settings, pasted_ids
from auto_labeling.app.form_settings import AUTOMATIC, CLASS_ENTRIES
from auto_labeling.app.values import text
from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Method, ModelType, RunConfig, Target, Task
from auto_labeling.models import catalog, class_text, model_choice
from auto_labeling.models.spec import ModelSpec

#: The answers on which other answers, or other parts of the page, depend.
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
        "camera_slices",
        "reference_frame",
    }
)

#: The answers of the configure page, by name.
Form = Mapping[str, Any]

#: Where masks go: to files at the mask location, or into the dataset.
MASKS_IN_FILES, MASKS_INLINE = "files", "inline"


def blank() -> dict[str, Any]:
    """Returns the form before any answer."""
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
        "masks": MASKS_IN_FILES,
        "mask_location": "",
        "device": AUTOMATIC,
        **form_settings.blank(),
    }


def given(form: Form, spec: ModelSpec | None) -> dict[str, Any]:
    """Turns a form into fields of ``RunConfig`` for ``labeling.check``, which validates them.

    Fields that the form does not ask for, given its other answers, are left out.

    Args:
        form: the answers
        spec: the model that they name, if there is one

    Returns:
        names and values, as a person gave them
    """
    method, device = form.get("method"), text(form.get("device"))
    fields: dict[str, Any] = {
        **form_settings.given(form),
        **{name: form.get(name) for name in ("target", "task", "method")},
        "model": spec.name if spec else text(form.get("model")),
        "device": "" if device == AUTOMATIC else device,
    }
    if asks_in_words(spec):
        fields |= _in_words(form)
    else:
        fields["classes"] = form.get("classes") or ()
    if spec is not None and spec.needs_checkpoint:
        fields["checkpoint"] = text(form.get("checkpoint"))
    if method == Method.TWO_STAGE.value:
        fields["segmenter"] = text(form.get("segmenter"))
    if method in TAKE_LABELS:
        fields["source_field"] = text(form.get("source_field"))
    if makes_masks(form) and form.get("masks") != MASKS_INLINE:
        fields["mask_location"] = _location(form)
    if not by_ids(form):  # IDs already determine the slices
        fields["group_slices"] = form.get("group_slices") or ()
    return fields


def problems(form: Form, spec: ModelSpec | None) -> dict[str, str]:
    """Finds what ``labeling.check`` cannot see in the fields.

    Args:
        form: the answers
        spec: the model that they name, if there is one

    Returns:
        a sentence by field
    """
    problems = {}
    if asks_in_words(spec):
        try:
            class_text.read(text(form.get("vocabulary")))
        except ValueError as error:
            problems["classes"] = str(error)
    if by_ids(form) and (problem := pasted_ids.read(text(form.get("ids"))).problem):
        problems["ids"] = problem
    if makes_masks(form) and form.get("masks") != MASKS_INLINE and not _location(form):
        problems["mask_location"] = "Choose a folder for the masks, or keep them in the dataset"
    return problems


def missing(form: Form, spec: ModelSpec | None) -> dict[str, str]:
    """Finds the answers that a run still needs, in the order of the page.

    Args:
        form: the answers
        spec: the model that they name, if there is one

    Returns:
        a dict from the name of an answer to words for it
    """
    method = form.get("method")
    needs_boxes = method in TAKE_LABELS
    in_files = makes_masks(form) and form.get("masks") != MASKS_INLINE
    lacks = {
        "ids": by_ids(form) and not text(form.get("ids")),
        "model": spec is None,
        "checkpoint": spec is not None
        and spec.needs_checkpoint
        and not text(form.get("checkpoint")),
        "segmenter": method == Method.TWO_STAGE.value and not text(form.get("segmenter")),
        "source_field": needs_boxes and not text(form.get("source_field")),
        "classes": asks_in_words(spec) and not text(form.get("vocabulary")),
        "label_field": not text(form.get("label_field")),
        "mask_location": in_files and not _location(form),
    }
    return {name: words for name, words in _IN_WORDS.items() if lacks[name]}


#: The methods that begin with the labels of a field.
TAKE_LABELS = (Method.EXISTING_DETECTIONS.value, Method.LIFT_LABELS.value)

#: What a run needs, in words.
_IN_WORDS = {
    "ids": "sample IDs",
    "model": "a model",
    "checkpoint": "the weights",
    "segmenter": "a segmenter",
    "source_field": "a field with boxes",
    "classes": "classes",
    "label_field": "a label field",
    "mask_location": "a folder for the masks",
}


def from_config(config: RunConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """Turns a configuration into a form.

    Returns:
        ``(form, remembered)``: the answers, and the choices that lead to the model
    """
    values = config.model_dump(mode="json")
    form = {**blank(), **{name: values[name] for name in blank().keys() & values.keys()}}
    form |= form_settings.of_config(config)
    form |= {
        "classes": list(config.classes),
        "group_slices": list(config.group_slices),
        "vocabulary": class_text.write(config.classes, config.prompts),
        "masks": MASKS_IN_FILES if config.mask_location else MASKS_INLINE,
        "device": config.device or AUTOMATIC,
    }
    spec = chosen_model(form)
    if spec is None:
        return form, {}
    remembered = model_choice.leading_to(spec, config.task, config.method)
    return form | _levels(model_choice.narrow(config.task, remembered)), remembered


def adapt(
    form: Form, remembered: dict[str, Any], name: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Changes the answers that depend on another one: each choice narrows the next.

    Args:
        form: the answers, with the change
        remembered: the choices so far, and the answers for each model
        name: the answer that has changed; empty to complete a form

    Returns:
        ``(changes, remembered)``: the other answers that change, and the updated choices
    """
    task = task_of(form)
    if task is None or name not in ("", "task", *model_choice.LEVELS):
        return {}, remembered
    if name in model_choice.LEVELS:
        # With those above it: an event that remembers them may still be on its way.
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


def choices_of(form: Form, remembered: dict[str, Any]) -> model_choice.Choices:
    """Returns the current choices that lead to a model.

    Args:
        form: the answers
        remembered: the choices so far
    """
    return model_choice.narrow(task_of(form) or Task.DETECTION, remembered, form)


def chosen_model(form: Form) -> ModelSpec | None:
    """Returns the model that a form names, or None."""
    try:
        return catalog.get_model(text(form.get("model")))
    except ModelUnavailable:
        return None


def segmenters() -> list[ModelSpec]:
    """Returns the models that make masks out of boxes, in the order of the menu."""
    return model_choice.in_order(catalog.segmenters())


def chosen_classes(form: Form) -> list[str]:
    """Returns the classes that were chosen from those of a model."""
    classes = form.get("classes")
    return [n for n in classes if isinstance(n, str)] if isinstance(classes, list) else []


def by_ids(form: Form) -> bool:
    """Whether the target samples are a list of IDs."""
    return form.get("target") == Target.IDS.value


def from_boxes(form: Form) -> bool:
    """Whether a form asks for masks of the boxes in a field."""
    return makes_masks(form) and form.get("method") == Method.EXISTING_DETECTIONS.value


def makes_masks(form: Form) -> bool:
    """Whether a form asks for instance segmentation."""
    return form.get("task") == Task.INSTANCE_SEGMENTATION.value


def asks_in_words(spec: ModelSpec | None) -> bool:
    """Whether people type a model's classes: for zero-shot models, or to name its outputs."""
    if spec is None or spec.is_segmenter:
        return False
    return spec.model_type is ModelType.ZERO_SHOT or spec.names_outputs


def _levels(choices: model_choice.Choices) -> dict[str, str]:
    return {name: level.value for name, level in choices.levels.items()}


def _with_answers(remembered: dict[str, Any], spec: ModelSpec | None, form: Form) -> dict[str, Any]:
    """Remembers the answers for a model, for when it is chosen again."""
    if spec is None:
        return remembered
    answers = {name: form.get(name) for name in ("classes", "checkpoint")}
    return {**remembered, f"answers for {spec.name}": answers}


def _answers_for(
    remembered: dict[str, Any], before: ModelSpec | None, after: ModelSpec | None, form: Form
) -> dict[str, Any]:
    """Returns the answers that depend on the model: those of last time, and its confidence."""
    last = remembered.get(f"answers for {after.name}") if after else None
    last = last if isinstance(last, dict) else {}
    changes = {"classes": last.get("classes") or [], "checkpoint": last.get("checkpoint") or ""}
    untouched = _unless_empty(form.get("confidence")) == (before.confidence if before else None)
    if untouched:
        changes["confidence"] = _or_empty(after.confidence if after else None)
    return changes


def task_of(form: Form) -> Task | None:
    """Returns the task that a form names; None if it names none."""
    try:
        return Task(form.get("task"))
    except ValueError:
        return None


def _in_words(form: Form) -> dict[str, Any]:
    try:
        classes, prompts = class_text.read(text(form.get("vocabulary")), repeated=True)
    except ValueError:  # problems() reports it
        return {"classes": (), "prompts": {}}
    return {"classes": classes, "prompts": prompts}


def _location(form: Form) -> str:
    return text(form.get("mask_location")).strip()


def _unless_empty(value: Any) -> Any:
    return None if value == "" else value


def _or_empty(value: Any) -> Any:
    return "" if value is None else value
