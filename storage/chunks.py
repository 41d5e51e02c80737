"""A run's fixed sample IDs in chunks: who works on each, and which are done.

Beside its sample ids, each chunk has a key for its work (``storage/chunk_work.py``).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from fiftyone.operators.store.models import KeyDocument
from pymongo.errors import BulkWriteError

from auto_labeling.core.errors import RunNotFound
from auto_labeling.core.names import CHUNKS_STORE
from auto_labeling.core.run import Run
from auto_labeling.storage.chunk_work import Work
from auto_labeling.storage.key_store import Keys
from auto_labeling.storage.mongo import Document

#: How often a claim is tried again while others change the same chunk.
_RETRIES = 16
_DUPLICATE_KEY = 11000


class Claim(NamedTuple):
    """A worker's right to a chunk. A later one is greater, and overtakes.

    Args:
        attempt: the number of the run's attempt
        turn: counts the hand-outs of chunks in that attempt
    """

    attempt: int
    turn: int


def chunk_size(samples: int, workers: int) -> int:
    """How many samples a chunk has: so few that each worker has its share, even near the end.

    Args:
        samples: the number of target samples
        workers: the number of workers
    """
    return min(1000, max(16, math.ceil(samples / (64 * workers))))


class ChunkStore(Keys):
    """The frozen sample ids of a run, which chunks are claimed, and which of them are done.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
    """

    NAME = CHUNKS_STORE

    def freeze(self, run_id: str, index: int, sample_ids: Sequence[str]) -> None:
        """Stores the sample ids of a chunk, which never change again.

        Args:
            run_id: the run's id
            index: the chunk's index
            sample_ids: the ids of the chunk's samples
        """
        self._store.set_if_absent(f"{run_id}:{index}", list(sample_ids))

    def sample_ids(self, run_id: str, index: int) -> list[str]:
        """Reads the sample ids of a chunk.

        Args:
            run_id: the run's id
            index: the chunk's index

        Returns:
            the ids, in their fixed order

        Raises:
            RunNotFound: if there is no such chunk, since the run was deleted
        """
        ids = self._store.get(f"{run_id}:{index}")
        if ids is None:
            raise RunNotFound(run_id)
        return ids

    def read(self, run_id: str, indices: Iterable[int]) -> dict[int, tuple[list[str], Work]]:
        """The sample ids and the work of several chunks, by index; read at once.

        Args:
            run_id: the run's id
            indices: the chunks' indices

        Returns:
            ``(sample ids, work)`` of each chunk that is there; ``work`` is empty if no one has
            begun it
        """
        ids = {f"{run_id}:{index}": index for index in indices}
        works = [_work_key(run_id, index) for index in ids.values()]
        query = {**self._scope, "key": {"$in": [*ids, *works]}}
        values = {d["key"]: d["value"] for d in self._documents.find(query)}
        return {
            index: (values[key], values.get(_work_key(run_id, index)) or {})
            for key, index in ids.items()
            if key in values
        }

    def claim(self, run_id: str, index: int, claim: Claim) -> bool:
        """Takes a chunk, to label it; its earlier owner can no longer mark it as done.

        Args:
            run_id: the run's id
            index: the chunk's index
            claim: later than all claims that it may overtake

        Returns:
            whether the chunk is now this claim's: it was neither done nor claimed later
        """
        key = _work_key(run_id, index)
        for _ in range(_RETRIES):
            if self._store.set_if_absent(key, {"claim": list(claim)}):
                return True
            held = self._store.get(key)
            if held is None:
                continue
            if "failures" in held or Claim(*held["claim"]) > claim:
                return False
            if held["claim"] == list(claim):  # an answer of the database was lost
                return True
            # What was counted for samples that have their labels stands.
            if self._store.compare_and_set(key, held, {**held, "claim": list(claim)}):
                return True
        return False

    def claim_all(self, run_id: str, claims: dict[int, Claim]) -> set[int]:
        """Takes several chunks in one message, as :meth:`claim` takes one.

        Args:
            run_id: the run's id
            claims: from the chunks' indices

        Returns:
            the indices of those that are now these claims'
        """
        now = datetime.now(timezone.utc)
        new = [
            KeyDocument(
                self.NAME,
                _work_key(run_id, index),
                {"claim": list(claim)},
                dataset_id=self._scope["dataset_id"],
                created_at=now,
                updated_at=now,
            ).to_mongo_dict()
            for index, claim in claims.items()
        ]
        try:
            self._documents.insert_many(new, ordered=False)
        except BulkWriteError as error:
            problems = error.details["writeErrors"]
            if any(problem["code"] != _DUPLICATE_KEY for problem in problems):
                raise
            indices = list(claims)
            held = [indices[problem["index"]] for problem in problems]
            not_claimed = {index for index in held if not self.claim(run_id, index, claims[index])}
            return set(claims) - not_claimed
        return set(claims)

    def note(
        self,
        run_id: str,
        index: int,
        claim: Claim,
        left_out: Mapping[str, Mapping[str, int] | None],
    ) -> bool:
        """Records what was left out of samples whose labels are about to be written.

        Args:
            run_id: the run's id
            index: the chunk's index
            claim: by whom
            left_out: from sample id to the counts by reason; to None where nothing was left out
                this time

        Returns:
            whether the chunk was still this claim's; if not, the labels must not be written
        """
        changes: dict[str, Document] = {"$set": {}, "$unset": {}}
        for sample_id, counts in left_out.items():
            operator, value = ("$unset", "") if counts is None else ("$set", counts)
            changes[operator][f"value.left_out.{sample_id}"] = value
        update = {operator: fields for operator, fields in changes.items() if fields}
        mine = self._under_way(run_id, index, claim)
        return self._documents.update_one(mine, update).matched_count == 1

    def mark_done(
        self,
        run_id: str,
        index: int,
        claim: Claim,
        failures: Sequence[Mapping[str, str]],
        account: Mapping[str, Any] | None = None,
    ) -> bool:
        """Records that all samples of a chunk were tried, which of them failed, and its account.

        Args:
            run_id: the run's id
            index: the chunk's index
            claim: by whom
            failures: a list of dicts with keys ``sample_id``, ``filepath``, ``error``
            account (None): a dict with keys ``labels``, the number of labels that were staged,
                and ``left_out``, how many were left out by reason

        Returns:
            whether the chunk was still this claim's
        """
        done: Work = {"claim": list(claim), "failures": failures}
        if account is not None:
            done["account"] = account
        # FiftyOne's own compare-and-set asks first, which takes twice as long.
        marked = self._documents.update_one(
            self._under_way(run_id, index, claim),
            {"$set": {"value": done, "updated_at": datetime.now(timezone.utc)}},
        )
        return marked.matched_count == 1 or self._store.get(_work_key(run_id, index)) == done

    def _under_way(self, run_id: str, index: int, claim: Claim) -> Document:
        """A query for a chunk that is a claim's, and not done."""
        mine = {"value.claim": list(claim), "value.failures": {"$exists": False}}
        return {**self._scope, "key": _work_key(run_id, index), **mine}

    def works(self, run: Run) -> Iterator[tuple[int, Work]]:
        """The work of each chunk of a run, by index and in their order; read some at a time.

        Yields:
            ``(index, work)``; ``work`` is as :meth:`read` gives it
        """
        for first in range(0, run.chunks, _AT_ONCE):
            indices = range(first, min(first + _AT_ONCE, run.chunks))
            keys = {_work_key(run.id, index): index for index in indices}
            query = {**self._scope, "key": {"$in": list(keys)}}
            values = {keys[d["key"]]: d["value"] for d in self._documents.find(query)}
            yield from ((index, values.get(index) or {}) for index in indices)

    def failures(self, run_id: str, index: int) -> list[dict[str, str]] | None:
        """Reads the failures of a chunk.

        Args:
            run_id: the run's id
            index: the chunk's index

        Returns:
            a list of dicts with keys ``sample_id``, ``filepath`` and ``error``; None if the chunk
            is not done
        """
        return (self._store.get(_work_key(run_id, index)) or {}).get("failures")

    def failure_kinds(self, run_id: str) -> list[dict[str, Any]]:
        """How many samples failed for which kind of error, the most frequent first.

        Returns:
            a list of dicts with keys ``kind`` (the error's class), ``count`` and ``example``
        """
        stages: list[Document] = [
            {
                "$group": {
                    "_id": _KIND,
                    "count": {"$sum": 1},
                    "example": {"$first": "$failure.error"},
                }
            },
            {"$sort": {"count": -1, "_id": 1}},
            {"$project": {"_id": 0, "kind": "$_id", "count": 1, "example": 1}},
        ]
        return list(self._documents.aggregate(self._failed(run_id) + stages))

    def failed_ids(self, run_id: str, kind: str, limit: int) -> list[str]:
        """Reads the ids of samples that failed.

        Args:
            run_id: the run's id
            kind: the class of the error; empty means any
            limit: the maximum number of ids

        Returns:
            the ids, by chunk
        """
        match = [{"$match": {"$expr": {"$eq": [_KIND, {"$literal": kind}]}}}] if kind else []
        stages: list[Document] = [
            *match,
            {"$limit": limit},
            {"$project": {"id": "$failure.sample_id"}},
        ]
        return [d["id"] for d in self._documents.aggregate(self._failed(run_id) + stages)]

    def _failed(self, run_id: str) -> list[Document]:
        """A pipeline that yields each failure as ``failure``, in the order of the chunks' keys."""
        return [
            {"$match": self._where(f"{run_id}:", _WORK)},
            {"$sort": {"key": 1}},
            {"$unwind": "$value.failures"},
            {"$project": {"failure": "$value.failures"}},
        ]

    def reopen(self, run_id: str, index: int) -> None:
        """Lets a chunk be tried again, for the samples that failed.

        Args:
            run_id: the run's id
            index: the chunk's index
        """
        key = _work_key(run_id, index)
        while (done := self._store.get(key)) and "failures" in done:
            again = [failure["sample_id"] for failure in done["failures"]]
            opened: Work = {"claim": list(_NO_CLAIM), "again": again}
            if "account" in done:
                opened["account"] = done["account"]
            if self._store.compare_and_set(key, done, opened):
                return

    def forget(self, run_id: str, index: int) -> None:
        """Lets a chunk be labeled again from its beginning.

        Args:
            run_id: the run's id
            index: the chunk's index
        """
        self._store.delete(_work_key(run_id, index))

    def remove(self, run: Run) -> None:
        """Forgets all chunks of a run."""
        self._documents.delete_many(self._where(f"{run.id}:"))


#: Chunks whose samples are looked at together.
CHUNKS_AT_ONCE = 16

_NO_CLAIM = Claim(0, 0)
_AT_ONCE = 256

#: The class of a failure's error: "OSError: no such file" is an OSError.
_KIND = {"$arrayElemAt": [{"$split": ["$failure.error", ":"]}, 0]}

_WORK = ":work"


def _work_key(run_id: str, index: int) -> str:
    return f"{run_id}:{index}{_WORK}"
