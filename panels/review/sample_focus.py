"""Shows some samples alone in the grid, and all of them again.

A stage of the view does it, which carries our mark: so any process of the App finds it again, even
if a person has changed the rest of the view.
"""

from __future__ import annotations

from fiftyone.core.stages import ViewStage
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request, window
from auto_labeling.panels.review import grid_memory
from auto_labeling.panels.state import PanelState
from auto_labeling.review import grid, grid_stages


def highlighted(ctx: ExecutionContext) -> str:
    """Which samples are shown alone: what :func:`toggle` was given, or nothing."""
    name = next(iter(grid_stages.of(request.request(ctx))[-1:]), "")
    return name.removeprefix(grid_stages.SAMPLES) if name.startswith(grid_stages.SAMPLES) else ""


def toggle(ctx: ExecutionContext, which: str, stage: ViewStage) -> int | None:
    """Shows some samples of the current view alone; if they are already, all again.

    Args:
        ctx: the context of the event
        which: a name for these samples
        stage: the :class:`fiftyone.core.stages.ViewStage` that keeps them

    Returns:
        how many are shown now, or None if all are
    """
    before = highlighted(ctx)
    if before:
        _strip(ctx)
    else:
        grid_memory.of(ctx).saved_view = request.request(ctx).get("view_name") or ""
    if before == which:
        return None
    view = grid.shown(ctx.dataset, {**request.request(ctx), "extended": None}).base
    view = view.add_stage(grid_stages.marked(stage, grid_stages.SAMPLES + which))
    window.set_view(ctx, view)
    return len(view)


def fields(ctx: ExecutionContext, state: PanelState, *names: str) -> None:
    """Makes the grid show these fields, until :func:`off`."""
    if not state.lit_fields:
        state.users_fields = request.active_fields(ctx)
    state.lit_fields = True
    ctx.ops.set_active_fields([*state.users_fields, *names])


def off(ctx: ExecutionContext, state: PanelState) -> None:
    """Removes what was shown, and leaves what the person has set."""
    _strip(ctx)
    if state.lit_fields:
        ctx.ops.set_active_fields(state.users_fields)
        state.lit_fields = False


def _strip(ctx: ExecutionContext) -> None:
    if highlighted(ctx):
        params = request.request(ctx)
        rest = {**params, "view": params["view"][:-1], "extended": None}
        view = grid.shown(ctx.dataset, rest).base
        window.set_view(ctx, view, name=grid_memory.of(ctx).saved_view)
