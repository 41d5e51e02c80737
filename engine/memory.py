"""Makes a process keep its memory while it labels."""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator

#: New objects between two looks for cycles while labels are made.
_COLLECT_AFTER = 20_000

# Of malloc.h, see mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Larger blocks come from the system and go back to it.
_KEPT_BYTES = 2**30
#: The most to which the C library's own, moving, thresholds go; once set, they move no more.
_USUAL_TRIM, _USUAL_MMAP = 2**26, 2**25


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """Keeps the process's memory while labels are made.

    The garbage collector would look at all the libraries' objects each time, and make loader
    processes copy the memory that they share with this one. Label documents are trees, which need
    no collector; looking for cycles among them took a quarter of the time of making them.

    The C library gives the memory of a large tensor back to the system as soon as it is free, so
    that a model on the CPU waits for new pages in every layer: of a small detector's time, that was
    a third.
    """
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *usual[1:])
    library = _c_library()
    if library:
        library.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        library.mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
        if library:
            library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
            library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP)
            library.malloc_trim(0)


def _c_library() -> ctypes.CDLL | None:
    """The C library, if it is glibc."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None
