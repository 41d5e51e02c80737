"""What a person is told of a process that died while it worked."""

import contextlib
import signal
from pathlib import Path

_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))

_CRASHES = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGABRT: "an abort",
    signal.SIGFPE: "an arithmetic error",
    signal.SIGILL: "an instruction that this processor does not know",
}


def out_of_memory_kills() -> int:
    """How many processes Linux has killed for want of memory; 0 where it does not say."""
    count = 0
    for path in _COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            words = path.read_text().split()
            count += int(words[words.index("oom_kill") + 1])
    return count


def sentence(status: int, host: str, out_of_memory: bool) -> str:
    """Says how a process died.

    Args:
        status: its exit status, negative if a signal ended it
        host: the machine's name
        out_of_memory: whether Linux has killed somebody meanwhile for want of memory
    """
    if status == -signal.SIGKILL and out_of_memory:
        return f"The worker ran out of memory on {host}, and Linux killed it"
    if status == -signal.SIGKILL:
        return f"The worker on {host} was killed, by somebody or for want of memory"
    if status == -signal.SIGBUS:
        return (
            f"The worker on {host} crashed with a bus error, which too little shared memory "
            "(/dev/shm) or a file cut off while it is read can cause"
        )
    if status < 0 and -status in _CRASHES:
        return f"The worker on {host} crashed with {_CRASHES[signal.Signals(-status)]}"
    if status < 0:
        return f"The worker on {host} was ended by signal {-status}"
    return f"The worker on {host} ended in the middle, with exit status {status}"
