"""Which workers are there, what they are at, and what the one with a run has logged."""

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.ui import elements

_LINES = 40


def add(page: types.Object, ctx: ExecutionContext, run: Run) -> None:
    """Adds the workers that are alive, for a run that waits for one or has one."""
    if run.state is RunState.IMPORTING:  # done by the App itself
        return
    workers = labeling.workers()
    told = [worker for worker in workers if worker.run_id == run.id]
    if run.state is RunState.QUEUED:
        told = told or workers
    if told:  # FiftyOne's own worker does not say that it is there
        elements.text(page, "workers", _said(told))
    lines = labeling.log_tail(ctx.dataset, run, _LINES)
    if lines:
        elements.text(page, "log_title", "Log", color="text.primary", bold=True)
        elements.output(page, "log", "\n".join(lines))
    elif run.state is RunState.GENERATING:
        elements.text(page, "no_log", "See the terminal where the worker was started.")


def _said(workers) -> str:
    said = [_one(worker) for worker in workers]
    return f"{text.count(len(workers), 'worker')}: {text.some(said, 4)}"


def _one(worker) -> str:
    device = f" ({worker.device})" if worker.device else ""
    at = f"{worker.state} on {worker.run_name}" if worker.run_name else worker.state
    return f"{worker.host}{device}, {at}"
