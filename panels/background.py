"""Verbs that may take longer than a person likes to wait: each in a thread, with a page to wait on.

A handler must answer at once, and to start a run of 100,000 samples takes two seconds. So a handler
waits for a verb for a moment; if it is not done by then, the page says what is being done, and goes
on where the verb leads when it is over. The verb continues if the person leaves the page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements
from auto_labeling.panels.window_memory import ByWindow

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Seconds for which a handler waits.
MAX_WAIT = 0.1

#: What takes long, and what is done with its result.
Verb = Callable[[], Any]
Then = Callable[[ExecutionContext, PanelState, Any], None]

_TICK = 400
_MAX_JOBS = 64

_jobs: ByWindow = ByWindow(_MAX_JOBS)
_lock = threading.Lock()


@dataclass
class Job:
    """A verb that is under way, or over.

    Args:
        says: what is being done
        verb: does it, and returns what ``then`` is given
        then: takes ``(ctx, state, result)`` and goes to the page to which it leads
        back: the page from which it was asked for
        result: what the verb has returned
        error: what it has raised
        over: is set when it is over
    """

    says: str
    verb: Verb
    then: Then
    back: str
    result: Any = None
    error: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Does it; any error is kept for the handler that looks next."""
        try:
            self.result = self.verb()
        except Exception as error:  # noqa: BLE001 - raised again by `go_on`
            self.error = error
        finally:
            self.over.set()


def begin(state: PanelState, says: str, verb: Verb, then: Then) -> None:
    """Starts a verb for a window, and waits for it a moment. A second click starts nothing.

    Args:
        state: the panel's state
        says: what is being done, e.g. ``"Deleting 'Night'"``
        verb: does it; it must not use the event's context, which may be over before it
        then: see :class:`Job`

    Raises:
        AutoLabelingError: while something else is under way in this window
    """
    with _lock:
        if is_under_way(state):
            job = _jobs[state.window]
            if job.says != says:
                raise AutoLabelingError(f"Wait for this to finish: {job.says}")
            return
        job = Job(says, verb, then, back=state.page)
        _jobs.note(state.window, job)
    threading.Thread(target=job.run, name="auto-labeling-verb", daemon=True).start()
    job.over.wait(MAX_WAIT)


def is_under_way(state: PanelState) -> bool:
    """Whether something is being done for a window."""
    job = _jobs.get(state.window)
    return job is not None and not job.over.is_set()


def is_over(state: PanelState) -> bool:
    """Whether the latest verb of a window is over."""
    job = _jobs.get(state.window)
    return job is not None and job.over.is_set()


def go_on(ctx: ExecutionContext, state: PanelState) -> None:
    """Goes where a window's verb leads if it is over, and else to the page that says it is not.

    Raises:
        Exception: what the verb has raised; the page is the one from which it was asked for
    """
    if not is_over(state):
        state.page = "working"
        return
    job = _jobs[state.window]  # stays there: another tick of the page's timer may be on its way
    if job.error is not None:
        state.page = job.back
        raise job.error
    job.then(ctx, state, job.result)


def render(panel: AutoLabelingPanel, ctx: ExecutionContext, state: PanelState) -> types.Property:
    """Builds the page that is shown while a verb runs."""
    page, job = elements.page(), _jobs.get(state.window)
    if job is None:  # the App was restarted, or the page loaded again
        elements.alert(
            page,
            "unknown",
            "info",
            "Your request may still be running",
            "Check the list of runs for its result.",
        )
        actions = elements.row(page, "actions")
        elements.button(actions, "home", "Show the runs", panel.go_home, kind="primary")
        return elements.finished(page)
    card = elements.card(page, "working")
    elements.text(card, "says", job.says, "subtitle1", color="text.primary", bold=True)
    elements.progress(card, "progress", None, "You can leave this page; it will continue.")
    actions = elements.row(page, "actions")
    elements.button(actions, "home", "Back to the runs", panel.go_home)
    elements.timer(page, panel.refresh, _TICK)
    return elements.finished(page)
