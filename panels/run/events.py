"""What a person does with one run that generates, has stopped or is over."""

import functools
from collections.abc import Callable

import fiftyone.core.stages as fos
from fiftyone.core.dataset import Dataset
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core import text
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.events import change, event
from auto_labeling.panels.page_events import PageEvents
from auto_labeling.panels.review import grid_sync, sample_focus
from auto_labeling.panels.state import PanelState


class RunEvents(PageEvents):
    """The run page's part of :class:`auto_labeling.panels.panel.AutoLabelingPanel`."""

    @change
    def ask_cancel(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.question = "cancel"

    @change
    def cancel(self, ctx: ExecutionContext, state: PanelState) -> None:
        run = labeling.cancel(ctx.dataset, request.run_id(ctx), by=request.person(ctx))
        self._go(ctx, state, "progress", run)

    @change
    def resume(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._verb(ctx, state, "Resuming", labeling.resume, "progress")

    @change
    def label_again(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Labels all samples of a run whose staging field is gone."""
        again = functools.partial(labeling.resume, again=True)
        self._verb(ctx, state, "Resuming", again, "progress")

    @change
    def skip(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._verb(ctx, state, "Opening the review of", labeling.skip, "review")

    def _verb(
        self,
        ctx: ExecutionContext,
        state: PanelState,
        says: str,
        verb: Callable[[Dataset, str], Run],
        page: str,
    ) -> None:
        """Does something with the run of an event, and goes to a page of it."""
        dataset, run = ctx.dataset, labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)

        def then(ctx: ExecutionContext, state: PanelState, run: Run) -> None:
            self._go(ctx, state, page, run)

        self._work(ctx, state, f"{says} '{run.name}'", lambda: verb(dataset, run.id), then)

    @event
    def dismiss(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.question = grid_sync.of(ctx).question = ""

    @event
    def unfold(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.unfolded = not state.unfolded

    @event
    def toggle_failures(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Hides the box of failed samples in this window, or shows it again."""
        box = request.choice(ctx, "box")
        others = [name for name in state.dismissed if name != box]
        state.dismissed = others if box in state.dismissed else [*others, box]

    @event
    def show_failed(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Shows failed samples in the grid alone, or all again."""
        run, kind = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False), request.kind(ctx)
        ids = labeling.failed_ids(ctx.dataset, run, kind)
        if not ids:
            ctx.ops.notify("No samples fail for this reason now", variant="info")
            return
        shown = sample_focus.toggle(ctx, f"failed {kind}", fos.Select(ids))
        if state.page == "review":
            grid_sync.samples_toggled(ctx, run)
        if shown is not None and shown < len(ids):
            ctx.ops.notify(
                f"{shown:,} of {text.count(len(ids), 'sample')} are in the current view; "
                "clear the view to see all",
                variant="info",
            )

    @event
    def show_labels(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Shows the samples with approved labels in the grid alone, or all again."""
        run = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)
        field = run.config.label_field
        if run.state is not RunState.APPROVED or not ctx.dataset.has_field(field):
            ctx.ops.notify(f"Field {field} no longer exists", variant="info")
            return
        if sample_focus.toggle(ctx, f"approved {field}", fos.Exists(field)) is not None:
            sample_focus.fields(ctx, state, field)
