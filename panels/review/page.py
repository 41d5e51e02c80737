"""Page: the review of a run, and its Review tab.

The tab is the sidebar's filter: what the grid shows is what the panel counts and promotes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import fiftyone.operators.types as types
import numpy as np
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.account import Account
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.lifecycle.remarks import COMPARE, reasons_in_words
from auto_labeling.panels.home import run_card
from auto_labeling.panels.review import (
    approval_tab,
    class_table,
    decided,
    grid_sync,
    label_patches,
    limits,
    slices,
)
from auto_labeling.panels.review.grid_memory import GridMemory
from auto_labeling.panels.run import failures
from auto_labeling.panels.run import page as progress
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements, histogram, styles
from auto_labeling.review import grid, grid_stages, summary
from auto_labeling.review.grid import Shown
from auto_labeling.review.summary import Summary

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel


def render(panel: AutoLabelingPanel, ctx: ExecutionContext, state: PanelState) -> types.Property:
    """Builds the page."""
    run = labeling.get(ctx.dataset, state.run_id, confirm=False)
    if run.state is not RunState.IN_REVIEW:
        return approval_tab.render_closed(panel, ctx, run)
    if labeling.missing_field(ctx.dataset, run):
        return progress.render(panel, ctx, state)
    at = grid_sync.of(ctx)
    if summary.settle(ctx.dataset, run):
        grid_sync.reload(ctx, run)
    shown = grid_sync.shown(ctx, run)
    numbers = summary.summarize(ctx.dataset, run, shown, at.tab)
    page = elements.page()
    progress.head_of(page, panel, ctx, run)
    _tabs(page, panel, at, numbers.totals)
    if run.guesses and at.tab == "approval":  # the other tab has it among the remarks
        elements.alert(page, "guesses", "warning", run.guesses, COMPARE)
    if at.tab == "approval":
        approval_tab.render(page, panel, ctx, run, numbers, shown.base.group_slice)
    elif numbers.total:
        _summary(page, panel, ctx, run, numbers)
        spreads = summary.spreads(ctx.dataset, run, shown, at.tab)
        _review(page, panel, ctx, run, shown, numbers, spreads)
    else:
        _summary(page, panel, ctx, run, numbers)
        _nothing_left(page, panel, run, numbers)
    decided.last_action(page, panel, ctx, run)
    if grid_sync.is_unsettled(ctx, run):
        elements.once(page, panel.on_change_view)
    at.answered()
    return elements.finished(page)


def _tabs(
    page: types.Object, panel: AutoLabelingPanel, at: GridMemory, totals: Mapping[str, int]
) -> None:
    # Buttons: tabs of the App's own keep their value in the panel's state (see grid_sync.py).
    bar = elements.row(page, "tabs", borderBottom="1px solid", borderColor="divider", gap=0)
    for tab in grid.PAGE_TABS:
        chosen, label = tab == at.tab, f"{tab.capitalize()} ({totals[tab]:,})"
        elements.tab(bar, tab, label, panel.select_tab, chosen, {"tab": tab})


def _summary(
    page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, run: Run, numbers: Summary
) -> None:
    """Adds what there is in all, and the samples that have no label or failed."""
    classes = sum(1 for row in numbers.rows if row.total)
    if numbers.total:
        sentence = f"{text.count(numbers.total, 'label')} in {text.count(classes, 'class')}"
        elements.text(page, "summary", sentence)
    account = progress.account_of(ctx, run)
    run_card.remark(page, run, account)
    if account and account.left_out:
        sentence = f"The model produced {text.count(account.given, 'label')}; {_left_out(account)}"
        elements.text(page, "left_out", sentence)
    only = grid_sync.shows_samples(ctx)
    empty = numbers.without_labels
    if empty or only == grid_stages.WITHOUT_LABELS:
        sentence = f"{text.count(empty, 'sample')} {'has' if empty == 1 else 'have'} no labels"
        line = elements.row(page, "empty_samples", columns="minmax(0, 1fr) auto")
        elements.text(line, "sentence", sentence)
        label = "Show labels again" if only == grid_stages.WITHOUT_LABELS else "Show in grid"
        elements.button(line, "show", label, panel.toggle_empty)
    failures.add(page, panel, ctx, run)


def _left_out(account: Account) -> str:
    number = account.given - account.staged
    verb = "was" if number == 1 else "were"
    return f"{number:,} {verb} left out: {reasons_in_words(account)}"


def _review(
    page: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    run: Run,
    shown: Shown,
    numbers: Summary,
    spreads: Mapping[str, np.ndarray] | None,
) -> None:
    at, chosen = grid_sync.of(ctx), grid_sync.chosen_class(ctx)
    if not numbers.has_confidence or grid_stages.WITHOUT_CONFIDENCE in grid_sync.ours(ctx):
        spreads = None
    elif spreads is not None:
        bars = summary.histogram(spreads)
        _confidence(page, panel, ctx, run, shown, chosen, bars)
        if at.span is None and chosen is None:
            _outside(page, numbers, sum(bars))
    if numbers.has_confidence:
        _without_confidence(page, panel, ctx, numbers)
    else:
        elements.text(page, "no_confidence", "The labels of this run have no confidence")
    if run.config.task.is_3d:
        limits.add(page, panel, ctx)
    slices.add(page, panel, shown.base.group_slice, summary.slices(ctx.dataset, run, at.tab))
    bar = elements.row(page, "bar", **styles.FIRST_TAKES_THE_ROOM, **styles.STAYS_IN_SIGHT)
    sentence = f"{numbers.current:,} of {text.count(numbers.total, 'label')}{_selected(shown)}"
    if chosen is not None:
        sentence += f" · only {chosen}"
    elif at.search:
        sentence += " · all classes, also those that the search hides"
    if limits.of(ctx):
        sentence += " · within these limits"
    live = {"title": sentence.replace(f"{numbers.current:,}", "#", 1)}
    if numbers.confidence is not None:
        sentence += f" ·\u00a0mean\u00a0confidence\u00a0{text.confidence(numbers.confidence)}"
    elements.text(bar, "hint", sentence, color="text.primary", live=live)
    _patches(bar, panel, ctx, run, numbers)
    elements.button(
        bar,
        "reject",
        f"Reject {numbers.current:,}",
        panel.reject,
        key="r",
        disabled=not numbers.current,
        title=f"Reject {text.count(numbers.current, 'label')}: Approve deletes them",
        params={"run_id": run.id, "expected": numbers.current},
        live={"label": "Reject #"},
    )
    elements.button(
        bar,
        "promote",
        f"Add {_all(at, chosen)}{text.count(numbers.current, 'label')} for approval",
        panel.promote,
        kind="primary",
        key="a",
        disabled=not numbers.current,
        params={"run_id": run.id, "expected": numbers.current},
        live={"label": f"Add {_all(at, chosen)}# labels for approval"},
    )
    props = {"chosen": chosen, "on_click_row": panel.toggle_class, "spreads": spreads}
    class_table.table(page, panel, at, "classes", numbers, **props)


def _all(at: GridMemory, chosen: str | None) -> str:
    """Says that the button counts what the search of the table does not show."""
    return "all " if at.search and chosen is None else ""


def _selected(shown: Shown) -> str:
    """To what the grid limits the labels: by its slice of groups, a lasso, and a selection."""
    part = f" · slice {shown.base.group_slice}" if shown.base.group_slice else ""
    if shown.label_ids:
        return f"{part} · only those selected"
    if number := len(shown.sample_ids):
        return f"{part} · only in the {text.count(number, 'selected sample')}"
    return (
        f"{part} · only in the lasso of {text.count(shown.lasso, 'sample')}"
        if shown.lasso
        else part
    )


def _patches(
    bar: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, run: Run, numbers: Summary
) -> None:
    if not run.many or run.config.task.is_3d:  # a patch is cut from an image
        return
    shown = grid_stages.PATCHES in grid_sync.ours(ctx)
    label = grid_sync.chosen_class(ctx)
    number = sum(row.total for row in numbers.rows if label in (None, row.label))
    many = not shown and number > label_patches.MAX_PATCHES
    elements.button(
        bar,
        "patches",
        "Show samples" if shown else "Show patches",
        panel.toggle_patches,
        disabled=many,
        title=label_patches.TOO_MANY_PATCHES if many else "Show each label on its own",
    )


_NO_LABELS = "The model found nothing in these samples"


def _nothing_left(page: types.Object, panel: AutoLabelingPanel, run: Run, numbers: Summary) -> None:
    if numbers.totals["approval"] or numbers.totals["rejected"]:
        sentence = "All labels of this run are in the Approval tab"
        if not numbers.totals["approval"]:
            sentence = "All labels of this run are rejected"
        elements.alert(page, "empty", "success", sentence)
        _to_approval(page, panel, "Go to Approval")
    elif run.source:
        elements.alert(page, "empty", "info", f"There are no labels in {run.source}")
        _to_approval(page, panel, "Close this run")
    elif run.failed < run.samples:
        sentence = "The model found nothing in the other samples" if run.failed else _NO_LABELS
        elements.alert(page, "empty", "info", sentence)
        _to_approval(page, panel, "Close this run")
    else:
        elements.alert(page, "empty", "info", "There are no labels to review")


def _to_approval(page: types.Object, panel: AutoLabelingPanel, label: str) -> None:
    actions = elements.row(page, "actions")
    params = {"tab": "approval"}
    elements.button(actions, "approval", label, panel.select_tab, kind="primary", params=params)


def _confidence(
    page: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    run: Run,
    shown: Shown,
    chosen: str | None,
    bars: Sequence[int],
) -> None:
    at, is_plain = grid_sync.of(ctx), PanelState(ctx).is_plain
    room = -5 if is_plain else -2  # the App's own slider takes too much
    plot = elements.column(page, "distribution", gap=0, mb=room)
    # As high without a button as with one, so that nothing below it moves.
    head = elements.row(plot, "head", columns="auto minmax(0, 1fr) auto", minHeight=36, mb=1)
    elements.text(head, "title", "Confidence", color="text.primary", bold=True)
    elements.text(head, "range", _range(at.span))
    if at.span or chosen is not None or limits.of(ctx):
        elements.button(head, "clear", "Clear filters", panel.clear_filters, kind="quiet")
    histogram.add(plot, "histogram", bars, at.span, panel.click_bar)
    path = _slider_path(ctx, run, shown)
    steps = summary.hundredths(ctx.dataset, run, shown, at.tab) if path else None
    slider = types.SliderView(
        label="Confidence",
        value=list(at.slid),
        filters=path,
        steps=asdict(steps) if steps else None,
        label_position="top",
        min=0,
        max=1,
        view_multiple_of=0.01,
        value_label_display="auto",
        value_precision=2,
        componentsProps={"container": {"sx": {"mt": -3, "mb": -5, "mx": -1}}},
    )
    # The App's own keeps what a person did with it: one that says something else is another.
    name = f"confidence_{at.slider}" if is_plain else "confidence"
    page.list(name, types.Number(), view=slider, on_change=panel.slide_confidence)
    if is_plain:  # as data: a default would be written to the panel's state
        ctx.panel.set_data(name, list(at.slid))


def _slider_path(ctx: ExecutionContext, run: Run, shown: Shown) -> str | None:
    """The filter of the sidebar that the slider sets, if there is nothing else to set."""
    if grid_sync.is_unsettled(ctx, run) or grid_sync.shows_samples(ctx):
        return None
    return f"{grid.label_root(shown.base, run)}.confidence"


def _range(span: tuple[float, float] | None) -> str:
    return f"{span[0]:.2f} to {span[1]:.2f}" if span else "All"


def _outside(page: types.Object, numbers: Summary, inside: int) -> None:
    """Says that the slider cannot reach some labels, while it leaves none out."""
    number = numbers.current - numbers.without_confidence - inside
    if number > 0:
        sentence = f"{text.count(number, 'label')} {'has' if number == 1 else 'have'} a confidence"
        sentence += " below 0 or above 1. Moving the slider hides them"
        elements.text(page, "outside", sentence)


def _without_confidence(
    page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, numbers: Summary
) -> None:
    only = grid_stages.WITHOUT_CONFIDENCE in grid_sync.ours(ctx)
    if not only and not numbers.without_confidence:
        return
    line = elements.row(page, "without", columns="minmax(0, 1fr) auto")
    number = numbers.without_confidence
    sentence = f"{text.count(number, 'label')} {'has' if number == 1 else 'have'} no confidence"
    if only:
        sentence = f"Only labels without confidence are shown: {number:,}"
    elements.text(line, "sentence", sentence)
    these = "Show only this" if number == 1 else "Show only these"
    elements.button(line, "toggle", "Show all again" if only else these, panel.toggle_without)
