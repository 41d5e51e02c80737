"""How many loader processes this machine's shared memory and file descriptors allow.

Images of one size travel in slots (``slots.py``), which need neither. Other tensors travel in files
of ``/dev/shm``, one each, which containers keep at 64 MB unless told otherwise. Where that is full,
older versions of torch die of a bus error, and newer ones raise.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FOLDER = "/dev/shm"

#: The part of what is free that may be used: samples differ in size, and others need some too.
_SHARE = 0.7

#: File descriptors for everything but tensors.
_OTHER_FILES = 128

_MANY_FILES = 65536


@dataclass(frozen=True)
class Item:
    """The memory and the files that the tensors of one sample take.

    Args:
        size: their bytes
        tensors: their number
    """

    size: int = 0
    tensors: int = 0

    @classmethod
    def of(cls, item: Any) -> "Item":
        """Measures an item of a batch, whatever it is made of."""
        tensors = list(_tensors(item))
        return cls(sum(t.numel() * t.element_size() for t in tensors), len(tensors))


def affordable(
    processes: int, prefetch: int, elsewhere: int, batch: int, item: Item
) -> tuple[int, str]:
    """How many loader processes may run.

    Args:
        processes: how many are requested
        prefetch: how many batches each loads ahead
        elsewhere: how many batches may be elsewhere at the same time
        batch: samples in a batch
        item: the memory that a sample takes

    Returns:
        ``(processes, sentence)``; the sentence gives the reason if they are fewer
    """
    reason = ""
    memory, files = free_memory(), free_files()
    for number in range(processes, -1, -1):
        batches = number * prefetch + elsewhere
        size, tensors = batches * batch * item.size, batches * batch * item.tensors
        if number == 0 or (size <= memory * _SHARE and tensors <= files):
            break
        if number == processes:
            reason = _shortage(size, memory, tensors, files)
    if number == processes:
        return processes, ""
    instead = f"{number} of {processes} loader processes" if number else "no loader processes"
    return number, f"{reason}. Continuing with {instead}, which is slower; see docs/deploy.md"


def free_memory() -> float:
    """The bytes that are free for files in shared memory; infinite without such a limit."""
    if not os.path.isdir(FOLDER):
        return float("inf")
    there = os.statvfs(FOLDER)
    return there.f_bavail * there.f_frsize


def free_files() -> float:
    """How many tensors this process may hold open at a time; raises the limit if it may."""
    try:
        import resource
    except ImportError:  # Windows
        return float("inf")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return float("inf")
    limit = _MANY_FILES if hard == resource.RLIM_INFINITY else hard
    if soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(0, max(soft, limit) - _OTHER_FILES)


def _shortage(size: int, memory: float, tensors: int, files: float) -> str:
    if size > memory * _SHARE:
        return (
            f"Loader processes need about {_megabytes(size)} of shared memory, and {FOLDER} has "
            f"{_megabytes(memory)} left (for a container: --shm-size=1g or more)"
        )
    return (
        f"Loader processes need about {tensors:,} open files, and this process may have "
        f"{files:,} (`ulimit -n`)"
    )


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def _tensors(item: Any) -> Iterator[Any]:
    if hasattr(item, "numel") and hasattr(item, "element_size"):
        yield item
    elif isinstance(item, dict):
        for value in item.values():
            yield from _tensors(value)
    elif isinstance(item, (list, tuple)):
        for value in item:
            yield from _tensors(value)
