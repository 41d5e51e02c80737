"""Keeps grid and panel in step: the filters and fields that a review sets, and removes.

The sidebar's filters are the truth about what is shown, with one exception. FiftyOne 1.22 reads
the dataset again under a new id when its workspace, its view or its fields change, which empties
the sidebar's filters. Nothing of ours writes the workspace (``docs/adr/0012``); but a person who
moves a panel does, and in an App that does not load our script each control of the panel. So what
the App dropped is asked for again in the very event in which the App tells of it.

Another view empties them too, and it may take the App seconds to show one that was asked for: until
then its events still tell of the view that was there before, and nothing is concluded from them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from fiftyone.operators import ExecutionContext

from auto_labeling.app import request, window
from auto_labeling.core.run import Run
from auto_labeling.panels import in_window
from auto_labeling.panels.review import aside
from auto_labeling.panels.review.grid_memory import FULL, GridMemory, forget, of
from auto_labeling.panels.state import PanelState
from auto_labeling.review import grid, grid_stages, summary
from auto_labeling.review import patches as patches_views

#: Seconds in which the App shows a view that was asked for, unless it has failed to.
MAX_VIEW_SECONDS = 20.0


def enter(
    ctx: ExecutionContext, state: PanelState, run: Run, tab: str = "review", is_known: bool = False
) -> None:
    """Makes the grid show the run's labels alone.

    Args:
        ctx: the context of the event
        state: the panel's state
        run: the run
        tab ("review"): the tab whose labels are shown
        is_known (False): whether the App knows the run's field already
    """
    active = request.active_fields(ctx)
    if active != [run.staging_field]:  # else the window was loaded again during the review
        state.users_fields = [name for name in active if name != run.staging_field]
    state.staging_field = run.staging_field
    if not is_known:  # the staging field may be newer than what the App knows of the dataset
        window.reload_dataset(ctx)
    of(ctx).tab = tab
    look_at(ctx, run, None, None)
    ctx.ops.set_active_fields([run.staging_field])
    in_window.tell(ctx, "color_by_class", field=run.staging_field, on=True)


def look_at(
    ctx: ExecutionContext, run: Run, span: tuple[float, float] | None, label: str | None
) -> None:
    """Makes the grid show the current tab's labels, and the controls say so.

    Args:
        run: the run in review
        span: a ``(low, high)`` range of confidence; None for all labels
        label: one class; None for all
    """
    memory = of(ctx)
    memory.others = _others(ctx, run.staging_field)
    patches = grid_stages.PATCHES in ours(ctx) and label != memory.label
    memory.label = label
    memory.touched()
    _show(memory, span)
    if patches:  # those of all classes would be many, so a class is what one asks for
        _set_stages(ctx, run, () if label is None else grid_stages.patches_of(label))
    elif shows_samples(ctx):
        _set_stages(ctx, run, ())
    request.set_filters(ctx, _filters_to_set(ctx, run))


def _show(memory: GridMemory, span: tuple[float, float] | None) -> None:
    memory.span = span
    if memory.slid != (span or FULL):
        # A slider keeps what a person did with it: one that says something else is another.
        memory.slider += 1
        memory.slid = span or FULL


def shown(ctx: ExecutionContext, run: Run) -> grid.Shown:
    """What the grid shows, or is about to."""
    sent = request.request(ctx)
    if _awaits_view(ctx):
        sent |= {"view": of(ctx).view, "view_name": None}
    if is_unsettled(ctx, run):
        sent["filters"] = _filters_to_set(ctx, run)
    return grid.shown(ctx.dataset, sent)


def is_unsettled(ctx: ExecutionContext, run: Run) -> bool:
    """Whether the sidebar's filters are not (yet, or no longer) those of the panel."""
    memory = of(ctx)
    if _awaits_view(ctx) or _lacks_tab_filter(ctx, run):
        return True
    return _sidebar_filters(ctx, run) != (memory.span, memory.label)


def follow(ctx: ExecutionContext, state: PanelState, run: Run) -> None:
    """Goes by what the sidebar says, or asks again for what the App dropped."""
    memory = of(ctx)
    if _awaits_view(ctx):
        return
    if _lacks_tab_filter(ctx, run):
        # The App drops them once for each change of the view, and of the panel's state or width:
        # those are part of the workspace. Else it was a person.
        now = state.text() + request.layout(ctx) + grid_stages.view_text(request.request(ctx))
        dropped = now != memory.known_state or not memory.settled
        memory.known_state = now
        if dropped and not _others(ctx, run.staging_field):
            ctx.request_params["filters"] = memory.others
        look_at(ctx, run, memory.span if dropped else None, memory.label if dropped else None)
        return
    memory.others = _others(ctx, run.staging_field)
    if memory.settled:
        span, memory.label = _sidebar_filters(ctx, run)
        _show(memory, span)


def ours(ctx: ExecutionContext) -> tuple[str, ...]:
    """The names of the stages that the panel has added to the view, or has just asked for."""
    names = of(ctx).names
    if names is not None and _awaits_view(ctx):
        return names
    return grid_stages.of(request.request(ctx))


def _awaits_view(ctx: ExecutionContext) -> bool:
    """Whether the App does not show yet the view that was last asked for."""
    at = of(ctx)
    if at.names is None or at.asking:
        return at.names is not None
    arrived = grid_stages.of(request.request(ctx)) == at.names
    if arrived or time.monotonic() - at.requested_at > MAX_VIEW_SECONDS:
        at.names = None
    return at.names is not None


def shows_samples(ctx: ExecutionContext) -> str:
    """The kind of samples without labels that alone are shown, if they are."""
    kinds = (grid_stages.WITHOUT_LABELS, grid_stages.FAILED)
    return next((name for name in ours(ctx) if name.startswith(kinds)), "")


def chosen_class(ctx: ExecutionContext) -> str | None:
    """The class that alone is shown, by the sidebar's filter or by a stage of the view."""
    label = of(ctx).label
    return grid_stages.class_of(ours(ctx)) if label is None else label


def toggle_class(ctx: ExecutionContext, run: Run, label: str) -> None:
    """Makes the grid show one class alone, or all again.

    Args:
        run: the run in review
        label: the class
    """
    at = of(ctx)
    chosen = None if chosen_class(ctx) == label else label
    if chosen is None or grid_stages.is_filterable(label):
        if grid_stages.class_of(ours(ctx)) is not None and (chosen is None or at.label is None):
            keep = grid_stages.PATCHES in ours(ctx) and chosen is not None
            _set_stages(ctx, run, grid_stages.patches_of(chosen) if keep else ())
        look_at(ctx, run, at.span, chosen)
        return
    at.label = None
    patches = (grid_stages.PATCHES,) if grid_stages.PATCHES in ours(ctx) else ()
    narrow(ctx, run, (grid_stages.only_class(label), *patches))


def show_all(ctx: ExecutionContext, run: Run) -> None:
    """Makes the grid show all classes and confidences again."""
    label = chosen_class(ctx)
    if label is not None:
        toggle_class(ctx, run, label)
    look_at(ctx, run, None, None)
    limit(ctx, run, {})


def limit(ctx: ExecutionContext, run: Run, limits: dict[str, float]) -> None:
    """Makes the grid show only labels of some size and distance.

    Args:
        run: the run in review
        limits: the limits, by their name in ``measures.NAMES``; without any, all labels are shown
    """
    if limits != grid_stages.limits_of(ours(ctx)):
        others = [name for name in ours(ctx) if not grid_stages.limits_of([name])]
        narrow(ctx, run, (grid_stages.within(limits), *others))


def leave_empty_class(ctx: ExecutionContext, run: Run) -> None:
    """Makes the grid show all classes again, if the one that it shows has no label left."""
    label = chosen_class(ctx)
    if label is not None and not any(row.label == label and row.total for row in rows(ctx, run)):
        toggle_class(ctx, run, label)


def toggle(ctx: ExecutionContext, run: Run, name: str) -> None:
    """Narrows the grid by one of our stages instead of by the panel's filters, or ends that.

    Args:
        ctx: the context of the event
        run: the run
        name: :data:`grid_stages.WITHOUT_CONFIDENCE` or ``WITHOUT_LABELS``
    """
    before = ours(ctx)
    if name != grid_stages.WITHOUT_CONFIDENCE:
        of(ctx).label = None
    _show(of(ctx), None)
    narrow(ctx, run, () if name in before else (name,))


def samples_toggled(ctx: ExecutionContext, run: Run) -> None:
    """Lets the grid show samples that have no label to filter by, or shows the labels again."""
    at = of(ctx)
    at.label = None
    at.touched()
    _expect(ctx)
    _show(at, None)
    request.set_filters(ctx, _filters_to_set(ctx, run))


def rows(ctx: ExecutionContext, run: Run) -> list[summary.Row]:
    """The classes of the labels in what is shown."""
    return summary.summarize(ctx.dataset, run, shown(ctx, run), of(ctx).tab).rows


def reload(ctx: ExecutionContext, run: Run) -> None:
    """Makes the grid look again at labels that have changed.

    FiftyOne's ``reload_samples`` refreshes the numbers in the sidebar, and draws the tiles from
    answers that the App has kept. Our script makes it ask again and stay where it is. Without the
    script, filters that are written in another way do so too, and the grid is at its top again.
    """
    if in_window.tell(ctx, "refresh_grid"):
        return
    if shows_samples(ctx):
        ctx.ops.reload_samples()
        return
    at = of(ctx)
    at.asks_again = not at.asks_again
    request.set_filters(ctx, _filters_to_set(ctx, run))


def narrow(ctx: ExecutionContext, run: Run, names: Iterable[str]) -> None:
    """Narrows the grid by stages of ours, and by the panel's filters.

    Args:
        ctx: the context of the event
        run: the run
        names: the names of the stages, in their order
    """
    of(ctx).touched()
    _set_stages(ctx, run, names)
    request.set_filters(ctx, _filters_to_set(ctx, run))


def _set_stages(ctx: ExecutionContext, run: Run | None, names: Iterable[str]) -> None:
    """Sets which stages of ours the view has; what follows in the same event already sees it."""
    names = grid_stages.with_limits(ours(ctx), names) if run else ()
    sent, at = request.request(ctx), of(ctx)
    before, names = ours(ctx), tuple(names)
    if not before:
        at.saved_view = sent.get("view_name") or ""
    lasso = grid_stages.lasso(sent)
    if grid_stages.PATCHES in names and lasso:
        names = (grid_stages.LASSO, *names)
    view = patches_views.narrowed(ctx.dataset, sent, run, names)
    window.set_view(ctx, view, name="" if names else at.saved_view)
    aside.follow(ctx, at, before, names, lasso)
    _expect(ctx)


def _expect(ctx: ExecutionContext) -> None:
    """Notes the view that is asked for with this event."""
    at, sent = of(ctx), request.request(ctx)
    at.names, at.view = grid_stages.of(sent), sent.get("view") or []
    at.known_state = ""  # for with another view the App drops the filters


def leave(ctx: ExecutionContext, state: PanelState) -> None:
    """Removes what the review set in the grid, and leaves what the person set."""
    if not state.staging_field:
        return
    if ours(ctx):
        _set_stages(ctx, None, ())
    # The run may be gone by now, so this does not look up its name.
    request.set_filters(ctx, _others(ctx, state.staging_field))
    ctx.ops.set_active_fields(state.users_fields)
    in_window.tell(ctx, "color_by_class", field=state.staging_field, on=False)
    state.staging_field = ""
    forget(state)


def _others(ctx: ExecutionContext, field: str) -> dict[str, Any]:
    """The filters on other fields than the staging field, which are a person's own."""
    return grid.others(request.request(ctx).get("filters"), field)


def _lacks_tab_filter(ctx: ExecutionContext, run: Run) -> bool:
    """Whether the sidebar is without the tab's filter."""
    if shows_samples(ctx):
        return False
    filters = request.request(ctx).get("filters") or {}
    in_tab = grid.tab_filters(_root(ctx, run), of(ctx).tab)
    return any(not grid.same(filters.get(path), value) for path, value in in_tab.items())


def _sidebar_filters(
    ctx: ExecutionContext, run: Run
) -> tuple[tuple[float, float] | None, str | None]:
    filters = request.request(ctx).get("filters")
    span, label = grid.read_filters(filters, _root(ctx, run))
    return (None if span == FULL else span), label


def _filters_to_set(ctx: ExecutionContext, run: Run) -> dict[str, Any]:
    memory = of(ctx)
    root = _root(ctx, run)
    if shows_samples(ctx):  # whose labels nothing can ask for
        return grid.merged(request.request(ctx).get("filters"), run, {})
    in_tab = grid.tab_filters(
        root, memory.tab, confidence=memory.span, label=memory.label, again=memory.asks_again
    )
    return grid.merged(request.request(ctx).get("filters"), run, in_tab)


def _root(ctx: ExecutionContext, run: Run) -> str:
    sent = request.request(ctx)
    return grid.root_in({"view": of(ctx).view} if _awaits_view(ctx) else sent, run)
