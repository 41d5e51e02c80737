"""Waits while the database is briefly unreachable, so a restart does not cost a run.

One that refuses is not waited for: the next write would meet the same.
"""

import functools
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import fiftyone.core.odm as foo
import pymongo
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure

from auto_labeling.core.errors import CannotWrite, DatabaseAway
from auto_labeling.storage import availability, clock

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Seconds without an answer after which a worker gives up; its run can then be resumed.
GIVE_UP_AFTER = 120

_PAUSE = 0.5

_NO_ROOM = "its disk is full, or its quota is used up", "Free some space there"
_NO_RIGHTS = "the worker's user may not write there", "Give that user the role readWrite"
_RULES = "a validation rule of the dataset's collection forbids it", "Remove that rule"
_BLOCKED = "its administrator has blocked all writes", "Allow writes again"

#: What a database means by its codes, and what helps: each write of a run would meet the same.
_REFUSALS: dict[int | None, tuple[str, str]] = {
    13: _NO_RIGHTS,
    121: _RULES,
    371: _BLOCKED,
    14031: _NO_ROOM,
}

#: Atlas says many things by this code.
_ATLAS = 8000


def require_database(seconds: float = 3) -> None:
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
        availability.notice()
        raise DatabaseAway(
            "The database does not respond. Nothing was changed; this page reconnects by itself "
            "when the database is back"
        ) from error


def patiently(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Returns the same function, which tries again while the database cannot be reached.

    Args:
        function: does the same when called twice, since the first call may have come through.
            It raises :class:`auto_labeling.core.errors.CannotWrite` where the database refuses
    """

    @functools.wraps(function)
    def patient(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        began = clock.monotonic()
        while True:
            try:
                return function(*args, **kwargs)
            except ConnectionFailure:
                availability.notice()
                if clock.monotonic() - began > GIVE_UP_AFTER:
                    raise
                time.sleep(_PAUSE)
            except OperationFailure as error:
                sentence = refusal(error)
                if not sentence:
                    raise
                raise CannotWrite(sentence) from error

    return patient


def refusal(error: OperationFailure) -> str:
    """Why a database refuses this write and every further one, as a sentence; empty if it may not.

    Args:
        error: what the database said
    """
    said = [(error.code, str(error))]
    if isinstance(error, BulkWriteError):
        said = [(one["code"], one.get("errmsg", "")) for one in error.details["writeErrors"]]
    for code, text in said:
        known = _NO_ROOM if code == _ATLAS and "quota" in text else _REFUSALS.get(code)
        if known:
            happened, helps = known
            name = foo.get_db_conn().name
            return (
                f"The database '{name}' refuses to store labels: {happened}. Labels so far are "
                f"kept. {helps}, then resume"
            )
    return ""
