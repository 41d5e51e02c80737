"""Where the ledgers of audits are kept, and the frozen sets of labels that they are about.

An event is added by one update that asks for the number of events before it: two reviewers cannot
both add the next one. The lists of a frozen set are keys of their own, written before the event
that names them, and never changed. So a process may die after any of these writes.
"""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from auto_labeling.core.errors import FailureReason, LabelsChanged, NewerRecord
from auto_labeling.core.names import AUDITS_STORE
from auto_labeling.storage import clock
from auto_labeling.storage.key_store import Keys
from auto_labeling.storage.mongo import Document

#: The format of ledgers that this version writes and reads.
LEDGER_FORMAT = 1

#: Labels in each key of a frozen set.
CHUNK_SIZE = 2_000

#: A label of a frozen set, as ``audits.events.Entry``.
_Entry = Sequence[str]


class LedgerStore(Keys):
    """The ledgers of one dataset's runs. They live, and die, with the dataset.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
    """

    NAME = AUDITS_STORE

    def events(self, run_id: str) -> list[Document]:
        """Returns all events of a run's ledger, in their order.

        Raises:
            NewerRecord: if a newer version of this package has written it
        """
        value = self._store.get(_key(run_id))
        if value is None:
            return []
        if value["format"] > LEDGER_FORMAT:
            raise NewerRecord(f"audits of {run_id}", value["format"], LEDGER_FORMAT)
        return value["events"]

    def add(self, run_id: str, before: int, event: Document) -> bool:
        """Adds an event, if no one has added another since.

        Args:
            run_id: the run's id
            before: how many events the ledger had when this one was allowed
            event: the event; its ``id`` tells whether it is there already

        Returns:
            whether it is in the ledger
        """
        key = _key(run_id)
        if not before:
            self._store.set_if_absent(key, {"format": LEDGER_FORMAT, "events": []})
        query = {**self._scope, "key": key, "value.events": {"$size": before}}
        if self._documents.update_one(query, {"$push": {"value.events": event}}).modified_count:
            return True
        there = {**self._scope, "key": key, f"value.events.{before}.id": event["id"]}
        return self._documents.find_one(there, {"_id": 1}) is not None

    def freeze(self, run_id: str, seed: str, entries: Sequence[_Entry]) -> None:
        """Stores the labels of a frozen set, in their order.

        Args:
            run_id: the run's id
            seed: the audit's seed, which no other has
            entries: the labels
        """
        for index, first in enumerate(range(0, len(entries), CHUNK_SIZE)):
            part = [list(entry) for entry in entries[first : first + CHUNK_SIZE]]
            self._store.set_if_absent(_list_key(run_id, seed, index), part)

    def entries(self, run_id: str, seed: str, first: int, end: int) -> list[list[str]]:
        """Reads some labels of a frozen set.

        Args:
            run_id: the run's id
            seed: the audit's seed
            first: the position of the first, from 0
            end: the position after the last

        Returns:
            the labels

        Raises:
            LabelsChanged: if a part of the set is gone
        """
        found: list[list[str]] = []
        for index in range(first // CHUNK_SIZE, -(-end // CHUNK_SIZE)):
            part = self._store.get(_list_key(run_id, seed, index))
            if part is None:
                raise LabelsChanged(
                    "The list of the audit's labels was deleted from the database. The audit "
                    "cannot go on",
                    reason=FailureReason.STORAGE_GONE,
                )
            start = index * CHUNK_SIZE
            found += part[max(first - start, 0) : end - start]
        return found

    def all_entries(self, run_id: str, seed: str, size: int) -> Iterator[list[str]]:
        """Yields all labels of a frozen set, in their order.

        Args:
            run_id: the run's id
            seed: the audit's seed
            size: how many there are
        """
        for first in range(0, size, CHUNK_SIZE):
            yield from self.entries(run_id, seed, first, min(first + CHUNK_SIZE, size))

    def remove(self, run_id: str) -> None:
        """Forgets a run's ledger and its frozen sets."""
        self._documents.delete_many(self._where(f"frozen:{run_id}:"))
        self._store.delete(_key(run_id))


def new_event(by: str) -> dict[str, Any]:
    """What every event has: its id, the moment and who did it."""
    return {"id": secrets.token_hex(8), "at": clock.stamp(), "by": by}


def _key(run_id: str) -> str:
    return f"ledger:{run_id}"


def _list_key(run_id: str, seed: str, index: int) -> str:
    return f"frozen:{run_id}:{seed}:{index}"
