"""The App's server, in a process of its own."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.paths import ARTIFACTS

#: As FiftyOne itself starts it: with "-m", the package would be imported before the server's own
#: settings are made, and the threads of the App would share one object for a dataset.
STOCK_PROGRAM = ("main.py",)
#: The same for a person who may look at datasets, but not edit them.
VIEW_ONLY_PROGRAM = (str(Path(__file__).with_name("view_only_server.py")),)


class Server:
    """The App's server, in a process of its own; it can be stopped and started again.

    Args:
        log: where its output goes
        program: what Python runs, in FiftyOne's folder of the server
    """

    def __init__(self, log: Path, program=STOCK_PROGRAM):
        self._log = log
        self._port = str(_free_port())
        self._command = [sys.executable, *program, "--address", "127.0.0.1", "--port", self._port]
        self._process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=Path(importlib.util.find_spec("fiftyone").origin).parent / "server",
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        _wait_for(self.url, self._process, self._log)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        keep_log(self._log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url, process, log):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    pytest.fail(f"The App's server did not start:\n{log.read_text()[-3000:]}")


def keep_log(log: Path):
    """Leaves a process's log where CI collects it."""
    if os.path.exists(log) and os.path.getsize(log):
        ARTIFACTS.mkdir(exist_ok=True)
        shutil.copy(log, ARTIFACTS / log.name)
