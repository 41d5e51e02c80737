"""The database server's time, so that machines whose clocks differ agree on who is alive.

Every limit in seconds is compared by this clock. Tests move it: in one process by :func:`move`, in
all processes at once by the number in the file that :data:`FILE` names.
"""

import contextlib
import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import fiftyone.core.odm as foo
from pymongo.errors import PyMongoError

from auto_labeling.core.run import iso

#: Names a file with the seconds that tests have moved the clocks of all processes ahead.
FILE = "FIFTYONE_AUTO_LABELING_CLOCK_FILE"

#: After this many seconds the server is asked for the time again.
_RENEW_SECONDS = 600.0

#: A machine whose two clocks drift apart by more was asleep, or its clock was set.
_DRIFT_SECONDS = 1.0


class _Anchor(NamedTuple):
    """One moment, by three clocks."""

    server: datetime
    local: float  # immune to changes of the machine's clock, but stands still while it sleeps
    wall: float


_anchor: _Anchor | None = None
_moved = 0.0


def now() -> datetime:
    """The time on the database server."""
    anchor = _current_anchor()
    passed = time.monotonic() - anchor.local
    return anchor.server + timedelta(seconds=passed + ahead())


def stamp() -> str:
    """The time on the database server, as stored in records."""
    return iso(now())


def age(stored: str) -> float:
    """Seconds since a stored moment."""
    return (now() - datetime.fromisoformat(stored)).total_seconds()


def monotonic() -> float:
    """Seconds from any moment in this process to another: ``time.monotonic`` that can be moved."""
    return time.monotonic() + ahead()


def move(seconds: float) -> None:
    """Lets time pass in this process. For tests.

    Args:
        seconds: how many; 0 puts the clock right again
    """
    global _moved
    _moved = _moved + seconds if seconds else 0.0


def ahead() -> float:
    """Seconds by which tests have moved this clock ahead."""
    path = os.environ.get(FILE)
    if not path:
        return _moved
    try:
        return _moved + float(Path(path).read_text() or 0)
    except FileNotFoundError:
        return _moved


def _current_anchor() -> _Anchor:
    global _anchor
    anchor = _anchor
    if anchor is None:
        anchor = _anchor = _ask()
    elif _is_stale(anchor):
        with contextlib.suppress(PyMongoError):  # the old one is the best while it is away
            anchor = _anchor = _ask()
    return anchor


def _is_stale(anchor: _Anchor) -> bool:
    passed = time.monotonic() - anchor.local
    drift = (time.time() - anchor.wall) - passed
    return passed > _RENEW_SECONDS or abs(drift) > _DRIFT_SECONDS


def _ask() -> _Anchor:
    server = foo.get_db_conn().command("hello")["localTime"]
    return _Anchor(server.replace(tzinfo=timezone.utc), time.monotonic(), time.time())
