"""The service's side of the process in which operations run (``child.py``)."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from auto_labeling.serving import parent_watch

_CLOSE_SECONDS = 5


class Process:
    """A process that executes one operation after another, as ordered.

    It ends with the thread that starts it, so that thread must live as long as the service.

    Attributes:
        device: its device, or empty without torch; None until it is ready
        broken: why it cannot execute anything; empty if it can
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "auto_labeling.serving.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the service, and one signal ends all of it
            env={**os.environ, **parent_watch.of_this_process()},
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # pipes
        self._orders, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._answers.fileno(), False)
        self._unread = b""
        self.device: str | None = None
        self.broken = ""

    def fileno(self) -> int:
        """Returns the file descriptor of its answers."""
        return self._answers.fileno()

    @property
    def status(self) -> int | None:
        """Its exit status, negative if a signal ended it; None while it runs."""
        return self._process.poll()

    def order(self, operation_id: str, link: str, log: Path) -> None:
        """Orders it to execute an operation.

        Args:
            operation_id: the ID of the operation
            link: the mark by which our worker claims it
            log: the file for its log

        Raises:
            BrokenPipeError: if the process has ended
        """
        order = {"operation": operation_id, "link": link, "log": str(log)}
        self._orders.write(json.dumps(order).encode() + b"\n")

    def answers(self) -> list[dict[str, Any]]:
        """Returns its answers since the last call."""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.fileno(), 65536):
                self._unread += part
        *lines, self._unread = self._unread.split(b"\n")
        answers = [json.loads(line) for line in lines]
        for answer in answers:
            self.device = answer.get("ready", self.device)
            self.broken = answer.get("broken", self.broken)
        return answers

    def kill(self) -> None:
        """Kills it and all its children. May be called again."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._process.pid)
            for process in [*family.children(recursive=True), family]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Ends it while it is idle."""
        self._orders.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_SECONDS)
        self.kill()
        self._answers.close()
