"""A run: its states and its record (its settings are in ``core/settings.py``).

Start reading here, then ``lifecycle/labeling.py``. Nothing in this file touches a database.
"""

import os
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from auto_labeling.core import failure_reasons
from auto_labeling.core.account import Account, Decision, LeftOut
from auto_labeling.core.enums import Method, ModelType, Target, Task
from auto_labeling.core.errors import (
    AutoLabelingError,
    FailureReason,
    IllegalTransition,
    first_line,
)
from auto_labeling.core.names import staging_field
from auto_labeling.core.settings import RunConfig

__all__ = [
    "ACTIVE",
    "NOT_STOPPED",
    "RECORD_FORMAT",
    "STATUSES",
    "TRANSITIONS",
    "Method",
    "ModelType",
    "Progress",
    "Run",
    "RunConfig",
    "RunState",
    "Speed",
    "StopReason",
    "Target",
    "Task",
    "iso",
    "stopped_by",
]


class RunState(str, Enum):
    """The state of a run."""

    QUEUED = "queued"  # recorded and frozen; no worker has picked it up
    GENERATING = "generating"  # a worker is labeling
    IMPORTING = "importing"  # existing labels are being copied into the staging field
    IN_REVIEW = "in_review"  # all is generated; promote, undo, approve
    APPROVING = "approving"  # promoted labels are moving to the label field
    APPROVED = "approved"  # the label field holds the promoted labels; the run is over
    FAILED = "failed"  # stopped, with a reason; resume, or review the labels so far
    DELETING = "deleting"  # its labels are being removed


class StopReason(str, Enum):
    """Why a run stopped, for programs; ``Run.error`` is the sentence for people."""

    NONE = ""
    ERROR = "error"  # the error of the worker is in ``Run.error``
    CANCELLED = "cancelled"
    WORKER_LOST = "worker lost"  # another process saw how the worker ended
    WORKER_VANISHED = "worker vanished"  # its signs of life stopped
    NEVER_BEGAN = "never began"  # an operation came to its end, or was deleted, without a worker
    START_INTERRUPTED = "start interrupted"  # its process stopped while starting it
    APP_STOPPED = "app stopped"  # while existing labels were being copied


S = RunState

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    S.QUEUED: frozenset({S.GENERATING, S.FAILED, S.DELETING}),
    S.GENERATING: frozenset({S.IN_REVIEW, S.FAILED, S.DELETING}),
    S.IMPORTING: frozenset({S.IN_REVIEW, S.FAILED, S.DELETING}),
    S.IN_REVIEW: frozenset({S.APPROVING, S.QUEUED, S.DELETING}),
    S.APPROVING: frozenset({S.APPROVED, S.IN_REVIEW}),  # back if the labels shown have changed
    S.APPROVED: frozenset({S.DELETING}),
    S.FAILED: frozenset({S.QUEUED, S.IMPORTING, S.IN_REVIEW, S.DELETING}),
    S.DELETING: frozenset(),
}

ACTIVE = frozenset({S.QUEUED, S.GENERATING, S.IMPORTING})

#: Each state as people see it.
STATUSES = {
    S.QUEUED: "Generating",
    S.GENERATING: "Generating",
    S.IMPORTING: "Generating",
    S.IN_REVIEW: "In Review",
    S.APPROVING: "In Review",
    S.APPROVED: "Approved",
    S.FAILED: "Error",
    S.DELETING: "Deleting",
}


class Progress(BaseModel):
    """The progress of the current attempt. Only its worker writes it, under its token."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    token: str
    done: int = 0  # samples tried, those that failed among them
    failed: int = 0
    labels: int = 0
    dropped: int = 0  # labels over the most per image
    left_out: dict[LeftOut, int] = {}
    batch_size: int = 0
    rate: float | None = None
    device: str = ""
    half: bool = False  # whether the model really runs in half precision
    worker: str = ""
    workers: int = 0  # how many really work
    beat_at: str


class Worker(BaseModel):
    """A process that runs delegated operations, as it last reported itself.

    Only workers of ``auto-labeling launch`` report; FiftyOne's own workers do not.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    host: str
    pid: int
    device: str = ""  # "cuda:2", "cpu"; empty until it is known
    state: Literal["idle", "working", "draining"] = "idle"
    dataset: str = ""  # these five are of its current operation
    run_id: str = ""
    run_name: str = ""
    operation_id: str = ""
    log_path: str = ""  # on that host
    started_at: str
    beat_at: str = ""


class Speed(BaseModel):
    """How fast a model was on a machine: measured by a run, from the first batch to the last.

    ``startup_seconds`` is what else the run took, most of it until its model was ready. It is None
    in records of older versions.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str
    segmenter: str = ""
    task: Task
    machine: str
    device: str
    half: bool = False
    samples: int
    rate: float  # samples per second, of one worker
    workers: int = 1  # how many began to work
    startup_seconds: float | None = None
    at: str


#: The format of the records that this version writes. It reads all up to this one; raise it when
#: an older version would misread the records. 1: version 0.1.0, whose records have no number.
RECORD_FORMAT = 2


#: What stands in :attr:`Run.guessed` for samples with boxes that are turned about x or y.
TILTED = "tilted boxes"


class Run(BaseModel):
    """A run's record, as stored. Change it through ``storage.runs.RunStore`` only."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    format: int = 1
    config: RunConfig
    state: RunState = RunState.QUEUED
    created_at: str
    created_by: str = ""
    changed_at: str = ""
    samples: int = 0
    chunks: int = 0
    frozen: bool = False
    attempt: int = 0
    token: str = ""
    operation_id: str = ""
    delegated: bool = True  # whether a worker generates, or the process that started the run
    reason: StopReason = StopReason.NONE  # how it stopped
    failure_reason: FailureReason | None = None  # and why; older versions did not store it
    error: str = ""
    is_explained: bool = False  # whether ``error`` is a sentence for people
    labels: int = 0
    dropped: int = 0
    failed: int = 0
    approved: int = 0
    guessed: dict[
        str, int
    ] = {}  # images whose range of values was guessed (models/bit_depth.py), and TILTED
    decision: Decision | None = None  # counted when an approval began
    expected: int | None = None  # the number of labels shown to the approver
    is_settled: bool = True  # whether an approval has compared that with the labels there are
    marks_empty: bool = False  # whether approval marks samples without a label kept as empty
    license: str = ""
    source: str = ""  # the field whose labels were imported; empty for a run of a model
    account: Account | None = None  # as it was when generation ended; see storage/account.py
    replaces: bool = False  # whether approval puts the labels back into ``source``
    thresholds: tuple[tuple[str, float], ...] = ()  # classes and minimum confidence, to promote by
    own_source: bool = False  # whether labels it stages have an attribute "source" of their own

    @property
    def name(self) -> str:
        """The name as people gave it, or the model and the label field."""
        return self.config.name or f"{self.config.model} → {self.config.label_field}"

    @property
    def status(self) -> str:
        """The state as people see it."""
        return STATUSES[self.state]

    @property
    def is_active(self) -> bool:
        """Whether labels are being made or copied, or wait for that."""
        return self.state in ACTIVE

    @property
    def staging_field(self) -> str:
        """The field that holds the labels until approval."""
        return staging_field(self.config.label_field)

    @property
    def label_root(self) -> str:
        """The path of the staged labels themselves."""
        if self.config.task is Task.CLASSIFICATION:
            return self.staging_field
        return f"{self.staging_field}.detections"

    @property
    def mask_folder(self) -> str:
        """The folder of the run's own mask files; empty if masks are in the labels."""
        return os.path.join(self.config.mask_location, self.id) if self.config.mask_location else ""

    @property
    def guesses(self) -> str:
        """That, and how, the range of values of images was guessed, in a sentence; or ""."""
        guessed = {guess: number for guess, number in self.guessed.items() if guess != TILTED}
        total = sum(guessed.values())
        how = ", ".join(f"{guess} ({number:,})" for guess, number in guessed.items())
        images = "image holds" if total == 1 else "images hold"
        if not total:
            return ""
        return f"{total:,} {images} more than 8 bits without stating the range: read as {how}"

    @property
    def tilted(self) -> str:
        """How many samples have tilted boxes, in a sentence; or ""."""
        number = self.guessed.get(TILTED, 0)
        if not number:
            return ""
        has = "sample has" if number == 1 else "samples have"
        return (
            f"{number:,} {has} boxes that are turned about x or y. They are kept. FiftyOne's "
            "viewer and its evaluation read such rotations differently"
        )

    @property
    def many(self) -> bool:
        """Whether a sample holds a list of labels rather than one."""
        return self.config.task is not Task.CLASSIFICATION

    def to(self, state: RunState, **changes: Any) -> "Run":
        """Returns the run in its next state.

        Args:
            state: the :class:`RunState` to go to
            **changes: further fields of the record to set

        Raises:
            IllegalTransition: if :data:`TRANSITIONS` does not allow it
        """
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransition(
                f"'{self.name}' is {self.status.lower()} ({self.state.value}); "
                f"it cannot become {state.value} now"
            )
        return self.model_copy(update={"state": state, **changes})


#: The fields of a record that tell why a run stopped, for one that has not, or continues.
NOT_STOPPED: dict[str, Any] = {
    "reason": StopReason.NONE,
    "failure_reason": None,
    "error": "",
    "is_explained": False,
}


def stopped_by(error: BaseException) -> dict[str, Any]:
    """Returns the fields of a record that tell by which error a run was stopped."""
    return {
        "reason": StopReason.ERROR,
        "failure_reason": failure_reasons.of_error(error),
        "error": first_line(error),
        "is_explained": isinstance(error, AutoLabelingError),
    }


def iso(moment: datetime) -> str:
    """A moment as stored: store values are JSON only, so never a ``datetime``."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
