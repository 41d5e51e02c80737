"""When the database was unreachable, as far as this process knows.

While it is away, all signs of life stop. So code that judges that a worker is gone asks first
whether the worker could have said that it is alive.
"""

import contextlib
import math
import threading
from collections.abc import Iterator

import fiftyone.core.odm as foo
from pymongo.errors import ConnectionFailure, PyMongoError

from auto_labeling.storage import clock

#: An answer that takes longer counts as an absence.
SLOW_SECONDS = 3.0

_lock = threading.Lock()
_back_since = -math.inf

_UPTIME_ONLY = {
    "serverStatus": 1,
    **dict.fromkeys(("repl", "metrics", "locks", "wiredTiger", "tcmalloc"), 0),
}


@contextlib.contextmanager
def watch(slow: float = SLOW_SECONDS) -> Iterator[None]:
    """Notices when the database does not answer in a block, or answers late.

    Args:
        slow: seconds for the whole block from which an answer is late
    """
    began = clock.monotonic()
    try:
        yield
    except ConnectionFailure:
        note()
        raise
    if clock.monotonic() - began > slow:
        note()


def note() -> None:
    """Notes that the database was away until now."""
    global _back_since
    with _lock:
        _back_since = clock.monotonic()


def seconds_since_last() -> float:
    """Seconds for which the database has been there without a break.

    Returns:
        the smaller of the server's uptime and the time since this process last noticed an
        absence; infinity if neither is known
    """
    with _lock:
        since_noticed = clock.monotonic() - _back_since
    return min(since_noticed, _uptime())


def _uptime() -> float:
    try:
        status = foo.get_db_conn().client.admin.command(_UPTIME_ONLY)
        return status["uptimeMillis"] / 1000 + clock.ahead()
    except (PyMongoError, KeyError):  # not every user may ask, and not every server says it
        return math.inf
