"""Explains to people why a worker process died."""

import contextlib
import signal
from enum import Enum
from pathlib import Path

_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


class LossReason(str, Enum):
    """Why an operation did not end by itself, for programs; :func:`sentence` is for people."""

    UNWANTED = "unwanted"  # its run was cancelled, deleted or taken over
    WORKER_STOPPED = "worker stopped"  # by a signal, before the operation was done
    WORKER_DISAPPEARED = "worker disappeared"  # together with its process
    NOT_REPORTED = "not reported"  # the process could not tell the database how it ended
    OUT_OF_MEMORY = "out of memory"
    KILLED = "killed"
    BUS_ERROR = "bus error"
    CRASHED = "crashed"
    SIGNALED = "signaled"  # any other signal ended the process
    EXITED = "exited"


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


def reason_of(status: int | None, out_of_memory: bool) -> LossReason:
    """Finds out how a process died.

    Args:
        status: its exit status, negative if a signal ended it; None if it still runs
        out_of_memory: whether Linux has killed a process since its start because memory ran out
    """
    if status is None:
        return LossReason.NOT_REPORTED
    if status == -signal.SIGKILL:
        return LossReason.OUT_OF_MEMORY if out_of_memory else LossReason.KILLED
    if status == -signal.SIGBUS:
        return LossReason.BUS_ERROR
    if status >= 0:
        return LossReason.EXITED
    return LossReason.CRASHED if -status in _CRASHES else LossReason.SIGNALED


def sentence(reason: LossReason, host: str, status: int | None = None) -> str:
    """Explains in a sentence why an operation did not end by itself.

    Args:
        reason: the reason
        host: the machine's name
        status (None): the exit status of the process, if it has ended
    """
    if reason is LossReason.CRASHED and status is not None:
        return f"The worker on {host} crashed with {_CRASHES[signal.Signals(-status)]}"
    if reason is LossReason.SIGNALED and status is not None:
        return f"The worker on {host} was ended by signal {-status}"
    if reason is LossReason.EXITED:
        return f"The worker on {host} exited unexpectedly with status {status}"
    return _SENTENCES[reason].format(host=host)


_SENTENCES = {
    LossReason.UNWANTED: "The run was cancelled, deleted or taken over",
    LossReason.WORKER_STOPPED: "The worker on {host} was stopped",
    LossReason.WORKER_DISAPPEARED: "The worker on {host} disappeared: it was killed, or its "
    "machine went down",
    LossReason.NOT_REPORTED: "The worker on {host} could not report to the database how it ended",
    LossReason.OUT_OF_MEMORY: "The worker ran out of memory on {host}, and Linux killed it",
    LossReason.KILLED: "The worker on {host} was killed, by a person or because memory ran out",
    LossReason.BUS_ERROR: "The worker on {host} crashed with a bus error. Likely causes: too "
    "little shared memory (/dev/shm), or a file truncated while it was read",
}
