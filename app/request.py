"""What a request of the App says: no other module reads ``ctx.params``.

Everything that comes from a browser is checked here for its kind; what it means is judged
further down.
"""

import json
import math

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import ExecutionContext

from auto_labeling.app.answers import text
from auto_labeling.core.errors import AutoLabelingError, ConfigError, NotPermitted
from auto_labeling.core.settings import settings
from auto_labeling.models import class_text
from auto_labeling.review import grid, grid_request
from auto_labeling.review.selection import choose

#: No name in the database is longer.
_LONGEST_NAME = 200

# --- what a request says ---------------------------------------------------------------------


def is_from_panel(ctx: ExecutionContext) -> bool:
    """Whether a request is from a panel, and so can be answered in it."""
    return bool(name_of(ctx.panel_id)) and isinstance(ctx.params.get("panel_state", {}), dict)


def event_name(ctx: ExecutionContext) -> str:
    """The name of the event that a request is about: a method of the panel, or anything at all."""
    return text(ctx.params.get("__method__"))


def is_about_grid(ctx: ExecutionContext) -> bool:
    """Whether a request says that the grid has changed: its view, its filters, its selection."""
    event = event_name(ctx)
    return event.startswith("on_change_") and event != "on_change_dataset"


def is_by_itself(ctx: ExecutionContext) -> bool:
    """Whether the App sends a request by itself: no button was pressed and nothing was opened.

    What is typed or chosen counts too: the App sends that a moment later, and perhaps twice.
    """
    event = event_name(ctx)
    return is_about_grid(ctx) or event.startswith("edit") or event == "refresh"


def parameters(ctx: ExecutionContext) -> dict:
    """The parameters of a call, as they came."""
    return dict(ctx.params)


def run_id(ctx: ExecutionContext) -> str:
    """The id of the run that a request is about."""
    return name_of(ctx.params.get("run_id"))


def is_to_persist(ctx: ExecutionContext) -> bool:
    """Whether a dataset that is not persistent is to become so."""
    return ctx.params.get("persist") is True


def is_again(ctx: ExecutionContext) -> bool:
    """Whether samples whose labels are gone are to be labeled again."""
    return ctx.params.get("again") is True


def row(ctx: ExecutionContext, name: str = "row") -> int | None:
    """The index of the table row that was clicked, or of the bar; None for the table's head."""
    index = ctx.params.get(name)
    return index if type(index) is int and index >= 0 else None


def step(ctx: ExecutionContext) -> int:
    """By how many pages to turn: -1, 0 or 1."""
    number = ctx.params.get("step")
    return number if type(number) is int and number in (-1, 1) else 0


def tab(ctx: ExecutionContext) -> str:
    """The tab that was clicked."""
    return text(ctx.params.get("tab"))


def status(ctx: ExecutionContext) -> str:
    """The status that was clicked, by which runs are to be listed."""
    return text(ctx.params.get("status"))


def kind(ctx: ExecutionContext) -> str:
    """The kind of error that was clicked; "" for all."""
    return name_of(ctx.params.get("kind"))


def name_of(value) -> str:
    """Text that may be looked for in the database: "" for anything that cannot be a name in it."""
    said = text(value)
    return said if said.isprintable() and len(said) <= _LONGEST_NAME else ""


def expected(ctx: ExecutionContext) -> int:
    """The number of labels that the person was shown; -1 if the request does not say."""
    number = ctx.params.get("expected")
    return number if type(number) is int else -1


def marks_empty(ctx: ExecutionContext) -> bool:
    """Whether samples whose labels all go are to be marked as empty."""
    return ctx.params.get("empty") is True


def uploaded(ctx: ExecutionContext) -> dict:
    """The file that was chosen: its ``name``, and its ``content`` in base 64."""
    value = ctx.params.get("value")
    return value if isinstance(value, dict) else {}


def changed(ctx: ExecutionContext) -> tuple:
    """What was changed on the page: ``(name, value)`` of the innermost property."""
    path = text(ctx.params.get("path"))
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


def request(ctx: ExecutionContext) -> dict:
    """What the App says about its grid: view, filters, selection.

    Raises:
        Unreadable: if no App would say so
    """
    said = dict(ctx.request_params)
    grid_request.check(said)
    return said


def active_fields(ctx: ExecutionContext) -> list:
    """The names of the fields that the grid shows."""
    names = ctx.request_params.get("active_fields")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []


def layout(ctx: ExecutionContext) -> str:
    """How the App's panels lie beside each other, as text."""
    return json.dumps(ctx.request_params.get("spaces"), sort_keys=True, default=str)


def set_filters(ctx: ExecutionContext, filters: dict) -> None:
    """Sets the sidebar's filters, if they differ from what they are.

    What follows in the same event already sees the grid as these filters will make it.
    """
    if filters != (ctx.request_params.get("filters") or {}):
        ctx.trigger("set_filters", filters)
        ctx.request_params["filters"] = filters


def set_view(ctx: ExecutionContext, view: SampleCollection) -> None:
    """Sets the view; what follows in the same event already sees it."""
    ctx.ops.set_view(view=view)
    ctx.request_params["view"] = view._serialize()
    ctx.request_params["view_name"] = None


def forget_selection(ctx: ExecutionContext) -> None:
    """Makes what follows in the same event see no selection."""
    ctx.request_params["selected"] = []
    ctx.request_params["selected_labels"] = []


# --- who asks --------------------------------------------------------------------------------

#: The permissions on a dataset that include editing it, as FiftyOne Enterprise names them.
_MAY_EDIT = frozenset({"EDIT", "MANAGE"})


def may_edit(ctx: ExecutionContext) -> bool:
    """Whether the user of the App may change the dataset.

    Open-source FiftyOne knows no users, so everybody may. Where there are users, one whose
    permission is not known may only look.
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
        NotPermitted: if the user at the App may only look
    """
    if not may_edit(ctx):
        raise NotPermitted(
            "You have view-only access to this dataset; nothing was changed. "
            "Ask a manager of the dataset for edit access"
        )


# --- what is asked of an operator ---------------------------------------------------------------


def person(ctx: ExecutionContext) -> str:
    """Who is at the App; open-source FiftyOne does not know."""
    return getattr(ctx.user, "name", None) or ""


def run_answers(ctx: ExecutionContext) -> tuple[dict, dict]:
    """The settings of a run that a request gives, and what is wrong with how they are written.

    Classes may be a list, or text as people type it (``models/class_text.py``).
    """
    given = {
        setting.name: ctx.params[setting.name]
        for setting in settings()
        if ctx.params.get(setting.name) not in (None, "", [], {})
    }
    if isinstance(given.get("group_slices"), str):
        given["group_slices"] = _names(given["group_slices"]) or []
    if not isinstance(given.get("classes"), str):
        return given, {}
    try:
        classes, prompts = class_text.read(given.pop("classes"), repeated=True)
    except ValueError as error:
        return given, {"classes": str(error)}
    if not classes:
        return given, {"classes": _NO_CLASS}
    given["classes"] = classes
    return ({**given, "prompts": prompts} if prompts else given), {}


def given_sample_ids(ctx: ExecutionContext) -> list | None:
    """The ids of the target samples, if another plugin names them; None if not."""
    return _texts(ctx.params.get("sample_ids"))


def import_answers(ctx: ExecutionContext) -> dict:
    """What a request says of labels to import."""
    names = ("source", "label_field", "name")
    return {name: text(ctx.params.get(name)) for name in names} | {
        "replace": ctx.params.get("replace") is True
    }


def expected_or_none(ctx: ExecutionContext) -> int | None:
    """The number of labels that it must be; None if the request does not say."""
    if ctx.params.get("expected") is not None:
        return expected(ctx)
    number = ctx.params.get(expected_of(run_id(ctx)))
    return number if type(number) is int else None


def expected_of(run_id: str) -> str:
    """The name under which a form sends the number of labels that it showed for a run."""
    return f"{_EXPECTED_OF}{run_id}"


def is_expected(name: str) -> bool:
    """Whether a parameter is one of those, be it of the run that was chosen before."""
    return name.startswith(_EXPECTED_OF)


_EXPECTED_OF = "expected_"


def chosen_labels(ctx: ExecutionContext):
    """The labels that a request chooses: by what they are, and if it says so by what is shown.

    Raises:
        AutoLabelingError: if that cannot be a choice
    """
    params = ctx.params
    asked = {name: params.get(name) for name in ("min_confidence", "max_confidence")}
    asked["without_confidence"] = params.get("without_confidence") is True
    classes = params.get("classes")
    if isinstance(classes, str):
        asked["classes"] = _classes(classes)
    elif classes is not None:
        asked["classes"] = _texts(classes)
    asked |= {name: _texts(params.get(name)) for name in ("label_ids", "sample_ids")}
    asked["group_slices"] = _names(params.get("group_slices"))
    if params.get("shown") is True:
        now = grid.shown(ctx.dataset, request(ctx))
        asked |= {"view": now.view, "as_shown": True}
        for name in ("label_ids", "sample_ids"):
            if asked[name] is None:
                asked[name] = list(getattr(now, name)) or None
    return choose(ctx.dataset, **asked)


def _names(said) -> list | None:
    """Names of slices, as a list or as people type them; None for nothing."""
    if isinstance(said, str):
        return [name.strip() for name in said.split(",") if name.strip()] or None
    return _texts(said)


_NO_CLASS = "Name at least one class, or leave this out for all"


def _classes(said: str) -> list | None:
    """Classes as people type them; None for nothing."""
    try:
        classes = list(class_text.read(said)[0])
    except ValueError as error:
        raise ConfigError({"classes": str(error)}) from error
    if said and not classes:
        raise ConfigError({"classes": _NO_CLASS})
    return classes or None


def _texts(values) -> list | None:
    """A list of texts; None for nothing."""
    if values is None:
        return None
    if not isinstance(values, (list, tuple)):
        raise AutoLabelingError(f"Expected a list, not {type(values).__name__}")
    return [str(value) for value in values]
