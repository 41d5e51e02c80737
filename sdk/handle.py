"""The run object for scripts and notebooks."""

import time
from collections.abc import Callable
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.core.account import Account
from auto_labeling.core.errors import FailureReason, RunFailed, StillRunning
from auto_labeling.core.run import Progress, RunConfig, RunState, StopReason
from auto_labeling.core.run import Run as Record
from auto_labeling.lifecycle import labeling, remarks

#: Seconds between two readings of a run while :meth:`Run.wait` waits.
_POLL_SECONDS = 0.5


class Run:
    """A run of a dataset, as it was when last read; :meth:`reload` reads it again.

    ``start``, ``import_labels``, ``get`` and ``runs`` return runs; the functions that
    take a run also update it.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        record: the stored record of the run, an :class:`auto_labeling.core.run.Run`
    """

    def __init__(self, dataset: Dataset, record: Record) -> None:
        self._dataset = dataset
        self._record = record
        # The labels promoted, and added by people, as the SDK last returned them.
        self._shown: tuple[int, int] | None = None

    @property
    def dataset(self) -> Dataset:
        """The run's :class:`fiftyone.core.dataset.Dataset`."""
        return self._dataset

    @property
    def record(self) -> Record:
        """The stored record of the run. Read-only; use the functions to change it."""
        return self._record

    @property
    def id(self) -> str:
        """The run's ID."""
        return self._record.id

    @property
    def name(self) -> str:
        """The run's name; by default, the model and the label field."""
        return self._record.name

    @property
    def config(self) -> RunConfig:
        """The run's settings."""
        return self._record.config

    @property
    def state(self) -> RunState:
        """The run's state."""
        return self._record.state

    @property
    def status(self) -> str:
        """The status in the panel: Generating, In Review, Approved or Error."""
        return self._record.status

    @property
    def is_active(self) -> bool:
        """Whether labels are being generated or copied, or the run waits for a worker."""
        return self._record.is_active

    @property
    def samples(self) -> int:
        """The number of target samples."""
        return self._record.samples

    @property
    def generated(self) -> int:
        """The number of labels that were generated or copied."""
        return self._record.labels

    @property
    def failed(self) -> int:
        """The number of failed samples; ``failures`` lists them."""
        return self._record.failed

    @property
    def guesses(self) -> str:
        """How the value range of images with more than 8 bits was guessed; empty if it was not.

        The numbers are in ``to_dict()["guessed"]``.
        """
        return self._record.guesses

    @property
    def approved(self) -> int:
        """The number of approved labels."""
        return self._record.approved

    @property
    def account(self) -> Account | None:
        """Counts of the run's samples, and of the labels that the model returned, as of now.

        For an approved run, as of the end of its generation. None if an older version of
        Auto-Labeling created the run without an account.
        """
        return labeling.account(self._dataset, self._record)

    @property
    def remarks(self) -> list[str]:
        """Notes on missing labels or classes, with possible reasons."""
        return remarks.remarks(self._record)

    @property
    def error(self) -> str:
        """Why the run stopped, in words; empty if it did not stop."""
        return self._record.error or self._record.reason

    @property
    def stop_reason(self) -> StopReason:
        """How the run stopped, for programs: an error, a lost worker, canceled and so on."""
        return self._record.reason

    @property
    def failure_reason(self) -> FailureReason:
        """Why the run stopped, for programs: missing packages, out of memory and so on."""
        return self._record.failure_reason or FailureReason.OTHER

    @property
    def staging_field(self) -> str:
        """The field that holds the labels until approval."""
        return self._record.staging_field

    @property
    def label_field(self) -> str:
        """The field for the approved labels."""
        return self._record.config.label_field

    def reload(self) -> "Run":
        """Reads the run again. Returns itself.

        Raises:
            RunNotFound: if it has been deleted

        Example:
            >>> run.reload().status
            'In Review'
        """
        self._record = labeling.get(self._dataset, self.id)
        return self

    def wait(
        self,
        timeout: float | None = None,
        report: Callable[["Run", Progress | None], None] | None = None,
    ) -> "Run":
        """Waits until the run's labels can be reviewed.

        Args:
            timeout (None): the maximum seconds to wait; None for no limit
            report (None): called with the run and its progress, twice a second

        Returns:
            the run itself, in review or approved

        Raises:
            RunFailed: if it stopped with an error, lost its worker or was canceled
            StillRunning: if ``timeout`` expires; the run continues
            RunNotFound: if it was deleted during the wait

        Example:
            >>> run.wait(timeout=60).status
            'In Review'
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self.reload()
            if report:
                report(self, labeling.progress(self._dataset, self._record))
            if not self._is_moving():
                break
            remaining = _POLL_SECONDS if deadline is None else deadline - time.monotonic()
            if remaining <= 0:
                raise StillRunning(f"'{self.name}' is still {self.status.lower()}")
            time.sleep(min(_POLL_SECONDS, remaining))
        if self.state is RunState.FAILED:
            raise RunFailed(f"'{self.name}' stopped: {self.error}")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Returns the run as a dict that can be written as JSON.

        Example:
            >>> run.to_dict()["status"]
            'In Review'
        """
        record = self._record.model_dump(mode="json", exclude={"token"})
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "dataset": self._dataset.name,
            "staging_field": self.staging_field,
            **record,
            "remarks": self.remarks,
        }

    def _is_moving(self) -> bool:
        if self.is_active:
            return True
        closing = self.state in (RunState.APPROVING, RunState.DELETING)
        return closing and labeling.is_worked_on(self._dataset, self._record)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        return (self.dataset.name, self.id) == (other.dataset.name, other.id)

    def __hash__(self) -> int:
        return hash((self.dataset.name, self.id))

    def __repr__(self) -> str:
        return f"<Run {self.id} '{self.name}' of '{self.dataset.name}': {self.status}>"
