"""RunConfig ⇄ form, and what a request says: no other module reads ``ctx.params``.

Everything that comes from a browser is checked here for its kind; what it means is judged
further down.
"""

import math

from auto_labeling.errors import ModelUnavailable
from auto_labeling.models import catalog, choosing, wording
from auto_labeling.review import grid
from auto_labeling.run import Method, ModelType, RunConfig, Target, Task

#: The answers on which others depend, or what is shown beside them.
NARROWING = frozenset(
    {
        "target",
        "task",
        *choosing.LEVELS,
        "checkpoint",
        "masks",
        "device",
        "segmenter",
        "source_field",
    }
)

#: Where masks go: to files at the mask location, or into the dataset.
MASKS_IN_FILES, MASKS_INLINE = "files", "inline"

#: The device that a run gets if nobody chooses one. (A control cannot hold the empty text.)
AUTOMATIC = "automatic"


# --- what a request says ---------------------------------------------------------------------


def is_about_grid(ctx) -> bool:
    """Whether a request says that the grid has changed: its view, its filters, its selection."""
    event = _text(ctx.params.get("__method__"))
    return event.startswith("on_change_") and event != "on_change_dataset"


def run_id(ctx) -> str:
    """The id of the run that a request is about."""
    return _text(ctx.params.get("run_id"))


def row(ctx, name: str = "row") -> int | None:
    """The index of the table row that was clicked, or of the bar; None for the table's head."""
    index = ctx.params.get(name)
    return index if type(index) is int and index >= 0 else None


def step(ctx) -> int:
    """By how many pages to turn: -1, 0 or 1."""
    number = ctx.params.get("step")
    return number if type(number) is int and number in (-1, 1) else 0


def tab(ctx) -> str:
    """The tab that was clicked."""
    return _text(ctx.params.get("tab"))


def expected(ctx) -> int:
    """The number of labels that the person was shown; -1 if the request does not say."""
    number = ctx.params.get("expected")
    return number if type(number) is int else -1


def changed(ctx) -> tuple:
    """What was changed on the page: ``(name, value)`` of the innermost property."""
    path = _text(ctx.params.get("path"))
    return path.rpartition(".")[2], ctx.params.get("value")


def range_of(value) -> tuple | None:
    """A confidence range from a slider's value: ``(low, high)`` in order and in [0, 1]."""
    numbers = [number(v) for v in value] if isinstance(value, (list, tuple)) else []
    if len(numbers) != 2 or None in numbers:
        return None
    low, high = sorted(min(1.0, max(0.0, n)) for n in numbers)
    return low, high


def number(value) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def request(ctx) -> dict:
    """What the App says about its grid: view, filters, selection."""
    return dict(ctx.request_params)


def set_filters(ctx, filters: dict):
    """Sets the sidebar's filters, if they differ from what they are.

    What follows in the same event already sees the grid as these filters will make it.
    """
    if filters != (ctx.request_params.get("filters") or {}):
        ctx.trigger("set_filters", filters)
        ctx.request_params["filters"] = filters


def forget_selection(ctx):
    """Makes what follows in the same event see no selection."""
    ctx.request_params["selected"] = []
    ctx.request_params["selected_labels"] = []


# --- target samples --------------------------------------------------------------------------


def target_counts(ctx) -> dict:
    """The number of samples that each :class:`auto_labeling.run.Target` means now."""
    asked = request(ctx)
    everything = len(ctx.dataset)
    narrowed = any(asked.get(key) for key in ("view", "view_name", "filters", "extended"))
    return {
        Target.ALL: everything,
        Target.VIEW: len(_sample_ids(ctx, Target.VIEW)) if narrowed else everything,
        Target.SELECTION: len(_sample_ids(ctx, Target.SELECTION)),
    }


def target_ids(ctx, target: Target) -> list | None:
    """The ids of the target samples; None means all."""
    return None if target is Target.ALL else _sample_ids(ctx, target)


def _sample_ids(ctx, target):
    shown = grid.shown(ctx.dataset, request(ctx))
    view = shown.view
    if target is Target.SELECTION:
        if not shown.sample_ids:
            return []
        view = view.select(list(shown.sample_ids))
    # In a view of patches, frames or clips the ids are not those of samples.
    generated = view._dataset is not ctx.dataset and view.has_field("sample_id")
    ids = view.values("sample_id" if generated else "id")
    return list(dict.fromkeys(ids))


# --- RunConfig ⇄ form ------------------------------------------------------------------------


def blank() -> dict:
    """The form before anybody has answered."""
    return {
        "target": Target.ALL.value,
        "task": Task.DETECTION.value,
        **dict.fromkeys(choosing.LEVELS, ""),
        "model": "",
        "checkpoint": "",
        "segmenter": "",
        "source_field": "",
        "classes": [],
        "vocabulary": "",
        "label_field": "",
        "name": "",
        "confidence": "",
        "max_labels": "",
        "masks": MASKS_IN_FILES,
        "mask_location": "",
        "device": AUTOMATIC,
        "half": False,
    }


def answers(form: dict) -> dict:
    """Turns a form into answers for ``labeling.check``, which judges them.

    What the form does not ask for, given its other answers, is left out.
    """
    method, spec = form.get("method"), chosen_model(form)
    device = _text(form.get("device"))
    given = {
        **{name: _text(form.get(name)) for name in ("model", "label_field", "name")},
        **{name: form.get(name) for name in ("target", "task", "method")},
        "confidence": _unless_empty(form.get("confidence")),
        "max_labels": _unless_empty(form.get("max_labels")),
        "device": "" if device == AUTOMATIC else device,
        "half": form.get("half"),
    }
    if asks_in_words(spec):
        given |= _in_words(form)
    else:
        given["classes"] = form.get("classes") or ()
    if spec is not None and spec.needs_checkpoint:
        given["checkpoint"] = _text(form.get("checkpoint"))
    if method == Method.TWO_STAGE.value:
        given["segmenter"] = _text(form.get("segmenter"))
    if method == Method.EXISTING_DETECTIONS.value:
        given["source_field"] = _text(form.get("source_field"))
    if makes_masks(form) and form.get("masks") != MASKS_INLINE:
        given["mask_location"] = _location(form)
    return given


def problems(form: dict) -> dict[str, str]:
    """What is wrong with a form that its answers do not show: a sentence by field."""
    found = {}
    if asks_in_words(chosen_model(form)):
        try:
            wording.read(_text(form.get("vocabulary")))
        except ValueError as error:
            found["classes"] = str(error)
    if makes_masks(form) and form.get("masks") != MASKS_INLINE and not _location(form):
        found["mask_location"] = "Choose a folder for the masks, or keep them in the dataset"
    return found


def from_config(config: RunConfig) -> tuple[dict, dict]:
    """The form that gives a configuration, and what to remember of its choices."""
    values = config.model_dump(mode="json")
    form = {**blank(), **{name: values[name] for name in blank().keys() & values.keys()}}
    form |= {
        "classes": list(config.classes),
        "vocabulary": wording.write(config.classes, config.prompts),
        "masks": MASKS_IN_FILES if config.mask_location else MASKS_INLINE,
        "device": config.device or AUTOMATIC,
        "confidence": _or_empty(config.confidence),
        "max_labels": _or_empty(config.max_labels),
    }
    spec = chosen_model(form)
    if spec is None:
        return form, {}
    remembered = choosing.leading_to(spec, config.task, config.method)
    return form | _levels(choosing.narrow(config.task, remembered)), remembered


def adapt(form: dict, remembered: dict, name: str) -> tuple[dict, dict]:
    """What else changes in a form when one field has: each choice narrows the next.

    Args:
        form: the answers, with the change
        remembered: the choices so far, and what was answered for each model
        name: the field that has changed; empty to complete a form

    Returns:
        ``(changes, remembered)``
    """
    task = _task(form)
    if task is None or name not in ("", "task", *choosing.LEVELS):
        return {}, remembered
    if name in choosing.LEVELS:
        # With those above it, which another event may still be about to remember.
        for level in choosing.LEVELS[: choosing.LEVELS.index(name) + 1]:
            if value := _text(form.get(level)):
                remembered = choosing.remember(task, remembered, level, value)
    choices = choosing.narrow(task, remembered)
    before, after = chosen_model(form), choices.spec
    changes = _levels(choices) | {"model": after.name if after else ""}
    if after is not before:
        remembered = _with_answers(remembered, before, form)
        changes |= _answers_for(remembered, before, after, form)
    return {k: v for k, v in changes.items() if form.get(k) != v}, remembered


def choices_of(form: dict, remembered: dict) -> choosing.Choices:
    """The choices that lead to a model, as they stand."""
    return choosing.narrow(_task(form) or Task.DETECTION, remembered, form)


def chosen_model(form: dict):
    """The :class:`auto_labeling.models.spec.ModelSpec` that a form names, or None."""
    try:
        return catalog.get_model(_text(form.get("model")))
    except ModelUnavailable:
        return None


def segmenters() -> list:
    """The models that make masks out of boxes, in the order in which they are offered."""
    return choosing.in_order(catalog.segmenters())


def makes_masks(form: dict) -> bool:
    """Whether a form asks for instance segmentation."""
    return form.get("task") == Task.INSTANCE_SEGMENTATION.value


def asks_in_words(spec) -> bool:
    """Whether a model looks for whatever classes it is asked for."""
    zero_shot = spec is not None and spec.model_type is ModelType.ZERO_SHOT
    return zero_shot and not spec.is_segmenter


def _levels(choices):
    return {name: level.value for name, level in choices.levels.items()}


def _with_answers(remembered, spec, form):
    """Keeps what was answered for a model, for when it is chosen again."""
    if spec is None:
        return remembered
    kept = {name: form.get(name) for name in ("classes", "checkpoint")}
    return {**remembered, f"answers for {spec.name}": kept}


def _answers_for(remembered, before, after, form):
    """The answers that depend on the model: those of last time, and its own confidence."""
    kept = remembered.get(f"answers for {after.name}") if after else None
    kept = kept if isinstance(kept, dict) else {}
    changes = {"classes": kept.get("classes") or [], "checkpoint": kept.get("checkpoint") or ""}
    untouched = _unless_empty(form.get("confidence")) == (before.confidence if before else None)
    if untouched:
        changes["confidence"] = _or_empty(after.confidence if after else None)
    return changes


def _task(form):
    try:
        return Task(form.get("task"))
    except ValueError:
        return None


def _in_words(form):
    try:
        classes, prompts = wording.read(_text(form.get("vocabulary")))
    except ValueError:  # told by problems()
        return {"classes": (), "prompts": {}}
    return {"classes": classes, "prompts": prompts}


def _location(form) -> str:
    chosen = form.get("mask_location")  # the file explorer's answer is an object
    return _text(chosen.get("absolute_path") if isinstance(chosen, dict) else chosen)


def _unless_empty(value):
    return None if value == "" else value


def _or_empty(value):
    return "" if value is None else value


def _text(value) -> str:
    return value.strip() if isinstance(value, str) else ""
