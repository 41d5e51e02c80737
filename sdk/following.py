"""Find runs, follow them, and decide what becomes of those that stopped."""

import contextlib
from collections.abc import Callable

import fiftyone as fo

from auto_labeling.core.errors import AutoLabelingError, RunNotFound
from auto_labeling.core.names import LATEST
from auto_labeling.core.run import Progress, RunState, Worker
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.lifecycle.labeling import Finding
from auto_labeling.sdk.handle import Run
from auto_labeling.sdk.samples import dataset_of


def datasets() -> list:
    """The datasets of this database that have, or had, runs; by name."""
    return labeling.datasets()


def runs(dataset) -> list[Run]:
    """The runs of a dataset, newest first, each as it really stands.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`, or a view of one
    """
    dataset = dataset_of(dataset)
    return [Run(dataset, record) for record in labeling.runs(dataset)]


def get(dataset, run: str) -> Run:
    """A run of a dataset, as it really stands.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`, or a view of one
        run: the run's id; or the beginning of it, or its name, if there is only one such;
            or ``"latest"``

    Raises:
        RunNotFound: if there is none
        AutoLabelingError: if there are several
    """
    dataset = dataset_of(dataset)
    wanted = str(run)
    try:
        return Run(dataset, labeling.get(dataset, wanted))
    except RunNotFound:
        found = _named(runs(dataset), wanted)
    if not found:
        raise RunNotFound(wanted)
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise AutoLabelingError(f"'{wanted}' means {len(found)} runs; name one by its id: {ids}")
    return found[0]


def _named(known, wanted):
    if not wanted:
        return []
    newest = known[:1] if wanted == LATEST else []
    # Where a name is also the beginning of an id, or "latest", nobody can tell which is meant.
    begins = len(wanted) >= 3
    return [
        run
        for run in known
        if run.name == wanted or run in newest or (begins and run.id.startswith(wanted))
    ]


def progress(run: Run) -> Progress | None:
    """How far the run's current attempt has come; None before its first sign of life."""
    return labeling.progress(run.dataset, run.reload().record)


def failures(run: Run) -> list[dict]:
    """The samples that failed: dicts with keys ``sample_id``, ``filepath``, ``error``."""
    return labeling.failures(run.dataset, run.reload().record)


def workers() -> list[Worker]:
    """The workers of this database that are alive, and what they are at.

    Those that ``auto-labeling launch`` starts are; FiftyOne's own do not say that they are there.
    """
    return labeling.workers()


def log_tail(run: Run, lines: int = 40) -> list[str]:
    """The last lines that a worker has logged for the run's current attempt.

    Args:
        run: the run
        lines (40): how many lines, at most

    Returns:
        a list of lines; empty if there are none (yet), or FiftyOne's own worker has the run
    """
    return labeling.log_tail(run.dataset, run.reload().record, lines)


def sample_ids(run: Run) -> list[str]:
    """The ids of the run's target samples, as they were frozen when it started.

    Raises:
        AutoLabelingError: if they are not kept: those of an approved run or of an import
    """
    record = run.reload().record
    if not record.frozen or not record.chunks or run.state is RunState.APPROVED:
        raise AutoLabelingError(f"The target samples of '{run.name}' are not kept")
    return labeling.target_ids(run.dataset, record)


def generate(run: Run, report: Callable[[float, str], None] | None = None) -> Run:
    """Makes the labels of a queued run in this very process. Needs no worker.

    Start the run with ``queue=False``, so that no worker takes it.

    Args:
        run: the run
        report (None): called with the fraction done and a line of text, now and then

    Returns:
        the run itself, in review

    Raises:
        IllegalTransition: if it is not queued
        AttemptRevoked: if it was cancelled or deleted meanwhile
    """
    try:
        labeling.generate(run.dataset, run.id, report)
    finally:
        with contextlib.suppress(RunNotFound):  # then the caller hears of what ended the attempt
            run.reload()
    return run


def resume(run: Run, *, queue: bool = True, again: bool = False) -> Run:
    """Goes on with a run that stopped, or with the failed samples of one in review.

    What is labeled, promoted or done stays as it is. An import goes on in this process.

    Args:
        run: the run
        queue (True): whether a worker is to do it; if not, call ``generate``
        again (False): whether to label all samples again, where the staging field with the
            run's labels was deleted or renamed by hand

    Returns:
        the run itself: queued, or in review if it is an import

    Raises:
        IllegalTransition: if there is nothing to resume
        FieldGone: if the staging field was deleted or renamed, and ``again`` is false
    """
    if run.reload().record.source:
        importing.resume(run.dataset, run.record, background=False)
    else:
        labeling.resume(run.dataset, run.id, queue=queue, again=again)
    return run.reload()


def cancel(run: Run, by: str = "") -> Run:
    """Stops a run that is queued or generating; it can be resumed, or reviewed as it is.

    Args:
        run: the run
        by (""): who wants it

    Returns:
        the run itself

    Raises:
        IllegalTransition: if it is neither
    """
    labeling.cancel(run.dataset, run.id, by=by)
    return run.reload()


def skip(run: Run) -> Run:
    """Goes on to review with the labels that a run had made when it stopped.

    Returns:
        the run itself, in review

    Raises:
        IllegalTransition: if it has not stopped
    """
    labeling.skip(run.dataset, run.id)
    return run.reload()


def doctor(dataset=None, *, repair: bool = False) -> list[Finding]:
    """Finds what a crash, an older version or a person's hand has left, and mends it if asked.

    It finds values without a schema, which make a dataset unreadable; staging fields without a
    run; runs without a field, an operation or a process; marks of samples that nothing waits for;
    and mask files that no label names. It changes nothing else, and deletes no label of anybody.

    Args:
        dataset (None): a :class:`fiftyone.core.dataset.Dataset`, a view of one, or the name of one;
            None means all of the database
        repair (False): whether to mend what can be mended

    Returns:
        what was found, each with what it is (``said``), what mends it (``remedy``) and whether
        that has been done (``repaired``)
    """
    if isinstance(dataset, str):
        dataset = fo.load_dataset(dataset)
    return labeling.examine(None if dataset is None else dataset_of(dataset), repair)


def rename(run: Run, name: str) -> Run:
    """Gives a run another name, whatever its state.

    Returns:
        the run itself

    Raises:
        ConfigError: if that cannot be a name
    """
    labeling.rename(run.dataset, run.id, name)
    return run.reload()


def delete(run: Run) -> None:
    """Deletes a run with its staged labels; approved labels stay where they are.

    Raises:
        IllegalTransition: while the run is being approved
    """
    labeling.delete(run.dataset, run.id)
