"""Reads requests of the App: only ``window.py`` beside it reads ``ctx.params``.

This module checks the type of every value that comes from a browser. The verbs check its meaning.
"""

import json
from collections.abc import Mapping
from typing import Any

from fiftyone.operators import ExecutionContext

from auto_labeling.app.values import name_of, text
from auto_labeling.core.errors import AutoLabelingError, ConfigError, NotPermitted
from auto_labeling.core.settings import settings
from auto_labeling.models import class_text
from auto_labeling.review import grid, grid_request, measures
from auto_labeling.review.selection import Chosen, choose

# --- parameters of a call --------------------------------------------------------------------


def is_from_panel(ctx: ExecutionContext) -> bool:
    """Whether a request comes from a panel, so that the panel can show the answer."""
    return bool(name_of(ctx.panel_id)) and isinstance(ctx.params.get("panel_state", {}), dict)


def event_name(ctx: ExecutionContext) -> str:
    """Returns the name of the event: a method of the panel, or any text."""
    return text(ctx.params.get("__method__"))


def is_about_grid(ctx: ExecutionContext) -> bool:
    """Whether a request reports a change of the grid: its view, filters or selection."""
    event = event_name(ctx)
    return event.startswith("on_change_") and event != "on_change_dataset"


#: The event that asks whether the runs have changed.
LOOK_FOR_CHANGES = "look_for_changes"


def is_by_itself(ctx: ExecutionContext) -> bool:
    """Whether the App sends a request by itself: no one clicked a button or opened a page.

    Answers count too: the App sends them with a delay, and sometimes twice.
    """
    event = event_name(ctx)
    by_timer = event in ("refresh", LOOK_FOR_CHANGES)
    return by_timer or is_about_grid(ctx) or event.startswith("edit")


def parameters(ctx: ExecutionContext) -> dict[str, Any]:
    """Returns the parameters of a call, unchecked."""
    return dict(ctx.params)


def run_id(ctx: ExecutionContext) -> str:
    """Returns the ID of the run in a request; "" if it has none."""
    return name_of(ctx.params.get("run_id"))


def is_to_persist(ctx: ExecutionContext) -> bool:
    """Whether to make the dataset persistent."""
    return ctx.params.get("persist") is True


def is_again(ctx: ExecutionContext) -> bool:
    """Whether to label samples again whose labels are gone."""
    return ctx.params.get("again") is True


def row(ctx: ExecutionContext, name: str = "row") -> int | None:
    """Returns the index of the clicked row or bar; None for the head of a table.

    Args:
        ctx: the call
        name ("row"): the parameter
    """
    index = ctx.params.get(name)
    return index if type(index) is int and index >= 0 else None


def step(ctx: ExecutionContext) -> int:
    """Returns the number of pages to turn: -1, 0 or 1."""
    number = ctx.params.get("step")
    return number if type(number) is int and number in (-1, 1) else 0


def is_above_thresholds(ctx: ExecutionContext) -> bool:
    """Whether only labels above the threshold of their class are meant."""
    return ctx.params.get("above_thresholds") is True


def thresholds(ctx: ExecutionContext) -> Any:
    """Returns the thresholds to set, by class; not checked."""
    return ctx.params.get("thresholds")


def new_classes(ctx: ExecutionContext) -> str | Mapping[str, str]:
    """Returns the class that labels get, or a mapping from class to class; not checked."""
    mapping = ctx.params.get("mapping")
    return mapping if isinstance(mapping, dict) and mapping else text(ctx.params.get("to"))


def choice(ctx: ExecutionContext, name: str) -> str:
    """What was clicked of several that can be chosen: a parameter of the click."""
    return text(ctx.params.get(name))


def kind(ctx: ExecutionContext) -> str:
    """Returns the clicked kind of error; "" for all."""
    return name_of(ctx.params.get("kind"))


def expected(ctx: ExecutionContext) -> int:
    """Returns the number of labels that the person has seen; -1 without the parameter."""
    number = ctx.params.get("expected")
    return number if type(number) is int else -1


def marks_empty(ctx: ExecutionContext) -> bool:
    """Whether to mark samples that keep none of their labels as empty."""
    return ctx.params.get("empty") is True


def uploaded(ctx: ExecutionContext) -> dict[str, Any]:
    """Returns the uploaded file: its ``name``, and its ``content`` in base 64."""
    value = ctx.params.get("value")
    return value if isinstance(value, dict) else {}


def changed(ctx: ExecutionContext) -> tuple[str, Any]:
    """Returns the changed answer: ``(name, value)`` of the innermost property."""
    path = text(ctx.params.get("path"))
    return path.rpartition(".")[2], ctx.params.get("value")


def request(ctx: ExecutionContext) -> dict[str, Any]:
    """Returns what the App sends about its grid: view, filters, selection.

    Raises:
        Unreadable: if the App cannot have sent it
    """
    params = dict(ctx.request_params)
    grid_request.check(params)
    return params


def active_fields(ctx: ExecutionContext) -> list[str]:
    """Returns the names of the fields that the grid shows."""
    names = ctx.request_params.get("active_fields")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []


def layout(ctx: ExecutionContext) -> str:
    """Returns the layout of the App's panels, as text to compare."""
    return json.dumps(ctx.request_params.get("spaces"), sort_keys=True, default=str)


def set_filters(ctx: ExecutionContext, filters: Mapping[str, Any]) -> None:
    """Sets the sidebar's filters, if they differ from the current ones.

    The rest of the same event already sees the grid with these filters.

    Args:
        ctx: the call
        filters: the filters, by path
    """
    if filters != (ctx.request_params.get("filters") or {}):
        ctx.trigger("set_filters", filters)
        ctx.request_params["filters"] = filters


def forget_selection(ctx: ExecutionContext) -> None:
    """Hides the selection from the rest of the same event."""
    ctx.request_params["selected"] = []
    ctx.request_params["selected_labels"] = []


# --- permissions -----------------------------------------------------------------------------

#: The permissions on a dataset that include editing it, as FiftyOne Enterprise names them.
_MAY_EDIT = frozenset({"EDIT", "MANAGE"})


def may_edit(ctx: ExecutionContext) -> bool:
    """Whether the user of the App may change the dataset.

    Open-source FiftyOne has no users, so everyone may. Otherwise, a user without a known
    permission has view-only access.
    """
    if ctx.user is None:
        return True
    permission = getattr(ctx.user, "dataset_permission", None)
    # An enumeration or its name, depending on the version of FiftyOne Enterprise.
    name = getattr(permission, "name", permission)
    return isinstance(name, str) and name.upper() in _MAY_EDIT


def require_edit(ctx: ExecutionContext) -> None:
    """Refuses users who may not change the dataset.

    Every handler and operator that changes anything calls this first.

    Raises:
        NotPermitted: if the user of the App has view-only access
    """
    if not may_edit(ctx):
        raise NotPermitted(
            "You have view-only access to this dataset; nothing was changed. "
            "Ask a manager of the dataset for edit access"
        )


# --- parameters of operators --------------------------------------------------------------------


def person(ctx: ExecutionContext) -> str:
    """Returns the name of the App's user; "" in open-source FiftyOne, which has none."""
    return getattr(ctx.user, "name", None) or ""


def run_answers(ctx: ExecutionContext) -> tuple[dict[str, Any], dict[str, str]]:
    """Reads the settings of a run.

    Classes may be a list, or text as people type it (``models/class_text.py``).

    Returns:
        ``(answers, problems)``: fields of ``RunConfig``, and a sentence for each that cannot be
        read
    """
    answers = {
        setting.name: ctx.params[setting.name]
        for setting in settings()
        if ctx.params.get(setting.name) not in (None, "", [], {})
    }
    if isinstance(answers.get("group_slices"), str):
        answers["group_slices"] = _names(answers["group_slices"]) or []
    if not isinstance(answers.get("classes"), str):
        return answers, {}
    try:
        classes, prompts = class_text.read(answers.pop("classes"), repeated=True)
    except ValueError as error:
        return answers, {"classes": str(error)}
    if not classes:
        return answers, {"classes": _NO_CLASS}
    answers["classes"] = classes
    return ({**answers, "prompts": prompts} if prompts else answers), {}


def target_sample_ids(ctx: ExecutionContext) -> list[str] | None:
    """Returns the IDs of the target samples, if another plugin passes them; else None."""
    return _texts(ctx.params.get("sample_ids"))


def import_answers(ctx: ExecutionContext) -> dict[str, Any]:
    """Reads the arguments of ``import_labels``."""
    names = ("source", "label_field", "name")
    return {name: text(ctx.params.get(name)) for name in names} | {
        "replace": ctx.params.get("replace") is True
    }


def expected_or_none(ctx: ExecutionContext) -> int | None:
    """Returns the expected number of labels; None without the parameter."""
    if ctx.params.get("expected") is not None:
        return expected(ctx)
    number = ctx.params.get(expected_of(run_id(ctx)))
    return number if type(number) is int else None


def expected_of(run_id: str) -> str:
    """Returns the parameter in which a form sends the number of labels it showed for a run."""
    return f"{_EXPECTED_OF}{run_id}"


def is_expected(name: str) -> bool:
    """Whether a parameter has a name that :func:`expected_of` returns, for any run."""
    return name.startswith(_EXPECTED_OF)


_EXPECTED_OF = "expected_"


def chosen_labels(ctx: ExecutionContext) -> Chosen:
    """Reads a selection of labels: by their properties and, with ``shown``, by the grid.

    Raises:
        ConfigError: with a sentence for every wrong condition
        AutoLabelingError: if the conditions contradict each other
    """
    params = ctx.params
    conditions: dict[str, Any] = {
        "min_confidence": params.get("min_confidence"),
        "max_confidence": params.get("max_confidence"),
        "without_confidence": params.get("without_confidence") is True,
    }
    classes = params.get("classes")
    if isinstance(classes, str):
        conditions["classes"] = _classes(classes)
    elif classes is not None:
        conditions["classes"] = _texts(classes)
    conditions |= {name: _texts(params.get(name)) for name in ("label_ids", "sample_ids")}
    conditions["group_slices"] = _names(params.get("group_slices"))
    if params.get("shown") is True:
        shown = grid.shown(ctx.dataset, request(ctx))
        conditions |= {"view": shown.view, "as_shown": True}
        for name in ("label_ids", "sample_ids"):
            if conditions[name] is None:
                conditions[name] = list(getattr(shown, name)) or None
    return choose(ctx.dataset, **conditions)


def limits(ctx: ExecutionContext) -> dict[str, Any]:
    """Returns the limits of the labels' size and distance, by name; None for no limit."""
    return {name: ctx.params.get(name) for name in measures.NAMES}


def _names(value: object) -> list[str] | None:
    """Reads names of slices from a list, or from text as people type it; None for none."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()] or None
    return _texts(value)


_NO_CLASS = "Name at least one class, or leave this out for all"


def _classes(typed: str) -> list[str] | None:
    """Reads classes from text as people type it; None for none."""
    try:
        classes = list(class_text.read(typed)[0])
    except ValueError as error:
        raise ConfigError({"classes": str(error)}) from error
    if typed and not classes:
        raise ConfigError({"classes": _NO_CLASS})
    return classes or None


def _texts(values: object) -> list[str] | None:
    """Reads a list of texts; None for None."""
    if values is None:
        return None
    if not isinstance(values, (list, tuple)):
        raise AutoLabelingError(f"Expected a list, not {type(values).__name__}")
    return [str(value) for value in values]
