"""The current state of runs: status, progress, operation, failed samples and log.

All of it is quick, since a page asks for it each time it is drawn. Only :func:`runs` and
:func:`get` may write: that a run has stopped, where no process works on it (``liveness.py``).
"""

from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Progress, Run, Speed, Worker
from auto_labeling.lifecycle import liveness
from auto_labeling.storage import live_workers, log_tails, operations, retrying, speeds
from auto_labeling.storage import orphans as orphaned_fields
from auto_labeling.storage import references as field_references
from auto_labeling.storage import runs as storage
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.heartbeat import is_alive
from auto_labeling.storage.operations import Operation
from auto_labeling.storage.references import References
from auto_labeling.storage.runs import RunStore


def require_database() -> None:
    """Finds out in a few seconds whether the database answers; its own driver takes 30 s.

    Raises:
        DatabaseAway: if it does not
    """
    retrying.require_database()


def measured_speeds(model: str = "") -> dict[str, list[Speed]]:
    """How fast models were on the machines of this database: the latest of each kind first.

    Args:
        model (""): the name of a model; by default, all that were measured

    Returns:
        a dict from a model's name to its :class:`auto_labeling.core.run.Speed` list
    """
    return {model: speeds.of_model(model)} if model else speeds.of_all()


def datasets() -> list[Dataset]:
    """The datasets of this database that have, or had, runs; by name."""
    return storage.datasets()


def runs(dataset: Dataset, confirm: bool = True) -> list[Run]:
    """Returns the runs of a dataset, newest first, in their true state.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        confirm (True): whether to wait for a second look, at most
            :data:`auto_labeling.lifecycle.liveness.CONFIRM_SECONDS`, at runs that seem to have
            stopped; without it they count as active until the next look

    Returns:
        the runs that this version can read
    """
    store = RunStore(dataset)
    # A first look at each: so they all wait for their second at the same time.
    looked = [_reconciled(store, run, confirm=False) for run in store.list()]
    return [_reconciled(store, run, confirm=True) for run in looked] if confirm else looked


def get(dataset: Dataset, run_id: str, confirm: bool = True) -> Run:
    """Returns a run in its true state.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        confirm (True): as in :func:`runs`

    Returns:
        the run; stopped, if no process works on it

    Raises:
        RunNotFound: if there is none of that id
    """
    store = RunStore(dataset)
    return _reconciled(store, store.get(run_id), confirm)


def versions(dataset: Dataset) -> dict[str, str]:
    """Returns when each run was last changed, to see whether any was: one small question.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`

    Returns:
        a dict from the id of each run to a time
    """
    return RunStore(dataset).versions()


def newer_runs(dataset: Dataset) -> dict[str, str]:
    """The runs that a newer version of this package has stored, which this one cannot read.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`

    Returns:
        a dict from the id of each to its name
    """
    return RunStore(dataset).newer()


def record(dataset: Dataset, run_id: str) -> Run:
    """Returns a run as its record stands, without a judgement: for the process that works on it.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Returns:
        the run

    Raises:
        RunNotFound: if there is none of that id
    """
    return RunStore(dataset).get(run_id)


def progress(dataset: Dataset, run: Run) -> Progress | None:
    """Returns the progress of the run's current attempt.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the progress; None before the attempt's first sign of life
    """
    return RunStore(dataset).progress(run)


def is_worked_on(dataset: Dataset, run: Run) -> bool:
    """Whether a process gives signs of life for the run's current attempt.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        True if the last sign is recent enough
    """
    return is_alive(progress(dataset, run))


def operation(run: Run) -> Operation | None:
    """The delegated operation of the run's latest attempt; None if there is none."""
    return operations.look_up(run.operation_id) if run.operation_id else None


def workers() -> list[Worker]:
    """Returns the live workers of this database. FiftyOne's own workers are not among them."""
    return live_workers.live()


def log_tail(dataset: Dataset, run: Run, lines: int = 40) -> list[str]:
    """Returns the last lines that a worker has logged for the run's current attempt.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        lines (40): the maximum number of lines

    Returns:
        a list of lines; empty if there are none (yet), or FiftyOne's own worker has the run
    """
    return log_tails.tail(dataset, run, lines)


def target_ids(dataset: Dataset, run: Run) -> list[str]:
    """Returns the ids of a run's target samples, fixed when it started.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the ids
    """
    chunks = ChunkStore(dataset)
    return [i for index in range(run.chunks) for i in chunks.sample_ids(run.id, index)]


def failures(dataset: Dataset, run: Run) -> list[dict[str, str]]:
    """Returns the samples that failed.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        a list of dicts with keys ``sample_id``, ``filepath`` and ``error``
    """
    chunks = ChunkStore(dataset)
    return [f for index in range(run.chunks) for f in chunks.failures(run.id, index) or ()]


def failure_kinds(dataset: Dataset, run: Run) -> list[dict[str, Any]]:
    """Counts the failed samples by kind of error, the most frequent first.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        a list of dicts with keys ``kind`` (the error's class), ``count`` and ``example``
    """
    return ChunkStore(dataset).failure_kinds(run.id)


def failed_ids(dataset: Dataset, run: Run, kind: str = "", limit: int = 10_000) -> list[str]:
    """Returns the ids of samples that failed.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        kind (""): the class of the error, as in :func:`failure_kinds`; empty means any
        limit (10000): the maximum number of ids

    Returns:
        the ids
    """
    return ChunkStore(dataset).failed_ids(run.id, kind, limit)


def orphans(dataset: Dataset) -> list[str]:
    """Lists the staging fields of no run of the dataset, which a clone or a merge leaves."""
    return orphaned_fields.names(dataset)


def about_orphan(dataset: Dataset, field: str) -> tuple[str, str]:
    """Describes a field of :func:`orphans`, and what a person can do about it.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        field: the field's name

    Returns:
        ``(description, remedies)``: two sentences without their full stops
    """
    return orphaned_fields.description(field), orphaned_fields.remedies(dataset.name)


def references(dataset: Dataset, run: Run) -> References:
    """Finds the saved views, evaluations and brain runs that name a run's staging field.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the :class:`auto_labeling.storage.references.References`
    """
    return field_references.find(dataset, run.staging_field)


def _reconciled(store: RunStore, run: Run, confirm: bool) -> Run:
    stopped = liveness.judge(store, run, confirm) if run.is_active else None
    if not stopped:
        return run
    try:
        return store.stop(run, *stopped)
    except AutoLabelingError:  # another process was faster; theirs is the truth
        return store.get(run.id)
