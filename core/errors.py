"""Errors that a person may read.

.. code-block:: text

    AutoLabelingError            safe to show: says what happened and what to do
    ├── ConfigError              the settings of a run are wrong; names every wrong field
    ├── ModelUnavailable         a model cannot be used here, and why
    ├── RunNotFound              the dataset has no such run
    ├── NewerRecord              the run was stored by a newer version of this package
    ├── IllegalTransition        the run is not in a state that allows this
    ├── AttemptRevoked           this attempt at the run is no longer the current one
    ├── FieldGone                a run's field was deleted or renamed by hand
    ├── LabelsChanged            the labels are no longer those that were shown
    ├── NotPermitted             the person may view the dataset, but not change it
    ├── Unreadable               a request that no App would send
    ├── DatabaseAway             the database does not answer
    ├── CannotWrite              labels or masks cannot be written, and no further ones could
    ├── RunFailed                a run that a script waited for has stopped
    └── StillRunning             the timeout expired; the run continues

Everything else is a bug, and surfaces with its traceback.
"""

from collections.abc import Mapping


class AutoLabelingError(Exception):
    """Base class: the message is safe to show a person."""


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
    """A newer version of this package has stored the run, in a format that this one cannot read."""

    def __init__(self, name: str, found: int, readable: int) -> None:
        super().__init__(
            f"The run '{name}' was saved by a newer version of Auto-Labeling (record format "
            f"{found}; this version reads up to {readable}). Nothing was changed. Update "
            "Auto-Labeling here and on every worker to the same version"
        )


class IllegalTransition(AutoLabelingError):
    """The run's state does not allow this, or another process was faster."""


class AttemptRevoked(AutoLabelingError):
    """A newer attempt, an approval or a deletion has taken over; this attempt must stop."""


class FieldGone(AutoLabelingError):
    """A field that a run needs was deleted or renamed by hand."""


class LabelsChanged(AutoLabelingError):
    """The labels on the screen are no longer those in the database."""


class NotPermitted(AutoLabelingError):
    """The person may view the dataset, but not change it."""


class Unreadable(AutoLabelingError):
    """A request that no App would send."""


class DatabaseAway(AutoLabelingError):
    """The database does not answer."""


class CannotWrite(AutoLabelingError):
    """Labels or masks cannot be written, for a reason that every further sample would meet."""


class RunFailed(AutoLabelingError):
    """A run that a script waited for stopped: an error, a lost worker, or cancelled."""


class StillRunning(AutoLabelingError, TimeoutError):
    """A run did not finish before the timeout; it continues."""


class RunWarning(UserWarning):
    """What a starting run may do unexpectedly; ``preflight`` reports it beforehand."""


def first_line(error: BaseException) -> str:
    """An error in one line, as a run's record keeps it: one that is not ours with its class.

    Args:
        error: the error
    """
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return said if isinstance(error, AutoLabelingError) else f"{type(error).__name__}: {said}"
