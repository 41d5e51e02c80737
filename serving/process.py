"""The service's side of the process in which operations run (``child.py``)."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from auto_labeling.serving import parent_watch

_CLOSE_SECONDS = 5


class Process:
    """A process that executes one operation after another, as ordered.

    To be started in a thread that lives as long as the service, which it ends with.

    Attributes:
        device: what it computes on; None until it is ready
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
        os.set_blocking(self._process.stdout.fileno(), False)
        self._unread = b""
        self.device = None
        self.broken = ""

    def fileno(self) -> int:
        """The file descriptor that can be read when there is an answer."""
        return self._process.stdout.fileno()

    @property
    def status(self) -> int | None:
        """How it ended, as :class:`subprocess.Popen` has it; None while it lives."""
        return self._process.poll()

    def order(self, operation_id: str, link: str, log: Path) -> None:
        """Orders it to execute an operation; ``BrokenPipeError`` if it has ended."""
        order = {"operation": operation_id, "link": link, "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    def answers(self) -> list[dict]:
        """What it has said since the last call."""
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
        """Kills it and everything that it has started. May be called again."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._process.pid)
            for process in [*family.children(recursive=True), family]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Ends it, when it has nothing to do."""
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_SECONDS)
        self.kill()
        self._process.stdout.close()
