"""The end of a worker's log for a run, so that the panel can show it on another machine.

One key for each run, apart from its record: it is written every few seconds, whole, and never
grows beyond :data:`MAX_LINES`.
"""

from bson import ObjectId
from fiftyone.core.dataset import Dataset
from fiftyone.operators.store import ExecutionStore

from auto_labeling.core.names import LOGS_STORE
from auto_labeling.core.run import Run
from auto_labeling.storage import clock

MAX_LINES = 200
MAX_LINE_LENGTH = 500


def save(dataset_id: ObjectId, run_id: str, operation_id: str, lines: list[str]) -> None:
    """Keeps the last lines of a log, in place of those that were kept before.

    Args:
        dataset_id: the ``ObjectId`` of the run's dataset
        run_id: the run's id
        operation_id: the delegated operation that logged them
        lines: the lines
    """
    last_lines = [line[:MAX_LINE_LENGTH] for line in lines[-MAX_LINES:]]
    value = {"operation": operation_id, "lines": last_lines, "at": clock.stamp()}
    _store(dataset_id).set(run_id, value)


def tail(dataset: Dataset, run: Run, lines: int) -> list[str]:
    """Reads the last lines logged by the run's current delegated operation.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        lines: the maximum number of lines

    Returns:
        the lines; none if the operation logs nothing
    """
    value = _store(dataset._doc.id).get(run.id)
    if not value or lines < 1 or value["operation"] != run.operation_id:
        return []
    return value["lines"][-lines:]


def remove(dataset: Dataset, run_id: str) -> None:
    """Removes the stored log lines of a run.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
    """
    _store(dataset._doc.id).delete(run_id)


def _store(dataset_id: ObjectId) -> ExecutionStore:
    return ExecutionStore.create(LOGS_STORE, dataset_id)
