"""Errors that a person may read.

.. code-block:: text

    AutoLabelingError            safe to show: the sentence names the problem and the next step
    ├── ConfigError              the settings of a run are wrong; names every wrong field
    ├── ModelUnavailable         a model cannot be used here, and why
    ├── RunNotFound              the dataset has no such run
    ├── NewerRecord              the run was stored by a newer version of this package
    ├── IllegalTransition        the run is not in a state that allows this
    ├── AttemptRevoked           this attempt at the run is no longer the current one
    ├── FieldGone                a run's field was deleted or renamed by hand
    ├── LabelsChanged            the labels are no longer those that were shown
    ├── AuditRefused             it would make the promise of an audit untrue
    ├── NotPermitted             the person may view the dataset, but not change it
    ├── Unreadable               a request that no App would send
    ├── DatabaseAway             the database does not answer
    ├── CannotWrite              labels or masks cannot be written, and no further ones could
    ├── RunFailed                a run that a script waited for has stopped
    └── StillRunning             the timeout expired; the run continues

Everything else is a bug, and surfaces with its traceback.
"""

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar


class FailureReason(str, Enum):
    """Why something failed, for programs; a message beside it is the sentence for people.

    ``error.reason`` of our errors, and ``run.failure_reason`` of a run that stopped.
    """

    OTHER = ""
    MODEL_NOT_OFFERED = "model not offered"  # unknown, excluded or not allowed here
    NOT_TRUSTED = "not trusted"
    PACKAGES_MISSING = "packages missing"
    PACKAGE_BROKEN = "package broken"
    WEIGHTS_MISSING = "weights missing"
    WRONG_CHECKPOINT = "wrong checkpoint"  # no such file, or one of another kind
    DEVICE_MISSING = "device missing"
    DEVICE_FAILED = "device failed"
    OUT_OF_MEMORY = "out of memory"  # of the machine or its device
    FILE_MISSING = "file missing"
    DOWNLOAD_FAILED = "download failed"
    MODEL_FAILS = "model fails"  # on every sample
    POINTS_UNREADABLE = "points unreadable"  # of a point cloud or scene
    CALIBRATION_MISSING = "calibration missing"  # of a camera
    SERVICE_SILENT = "service silent"
    DISK_FULL = "disk full"
    PERMISSION_DENIED = "permission denied"
    STORAGE_GONE = "storage gone"
    WRITE_REFUSED = "write refused"  # by a rule of the database, or its administrator
    WRITES_LOST = "writes lost"  # by the database, after it had confirmed them
    RAY_MISSING = "ray missing"  # or its cluster cannot be used
    NO_RESOURCES = "no resources"
    MACHINE_UNSUITABLE = "machine unsuitable"
    WORKERS_DIE = "workers die"
    FIELD_GONE = "field gone"  # deleted or renamed by hand
    DATABASE_AWAY = "database away"
    # Why the ledger of an audit refuses something.
    NO_AUDIT = "no audit"
    NO_LABELS = "no labels"
    AUDIT_OVER = "audit over"
    NO_ATTEMPT_LEFT = "no attempt left"  # or another number of attempts than was chosen
    OTHER_PLAN = "other plan"
    OTHER_ORDER = "other order"  # answers that are not those of the frozen set
    OUT_OF_ORDER = "out of order"
    PILOT_LABEL = "pilot label"
    NOT_SHOWN = "not shown"
    CROSSES_LOOK = "crosses look"
    # How a worker lost an operation.
    UNWANTED = "unwanted"  # its run was canceled, deleted or taken over
    WORKER_STOPPED = "worker stopped"  # by a signal, before the operation was done
    WORKER_DISAPPEARED = "worker disappeared"  # together with its process
    NOT_REPORTED = "not reported"  # the process could not tell the database how it ended
    KILLED = "killed"
    BUS_ERROR = "bus error"
    CRASHED = "crashed"
    SIGNALED = "signaled"  # any other signal ended the process
    EXITED = "exited"

    @classmethod
    def _missing_(cls, value: object) -> "FailureReason | None":
        """Reads a reason that a newer version has stored as unknown."""
        return cls.OTHER if isinstance(value, str) else None


class AutoLabelingError(Exception):
    """Base class: the message is safe to show a person.

    Args:
        *args: the message
        reason (None): why it failed, for programs; None for that of the class
    """

    REASON: ClassVar[FailureReason] = FailureReason.OTHER

    def __init__(self, *args: object, reason: FailureReason | None = None) -> None:
        super().__init__(*args)
        self.reason = self.REASON if reason is None else reason


class ConfigError(AutoLabelingError):
    """A run's settings are wrong.

    Args:
        problems: a dict from field name to a sentence about the problem
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{field}: {text}" for field, text in self.problems.items()))


class ModelUnavailable(AutoLabelingError):
    """The model cannot be used here: a package or its weights are missing."""


class RunNotFound(AutoLabelingError):
    """The dataset has no such run."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run {run_id} in this dataset; it may have been deleted")


class NewerRecord(AutoLabelingError):
    """A newer version of this package has stored the run, in a format that this one cannot read.

    Args:
        name: the run's name
        stored: the format of its record
        readable: the newest format that this version reads
    """

    def __init__(self, name: str, stored: int, readable: int) -> None:
        super().__init__(
            f"The run '{name}' was saved by a newer version of Auto-Labeling (record format "
            f"{stored}; this version reads up to {readable}). Nothing was changed. Update "
            "Auto-Labeling here and on every worker to the same version"
        )


class IllegalTransition(AutoLabelingError):
    """The run's state does not allow this, or another process was faster."""


class AttemptRevoked(AutoLabelingError):
    """A newer attempt, an approval or a deletion has taken over; this attempt must stop."""


class FieldGone(AutoLabelingError):
    """A field that a run needs was deleted or renamed by hand."""

    REASON = FailureReason.FIELD_GONE


class LabelsChanged(AutoLabelingError):
    """The labels in the database are no longer those on the screen."""


class AuditRefused(AutoLabelingError):
    """It would make the promise of an audit untrue; the ledger is unchanged."""


class NotPermitted(AutoLabelingError):
    """The person may view the dataset, but not change it."""


class Unreadable(AutoLabelingError):
    """A request that no App would send."""


class DatabaseAway(AutoLabelingError):
    """The database does not answer."""

    REASON = FailureReason.DATABASE_AWAY


class CannotWrite(AutoLabelingError):
    """Labels or masks cannot be written, for a reason that every further sample would meet."""


class RunFailed(AutoLabelingError):
    """A run that a script waited for stopped: an error, a lost worker, or canceled."""


class StillRunning(AutoLabelingError, TimeoutError):
    """A run did not finish before the timeout; it continues."""


class RunWarning(UserWarning):
    """A side effect of a starting run that may surprise; ``preflight`` reports it beforehand."""


def first_line(error: BaseException) -> str:
    """The first line of an error, for a run's record. Errors that are not ours have their class.

    Args:
        error: the error
    """
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if isinstance(error, AutoLabelingError) else f"{type(error).__name__}: {line}"
