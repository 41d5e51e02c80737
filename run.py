"""The nouns: a run's configuration, its states, and the run itself.

Start reading here, then ``labeling.py``. Nothing in this file touches a database.
"""

import os
import re
from datetime import datetime, timezone
from enum import Enum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from auto_labeling.errors import IllegalTransition
from auto_labeling.names import staging_field

LONGEST_CLASS = 200
LONGEST_PROMPT = 500

_DEVICE = re.compile(r"(cpu|mps|cuda(:\d{1,3})?)?")


class Task(str, Enum):
    """What kind of labels a run makes."""

    CLASSIFICATION = "classification"
    DETECTION = "detection"
    INSTANCE_SEGMENTATION = "instance_segmentation"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


class Method(str, Enum):
    """How a run makes its labels."""

    ONE_STAGE = "one_stage"
    TWO_STAGE = "two_stage"
    EXISTING_DETECTIONS = "existing_detections"

    @property
    def label(self) -> str:
        return {
            "one_stage": "One-stage model",
            "two_stage": "Two-stage model",
            "existing_detections": "Existing detections",
        }[self.value]


class ModelType(str, Enum):
    """Where a model's classes come from."""

    ZERO_SHOT = "zero_shot"
    FIXED_VOCABULARY = "fixed_vocabulary"

    @property
    def label(self) -> str:
        return {"zero_shot": "Zero-shot", "fixed_vocabulary": "Fixed vocabulary"}[self.value]


class Target(str, Enum):
    """Which samples a run labels; frozen to sample ids when it starts."""

    ALL = "all"
    VIEW = "view"
    SELECTION = "selection"

    @property
    def label(self) -> str:
        return {
            "all": "All samples",
            "view": "Current view",
            "selection": "Current selection",
        }[self.value]


class RunConfig(BaseModel):
    """What a person asks for: the one definition behind form, CLI, SDK and stored record.

    What can be judged without a dataset is checked here; ``labeling.check`` adds the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Task
    model: str = Field(min_length=1)
    label_field: str = Field(min_length=1)
    target: Target = Target.ALL
    method: Method = Method.ONE_STAGE
    classes: tuple[str, ...] = ()
    confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    name: str = Field(default="", max_length=100)
    segmenter: str = ""
    source_field: str = ""
    prompts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    mask_location: str = ""
    max_labels: int | None = Field(default=None, ge=1)
    device: str = ""
    half: bool = False
    checkpoint: str = ""

    @field_validator(
        *("name", "label_field", "segmenter", "source_field", "mask_location"),
        *("device", "checkpoint"),
        mode="before",
    )
    @classmethod
    def _strip(cls, value):
        return value.strip() if isinstance(value, str) else value

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes):
        blank = [c for c in classes if not c.strip()]
        if blank:
            raise ValueError("a class must have a name")
        if any(len(c) > LONGEST_CLASS or not _is_plain(c) for c in classes):
            raise ValueError(f"a class has at most {LONGEST_CLASS} printable characters")
        return tuple(dict.fromkeys(classes))

    @field_validator("prompts")
    @classmethod
    def _one_class_per_prompt(cls, prompts, info):
        classes = info.data.get("classes")
        if classes is None:  # wrong in themselves
            return prompts
        unknown = [name for name in prompts if name not in classes]
        if unknown:
            raise ValueError(
                f"there are prompts for '{unknown[0]}', which is not among the classes"
            )
        asked = {}
        for name in classes:
            for text in prompts.get(name) or (name,):
                if not text.strip() or len(text) > LONGEST_PROMPT or not _is_plain(text):
                    raise ValueError(f"a prompt has 1 to {LONGEST_PROMPT} printable characters")
                other = asked.setdefault(" ".join(text.casefold().split()), name)
                if prompts and other != name:
                    raise ValueError(f"'{text}' is a prompt of both '{other}' and '{name}'")
        return {name: tuple(dict.fromkeys(texts)) for name, texts in prompts.items() if texts}

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, device):
        if not _DEVICE.fullmatch(device):
            raise ValueError("a device is cpu, mps, cuda, or cuda with a number, such as cuda:0")
        return device


def _is_plain(text: str) -> bool:
    """Whether text can be stored and shown: no control characters, no half of a character."""
    return not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in text)


class RunState(str, Enum):
    """Where a run stands."""

    QUEUED = "queued"  # recorded and frozen; no worker has picked it up
    GENERATING = "generating"  # a worker is labeling
    IMPORTING = "importing"  # existing labels are being copied into the staging field
    IN_REVIEW = "in_review"  # all is generated; promote, undo, approve
    APPROVING = "approving"  # promoted labels are moving to the label field
    APPROVED = "approved"  # the label field holds the promoted labels; the run is over
    FAILED = "failed"  # stopped, with a reason; resume, or review what there is
    DELETING = "deleting"  # its labels are being removed


S = RunState

TRANSITIONS: dict[RunState, frozenset] = {
    S.QUEUED: frozenset({S.GENERATING, S.FAILED, S.DELETING}),
    S.GENERATING: frozenset({S.IN_REVIEW, S.FAILED, S.DELETING}),
    S.IMPORTING: frozenset({S.IN_REVIEW, S.FAILED, S.DELETING}),
    S.IN_REVIEW: frozenset({S.APPROVING, S.QUEUED, S.DELETING}),
    S.APPROVING: frozenset({S.APPROVED}),
    S.APPROVED: frozenset({S.DELETING}),
    S.FAILED: frozenset({S.QUEUED, S.IMPORTING, S.IN_REVIEW, S.DELETING}),
    S.DELETING: frozenset(),
}

ACTIVE = frozenset({S.QUEUED, S.GENERATING, S.IMPORTING})

_STATUS = {
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
    """How far the current attempt has come. Written by the worker alone, under its token."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    token: str
    done: int = 0  # samples tried, those that failed among them
    failed: int = 0
    labels: int = 0
    dropped: int = 0
    batch_size: int = 0
    rate: float | None = None
    device: str = ""
    half: bool = False  # whether the model really runs in half precision
    worker: str = ""
    beat_at: str


class Speed(BaseModel):
    """How fast a model was on a machine: measured by a run, from the first batch to the last."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str
    segmenter: str = ""
    task: Task
    machine: str
    device: str
    half: bool = False
    samples: int
    rate: float  # samples per second
    at: str


class Run(BaseModel):
    """A run's record, as stored. Change it through ``storage.runs.RunStore`` only."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
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
    reason: str = ""
    error: str = ""
    labels: int = 0
    dropped: int = 0
    failed: int = 0
    approved: int = 0
    license: str = ""
    source: str = ""  # the field whose labels were imported; empty for a run of a model
    replaces: bool = False  # whether approval puts the labels back into ``source``

    @property
    def name(self) -> str:
        return self.config.name or f"{self.config.model} → {self.config.label_field}"

    @property
    def status(self) -> str:
        """The word that people see for the state."""
        return _STATUS[self.state]

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def staging_field(self) -> str:
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
    def many(self) -> bool:
        """Whether a sample holds a list of labels rather than one."""
        return self.config.task is not Task.CLASSIFICATION

    def to(self, state: RunState, **changes) -> "Run":
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


def iso(moment: datetime) -> str:
    """A moment as stored: store values are JSON only, so never a ``datetime``."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
