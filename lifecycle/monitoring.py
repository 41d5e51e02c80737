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
from auto_labeling.storage import runs as storage
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.heartbeat import is_alive
from auto_labeling.storage.operations import Operation
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
    """Returns the runs of a dataset, newest first, each as it really stands.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        confirm (True): whether to wait for a second look, at most
            :data:`auto_labeling.lifecycle.liveness.CONFIRM_SECONDS`, at runs that seem to have
            stopped; without it they count as active until the next look
    """
    store = RunStore(dataset)
    # A first look at each: so they all wait for their second at the same time.
    looked = [_reconciled(store, run, confirm=False) for run in store.list()]
    return [_reconciled(store, run, confirm=True) for run in looked] if confirm else looked


def get(dataset: Dataset, run_id: str, confirm: bool = True) -> Run:
    """Returns a run as it really stands.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        confirm (True): as in :func:`runs`

    Raises:
        RunNotFound: if there is none of that id
    """
    store = RunStore(dataset)
    return _reconciled(store, store.get(run_id), confirm)


def newer_runs(dataset: Dataset) -> dict[str, str]:
    """The runs that a newer version of this package has stored, which this one cannot read.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`

    Returns:
        a dict from the id of each to its name
    """
    return RunStore(dataset).newer()


def record(dataset: Dataset, run_id: str) -> Run:
    """Returns a run as its record stands, without a judgement: for whoever works on it.

    Raises:
        RunNotFound: if there is none of that id
    """
    return RunStore(dataset).get(run_id)


def progress(dataset: Dataset, run: Run) -> Progress | None:
    """How far the run's current attempt has come; None before its first sign of life."""
    return RunStore(dataset).progress(run)


def is_worked_on(dataset: Dataset, run: Run) -> bool:
    """Whether a process has given a sign of life for the run's current attempt lately."""
    return is_alive(progress(dataset, run))


def operation(run: Run) -> Operation | None:
    """The delegated operation of the run's latest attempt; None if there is none."""
    return operations.look_up(run.operation_id) if run.operation_id else None


def workers() -> list[Worker]:
    """The workers of this database that are alive; FiftyOne's own are not heard of."""
    return live_workers.live()


def log_tail(dataset: Dataset, run: Run, lines: int = 40) -> list[str]:
    """The last lines that a worker has logged for the run's current attempt.

    Returns:
        a list of lines; empty if there are none (yet), or FiftyOne's own worker has the run
    """
    return log_tails.tail(dataset, run, lines)


def target_ids(dataset: Dataset, run: Run) -> list[str]:
    """The ids of a run's target samples, as they were when it started."""
    chunks = ChunkStore(dataset)
    return [i for index in range(run.chunks) for i in chunks.sample_ids(run.id, index)]


def failures(dataset: Dataset, run: Run) -> list[dict[str, str]]:
    """The samples that failed: dicts with keys ``sample_id``, ``filepath``, ``error``."""
    chunks = ChunkStore(dataset)
    return [f for index in range(run.chunks) for f in chunks.failures(run.id, index) or ()]


def failure_kinds(dataset: Dataset, run: Run) -> list[dict[str, Any]]:
    """How many samples failed for which kind of error, the most frequent first.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        a list of dicts with keys ``kind`` (the error's class), ``count`` and ``example``
    """
    return ChunkStore(dataset).failure_kinds(run.id)


def failed_ids(dataset: Dataset, run: Run, kind: str = "", limit: int = 10_000) -> list[str]:
    """The ids of samples that failed.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        kind (""): the class of the error, as in :func:`failure_kinds`; empty means any
        limit (10000): the maximum number of ids
    """
    return ChunkStore(dataset).failed_ids(run.id, kind, limit)


def _reconciled(store: RunStore, run: Run, confirm: bool) -> Run:
    stopped = liveness.judge(store, run, confirm) if run.is_active else None
    if not stopped:
        return run
    try:
        return store.stop(run, stopped.reason, stopped.sentence)
    except AutoLabelingError:  # another process was faster; theirs is the truth
        return store.get(run.id)
