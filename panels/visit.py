"""A review's visit to the grid: the filters and fields it sets there, and takes back.

The sidebar's filters are the truth about what is shown, except for a moment: whenever the state
of a panel changes, by a keystroke even, the App loads its page anew and drops its filters
(FiftyOne 1.22). So this module keeps what it asked for last. Where the tab's own filter is missing
the panel goes by that, and :func:`restore` asks again once the App has come to rest. It is kept in
memory and not in the panel's state, because to write there is what makes the App load its page.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from auto_labeling import forms
from auto_labeling.panels.state import PanelState
from auto_labeling.review import grid
from auto_labeling.run import Run

#: Seconds after which the App has caught up with what was asked of it.
SETTLED = 2.0

#: The range that holds every confidence.
FULL = (0.0, 1.0)

_MOST_VISITS = 256


@dataclass
class Visit:
    """What a panel last asked the grid to show.

    Args:
        tab: the tab whose labels are shown
        span: a ``(low, high)`` range of confidence; None for all
        label: one class; None for all
        rows: the class of each row of the table on the page
        asked_at: when it was asked for
    """

    tab: str = ""
    span: tuple | None = None
    label: str | None = None
    rows: list = field(default_factory=list)
    asked_at: float = 0.0

    @property
    def settled(self) -> bool:
        return time.monotonic() - self.asked_at > SETTLED


_visits: OrderedDict = OrderedDict()


def of(ctx) -> Visit:
    """The visit of the panel that an event is from."""
    visit = _visits.setdefault(ctx.panel.id, Visit())
    _visits.move_to_end(ctx.panel.id)
    while len(_visits) > _MOST_VISITS:
        _visits.popitem(last=False)
    return visit


def enter(ctx, state: PanelState, run: Run):
    """Makes the grid show the run's labels alone."""
    if run.staging_field not in ctx.active_fields:
        state.users_fields = list(ctx.active_fields)
    state.staging_field = run.staging_field
    # The staging field is newer than what the App knows of the dataset.
    ctx.ops.reload_dataset()
    look_at(ctx, state, run, None, None)
    ctx.ops.set_active_fields([run.staging_field])


def look_at(ctx, state: PanelState, run: Run, span, label):
    """Makes the grid show the current tab's labels, and the controls say so.

    Args:
        span: a ``(low, high)`` range of confidence; None for all labels
        label: one class; None for all
    """
    visit = of(ctx)
    visit.tab, visit.span, visit.label = state.tab, span, label
    visit.asked_at = time.monotonic()
    state.show_confidence(*(span or FULL))
    forms.set_filters(ctx, _wanted(ctx, state, run))


def looking_at(ctx, state: PanelState, run: Run) -> tuple:
    """The ``(span, label)`` that narrow the grid; each None for all."""
    visit = of(ctx)
    if is_lost(ctx, state, run) or not visit.settled:
        return visit.span, visit.label
    return _said(ctx, run)


def shown(ctx, state: PanelState, run: Run) -> grid.Shown:
    """What the grid shows, or is about to."""
    asked = forms.request(ctx)
    if is_unsettled(ctx, state, run):
        asked["filters"] = _wanted(ctx, state, run)
    return grid.shown(ctx.dataset, asked)


def is_lost(ctx, state: PanelState, run: Run) -> bool:
    """Whether the sidebar is without the tab's filter."""
    filters = forms.request(ctx).get("filters") or {}
    return any(filters.get(p) != f for p, f in grid.tab_filters(run, state.tab).items())


def is_unsettled(ctx, state: PanelState, run: Run) -> bool:
    """Whether the sidebar says something else than what the panel goes by."""
    return is_lost(ctx, state, run) or looking_at(ctx, state, run) != _said(ctx, run)


def follow(ctx, state: PanelState, run: Run):
    """Makes the controls say what the sidebar's filters do, whoever set them."""
    visit = of(ctx)
    span, label = looking_at(ctx, state, run)
    if (span, label) != (visit.span, visit.label):
        visit.span, visit.label = span, label
        state.show_confidence(*(span or FULL))


def restore(ctx, state: PanelState, run: Run):
    """Asks again for what the App dropped, or accepts what the user has set since."""
    visit = of(ctx)
    if is_lost(ctx, state, run):
        look_at(ctx, state, run, visit.span, visit.label)
    else:
        follow(ctx, state, run)


def leave(ctx, state: PanelState):
    """Takes back what the review set in the grid, and leaves what the user set."""
    if not state.staging_field:
        return
    # The run may be gone by now, so this asks nobody for its name.
    prefix = f"{state.staging_field}."
    filters = forms.request(ctx).get("filters") or {}
    forms.set_filters(ctx, {p: f for p, f in filters.items() if not p.startswith(prefix)})
    ctx.ops.set_active_fields(state.users_fields)
    state.staging_field = ""
    _visits.pop(ctx.panel.id, None)


def _said(ctx, run):
    span, label = grid.read_filters(forms.request(ctx).get("filters"), run)
    return (None if span == FULL else span), label


def _wanted(ctx, state, run):
    visit = of(ctx)
    wanted = grid.tab_filters(run, state.tab, confidence=visit.span, label=visit.label)
    return grid.merged(forms.request(ctx).get("filters"), run, wanted)
