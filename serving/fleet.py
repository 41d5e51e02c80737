"""Several workers on one machine, one per GPU, restarted when they die."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from auto_labeling.serving import parent_watch
from auto_labeling.serving.signals import Signals

_MAX_PAUSE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.5


class Fleet:
    """Runs the same command several times, until all have ended or it is asked to stop.

    It passes requests to stop on to the services. If this process is killed, each service finishes
    its operation and stops.

    Args:
        command: the program and its arguments
        environments: the additional environment variables of each service
        restart (True): whether to start a service again that has ended by itself
    """

    def __init__(
        self,
        command: Sequence[str],
        environments: Sequence[Mapping[str, str]],
        restart: bool = True,
    ) -> None:
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
                self._signals.wait(_LOOK_EVERY_SECONDS)
                for service in self._services if self._signals.count > self._passed_on else ():
                    service.ask_to_stop(self._signals.count - self._passed_on)
                self._passed_on = self._signals.count
        return max(service.status or 0 for service in self._services)

    def _look(self) -> bool:
        """Starts services that should run and do not. Returns whether to continue."""
        stopping = self._signals.count > 0
        for service in self._services:
            service.look(start=not stopping and (self._restart or service.starts == 0))
        return (not stopping and self._restart) or any(s.is_running for s in self._services)


class _Service:
    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
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
        # A service that ran for long starts again at once; one that dies at once waits longer.
        ran_long = now - self._start_at > 2 * _MAX_PAUSE_SECONDS
        self._pause = 1.0 if ran_long else min(2 * self._pause, _MAX_PAUSE_SECONDS)
        self._start_at = now + self._pause
        self.starts += 1
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **parent_watch.of_this_process(), **self._environment},
            start_new_session=True,  # Ctrl-C is for us, who pass it on
        )

    def ask_to_stop(self, times: int) -> None:
        if self._process is None:
            return
        for _ in range(times):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
