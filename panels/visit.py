"""A review's visit to the grid: the filters and fields it sets there, and takes back.

The sidebar's filters are the truth about what is shown, with one exception. FiftyOne 1.22 saves the
state of a panel with the workspace and then reads the dataset again under a new id, which empties
the sidebar's filters: so whenever a control of the panel changes its state, the filters are gone
some 100 ms later. So nothing that changes in a review is kept in the panel's state, but here in
memory; and where a control (the slider) writes state by itself, what the App dropped is asked for
again in the very event in which the App tells of it.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from auto_labeling import forms
from auto_labeling.panels.state import PanelState
from auto_labeling.review import grid
from auto_labeling.run import Run

#: Seconds in which the App may still tell, in several events at once, of what was before.
SETTLED = 2.0

#: The range that holds every confidence.
FULL = (0.0, 1.0)

_MOST_VISITS = 256


@dataclass
class Visit:
    """What a panel shows, and last asked the grid to show.

    Args:
        tab: the tab whose labels are shown
        span: a ``(low, high)`` range of confidence; None for all
        label: one class; None for all
        question: what the panel has asked to confirm: ``"approve"`` or nothing
        search: what the names of the classes in the table contain
        page: the page of the table, from 0
        rows: the class of each row of the table on the page
        slider: counts the sliders; another number is another slider
        slid: what the slider shows
        asked_at: when something was last asked of the grid
        known_state: the panel's state when the App last dropped the filters because of it
    """

    tab: str = "review"
    span: tuple | None = None
    label: str | None = None
    question: str = ""
    search: str = ""
    page: int = 0
    rows: list = field(default_factory=list)
    slider: int = 0
    slid: tuple = FULL
    asked_at: float = 0.0
    known_state: str = ""

    def touched(self):
        """Notes that something was asked of the grid just now."""
        self.asked_at = time.monotonic()

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


def enter(ctx, state: PanelState, run: Run, tab="review"):
    """Makes the grid show the run's labels alone."""
    if run.staging_field not in ctx.active_fields:
        state.users_fields = list(ctx.active_fields)
    state.staging_field = run.staging_field
    # The staging field is newer than what the App knows of the dataset.
    ctx.ops.reload_dataset()
    of(ctx).tab = tab
    look_at(ctx, run, None, None)
    ctx.ops.set_active_fields([run.staging_field])


def look_at(ctx, run: Run, span, label):
    """Makes the grid show the current tab's labels, and the controls say so.

    Args:
        span: a ``(low, high)`` range of confidence; None for all labels
        label: one class; None for all
    """
    visit = of(ctx)
    visit.label = label
    visit.touched()
    _show(visit, span)
    forms.set_filters(ctx, _wanted(ctx, run))


def _show(visit, span):
    visit.span = span
    if visit.slid != (span or FULL):
        # A slider keeps what a person did with it: one that says something else is another.
        visit.slider += 1
        visit.slid = span or FULL


def shown(ctx, run: Run) -> grid.Shown:
    """What the grid shows, or is about to."""
    asked = forms.request(ctx)
    if is_unsettled(ctx, run):
        asked["filters"] = _wanted(ctx, run)
    return grid.shown(ctx.dataset, asked)


def is_unsettled(ctx, run: Run) -> bool:
    """Whether the sidebar does not say (yet, or any more) what the panel goes by."""
    visit = of(ctx)
    return _is_lost(ctx, run) or _said(ctx, run) != (visit.span, visit.label)


def follow(ctx, state: PanelState, run: Run):
    """Goes by what the sidebar says, or asks again for what the App dropped."""
    visit = of(ctx)
    if _is_lost(ctx, run):
        # The App drops them once for each change of the panel's state; else it was a person.
        now = state.text()
        dropped = now != visit.known_state or not visit.settled
        visit.known_state = now
        look_at(ctx, run, visit.span if dropped else None, visit.label if dropped else None)
    elif visit.settled:
        span, visit.label = _said(ctx, run)
        _show(visit, span)


def only_without_confidence(ctx) -> bool:
    """Whether the view keeps labels without confidence alone."""
    return grid.only(forms.request(ctx)) == grid.WITHOUT_CONFIDENCE


def chosen_class(ctx) -> str | None:
    """The class that alone is shown, by the sidebar's filter or by a stage of the view."""
    label = of(ctx).label
    return grid.class_of(grid.only(forms.request(ctx))) if label is None else label


def toggle_class(ctx, run: Run, label: str):
    """Makes the grid show one class alone, or all again."""
    at = of(ctx)
    if grid.is_filterable(label):
        look_at(ctx, run, at.span, None if at.label == label else label)
    else:
        at.label = None
        _toggle(ctx, run, grid.only_class(label))


def toggle_without_confidence(ctx, run: Run):
    """Makes the grid show labels without confidence alone, or all again."""
    _show(of(ctx), None)
    _toggle(ctx, run, grid.WITHOUT_CONFIDENCE)


def _toggle(ctx, run, which):
    of(ctx).touched()
    _set_view(ctx, grid.toggled(ctx.dataset, forms.request(ctx), run, which))
    forms.set_filters(ctx, _wanted(ctx, run))


def _set_view(ctx, view):
    """Sets the view; what follows in the same event already sees it."""
    ctx.ops.set_view(view=view)
    ctx.request_params["view"] = view._serialize()
    ctx.request_params["view_name"] = None


def leave(ctx, state: PanelState):
    """Takes back what the review set in the grid, and leaves what the user set."""
    if not state.staging_field:
        return
    asked = forms.request(ctx)
    if which := grid.only(asked):
        _set_view(ctx, grid.toggled(ctx.dataset, asked, None, which))
    # The run may be gone by now, so this asks nobody for its name.
    prefix = f"{state.staging_field}."
    filters = forms.request(ctx).get("filters") or {}
    forms.set_filters(ctx, {p: f for p, f in filters.items() if not p.startswith(prefix)})
    ctx.ops.set_active_fields(state.users_fields)
    state.staging_field = ""
    _visits.pop(ctx.panel.id, None)


def _is_lost(ctx, run) -> bool:
    """Whether the sidebar is without the tab's filter."""
    filters = forms.request(ctx).get("filters") or {}
    wanted = grid.tab_filters(_root(ctx, run), of(ctx).tab)
    return any(not grid.same(filters.get(path), asked) for path, asked in wanted.items())


def _said(ctx, run):
    filters = forms.request(ctx).get("filters")
    span, label = grid.read_filters(filters, _root(ctx, run))
    return (None if span == FULL else span), label


def _wanted(ctx, run):
    visit = of(ctx)
    root = _root(ctx, run)
    wanted = grid.tab_filters(root, visit.tab, confidence=visit.span, label=visit.label)
    return grid.merged(forms.request(ctx).get("filters"), run, wanted)


def _root(ctx, run):
    return grid.root_in(forms.request(ctx), run)
