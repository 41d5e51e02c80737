"""RunConfig ⇄ form, and what a request says: no other module reads ``ctx.params``.

Everything that comes from a browser is checked here for its kind; what it means is judged
further down.
"""

import math
from collections.abc import Callable

import fiftyone.operators.types as types

from auto_labeling.models import catalog
from auto_labeling.review import grid
from auto_labeling.run import Method, RunConfig, Target, Task

#: The fields of :class:`auto_labeling.run.RunConfig` that the form asks for, in its order.
FIELDS = ("target", "task", "model", "classes", "label_field", "confidence", "name")

TASKS = {
    Task.DETECTION: "Boxes around objects",
    Task.CLASSIFICATION: "One label for a sample",
    Task.INSTANCE_SEGMENTATION: "Boxes with masks",
}


# --- what a request says ---------------------------------------------------------------------


def run_id(ctx) -> str:
    """The id of the run that a request is about."""
    return _text(ctx.params.get("run_id"))


def row(ctx) -> int | None:
    """The index of the table row that was clicked; None for the table's head."""
    index = ctx.params.get("row")
    return index if type(index) is int and index >= 0 else None


def step(ctx) -> int:
    """By how many pages to turn: -1, 0 or 1."""
    number = ctx.params.get("step")
    return number if type(number) is int and number in (-1, 1) else 0


def bar(ctx) -> int | None:
    """The index of the bar of a plot that was clicked."""
    index = ctx.params.get("idx")
    return index if type(index) is int and index >= 0 else None


def tab(ctx) -> str:
    """The tab that was clicked."""
    return _text(ctx.params.get("tab"))


def expected(ctx) -> int:
    """The number of labels that the person was shown; -1 if the request does not say."""
    number = ctx.params.get("expected")
    return number if type(number) is int else -1


def text(value) -> str:
    """What somebody has typed, without the blanks around it; "" for anything else."""
    return _text(value)


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


def set_view(ctx, view):
    """Sets the view; what follows in the same event already sees it."""
    ctx.ops.set_view(view=view)
    ctx.request_params["view"] = view._serialize()
    ctx.request_params["view_name"] = None


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
        "model": "",
        "classes": [],
        "label_field": "",
        "confidence": None,
        "name": "",
    }


def answers(form: dict) -> dict:
    """Turns a form into answers for ``labeling.check``, which judges them."""
    given = {name: form.get(name) for name in FIELDS}
    return {
        **given,
        "model": _text(given["model"]),
        "label_field": _text(given["label_field"]),
        "name": _text(given["name"]),
        "classes": given["classes"] or (),
    }


def from_config(config: RunConfig) -> dict:
    """The form that gives a configuration."""
    form = config.model_dump(mode="json", include=set(FIELDS))
    return {**form, "classes": list(config.classes)}


def adapt(form: dict, name: str) -> dict:
    """What else changes in a form when one field has: each choice narrows the next."""
    if name == "task":
        return {"model": "", "classes": [], "confidence": None}
    if name == "model":
        spec = chosen_model(form)
        return {"classes": [], "confidence": spec.confidence if spec else None}
    return {}


def chosen_model(form: dict):
    """The :class:`auto_labeling.models.catalog.ModelSpec` that a form names, or None."""
    name = _text(form.get("model"))
    return next((spec for spec in _models(form) if spec.name == name), None)


def build(form: dict, problems: dict, counts: dict, on_change: Callable) -> types.Object:
    """Builds the form's fields, each with what is wrong with it.

    Args:
        form: the answers so far
        problems: a dict from field name to a sentence
        counts: what :func:`target_counts` returned
        on_change: the panel's handler of a changed field
    """
    fields = types.Object()
    spec = chosen_model(form)
    views = {
        "target": _targets(counts, _props("Target samples", problems.get("target"))),
        "task": _tasks(_props("Task", problems.get("task"))),
        "model": _model_choices(form, _props("Model", problems.get("model"), spec and facts(spec))),
        "classes": _class_choices(
            spec, _props("Classes", problems.get("classes"), "Empty: all classes of the model")
        ),
        "label_field": types.TextFieldView(
            placeholder="A new field, for the labels that you approve",
            **_props("Label field", problems.get("label_field")),
        ),
        "confidence": types.TextFieldView(
            placeholder="0 to 1",
            **_props(
                "Minimum confidence",
                problems.get("confidence"),
                "Labels that the model is less sure of are not kept",
            ),
        ),
        "name": types.TextFieldView(
            placeholder="Optional", **_props("Run name", problems.get("name"))
        ),
    }
    for name, view in views.items():
        fields.define_property(name, _KINDS[name], view=view, on_change=on_change)
    return fields


_KINDS = {
    "target": types.Enum([target.value for target in Target]),
    "task": types.Enum([task.value for task in TASKS]),
    "model": types.String(),
    "classes": types.List(types.String()),
    "label_field": types.String(),
    "confidence": types.Number(min=0, max=1),
    "name": types.String(),
}


def _props(label, problem, caption=None):
    """A field's label, and below it what is wrong: panels ignore ``error_message``."""
    if not problem:
        return {"label": label, "caption": caption}
    red = {"color": "error.main"}
    return {
        "label": label,
        "caption": problem,
        "componentsProps": {
            "caption": red,
            "header": {"caption": red},
            "field": {"error": True},
        },
    }


def _targets(counts, props):
    view = types.RadioGroup(orientation="horizontal", **props)
    for target in Target:
        number_of = counts[target]
        said = f"{number_of:,} sample" + ("" if number_of == 1 else "s")
        empty = target is Target.SELECTION and not number_of
        view.add_choice(
            target.value,
            label=target.label,
            description="Select samples in the grid first" if empty else said,
            disabled=empty,
        )
    return view


def _tasks(props):
    view = types.RadioGroup(orientation="horizontal", **props)
    for task, meaning in TASKS.items():
        view.add_choice(task.value, label=task.label, description=meaning)
    return view


def _model_choices(form, props):
    choices = [types.Choice(spec.name, label=spec.name) for spec in _models(form)]
    return types.AutocompleteView(choices=choices, allow_user_input=False, **props)


def _class_choices(spec, props):
    known = catalog.known_classes(spec) if spec else None
    return types.AutocompleteView(
        choices=[types.Choice(name, label=name) for name in known or ()],
        allow_user_input=spec is not None and known is None,
        allow_duplicates=False,
        read_only=spec is None,
        **props,
    )


def facts(spec) -> str:
    """What to know before choosing a model, in one line."""
    known = catalog.known_classes(spec)
    parts = [
        f"{len(known):,} classes" if known else "",
        f"{spec.size_bytes / 2**20:,.0f} MB" if spec.size_bytes else "",
        f"{spec.license} licence" if spec.license else "",
        f"needs {', '.join(missing)}" if (missing := catalog.missing_packages(spec)) else "",
    ]
    said = spec.description.strip().rstrip(".")
    return " · ".join(part for part in (said, *parts) if part)


def _models(form):
    try:
        models = catalog.list_models(task=Task(form.get("task")), method=Method.ONE_STAGE)
        return [spec for spec in models if not spec.needs_checkpoint]
    except ValueError:
        return []


def _text(value) -> str:
    return value.strip() if isinstance(value, str) else ""
