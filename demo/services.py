"""The services of the demo: a database, a plugins directory and a worker."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from auto_labeling.demo import database as mongo

#: The ``fiftyone`` command of this environment, for ``python -c``.
_FIFTYONE = "from fiftyone.core.cli import main; main()"

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Returns the folder for the demo's files: in the checkout, or in the user's cache."""
    if (PACKAGE_FOLDER / "pyproject.toml").exists():
        return PACKAGE_FOLDER / ".cache" / "demo"
    return Path.home() / ".cache" / "auto-labeling" / "demo"


def prepare(folder: Path) -> mongo.Database:
    """Starts the demo's database and points FiftyOne at the demo's own folders.

    Call this before FiftyOne is imported, since it connects when it is imported.
    """
    plugins = folder / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "auto-labeling"
    if link.is_symlink() and link.resolve() != PACKAGE_FOLDER:
        link.unlink()
    if not link.exists():
        link.symlink_to(PACKAGE_FOLDER, target_is_directory=True)
    database = mongo.provide(folder / "database")
    os.environ.update(
        FIFTYONE_DATABASE_URI=database.uri,
        FIFTYONE_DATABASE_NAME="auto_labeling_demo",
        FIFTYONE_PLUGINS_DIR=str(plugins),
        FIFTYONE_DEFAULT_DATASET_DIR=str(folder / "datasets"),
        FIFTYONE_DO_NOT_TRACK="true",
        YOLO_AUTOINSTALL="false",
        YOLO_CONFIG_DIR=str(folder),
    )
    if database.process is not None:
        # FiftyOne would warn about the version of this database at every start.
        os.environ["FIFTYONE_DATABASE_VALIDATION"] = "false"
    return database


def end_children() -> None:
    """Ends the remaining children of this process, such as an App that was still starting."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.terminate()
    for child in psutil.wait_procs(children, timeout=5)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


class Worker:
    """A worker as users start it: ``auto-labeling launch`` in a process of its own.

    Args:
        log: the file for the worker's output
    """

    #: The arguments of Python. The worker gives its operation only a second to finish.
    command: tuple[str, ...] = ("-m", "auto_labeling.cli", "launch", "--verbose", "--grace", "1")

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *self.command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which stops the worker itself
            preexec_fn=mongo.end_with_parent(),
        )

    def stop(self) -> None:
        """Stops the worker."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class StockWorker(Worker):
    """FiftyOne's own worker: ``fiftyone delegated launch`` in a process of its own.

    Args:
        log: the file for the worker's output
        fiftyone: the arguments with which Python runs the ``fiftyone`` command
    """

    def __init__(self, log: Path, fiftyone: tuple[str, ...] = ("-c", _FIFTYONE)) -> None:
        self.command = (*fiftyone, "delegated", "launch", "-t", "local")
        super().__init__(log)
