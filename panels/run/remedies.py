"""Why a run stopped, and what helps, in plain words."""

import re

from auto_labeling.core.run import Run, StopReason

_WORKER_LOST = "Start a worker if none is running, then resume."
_VANISHED = "The worker stopped unexpectedly"
_WHY_VANISHED = (
    "It was killed, ran out of memory, or its machine went away. Labels so far are kept. "
    + _WORKER_LOST
)

#: Reasons whose sentence is ours, and complete.
_OURS = (
    StopReason.CANCELLED,
    StopReason.WORKER_LOST,
    StopReason.NEVER_BEGAN,
    StopReason.START_INTERRUPTED,
    StopReason.APP_STOPPED,
)

#: Reasons after which a worker must be there before the run is resumed.
_NEEDS_WORKER = (StopReason.WORKER_LOST, StopReason.NEVER_BEGAN)
_CANCELLED = "Resume to continue, or review the labels so far."

#: What an error says, what has happened, and what helps. The first that fits is told.
_REMEDIES = (
    (
        r"model's service",
        "The model's service does not respond",
        "Resume when it responds again. Labels so far are kept.",
    ),
    (
        r"out of memory|OutOfMemory|MemoryError|CUBLAS_STATUS_ALLOC",
        "The worker ran out of memory",
        "Resume on a machine with more memory, or duplicate the run with a smaller model.",
    ),
    (
        r"No space left|Disk quota",
        "The worker's disk is full",
        "Free some disk space on the worker, then resume.",
    ),
    (
        r"ModuleNotFoundError|ImportError|No module named|pip install",
        "A package that the model needs is missing on the worker",
        "Install it where the worker runs, restart the worker, then resume.",
    ),
    (
        r"FileNotFoundError|No such file|NotADirectoryError",
        "The worker could not find a file or folder",
        "Make sure the worker has media and weights at the same paths as the App, then resume.",
    ),
    (
        r"PermissionError|Permission denied",
        "The worker doesn't have permission for a file or folder",
        "Give the worker's user access to it, then resume.",
    ),
    (
        r"ConnectionError|URLError|HTTPError|Max retries|Could not resolve|timed out|offline",
        "The worker could not download something",
        "Put the weights on the worker, or connect it to the internet, then resume.",
    ),
    (
        r"CUDA|cuDNN|NVIDIA|device-side assert|MPS",
        "The worker's device failed",
        "Restart the worker and resume, or duplicate the run for the CPU.",
    ),
    (
        r"ServerSelectionTimeout|AutoReconnect|NetworkTimeout|NotPrimary",
        "The worker lost its connection to the database",
        "Resume when the connection is back.",
    ),
)


def reason(run: Run) -> str:
    """The first line of why a run stopped."""
    return (run.error or run.reason or "The run stopped").splitlines()[0]


def in_plain_words(run: Run) -> str:
    """Why a run stopped, in plain words; the first line of its error where we know none."""
    return _known(run)[0] or reason(run)


def remedy(run: Run) -> str:
    """What helps, in one sentence."""
    if run.reason is StopReason.CANCELLED:
        return _CANCELLED
    if run.reason in _NEEDS_WORKER:
        return _WORKER_LOST
    return _known(run)[1] or "Resume retries the unlabeled samples; labels so far are kept."


def _known(run: Run) -> tuple[str, str]:
    """What has happened and what helps; nothing if the error is not one that we know."""
    if run.reason is StopReason.WORKER_VANISHED:
        return _VANISHED, _WHY_VANISHED
    if run.reason in _OURS:
        return "", ""
    for pattern, happened, helps in _REMEDIES:
        if re.search(pattern, run.error, re.IGNORECASE):
            return happened, helps
    return "", ""


def severity(run: Run) -> str:
    """How loudly to say it: what a person has done on purpose is no error."""
    return "warning" if run.reason is StopReason.CANCELLED else "error"
