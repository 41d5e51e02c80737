"""Run records, reserved field names and progress: the only user of FiftyOne's ExecutionStore.

A record changes only by compare-and-set, in :meth:`RunStore.move` and
:meth:`RunStore.amend`. Progress has keys of its own, one for each attempt, so that
neither heartbeats nor a worker that was overtaken ever contend with the record.
"""

import re
from datetime import datetime, timezone
from typing import NamedTuple

import fiftyone as fo
import fiftyone.core.odm as foo
from fiftyone.factory.repos.execution_store import MongoExecutionStoreRepo
from fiftyone.operators.store import ExecutionStore
from fiftyone.operators.store.models import KeyDocument
from pymongo.errors import BulkWriteError

from auto_labeling.errors import AttemptRevoked, IllegalTransition, RunNotFound
from auto_labeling.names import CHUNKS_STORE, RUNS_STORE
from auto_labeling.run import Progress, Run, RunState
from auto_labeling.storage import clock

_RETRIES = 16
_DUPLICATE_KEY = 11000


class _Keys:
    """The keys of a store; where FiftyOne's own answers for one at a time, for many at once."""

    NAME: str

    def __init__(self, dataset):
        self._store = ExecutionStore.create(self.NAME, dataset._doc.id)
        self._scope = {"store_name": self.NAME, "dataset_id": dataset._doc.id}
        self._documents = foo.get_db_conn()[MongoExecutionStoreRepo.COLLECTION_NAME]

    def _where(self, prefix, suffix=""):
        """A query for the keys that begin, and end, with something."""
        ending = f".*{re.escape(suffix)}$" if suffix else ""
        return {**self._scope, "key": {"$regex": f"^{re.escape(prefix)}{ending}"}}


def datasets() -> list:
    """The datasets of this database that have, or had, runs; by name."""
    database = foo.get_db_conn()
    stores = database[MongoExecutionStoreRepo.COLLECTION_NAME]
    ids = stores.distinct("dataset_id", {"store_name": RUNS_STORE})
    found = database.datasets.find({"_id": {"$in": ids}}, {"name": 1})
    return [fo.load_dataset(name) for name in sorted(document["name"] for document in found)]


class RunStore(_Keys):
    """The runs of one dataset. They live, and die, with the dataset.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
    """

    NAME = RUNS_STORE

    def create(self, run: Run) -> Run:
        """Records a new run, and its claim on the label field's name.

        Raises:
            IllegalTransition: if another run has claimed the label field
        """
        self._reserve(run.config.label_field, run.id)
        run = run.model_copy(update={"changed_at": clock.stamp()})
        self._store.set_if_absent(_key(run.id), run.model_dump(mode="json"))
        return run

    def get(self, run_id: str) -> Run:
        """Returns a run.

        Raises:
            RunNotFound: if there is none of that id
        """
        value = self._store.get(_key(run_id))
        if value is None:
            raise RunNotFound(run_id)
        return Run.model_validate(value)

    def list(self) -> list[Run]:
        """Returns all runs, newest first."""
        runs = [Run.model_validate(d["value"]) for d in self._documents.find(self._where("run:"))]
        return sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True)

    def move(self, run_id: str, state: RunState, *, token: str = "", **changes) -> Run:
        """Takes a run to its next state, if it may go there and nobody is faster.

        Args:
            run_id: the run's id
            state: the :class:`auto_labeling.run.RunState` to go to
            token: the attempt on whose behalf this is done, if any
            **changes: further fields to set, under the name ``new_token`` for the token

        Raises:
            RunNotFound: if the run has been deleted
            IllegalTransition: if the run's state does not allow it (any more)
            AttemptRevoked: if ``token`` is no longer the run's
        """
        if "new_token" in changes:
            changes["token"] = changes.pop("new_token")
        return self._change(run_id, token, lambda run: run.to(state, **changes))

    def amend(self, run_id: str, *, token: str = "", **changes) -> Run:
        """Sets fields other than the state; raises as :meth:`move` does."""
        return self._change(run_id, token, lambda run: run.model_copy(update=changes))

    def take_over(self, run_id: str, token: str, new_token: str) -> Run:
        """Passes a run from one attempt to the next without a change of state.

        Raises:
            AttemptRevoked: if somebody else has taken it over meanwhile
        """
        return self._change(run_id, token, lambda run: run.model_copy(update={"token": new_token}))

    def remove(self, run: Run):
        """Forgets a run, its progress and its claim on the label field."""
        self.release(run)
        for attempt in range(run.attempt + 1):
            self._store.delete(_progress_key(run.id, attempt))
        self._store.delete(_key(run.id))

    def release(self, run: Run):
        """Gives up a run's claim on its label field."""
        key = _field_key(run.config.label_field)
        if (self._store.get(key) or {}).get("run") == run.id:
            self._store.delete(key)

    def claimed_by(self, label_field: str) -> str | None:
        """The id of the run that has claimed a label field, if any."""
        claim = self._store.get(_field_key(label_field))
        return claim["run"] if claim and not self._is_orphaned(claim) else None

    def beat(self, run: Run, progress: Progress):
        """Says how far an attempt has come, and that it is alive."""
        self._store.set(_progress_key(run.id, run.attempt), progress.model_dump(mode="json"))

    def progress(self, run: Run) -> Progress | None:
        """How far the run's current attempt has come; None before its first sign of life."""
        value = self._store.get(_progress_key(run.id, run.attempt))
        return Progress.model_validate(value) if value else None

    def _change(self, run_id, token, transform) -> Run:
        for _ in range(_RETRIES):
            value = self._store.get(_key(run_id))
            if value is None:
                raise RunNotFound(run_id)
            run = Run.model_validate(value)
            if token and run.token != token:
                raise AttemptRevoked(f"Another process has taken over '{run.name}'")
            run = transform(run).model_copy(update={"changed_at": clock.stamp()})
            if self._store.compare_and_set(_key(run_id), value, run.model_dump(mode="json")):
                return run
        raise IllegalTransition("The run is being changed by others; try again")

    def _reserve(self, label_field, run_id):
        key = _field_key(label_field)
        claim = {"run": run_id, "at": clock.stamp()}
        if self._store.set_if_absent(key, claim):
            return
        old = self._store.get(key)
        orphaned = old and self._is_orphaned(old)
        if not (orphaned and self._store.compare_and_set(key, old, claim)):
            raise IllegalTransition(f"Another run is already making '{label_field}'")

    def _is_orphaned(self, claim) -> bool:
        """Whether a claim outlived its run: whoever was to make or approve the run has died."""
        run = self._store.get(_key(claim["run"]))
        if run is None:
            return clock.age(claim["at"]) > 60
        return run["state"] == RunState.APPROVED.value


class Claim(NamedTuple):
    """A worker's right to a chunk. A later one is greater, and overtakes.

    Args:
        attempt: the number of the run's attempt
        turn: counts the hand-outs of chunks in that attempt
    """

    attempt: int
    turn: int


class ChunkStore(_Keys):
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


def _key(run_id):
    return f"run:{run_id}"


_WORK = ":work"


def _work_key(run_id, index):
    return f"{run_id}:{index}{_WORK}"


def _field_key(label_field):
    return f"field:{label_field}"


def _progress_key(run_id, attempt):
    return f"progress:{run_id}:{attempt}"
