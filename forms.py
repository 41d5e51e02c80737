"""What a request of the App says: no other module reads ``ctx.params``.

Everything that comes from a browser is checked here for its kind; what it means is judged
further down.
"""

import math

from auto_labeling.answers import text
from auto_labeling.review import grid
from auto_labeling.run import Target

# --- what a request says ---------------------------------------------------------------------


def is_about_grid(ctx) -> bool:
    """Whether a request says that the grid has changed: its view, its filters, its selection."""
    event = text(ctx.params.get("__method__"))
    return event.startswith("on_change_") and event != "on_change_dataset"


def is_by_itself(ctx) -> bool:
    """Whether the App sends a request without somebody having pressed or opened something.

    What is typed or chosen counts too: the App sends that a moment later, and perhaps twice.
    """
    event = text(ctx.params.get("__method__"))
    return is_about_grid(ctx) or event.startswith("edit") or event == "refresh"


def run_id(ctx) -> str:
    """The id of the run that a request is about."""
    return text(ctx.params.get("run_id"))


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
    return text(ctx.params.get("tab"))


def expected(ctx) -> int:
    """The number of labels that the person was shown; -1 if the request does not say."""
    number = ctx.params.get("expected")
    return number if type(number) is int else -1


def changed(ctx) -> tuple:
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
