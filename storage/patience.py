"""Waits for a database that is away for a moment: its restart must not cost a night's run."""

import functools
import time
from collections.abc import Callable

from pymongo.errors import ConnectionFailure

#: Seconds without an answer after which a worker gives up; its run can then be resumed.
GIVE_UP_AFTER = 120

_PAUSE = 0.5


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
