"""The actions of the review page: look at labels, promote, undo, approve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fiftyone.operators import ExecutionContext

from auto_labeling.app import request, values, window
from auto_labeling.core import text as words
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.events import change, event
from auto_labeling.panels.page_events import PageEvents
from auto_labeling.panels.review import class_table, grid_memory, grid_sync, label_patches, slices
from auto_labeling.panels.state import PanelState
from auto_labeling.review import approval as approving
from auto_labeling.review import grid, grid_stages, measures, promotion, summary, undoing

#: Labels of a run from which approval works in a thread, and the page shows its progress.
LONG = 200_000


class ReviewEvents(PageEvents):
    """The review page's part of :class:`auto_labeling.panels.panel.AutoLabelingPanel`."""

    # --- review -------------------------------------------------------------------------------

    @event
    def select_tab(self, ctx: ExecutionContext, state: PanelState) -> None:
        at, tab = grid_sync.of(ctx), request.choice(ctx, "tab")
        if tab in grid.PAGE_TABS and tab != at.tab:
            at.tab, at.question, at.search, at.page = tab, "", "", 0
            run = self._run(ctx, state)
            grid_sync.look_at(ctx, run, None, None)
            grid_sync.limit(ctx, run, {})

    @event
    def slide_confidence(self, ctx: ExecutionContext, state: PanelState) -> None:
        span = values.range_of(request.changed(ctx)[1])
        window.take_filters(ctx)
        at = grid_sync.of(ctx)
        if span and span != at.slid:
            at.slid = span  # a person moved it: the slider on the page shows it already
            self._narrow(ctx, state, span=None if span == grid_memory.FULL else span)

    @event
    def click_bar(self, ctx: ExecutionContext, state: PanelState) -> None:
        index = request.row(ctx, "idx")
        if index is None or index >= summary.BINS:
            return
        span = (index / summary.BINS, (index + 1) / summary.BINS)
        self._narrow(ctx, state, span=None if grid_sync.of(ctx).span == span else span)

    @event
    def set_limit(self, ctx: ExecutionContext, state: PanelState) -> None:
        name, typed = request.changed(ctx)
        run = self._run(ctx, state)
        if name not in measures.NAMES or not run.config.task.is_3d:
            return
        others = grid_stages.limits_of(grid_sync.ours(ctx))
        others.pop(name, None)
        value = values.typed_number(typed)
        grid_sync.limit(ctx, run, others if value is None else {**others, name: value})

    @event
    def clear_filters(self, ctx: ExecutionContext, state: PanelState) -> None:
        grid_sync.show_all(ctx, self._run(ctx, state))

    @event
    def toggle_class(self, ctx: ExecutionContext, state: PanelState) -> None:
        label = _clicked(ctx)
        if label is not None:
            grid_sync.toggle_class(ctx, self._run(ctx, state), label)

    @event
    def toggle_without(self, ctx: ExecutionContext, state: PanelState) -> None:
        grid_sync.toggle(ctx, self._run(ctx, state), grid_stages.WITHOUT_CONFIDENCE)

    @event
    def toggle_empty(self, ctx: ExecutionContext, state: PanelState) -> None:
        grid_sync.toggle(ctx, self._run(ctx, state), grid_stages.WITHOUT_LABELS)

    @event
    def show_slice(self, ctx: ExecutionContext, state: PanelState) -> None:
        name = request.choice(ctx, "slice")
        if name in (ctx.dataset.group_slices or ()):
            slices.show(ctx, name)

    @event
    def sort_classes(self, ctx: ExecutionContext, state: PanelState) -> None:
        at, order = grid_sync.of(ctx), request.choice(ctx, "order")
        if order in class_table.ORDERS:
            at.is_reversed = order == at.order and not at.is_reversed
            at.order, at.page = order, 0

    @event
    def toggle_patches(self, ctx: ExecutionContext, state: PanelState) -> None:
        run = self._run(ctx, state)
        if not run.many or run.config.task.is_3d:
            return
        if not label_patches.may_show(ctx, run):
            raise AutoLabelingError(label_patches.TOO_MANY_PATCHES)
        label_patches.toggle(ctx, run)

    @event
    def search(self, ctx: ExecutionContext, state: PanelState) -> None:
        text = request.changed(ctx)[1]
        at = grid_sync.of(ctx)
        at.search, at.page = text if isinstance(text, str) else "", 0
        at.touched()

    @event
    def turn(self, ctx: ExecutionContext, state: PanelState) -> None:
        at = grid_sync.of(ctx)
        at.page = max(0, at.page + request.step(ctx))

    def _narrow(self, ctx: ExecutionContext, state: PanelState, **change: Any) -> None:
        at = grid_sync.of(ctx)
        grid_sync.look_at(
            ctx, self._run(ctx, state), **{"span": at.span, "label": at.label, **change}
        )

    @change
    def promote(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._decide(ctx, state, promotion.promote, "added for approval")

    @change
    def reject(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._decide(ctx, state, promotion.reject, "rejected")

    def _decide(
        self, ctx: ExecutionContext, state: PanelState, verb: Callable[..., int], done: str
    ) -> None:
        """Promotes or rejects the labels that are shown."""
        run = self._run(ctx, state)
        shown, expected = grid_sync.shown(ctx, run), request.expected(ctx)
        number = verb(ctx.dataset, run.id, shown, expected, request.person(ctx))
        ctx.ops.notify(f"{words.count(number, 'label')} {done}", variant="success")
        self._labels_moved(ctx, state, run)
        grid_sync.leave_empty_class(ctx, run)

    @change
    def undo_rejected(self, ctx: ExecutionContext, state: PanelState) -> None:
        row, labels = request.row(ctx), grid_sync.of(ctx).rejected
        if row is not None and row < len(labels):
            self._undo(ctx, state, label=labels[row], tab="rejected")

    @change
    def undo_all_rejected(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._undo(ctx, state, tab="rejected")

    @change
    def undo_last(self, ctx: ExecutionContext, state: PanelState) -> None:
        run = self._run(ctx, state)
        by, number = request.person(ctx), request.expected(ctx)
        undone = undoing.undo_last(ctx.dataset, run.id, by, number if number > 0 else None)
        ctx.ops.notify(undone.sentence, variant="success")
        self._labels_moved(ctx, state, run)

    @change
    def undo_class(self, ctx: ExecutionContext, state: PanelState) -> None:
        label = _clicked(ctx)
        if label is None:
            return
        chosen = grid_sync.shown(ctx, self._run(ctx, state)).of_class(label)
        self._undo(ctx, state, chosen=chosen)

    @change
    def undo_all(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._undo(ctx, state)

    def _undo(self, ctx: ExecutionContext, state: PanelState, **which: Any) -> None:
        run, by = self._run(ctx, state), request.person(ctx)
        number = promotion.undo(ctx.dataset, run.id, by=by, **which)
        sentence = f"{words.count(number, 'label')} back in the Review tab"
        ctx.ops.notify(sentence, variant="success")
        self._labels_moved(ctx, state, run)

    def _labels_moved(self, ctx: ExecutionContext, state: PanelState, run: Run) -> None:
        """What was shown is elsewhere now: the grid must look again, at nothing selected."""
        ctx.ops.clear_selected_labels()
        ctx.ops.clear_selected_samples()
        request.forget_selection(ctx)
        grid_sync.of(ctx).question = ""
        grid_sync.reload(ctx, run)

    # --- approval -----------------------------------------------------------------------------

    @change
    def ask_approve(self, ctx: ExecutionContext, state: PanelState) -> None:
        at = grid_sync.of(ctx)
        at.question, at.marks_empty = "approve", False

    @change
    def choose_empty(self, ctx: ExecutionContext, state: PanelState) -> None:
        at = grid_sync.of(ctx)
        at.marks_empty = not at.marks_empty

    @change
    def approve(self, ctx: ExecutionContext, state: PanelState) -> None:
        run = self._run(ctx, state)
        grid_sync.of(ctx).question = ""
        self._approve(ctx, state, run, request.expected(ctx), request.marks_empty(ctx))

    @change
    def finish_approval(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._approve(ctx, state, labeling.get(ctx.dataset, request.run_id(ctx), confirm=False))

    def _approve(
        self,
        ctx: ExecutionContext,
        state: PanelState,
        run: Run,
        expected: int | None = None,
        empty: bool = False,
    ) -> None:
        run = approving.approve(
            ctx.dataset,
            run.id,
            by=request.person(ctx),
            background=run.labels > LONG,
            expected=expected,
            empty=empty,
        )
        if run.state is RunState.APPROVED:
            self._approved(ctx, state, run)

    def _approved(self, ctx: ExecutionContext, state: PanelState, run: Run) -> None:
        state.users_fields = [*state.users_fields, run.config.label_field]
        self._go(ctx, state, "done", run)
        window.reload_dataset(ctx)
        ctx.ops.notify(
            f"{words.count(run.approved, 'label')} written to {run.config.label_field}",
            variant="success",
        )


def _clicked(ctx: ExecutionContext) -> str | None:
    """The class in the row that was clicked, as the table was drawn."""
    row = request.row(ctx)
    labels = grid_sync.of(ctx).rows
    return labels[row] if row is not None and row < len(labels) else None
