"""The live workers, their state, and the log of the one that works on a run."""

from collections.abc import Sequence

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.run import Run, RunState, Worker
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.ui import elements

_LINES = 40


def add(page: types.Object, ctx: ExecutionContext, run: Run) -> None:
    """Adds the live workers, for a run that waits for one or has one.

    Args:
        page: the object to add to
        ctx: the context of the event
        run: the run
    """
    if run.state is RunState.IMPORTING:  # done by the App itself
        return
    workers = labeling.workers()
    shown = [worker for worker in workers if worker.run_id == run.id]
    if run.state is RunState.QUEUED:
        shown = shown or workers
    if shown:  # FiftyOne's own worker does not report itself
        elements.text(page, "workers", _in_words(shown))
    lines = labeling.log_tail(ctx.dataset, run, _LINES)
    if lines:
        elements.text(page, "log_title", "Log", color="text.primary", bold=True)
        elements.output(page, "log", "\n".join(lines))
    elif run.state is RunState.GENERATING:
        elements.text(page, "no_log", "See the terminal where the worker was started.")


def _in_words(workers: Sequence[Worker]) -> str:
    each = [_describe(worker) for worker in workers]
    return f"{text.count(len(workers), 'worker')}: {text.some(each, 4)}"


def _describe(worker: Worker) -> str:
    device = f" ({worker.device})" if worker.device else ""
    at = f"{worker.state} on {worker.run_name}" if worker.run_name else worker.state
    return f"{worker.host}{device}, {at}"
