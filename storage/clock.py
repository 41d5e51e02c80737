"""The database server's time, so that machines whose clocks differ agree on who is alive."""

import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache

import fiftyone.core.odm as foo

from auto_labeling.run import iso


@lru_cache(maxsize=1)
def _anchor() -> tuple[datetime, float]:
    # "localTime" is the server's wall clock; "monotonic" is immune to changes of ours.
    server = foo.get_db_conn().command("hello")["localTime"]
    return server.replace(tzinfo=timezone.utc), time.monotonic()


def now() -> datetime:
    """The time on the database server."""
    server, local = _anchor()
    return server + timedelta(seconds=time.monotonic() - local)


def stamp() -> str:
    """The time on the database server, as stored in records."""
    return iso(now())


def age(stored: str) -> float:
    """Seconds since a stored moment."""
    return (now() - datetime.fromisoformat(stored)).total_seconds()
