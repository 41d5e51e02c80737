"""Several workers on one machine, one per GPU, restarted when they die."""

import contextlib
import os
import signal
import subprocess
import time

from auto_labeling.serving import parent_watch
from auto_labeling.serving.signals import Signals

_LONGEST_PAUSE = 60.0
_TICK = 0.5


class Fleet:
    """Runs the same command several times, until all have ended or it is asked to stop.

    Requests to stop are passed on. If this process is killed, the services finish what they are
    doing, and stop.

    Args:
        command: the words of the command
        environments: for each service, what its environment has in addition
        restart: whether to start a service again that has ended by itself
    """

    def __init__(self, command: list[str], environments: list[dict], restart: bool = True) -> None:
        self._services = [_Service(command, extra) for extra in environments]
        self._restart = restart
        self._signals = Signals()
        self._passed_on = 0

    def run(self) -> int:
        """Runs the services.

        Returns:
            the highest of their exit statuses
        """
        with self._signals:
            while self._look():
                self._signals.wait(_TICK)
                for service in self._services if self._signals.count > self._passed_on else ():
                    service.ask_to_stop(self._signals.count - self._passed_on)
                self._passed_on = self._signals.count
        return max(service.status or 0 for service in self._services)

    def _look(self) -> bool:
        """Starts what is not running, unless it should not. Returns whether anything goes on."""
        stopping = self._signals.count > 0
        for service in self._services:
            service.look(start=not stopping and (self._restart or service.starts == 0))
        return (not stopping and self._restart) or any(s.is_running for s in self._services)


class _Service:
    def __init__(self, command, extra) -> None:
        self._command = command
        self._extra = extra
        self._process = None
        self._pause = 1.0
        self._start_at = 0.0
        self.starts = 0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        status = self._process.poll() if self._process is not None else None
        return 128 - status if status is not None and status < 0 else status

    def look(self, start: bool) -> None:
        now = time.monotonic()
        if self.is_running or not start or now < self._start_at:
            return
        # What has run for long may start again at once; what dies at once waits ever longer.
        long = now - self._start_at > 2 * _LONGEST_PAUSE
        self._pause = 1.0 if long else min(2 * self._pause, _LONGEST_PAUSE)
        self._start_at = now + self._pause
        self.starts += 1
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **parent_watch.of_this_process(), **self._extra},
            start_new_session=True,  # Ctrl-C is for us, who pass it on
        )

    def ask_to_stop(self, times) -> None:
        for _ in range(times):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
