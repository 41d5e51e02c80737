"""A process that dies after a chosen write to the database or the disk."""

from pathlib import Path

import pymongo.collection

WRITES = (
    *("insert_one", "insert_many", "update_one", "update_many", "replace_one", "bulk_write"),
    *("delete_one", "delete_many", "find_one_and_update", "find_one_and_replace"),
    *("find_one_and_delete", "create_index", "drop_index"),
)


class Died(BaseException):
    """Not an Exception: like a kill, nothing handles it."""


class Doom:
    """Counts writes to the database and the disk; after the one it is told to, nothing works.

    Args:
        patch: pytest's ``monkeypatch``
        after: the number of the write after which the process is dead
    """

    def __init__(self, patch, after):
        self.after = after
        self.writes = 0
        for name in WRITES:
            self._doom(patch, pymongo.collection.Collection, name)
        self._doom(patch, Path, "unlink")

    def _doom(self, patch, owner, name):
        original = getattr(owner, name)

        def write(*args, **kwargs):
            if self.writes >= self.after:
                raise Died
            self.writes += 1
            result = original(*args, **kwargs)
            if self.writes >= self.after:
                raise Died
            return result

        patch.setattr(owner, name, write)
