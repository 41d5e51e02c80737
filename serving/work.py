"""One operation that a worker runs, and the facts to report about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import fiftyone.core.odm as foo
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import FailureReason, NewerRecord, RunNotFound
from auto_labeling.core.run import Run
from auto_labeling.lifecycle import labeling
from auto_labeling.serving import exit_reasons
from auto_labeling.serving.log_file import Tail
from auto_labeling.storage import clock, log_tails
from auto_labeling.storage.operations import Job

_KEEP_EVERY_SECONDS = 2.0
_LABELS_KEPT = "Labels so far are kept; resume to label the rest"


@dataclass
class Work:
    """An operation that was given to the process.

    Attributes:
        job: the operation
        tail: its log
        claimed: whether this worker has the operation, so that no other executes it
        lost: why the operation did not end by itself; None while that is unknown, or if it did
    """

    job: Job
    tail: Tail
    claimed: bool = False
    lost: FailureReason | None = None
    _started_at: float = field(default_factory=clock.monotonic)
    _unwanted_since: float | None = None
    _kills: int = field(default_factory=exit_reasons.out_of_memory_kills)
    _kept_at: float = 0.0
    _kept_size: int = 0

    @classmethod
    def on(cls, job: Job, log_dir: Path) -> "Work":
        """Creates the work on an operation.

        Args:
            job: the operation
            log_dir: the folder for its log

        Returns:
            the :class:`Work`
        """
        now = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
        return cls(job, Tail(log_dir / f"{now}-operation-{job.id}.log"))

    @property
    def name(self) -> str:
        """The name of its run, or of its operator."""
        return f"'{self.job.run_name}'" if self.job.run_id else self.job.operator

    @property
    def seconds(self) -> float:
        """The seconds since its start."""
        return clock.monotonic() - self._started_at

    @property
    def facts(self) -> dict[str, Any]:
        """The facts in its events."""
        job = self.job
        ids = {"operation": job.id, "operator": job.operator, "run": job.run_id}
        return {**ids, "name": self.name, "dataset": job.dataset, "log": str(self.tail.path)}

    def unwanted_for(self, unwanted: bool) -> float:
        """Returns for how many seconds in a row it has been unwanted; 0 if it is wanted now."""
        if not unwanted:
            self._unwanted_since = None
            return 0.0
        self._unwanted_since = self._unwanted_since or clock.monotonic()
        return clock.monotonic() - self._unwanted_since

    def lose(self, status: int | None, host: str) -> tuple[FailureReason, str]:
        """Notes why it did not end by itself.

        Args:
            status: the exit status of the process; None if it still runs
            host: the name of the machine

        Returns:
            the reason, and a sentence that explains it and what to do
        """
        if self.lost is None:
            out_of_memory = exit_reasons.out_of_memory_kills() > self._kills
            self.lost = exit_reasons.reason_of(status, out_of_memory)
        sentence = exit_reasons.sentence(self.lost, host, status)
        return self.lost, f"{sentence}. {_LABELS_KEPT}" if self.job.run_id else sentence

    def keep_log(self, at_once: bool = False) -> None:
        """Stores the end of the log for the panel, if it has changed and some seconds passed.

        Args:
            at_once (False): whether to store it even if the last time was just now
        """
        size, now = self.tail.size(), clock.monotonic()
        due = at_once or now - self._kept_at >= _KEEP_EVERY_SECONDS
        dataset_id = self.job.dataset_id
        if dataset_id is None or not self.job.run_id or size == self._kept_size or not due:
            return
        self._kept_at, self._kept_size = now, size
        log_tails.save(dataset_id, self.job.run_id, self.job.id, self.tail.last_lines())


def dataset_of(job: Job) -> Dataset | None:
    """Loads the dataset of an operation; None if it is gone."""
    try:
        return foo.load_dataset(id=job.dataset_id)
    except ValueError:  # FiftyOne raises this for "no such dataset"
        return None


def run_of(job: Job) -> Run | None:
    """Reads the run of an operation; None if there is none that this version can read.

    It does not check whether the run's worker is alive: the worker itself calls this.
    """
    return _run(job, labeling.record)


def settled_run_of(job: Job) -> Run | None:
    """Reads the run of an operation that has ended, and records its end if needed."""
    return _run(job, labeling.get)


def _run(job: Job, read: Callable[[Dataset, str], Run]) -> Run | None:
    dataset = dataset_of(job) if job.run_id else None
    if dataset is None:
        return None
    try:
        return read(dataset, job.run_id)
    except (RunNotFound, NewerRecord):
        return None
