"""How many loader processes this machine's shared memory and file descriptors allow.

Images of one size travel in slots (``slots.py``), which need neither. Other tensors travel in files
of ``/dev/shm``, one each, which containers keep at 64 MB unless told otherwise. Where that is full,
older versions of torch die of a bus error, and newer ones raise.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

FOLDER = "/dev/shm"

#: The part of what is free that may be used: samples differ in size, and others need some too.
_SHARE = 0.7

#: File descriptors for everything but tensors.
_OTHER_FILES = 128

_MANY_FILES = 65536


@dataclass(frozen=True)
class Item:
    """What the tensors of one sample take.

    Args:
        size: their bytes
        tensors: their number
    """

    size: int = 0
    tensors: int = 0

    @classmethod
    def of(cls, item) -> "Item":
        """Measures a model's input, whatever it is made of."""
        tensors = list(_tensors(item))
        return cls(sum(t.numel() * t.element_size() for t in tensors), len(tensors))


def affordable(processes: int, prefetch: int, under_way: int, batch: int, item: Item):
    """How many loader processes may run.

    Args:
        processes: how many are wanted
        prefetch: how many batches each loads ahead
        under_way: how many batches may be elsewhere meanwhile
        batch: samples in a batch
        item: what a sample takes

    Returns:
        ``(processes, sentence)``; the sentence says why they are fewer, and is empty otherwise
    """
    memory, files = free_memory(), free_files()
    for number in range(processes, -1, -1):
        batches = number * prefetch + under_way
        size, tensors = batches * batch * item.size, batches * batch * item.tensors
        if number == 0 or (size <= memory * _SHARE and tensors <= files):
            break
        if number == processes:
            needed = _why(size, memory, tensors, files)
    if number == processes:
        return processes, ""
    instead = f"{number} of {processes} loader processes" if number else "no loader processes"
    return number, f"{needed}. Continuing with {instead}, which is slower; see docs/deploy.md"


def free_memory() -> float:
    """The bytes that are free for files in shared memory; infinite where it is not limited so."""
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
    most = _MANY_FILES if hard == resource.RLIM_INFINITY else hard
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(0, max(soft, most) - _OTHER_FILES)


def _why(size, memory, tensors, files) -> str:
    if size > memory * _SHARE:
        return (
            f"Loader processes need about {_megabytes(size)} of shared memory, and {FOLDER} has "
            f"{_megabytes(memory)} left (for a container: --shm-size=1g or more)"
        )
    return (
        f"Loader processes need about {tensors:,} open files, and this process may have "
        f"{files:,} (`ulimit -n`)"
    )


def _megabytes(size) -> str:
    return f"{size / 1e6:,.0f} MB"


def _tensors(item) -> Iterator:
    if hasattr(item, "numel") and hasattr(item, "element_size"):
        yield item
    elif isinstance(item, dict):
        for value in item.values():
            yield from _tensors(value)
    elif isinstance(item, (list, tuple)):
        for value in item:
            yield from _tensors(value)
