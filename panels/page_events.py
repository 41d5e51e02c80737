"""What the events of all pages share: the run of the page, and the way to another page."""

from collections.abc import Callable
from typing import Any

from fiftyone.operators import ExecutionContext

from auto_labeling.core.errors import RunNotFound
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.panels import background
from auto_labeling.panels.review import grid_sync, sample_focus
from auto_labeling.panels.state import PanelState


class PageEvents:
    """The base of each page's part of :class:`auto_labeling.panels.panel.AutoLabelingPanel`."""

    def _run(self, ctx: ExecutionContext, state: PanelState) -> Run:
        """The run of the page."""
        return labeling.get(ctx.dataset, state.run_id, confirm=False)

    def _run_or_leave(self, ctx: ExecutionContext, state: PanelState) -> Run | None:
        """The run of the page; None if it is gone, which the page will say."""
        try:
            return self._run(ctx, state)
        except RunNotFound:
            grid_sync.leave(ctx, state)
            sample_focus.off(ctx, state)
            return None

    def _go(
        self, ctx: ExecutionContext, state: PanelState, page: str, run: Run | None = None
    ) -> None:
        """Goes to another page.

        Args:
            ctx: the context of the event
            state: the panel's state
            page: the page's name, one of ``state.PAGES``
            run (None): the run that the page is about
        """
        grid_sync.leave(ctx, state)
        sample_focus.off(ctx, state)
        state.question = ""
        state.run_id = run.id if run else ""
        state.page = page
        if page == "review" and run:
            tab = "approval" if run.state is RunState.APPROVING else "review"
            grid_sync.enter(ctx, state, run, tab)

    def _work(
        self,
        ctx: ExecutionContext,
        state: PanelState,
        says: str,
        verb: Callable[[], Any],
        then: Callable[[ExecutionContext, PanelState, Any], None],
    ) -> None:
        """Does what may take long; see :func:`auto_labeling.panels.background.begin`.

        Args:
            ctx: the context of the event
            state: the panel's state
            says: what is being done, e.g. ``"Deleting 'Night'"``
            verb: does it, without the event's context
            then: takes what ``verb`` returned, and goes to the page to which it leads
        """
        background.begin(state, says, verb, then)
        background.go_on(ctx, state)
