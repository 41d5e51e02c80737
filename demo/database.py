"""A MongoDB for the demo and the tests: the one you name, or a private one started here.

FiftyOne connects to its database when it is imported, so this module never imports it. From a
shell, ``python -m auto_labeling.demo.database`` runs a database until Ctrl-C; ``--find`` prints
the ``mongod`` it would run.
"""

import argparse
import atexit
import ctypes
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_labeling.core.errors import AutoLabelingError

URI_VARIABLE = "FIFTYONE_DATABASE_URI"
OLDEST_MONGOD = (6, 0)  # FiftyOne 1.22 refuses an older server
START_SECONDS = 60
STOP_SECONDS = 20

_CHECKOUT = Path(__file__).resolve().parent.parent
_EXECUTABLE = "mongod.exe" if sys.platform == "win32" else "mongod"
_PR_SET_PDEATHSIG = 1


class DatabaseUnavailable(AutoLabelingError):
    """No MongoDB could be found, started or reached."""


@dataclass
class Database:
    """A reachable MongoDB. Use it as a context manager, or call :meth:`stop`.

    Args:
        uri: its address, for ``FIFTYONE_DATABASE_URI``
        process (None): the ``mongod`` that was started for it; None if it already ran
    """

    uri: str
    process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Stops the database if it was started here. May be called again."""
        if self.process is None:
            return
        atexit.unregister(self.stop)
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def provide(folder: str | os.PathLike[str]) -> Database:
    """Returns a reachable database: that of ``FIFTYONE_DATABASE_URI``, or else a private one.

    A private database ends with this process, however that ends. Call this in a thread that lives
    as long as the database is needed: on Linux, the database stops when that thread ends.

    Args:
        folder: the folder for the files and the log of a private database

    Raises:
        DatabaseUnavailable: if there is none, with advice
    """
    uri = os.environ.get(URI_VARIABLE)
    if uri:
        _wait_for_answer(uri, seconds=15)
        return Database(uri)
    return _start(find_mongod(), Path(folder).resolve())


def find_mongod() -> Path:
    """Returns a ``mongod`` that runs on this machine.

    Raises:
        DatabaseUnavailable: if there is none
    """
    for candidate in _candidates():
        version = _version(candidate)
        if version and version >= OLDEST_MONGOD:
            return candidate
    raise DatabaseUnavailable(
        "No usable mongod (MongoDB 6.0 or newer) was found: not in the fiftyone-db package, not on "
        f"PATH and not in {_CHECKOUT / '.cache' / 'mongod'}. In a checkout `make env` installs one "
        f"(x86-64 Linux). Elsewhere install MongoDB, or set {URI_VARIABLE} to a running server"
    )


def _candidates() -> Iterator[Path]:
    fiftyone = importlib.util.find_spec("fiftyone")  # finds the package without importing it
    if fiftyone and fiftyone.origin:
        yield Path(fiftyone.origin).parent / "db" / "bin" / _EXECUTABLE
    on_path = shutil.which("mongod")
    if on_path:
        yield Path(on_path)
    yield _CHECKOUT / ".cache" / "mongod" / "fiftyone" / "db" / "bin" / _EXECUTABLE


def _version(mongod: Path) -> tuple[int, int] | None:
    """Asks ``mongod`` for its version; None if it does not run here."""
    if not mongod.is_file():
        return None
    try:
        answer = subprocess.run(
            [str(mongod), "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"db version v(\d+)\.(\d+)", answer.stdout)
    return (int(version[1]), int(version[2])) if version else None


def _start(mongod: Path, folder: Path) -> Database:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "mongod.log"
    log_size = log.stat().st_size if log.exists() else 0
    command: list[str | Path] = [mongod, "--dbpath", folder, "--logpath", log, "--logappend"]
    command += ["--bind_ip", "127.0.0.1"]
    # Port 0 lets the kernel choose, so that two databases starting together never collide.
    command += ["--port", "0", "--quiet", "--setParameter", "diagnosticDataCollectionEnabled=0"]
    if sys.platform != "win32":
        command.append("--nounixsocket")
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C must not stop the database before its users
        preexec_fn=end_with_parent(),
    )
    database = Database("", process)
    atexit.register(database.stop)
    try:
        port = _listening_port(process)
        if port is None:
            raise DatabaseUnavailable(
                f"mongod did not start: {_last_error(log, log_size)} (its log: {log})"
            )
        database.uri = f"mongodb://127.0.0.1:{port}"
        _wait_for_answer(database.uri, START_SECONDS)
    except BaseException:
        database.stop()
        raise
    return database


def end_with_parent() -> Callable[[], Any] | None:
    """Returns a ``preexec_fn`` that asks Linux to end the child with its parent; else None."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: loading after a fork is not safe
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _listening_port(process: subprocess.Popen) -> int | None:
    """Waits for the port that the kernel chose; None if the process ended or never listened."""
    import psutil

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            for connection in psutil.Process(process.pid).net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    return int(connection.laddr.port)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    return None


def _last_error(log: Path, offset: int) -> str:
    """Returns the last error in the log of ``mongod``.

    Args:
        log: the log
        offset: the number of bytes to skip: earlier starts logged them
    """
    error = "it logged no error"
    text = log.read_bytes()[offset:].decode(errors="replace") if log.exists() else ""
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("s") in ("E", "F"):
            error = str(entry.get("attr", {}).get("error", entry.get("msg")))
    return error


def _wait_for_answer(uri: str, seconds: float) -> None:
    import pymongo
    from pymongo.errors import PyMongoError

    try:
        client: pymongo.MongoClient[dict[str, Any]]
        with pymongo.MongoClient(uri, serverSelectionTimeoutMS=int(seconds * 1000)) as client:
            client.admin.command("ping")
    except PyMongoError as error:
        address = uri.rpartition("@")[2]  # without the password
        reason = str(error).partition(" (configured timeouts")[0]
        raise DatabaseUnavailable(f"No MongoDB responds at {address} ({reason})") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a database in the foreground, or prints which ``mongod`` would run."""
    parser = argparse.ArgumentParser(
        prog="python -m auto_labeling.demo.database", description=__doc__
    )
    parser.add_argument(
        "folder", nargs="?", help="folder for the data (default: a temporary folder)"
    )
    parser.add_argument("--find", action="store_true", help="print the path of mongod and exit")
    args = parser.parse_args(argv)
    try:
        if args.find:
            print(f"{URI_VARIABLE} is set" if os.environ.get(URI_VARIABLE) else find_mongod())
        else:
            _serve(args.folder)
    except DatabaseUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _serve(folder: str | None) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with (
        tempfile.TemporaryDirectory(prefix="auto-labeling-db-") as temporary,
        provide(folder or temporary) as database,
    ):
        print(database.uri, flush=True)
        ended.wait()


if __name__ == "__main__":
    sys.exit(main())
