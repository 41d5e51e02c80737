"""Waits for SIGTERM and SIGINT, so that they never interrupt other code."""

import contextlib
import os
import select
import signal
import time
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Counts requests to stop. For the main thread.

    Attributes:
        count: the number of requests
        since: the seconds since the first one; 0 before it
    """

    def __init__(self) -> None:
        self.count = 0
        self._first_at: float | None = None

    def __enter__(self) -> "Signals":
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._wakeup = signal.set_wakeup_fd(self._in)
        self._handlers = {number: signal.signal(number, _ignore) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._out)
        os.close(self._in)

    @property
    def since(self) -> float:
        return 0.0 if self._first_at is None else time.monotonic() - self._first_at

    def wait(self, seconds: float, *others: int) -> None:
        """Waits until a signal comes, other data can be read, or the time is over.

        Args:
            seconds: the longest time to wait
            *others: the file descriptors of other data
        """
        ready, _, _ = select.select([self._out, *others], [], [], seconds)
        if self._out not in ready:
            return
        with contextlib.suppress(BlockingIOError):
            caught = [n for n in os.read(self._out, 512) if n in _SIGNALS]
            self.count += len(caught)
            if caught and self._first_at is None:
                self._first_at = time.monotonic()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Does nothing: without a handler in Python, the signal would end the process."""
