"""One operation that a worker runs, and what to report about it."""

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import fiftyone.core.odm as foo

from auto_labeling.core.errors import NewerRecord, RunNotFound
from auto_labeling.core.run import Run
from auto_labeling.lifecycle import labeling
from auto_labeling.serving import exit_reasons
from auto_labeling.serving.log_file import Tail
from auto_labeling.storage import clock, log_tails
from auto_labeling.storage.operations import Job

_KEEP_EVERY_SECONDS = 2.0
_KEPT_ANYWAY = "Labels so far are kept; resume to label the rest"


@dataclass
class Work:
    """An operation that was given to the process.

    Attributes:
        job: the operation
        tail: its log
        claimed: whether the operation is ours, so that nobody else executes it
        why: why the process was killed by the service; empty if it was not
    """

    job: Job
    tail: Tail
    claimed: bool = False
    why: str = ""
    _began: float = field(default_factory=clock.monotonic)
    _unwanted_since: float | None = None
    _kills: int = field(default_factory=exit_reasons.out_of_memory_kills)
    _kept_at: float = 0.0
    _kept_size: int = 0

    @classmethod
    def on(cls, job: Job, log_dir: Path) -> "Work":
        """Work on an operation, with a log in a folder."""
        now = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
        return cls(job, Tail(log_dir / f"{now}-operation-{job.id}.log"))

    @property
    def name(self) -> str:
        """What people call it."""
        return f"'{self.job.run_name}'" if self.job.run_id else self.job.operator

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return clock.monotonic() - self._began

    @property
    def facts(self) -> dict:
        """What scripts are told of it."""
        job = self.job
        ids = {"operation": job.id, "operator": job.operator, "run": job.run_id}
        return {**ids, "name": self.name, "dataset": job.dataset, "log": str(self.tail.path)}

    def unwanted_for(self, unwanted: bool) -> float:
        """Seconds for which it has been unwanted without a break, if it is."""
        if not unwanted:
            self._unwanted_since = None
            return 0.0
        self._unwanted_since = self._unwanted_since or clock.monotonic()
        return clock.monotonic() - self._unwanted_since

    def why_lost(self, status: int | None, host: str) -> str:
        """Why it came to no end of its own, and what to do.

        Args:
            status: how the process ended; None if it goes on
            host: this machine's name
        """
        why = self.why or (
            exit_reasons.sentence(status, host, exit_reasons.out_of_memory_kills() > self._kills)
            if status is not None
            else f"The worker on {host} could not report to the database how it ended"
        )
        return f"{why}. {_KEPT_ANYWAY}" if self.job.run_id else why

    def keep_log(self, at_once: bool = False) -> None:
        """Puts the end of the log where the panel finds it, now and then."""
        size, now = self.tail.size(), clock.monotonic()
        due = at_once or now - self._kept_at >= _KEEP_EVERY_SECONDS
        if not self.job.run_id or size == self._kept_size or not due:
            return
        self._kept_at, self._kept_size = now, size
        log_tails.keep(self.job.dataset_id, self.job.run_id, self.job.id, self.tail.last_lines())


def dataset_of(job: Job):
    """The dataset of an operation; None if it is gone."""
    try:
        return foo.load_dataset(id=job.dataset_id)
    except ValueError:  # FiftyOne's word for "no such dataset"
        return None


def run_of(job: Job) -> Run | None:
    """The run of an operation as its record stands; None if there is none that can be read here.

    Not judged: whoever executes a run never judges it lost.
    """
    return _run(job, labeling.record)


def settled_run_of(job: Job) -> Run | None:
    """The run of an operation that has ended, after its end was written down."""
    return _run(job, labeling.get)


def _run(job, read) -> Run | None:
    dataset = dataset_of(job) if job.run_id else None
    if dataset is None:
        return None
    try:
        return read(dataset, job.run_id)
    except (RunNotFound, NewerRecord):
        return None
