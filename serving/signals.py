"""SIGTERM and SIGINT as something to wait for, so that they never interrupt a line of code."""

import contextlib
import os
import select
import signal
import time

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Counts requests to stop. For the main thread.

    Attributes:
        count: how many there were
        since: seconds since the first one; 0 before it
    """

    def __init__(self) -> None:
        self.count = 0
        self._first = None

    def __enter__(self) -> "Signals":
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._wakeup = signal.set_wakeup_fd(self._in)
        self._handlers = {number: signal.signal(number, _nothing) for number in _SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._out)
        os.close(self._in)

    @property
    def since(self) -> float:
        return 0.0 if self._first is None else time.monotonic() - self._first

    def wait(self, seconds: float, *others) -> None:
        """Waits, at most until a signal comes or something can be read.

        Args:
            seconds: the longest time to wait
            *others: file descriptors
        """
        ready, _, _ = select.select([self._out, *others], [], [], seconds)
        if self._out not in ready:
            return
        with contextlib.suppress(BlockingIOError):
            caught = [n for n in os.read(self._out, 512) if n in _SIGNALS]
            self.count += len(caught)
            if caught and self._first is None:
                self._first = time.monotonic()


def _nothing(*_) -> None:
    """Python must have a handler, or the signal would end the process."""
