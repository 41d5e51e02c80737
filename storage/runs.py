"""Run records, reserved field names and progress.

A record changes only by compare-and-set, in :meth:`RunStore.move` and
:meth:`RunStore.amend`. Progress has keys of its own, one for each attempt, so that
neither heartbeats nor a worker that was overtaken ever contend with the record.
"""

import secrets
from collections.abc import Callable
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import (
    AttemptRevoked,
    FailureReason,
    IllegalTransition,
    NewerRecord,
    RunNotFound,
)
from auto_labeling.core.names import RUNS_STORE
from auto_labeling.core.run import RECORD_FORMAT, Progress, Run, RunState, StopReason
from auto_labeling.storage import clock
from auto_labeling.storage.key_store import Keys, collection
from auto_labeling.storage.mongo import Document

_RETRIES = 16


def datasets() -> list[Dataset]:
    """The datasets of this database that have, or had, runs; by name."""
    ids = collection().distinct("dataset_id", {"store_name": RUNS_STORE})
    documents = foo.get_db_conn().datasets.find({"_id": {"$in": ids}}, {"name": 1})
    return [fo.load_dataset(name) for name in sorted(document["name"] for document in documents)]


def all_datasets() -> list[Dataset]:
    """Every dataset of this database that is not a view of another, by name."""
    samples = {"sample_collection_name": {"$regex": r"^samples\."}}
    documents = foo.get_db_conn().datasets.find(samples, {"name": 1})
    return [fo.load_dataset(name) for name in sorted(document["name"] for document in documents)]


class RunStore(Keys):
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
        run = run.model_copy(update={"changed_at": clock.stamp(), "format": RECORD_FORMAT})
        self._store.set_if_absent(_key(run.id), run.model_dump(mode="json"))
        try:
            self.reserve(run)
        except IllegalTransition:
            self._store.delete(_key(run.id))
            raise
        return run

    def get(self, run_id: str) -> Run:
        """Returns a run.

        Raises:
            RunNotFound: if there is none of that id
            NewerRecord: if a newer version of this package has stored it
        """
        return _read(run_id, self._store.get(_key(run_id)))

    def list(self) -> list[Run]:
        """Returns all runs that this version can read, newest first."""
        values = [d["value"] for d in self._documents.find(self._where("run:"))]
        runs = [Run.model_validate(value) for value in values if not _is_newer(value)]
        return sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True)

    def versions(self) -> dict[str, str]:
        """When each run's record last changed, by its id: those of newer versions too."""
        fields = {"_id": 0, "value.id": 1, "value.changed_at": 1}
        documents = self._documents.find(self._where("run:"), fields)
        values = [document["value"] for document in documents]
        return {value["id"]: value.get("changed_at", "") for value in values}

    def newer(self) -> dict[str, str]:
        """The runs that a newer version of this package has stored: from id to name."""
        values = [d["value"] for d in self._documents.find(self._where("run:"))]
        return {value["id"]: _name(value) for value in values if _is_newer(value)}

    def move(self, run_id: str, state: RunState, *, token: str = "", **changes: Any) -> Run:
        """Takes a run to its next state, if it may go there and no other process is faster.

        Args:
            run_id: the run's id
            state: the :class:`auto_labeling.core.run.RunState` to go to
            token: the attempt on whose behalf this is done, if any
            **changes: further fields to set, under the name ``new_token`` for the token

        Returns:
            the run as stored

        Raises:
            RunNotFound: if the run has been deleted
            IllegalTransition: if the run's state does not allow it
            AttemptRevoked: if ``token`` is no longer the run's
        """
        if "new_token" in changes:
            changes["token"] = changes.pop("new_token")
        return self._change(run_id, token, lambda run: run.to(state, **changes))

    def amend(self, run_id: str, *, token: str = "", **changes: Any) -> Run:
        """Sets fields other than the state.

        Args:
            run_id: the run's id
            token: the attempt on whose behalf this is done, if any
            **changes: the fields to set

        Returns:
            the run as stored

        Raises:
            RunNotFound: if the run has been deleted
            AttemptRevoked: if ``token`` is no longer the run's
        """
        return self._change(run_id, token, lambda run: run.model_copy(update=changes))

    def stop(
        self,
        run: Run,
        reason: StopReason,
        sentence: str,
        failure_reason: FailureReason = FailureReason.OTHER,
    ) -> Run:
        """Records that a run has stopped, if it has not changed since it was judged.

        A run that a worker has begun to label since, or that was resumed, is left alone.

        Args:
            run: the run, as it was judged
            reason: how it stopped
            sentence: why it stopped, for people
            failure_reason (FailureReason.OTHER): why it stopped, for programs

        Returns:
            the run as stored

        Raises:
            IllegalTransition: if the run has changed
            AttemptRevoked: if another attempt has the run
            RunNotFound: if the run has been deleted
        """

        def transform(now: Run) -> Run:
            if (now.state, now.operation_id, now.attempt) != judged:
                raise IllegalTransition(f"'{now.name}' has changed")
            return now.to(
                RunState.FAILED,
                reason=reason,
                failure_reason=failure_reason,
                error=sentence,
                is_explained=reason is not StopReason.ERROR,
                token=secrets.token_hex(8),
            )

        judged = run.state, run.operation_id, run.attempt
        return self._change(run.id, run.token, transform)

    def take_over(self, run_id: str, token: str, new_token: str) -> Run:
        """Passes a run from one attempt to the next without a change of state.

        Args:
            run_id: the run's id
            token: the token of the attempt that ends
            new_token: the token of the attempt that takes over

        Returns:
            the run as stored

        Raises:
            AttemptRevoked: if another process has taken it over first
        """
        return self._change(run_id, token, lambda run: run.model_copy(update={"token": new_token}))

    def remove(self, run: Run) -> None:
        """Forgets a run, its progress and its claim on the label field."""
        self.release(run)
        self._documents.delete_many(self._where(_progress_key(run.id, "")))
        self._documents.delete_many(self._where(_started_key(run.id, "")))
        self._store.delete(_key(run.id))

    def reserve(self, run: Run) -> None:
        """Claims a run's label field, if the run has not done so already.

        Raises:
            IllegalTransition: if another run has claimed it
        """
        key = _field_key(run.config.label_field)
        claim = {"run": run.id, "at": clock.stamp()}
        if self._store.set_if_absent(key, claim):
            return
        old = self._store.get(key)
        if old and old["run"] == run.id:
            return
        orphaned = old and self._is_orphaned(old)
        if not (orphaned and self._store.compare_and_set(key, old, claim)):
            raise IllegalTransition(f"Another run is already generating '{run.config.label_field}'")

    def release(self, run: Run) -> None:
        """Gives up a run's claim on its label field."""
        key = _field_key(run.config.label_field)
        if (self._store.get(key) or {}).get("run") == run.id:
            self._store.delete(key)

    def keep_masks(self, run: Run) -> None:
        """Notes that mask files of a run may have to be removed, when nothing names them."""
        note = {"folder": run.mask_folder, "name": run.name, "at": clock.stamp()}
        self._store.set(_masks_key(run.id), note)

    def forget_masks(self, run_id: str) -> None:
        """Removes the note of :meth:`keep_masks`."""
        self._store.delete(_masks_key(run_id))

    def kept_masks(self) -> dict[str, dict[str, str]]:
        """What :meth:`keep_masks` has noted, by the ids of the runs."""
        documents = self._documents.find(self._where("masks:"))
        return {d["key"].partition(":")[2]: d["value"] for d in documents}

    def claimed_by(self, label_field: str) -> str | None:
        """The id of the run that has claimed a label field, if any."""
        claim = self._store.get(_field_key(label_field))
        return claim["run"] if claim and not self._is_orphaned(claim) else None

    def first_seen_started(self, run: Run) -> str:
        """When it was first noticed that a worker has taken the run's operation.

        The operation's own times are those of the worker's machine, whose clock may be wrong.
        """
        key, now = _started_key(run.id, run.operation_id), {"at": clock.stamp()}
        if self._store.set_if_absent(key, now):
            return now["at"]
        return (self._store.get(key) or now)["at"]

    def beat(self, run: Run, progress: Progress) -> None:
        """Stores the progress of an attempt, which is its sign of life too.

        Args:
            run: the run, as it is in this attempt
            progress: the attempt's progress
        """
        self._store.set(_progress_key(run.id, run.attempt), progress.model_dump(mode="json"))

    def progress(self, run: Run) -> Progress | None:
        """How far the run's current attempt has come; None before its first sign of life."""
        value = self._store.get(_progress_key(run.id, run.attempt))
        return Progress.model_validate(value) if value else None

    def _change(self, run_id: str, token: str, transform: Callable[[Run], Run]) -> Run:
        for _ in range(_RETRIES):
            value = self._store.get(_key(run_id))
            run = _read(run_id, value)
            if token and run.token != token:
                raise AttemptRevoked(f"Another process has taken over '{run.name}'")
            run = transform(run).model_copy(
                update={"changed_at": clock.stamp(), "format": RECORD_FORMAT}
            )
            if self._store.compare_and_set(_key(run_id), value, run.model_dump(mode="json")):
                return run
        raise IllegalTransition("The run is being changed by another process; try again")

    def _is_orphaned(self, claim: Document) -> bool:
        """Whether a claim outlived its run: the process that made or approved the run has died."""
        run = self._store.get(_key(claim["run"]))
        if run is None:  # the record is there before the claim, and goes after it
            return True
        return run["state"] == RunState.APPROVED.value


def _read(run_id: str, value: Document | None) -> Run:
    if value is None:
        raise RunNotFound(run_id)
    if _is_newer(value):
        raise NewerRecord(_name(value), value["format"], RECORD_FORMAT)
    return Run.model_validate(value)


def _is_newer(value: Document) -> bool:
    return value.get("format", 1) > RECORD_FORMAT


def _name(value: Document) -> str:
    """The run's name, from a record of any format."""
    config = value.get("config") or {}
    return config.get("name") or config.get("label_field") or value.get("id", "")


def _key(run_id: str) -> str:
    return f"run:{run_id}"


def _field_key(label_field: str) -> str:
    return f"field:{label_field}"


def _started_key(run_id: str, operation_id: str) -> str:
    return f"started:{run_id}:{operation_id}"


def _masks_key(run_id: str) -> str:
    return f"masks:{run_id}"


def _progress_key(run_id: str, attempt: int | str) -> str:
    return f"progress:{run_id}:{attempt}"
