"""The frozen sample ids of a run in chunks, who has which, and which of them are done."""

from datetime import datetime, timezone
from typing import NamedTuple

from fiftyone.operators.store.models import KeyDocument
from pymongo.errors import BulkWriteError

from auto_labeling.errors import RunNotFound
from auto_labeling.names import CHUNKS_STORE
from auto_labeling.run import Run
from auto_labeling.storage.keys import Keys

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


class ChunkStore(Keys):
    """The frozen sample ids of a run, which chunks are claimed, and which of them are done.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
    """

    NAME = CHUNKS_STORE

    def freeze(self, run_id: str, index: int, sample_ids: list):
        """Keeps a chunk of sample ids; they never change again."""
        self._store.set_if_absent(f"{run_id}:{index}", list(sample_ids))

    def sample_ids(self, run_id: str, index: int) -> list:
        """The sample ids of a chunk."""
        ids = self._store.get(f"{run_id}:{index}")
        if ids is None:
            raise RunNotFound(run_id)
        return ids

    def all_sample_ids(self, run_id: str, indices) -> dict[int, list]:
        """The sample ids of several chunks, by index; read at once."""
        keys = {f"{run_id}:{index}": index for index in indices}
        wanted = {**self._scope, "key": {"$in": list(keys)}}
        return {keys[d["key"]]: d["value"] for d in self._documents.find(wanted)}

    def claim(self, run_id: str, index: int, claim: Claim) -> bool:
        """Takes a chunk, to label it; whoever had it before can no longer mark it as done.

        Args:
            run_id: the run's id
            index: the chunk's index
            claim: later than all claims that it may overtake

        Returns:
            whether the chunk is now this claim's: it was neither done nor claimed later
        """
        key, mine = _work_key(run_id, index), {"claim": list(claim)}
        for _ in range(_RETRIES):
            if self._store.set_if_absent(key, mine):
                return True
            held = self._store.get(key)
            if held == mine:  # an answer of the database was lost
                return True
            if held is not None:
                if "failures" in held or Claim(*held["claim"]) > claim:
                    return False
                if self._store.compare_and_set(key, held, mine):
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
            lost = {index for index in held if not self.claim(run_id, index, claims[index])}
            return set(claims) - lost
        return set(claims)

    def mark_done(self, run_id: str, index: int, claim: Claim, failures: list) -> bool:
        """Records that all samples of a chunk were tried, and which of them failed.

        Args:
            run_id: the run's id
            index: the chunk's index
            claim: by whom
            failures: a list of dicts with keys ``sample_id``, ``filepath``, ``error``

        Returns:
            whether the chunk was still this claim's
        """
        key, mine = _work_key(run_id, index), {"claim": list(claim)}
        done = {**mine, "failures": failures}
        # FiftyOne's own compare-and-set asks first, which takes twice as long.
        marked = self._documents.update_one(
            {**self._scope, "key": key, "value": mine},
            {"$set": {"value": done, "updated_at": datetime.now(timezone.utc)}},
        )
        return marked.matched_count == 1 or self._store.get(key) == done

    def failures(self, run_id: str, index: int) -> list | None:
        """The failures of a chunk; None if the chunk is not done."""
        return (self._store.get(_work_key(run_id, index)) or {}).get("failures")

    def failure_kinds(self, run_id: str) -> list[dict]:
        """How many samples failed for which kind of error, the most frequent first.

        Returns:
            a list of dicts with keys ``kind`` (the error's class), ``count`` and ``example``
        """
        stages = [
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
        """The ids of samples that failed for one kind of error; for any if it is empty."""
        wanted = [{"$match": {"$expr": {"$eq": [_KIND, {"$literal": kind}]}}}] if kind else []
        stages = [*wanted, {"$limit": limit}, {"$project": {"id": "$failure.sample_id"}}]
        return [d["id"] for d in self._documents.aggregate(self._failed(run_id) + stages)]

    def _failed(self, run_id):
        """A pipeline that yields each failure as ``failure``, in the order of the chunks' keys."""
        return [
            {"$match": self._where(f"{run_id}:", _WORK)},
            {"$sort": {"key": 1}},
            {"$unwind": "$value.failures"},
            {"$project": {"failure": "$value.failures"}},
        ]

    def reopen(self, run_id: str, index: int):
        """Lets a chunk be tried again, for the samples that failed."""
        self._store.delete(_work_key(run_id, index))

    def remove(self, run: Run):
        """Forgets all chunks of a run."""
        prefix = f"{run.id}:"
        for key in self._store.list_keys():
            if key.startswith(prefix):
                self._store.delete(key)


#: The class of a failure's error: "OSError: no such file" is an OSError.
_KIND = {"$arrayElemAt": [{"$split": ["$failure.error", ":"]}, 0]}

_WORK = ":work"


def _work_key(run_id, index):
    return f"{run_id}:{index}{_WORK}"
