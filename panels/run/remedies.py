"""Why a run stopped, and what helps, in plain words."""

from typing import NamedTuple

from auto_labeling.core import failure_reasons
from auto_labeling.core.errors import FailureReason
from auto_labeling.core.run import Run, StopReason

_VANISHED = "The worker stopped unexpectedly"
_START_WORKER = "Start a worker if none is running, then resume."
_WHY_VANISHED = (
    "It was killed, ran out of memory, or its machine went away. Labels so far are kept. "
    + _START_WORKER
)
_CANCELED = "Resume to continue, or review the labels so far."
_RESUME = "Resume retries the unlabeled samples; labels so far are kept."

#: How a run stops without a worker.
_WITHOUT_WORKER = (StopReason.WORKER_LOST, StopReason.NEVER_BEGAN)


class _Advice(NamedTuple):
    """What helps.

    Args:
        helps: a sentence about it
        title: the problem, in place of an error that another library worded
    """

    helps: str
    title: str = ""


R = FailureReason

_ADVICE = {
    R.MODEL_NOT_OFFERED: _Advice("Duplicate the run and choose another model."),
    R.NOT_TRUSTED: _Advice("Allow this code on the worker, restart the worker, then resume."),
    R.PACKAGES_MISSING: _Advice(
        "Install it where the worker runs, restart the worker, then resume.",
        "A package that the model needs is missing on the worker",
    ),
    R.PACKAGE_BROKEN: _Advice(
        "Install it again where the worker runs, restart the worker, then resume."
    ),
    R.WEIGHTS_MISSING: _Advice(
        "Put the weights on the worker, or connect it to the internet, then resume."
    ),
    R.WRONG_CHECKPOINT: _Advice(
        "Correct the checkpoint on the worker and resume, or duplicate the run with another one."
    ),
    R.DEVICE_MISSING: _Advice(
        "Resume on a machine with this device, or duplicate the run for another device."
    ),
    R.DEVICE_FAILED: _Advice(
        "Restart the worker and resume, or duplicate the run for the CPU.",
        "The worker's device failed",
    ),
    R.OUT_OF_MEMORY: _Advice(
        "Resume on a machine with more memory, or duplicate the run with a smaller model.",
        "The worker ran out of memory",
    ),
    R.FILE_MISSING: _Advice(
        "Make sure the worker has media and weights at the same paths as the App, then resume.",
        "The worker could not find a file or folder",
    ),
    R.DOWNLOAD_FAILED: _Advice(
        "Put the weights on the worker, or connect it to the internet, then resume.",
        "The worker could not download something",
    ),
    R.MODEL_FAILS: _Advice("Fix the cause and resume, or duplicate the run with another model."),
    R.SERVICE_SILENT: _Advice(
        "Resume when it responds again. Labels so far are kept.",
        "The model's service does not respond",
    ),
    R.DISK_FULL: _Advice(
        "Free some disk space on the worker, then resume.", "The worker's disk is full"
    ),
    R.PERMISSION_DENIED: _Advice(
        "Give the worker's user access to it, then resume.",
        "The worker doesn't have permission for a file or folder",
    ),
    R.RAY_MISSING: _Advice("Resume when the worker can use Ray, or duplicate for one worker."),
    R.NO_RESOURCES: _Advice("Resume when the cluster has resources for a worker."),
    R.MACHINE_UNSUITABLE: _Advice("Fix this on the machine, then resume."),
    R.WORKERS_DIE: _Advice(
        "Resume on machines with more memory, or duplicate the run with a smaller model."
    ),
    R.DATABASE_AWAY: _Advice(
        "Resume when the connection is back.",
        "The worker lost its connection to the database",
    ),
}


def reason(run: Run) -> str:
    """The first line of why a run stopped."""
    return (run.error or run.reason or "The run stopped").splitlines()[0]


def in_plain_words(run: Run) -> str:
    """Why a run stopped, in plain words; the first line of its error where there are none."""
    if run.reason is StopReason.WORKER_VANISHED:
        return _VANISHED
    if run.reason is not StopReason.ERROR:
        return reason(run)
    if run.is_explained:
        return reason(run).partition(". ")[0]
    advice = _advice(run)
    return (advice and advice.title) or reason(run)


def remedy(run: Run) -> str:
    """What helps, in a sentence or two."""
    if run.reason is StopReason.CANCELLED:
        return _CANCELED
    if run.reason is StopReason.WORKER_VANISHED:
        return _WHY_VANISHED
    explained = reason(run).partition(". ")[2]
    if run.reason is StopReason.ERROR and run.is_explained and explained:
        return f"{explained.rstrip('.')}."
    advice = _advice(run)
    if advice:
        return advice.helps
    return _START_WORKER if run.reason in _WITHOUT_WORKER else _RESUME


def _advice(run: Run) -> _Advice | None:
    """The advice for the reason on a run's record, which older versions did not store."""
    why = run.failure_reason
    if why is None and run.reason is StopReason.ERROR:
        why = failure_reasons.of_text(run.error)
    return _ADVICE.get(why) if why else None


def severity(run: Run) -> str:
    """How loudly to say it: what a person has done on purpose is no error."""
    return "warning" if run.reason is StopReason.CANCELLED else "error"
