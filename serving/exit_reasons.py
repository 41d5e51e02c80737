"""Explains to people why a worker process died."""

import contextlib
import signal
from pathlib import Path

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


def sentence(status: int, host: str, out_of_memory: bool) -> str:
    """Explains in a sentence how a process died.

    Args:
        status: its exit status, negative if a signal ended it
        host: the machine's name
        out_of_memory: whether Linux has killed a process since its start because memory ran out
    """
    if status == -signal.SIGKILL and out_of_memory:
        return f"The worker ran out of memory on {host}, and Linux killed it"
    if status == -signal.SIGKILL:
        return f"The worker on {host} was killed, by a person or because memory ran out"
    if status == -signal.SIGBUS:
        return (
            f"The worker on {host} crashed with a bus error. Likely causes: too little shared "
            "memory "
            "(/dev/shm), or a file truncated while it was read"
        )
    if status < 0 and -status in _CRASHES:
        return f"The worker on {host} crashed with {_CRASHES[signal.Signals(-status)]}"
    if status < 0:
        return f"The worker on {host} was ended by signal {-status}"
    return f"The worker on {host} exited unexpectedly with status {status}"
