"""Errors that a person may read.

.. code-block:: text

    AutoLabelingError            safe to show: says what happened and what to do
    ├── ConfigError              a run's settings are wrong; names every wrong field
    ├── ModelUnavailable         a model cannot be used here, and why
    ├── RunNotFound              no run of that id in this dataset
    ├── NewerRecord              the run was stored by a newer version of this package
    ├── IllegalTransition        the run is not in a state that allows this
    ├── AttemptRevoked           this attempt at the run is no longer the current one
    ├── FieldGone                a run's field was deleted or renamed by hand
    ├── LabelsChanged            the labels are no longer those that were shown
    ├── NotPermitted             whoever asks may look at the dataset, but not change it
    ├── Unreadable               a request says what no App would say
    ├── DatabaseAway             the database does not answer
    ├── CannotWrite              labels or masks cannot be written, and no further ones could
    ├── RunFailed                a run that was waited for has stopped
    └── StillRunning             the time for waiting is over; the run goes on

Everything else is a bug, and surfaces with its traceback.
"""


class AutoLabelingError(Exception):
    """Base class: the message is safe to show a person."""


class ConfigError(AutoLabelingError):
    """A run's settings are wrong.

    Args:
        problems: a dict from field name to what is wrong with it
    """

    def __init__(self, problems: dict):
        self.problems = dict(problems)
        super().__init__("; ".join(f"{field}: {text}" for field, text in self.problems.items()))


class ModelUnavailable(AutoLabelingError):
    """The model cannot be used here: a package or its weights are missing."""


class RunNotFound(AutoLabelingError):
    """The dataset has no such run (any more)."""

    def __init__(self, run_id: str):
        super().__init__(f"There is no run {run_id} in this dataset; it may have been deleted")


class NewerRecord(AutoLabelingError):
    """A newer version of this package has stored the run, in a format that this one cannot read."""

    def __init__(self, name: str, found: int, readable: int):
        super().__init__(
            f"A newer version of Auto-Labeling has stored the run '{name}' (record format {found}; "
            f"this version reads up to {readable}). Nothing was changed. Update Auto-Labeling "
            "here, and on every worker, to the same version"
        )


class IllegalTransition(AutoLabelingError):
    """The run's state does not allow this, or somebody else was faster."""


class AttemptRevoked(AutoLabelingError):
    """A newer attempt, an approval or a deletion has taken over; this attempt must stop."""


class FieldGone(AutoLabelingError):
    """A field that a run needs was deleted or renamed by hand."""


class LabelsChanged(AutoLabelingError):
    """The labels on the screen are no longer those in the database."""


class NotPermitted(AutoLabelingError):
    """Whoever asks may look at the dataset, but not change it."""


class Unreadable(AutoLabelingError):
    """A request says what no App would say."""


class DatabaseAway(AutoLabelingError):
    """The database does not answer."""


class CannotWrite(AutoLabelingError):
    """Labels or masks cannot be written, for a reason that every further sample would meet."""


class RunFailed(AutoLabelingError):
    """A run that was waited for has stopped: an error, a lost worker, or cancelled."""


class StillRunning(AutoLabelingError, TimeoutError):
    """A run that was waited for is not done within the time; it goes on."""


class RunWarning(UserWarning):
    """What a person may not mean with a run that starts; ``preflight`` says it before."""
