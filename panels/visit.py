"""A review's visit to the grid: the filters and fields it sets there, and takes back."""

from auto_labeling import forms, labeling
from auto_labeling.panels.state import PanelState
from auto_labeling.review import grid
from auto_labeling.run import Run


def enter(ctx, state: PanelState, run: Run):
    """Makes the grid show the run's labels alone."""
    if run.staging_field not in ctx.active_fields:
        state.users_fields = list(ctx.active_fields)
    # The staging field is newer than what the App knows of the dataset.
    ctx.ops.reload_dataset()
    look_at(ctx, state, run)
    ctx.ops.set_active_fields([run.staging_field])


def look_at(ctx, state: PanelState, run: Run, confidence=None, label=None):
    """Makes the grid show the current tab's labels, and the controls say so.

    Args:
        confidence (None): a ``(low, high)`` range; None or the full range for all labels
        label (None): one class
    """
    span = None if confidence is None or tuple(confidence) == (0.0, 1.0) else confidence
    wanted = grid.tab_filters(run, state.tab, confidence=span, label=label)
    filters = forms.request(ctx).get("filters")
    forms.set_filters(ctx, grid.merged(filters, run, wanted))
    state.shown_tab = state.tab
    state.staging_field = run.staging_field
    state.show_confidence(*(span or (0.0, 1.0)))


def sync(ctx, state: PanelState):
    """Follows the sidebar: its filters are the tab's, whoever set them."""
    if state.page == "review" and state.shown_tab:
        run = labeling.get(ctx.dataset, state.run_id)
        filters = forms.request(ctx).get("filters")
        look_at(ctx, state, run, *grid.read_filters(filters, run))


def leave(ctx, state: PanelState):
    """Takes back what the review set in the grid, and leaves what the user set."""
    if not state.shown_tab:
        return
    # The run may be gone by now, so this asks nobody for its name.
    prefix = f"{state.staging_field}."
    filters = forms.request(ctx).get("filters") or {}
    forms.set_filters(ctx, {p: f for p, f in filters.items() if not p.startswith(prefix)})
    ctx.ops.set_active_fields(state.users_fields)
    state.shown_tab = ""
