"""Explains to people why a worker process died."""

import contextlib
import signal
from pathlib import Path

from auto_labeling.core.errors import FailureReason

_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


_CRASHES = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGABRT: "an abort",
    signal.SIGFPE: "an arithmetic error",
    signal.SIGILL: "an instruction that this processor does not support",
}


def out_of_memory_kills() -> int:
    """Returns how many processes Linux has killed because memory ran out; 0 if unknown."""
    count = 0
    for path in _COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            words = path.read_text().split()
            count += int(words[words.index("oom_kill") + 1])
    return count


def reason_of(status: int | None, out_of_memory: bool) -> FailureReason:
    """Finds out how a process died.

    Args:
        status: its exit status, negative if a signal ended it; None if it still runs
        out_of_memory: whether Linux has killed a process since its start because memory ran out

    Returns:
        the reason
    """
    if status is None:
        return FailureReason.NOT_REPORTED
    if status == -signal.SIGKILL:
        return FailureReason.OUT_OF_MEMORY if out_of_memory else FailureReason.KILLED
    if status == -signal.SIGBUS:
        return FailureReason.BUS_ERROR
    if status >= 0:
        return FailureReason.EXITED
    return FailureReason.CRASHED if -status in _CRASHES else FailureReason.SIGNALED


def sentence(reason: FailureReason, host: str, status: int | None = None) -> str:
    """Explains in a sentence why an operation did not end by itself.

    Args:
        reason: the reason
        host: the machine's name
        status (None): the exit status of the process, if it has ended

    Returns:
        the sentence, without its full stop
    """
    if reason is FailureReason.CRASHED and status is not None:
        return f"The worker on {host} crashed with {_CRASHES[signal.Signals(-status)]}"
    if reason is FailureReason.SIGNALED and status is not None:
        return f"The worker on {host} was ended by signal {-status}"
    if reason is FailureReason.EXITED:
        return f"The worker on {host} exited unexpectedly with status {status}"
    return _SENTENCES[reason].format(host=host)


_SENTENCES = {
    FailureReason.UNWANTED: "The run was canceled, deleted or taken over",
    FailureReason.WORKER_STOPPED: "The worker on {host} was stopped",
    FailureReason.WORKER_DISAPPEARED: "The worker on {host} disappeared: it was killed, or its "
    "machine went down",
    FailureReason.NOT_REPORTED: "The worker on {host} could not report to the database how it "
    "ended",
    FailureReason.OUT_OF_MEMORY: "The worker ran out of memory on {host}, and Linux killed it",
    FailureReason.KILLED: "The worker on {host} was killed, by a person or because memory ran out",
    FailureReason.BUS_ERROR: "The worker on {host} crashed with a bus error. Likely causes: too "
    "little shared memory (/dev/shm), or a file truncated while it was read",
}
