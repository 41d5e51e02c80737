"""Waits for a database that is away for a moment: its restart must not cost a night's run."""

import functools
import time
from collections.abc import Callable

import fiftyone.core.odm as foo
import pymongo
from pymongo.errors import ConnectionFailure

from auto_labeling.errors import DatabaseAway

#: Seconds without an answer after which a worker gives up; its run can then be resumed.
GIVE_UP_AFTER = 120

_PAUSE = 0.5


def require_database(seconds: float = 3):
    """Finds out in a short time whether the database answers; its own driver takes 30 s.

    Args:
        seconds (3): how long to wait

    Raises:
        DatabaseAway: if it does not
    """
    try:
        with pymongo.timeout(seconds):
            foo.get_db_conn().command("ping")
    except pymongo.errors.PyMongoError as error:
        raise DatabaseAway(
            "The database does not answer. Nothing was changed; this page comes back by itself "
            "when the database does"
        ) from error


def patiently(function: Callable) -> Callable:
    """Returns the same function, which tries again while the database cannot be reached.

    Args:
        function: does the same when called twice, since the first call may have come through
    """

    @functools.wraps(function)
    def patient(*args, **kwargs):
        began = time.monotonic()
        while True:
            try:
                return function(*args, **kwargs)
            except ConnectionFailure:
                if time.monotonic() - began > GIVE_UP_AFTER:
                    raise
                time.sleep(_PAUSE)

    return patient
