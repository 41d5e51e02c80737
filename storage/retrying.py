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

from auto_labeling.core.errors import CannotWrite, DatabaseAway, FailureReason
from auto_labeling.storage import clock, outages

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Seconds without an answer after which a worker gives up; its run can then be resumed.
GIVE_UP_AFTER = 120

_PAUSE = 0.5

#: A cause and a remedy for people, and the reason for programs.
_Refusal = tuple[str, str, FailureReason]

_NO_ROOM: _Refusal = (
    "its disk is full, or its quota is used up",
    "Free some space there",
    FailureReason.DISK_FULL,
)
_NO_RIGHTS: _Refusal = (
    "the worker's user may not write there",
    "Give that user the role readWrite",
    FailureReason.PERMISSION_DENIED,
)
_RULES: _Refusal = (
    "a validation rule of the dataset's collection forbids it",
    "Remove that rule",
    FailureReason.WRITE_REFUSED,
)
_BLOCKED: _Refusal = (
    "its administrator has blocked all writes",
    "Allow writes again",
    FailureReason.WRITE_REFUSED,
)

#: The codes with which a database refuses every further write of a run, too.
_REFUSALS: dict[int | None, _Refusal] = {
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
        outages.note()
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
                outages.note()
                if clock.monotonic() - began > GIVE_UP_AFTER:
                    raise
                time.sleep(_PAUSE)
            except OperationFailure as error:
                final = refusal(error)
                if final is None:
                    raise
                raise final from error

    return patient


def refusal(error: OperationFailure) -> CannotWrite | None:
    """The error for people if a database refuses this write and every further one, else None.

    Args:
        error: the database's own error
    """
    answers = [(error.code, str(error))]
    if isinstance(error, BulkWriteError):
        answers = [(one["code"], one.get("errmsg", "")) for one in error.details["writeErrors"]]
    for code, text in answers:
        known = _NO_ROOM if code == _ATLAS and "quota" in text else _REFUSALS.get(code)
        if known:
            cause, remedy, reason = known
            name = foo.get_db_conn().name
            return CannotWrite(
                f"The database '{name}' refuses to store labels: {cause}. Labels so far are "
                f"kept. {remedy}, then resume",
                reason=reason,
            )
    return None
