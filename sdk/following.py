"""Find runs, follow them, and resume or end those that stopped."""

import contextlib
from collections.abc import Callable

import fiftyone as fo
from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, RunNotFound
from auto_labeling.core.names import LATEST
from auto_labeling.core.run import Progress, RunState, Worker
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.lifecycle.labeling import Finding
from auto_labeling.sdk.handle import Run
from auto_labeling.sdk.samples import dataset_of


def datasets() -> list[Dataset]:
    """Returns the datasets in this database that have or had runs, sorted by name.

    Example:
        >>> dataset.name in [each.name for each in al.datasets()]
        True
    """
    return labeling.datasets()


def runs(dataset: SampleCollection) -> list[Run]:
    """Returns the runs of a dataset with their current states, newest first.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`, or a view of one

    Example:
        >>> [(run.name, run.status) for run in al.runs(dataset)]
        [('existing labels → checked', 'In Review')]
    """
    root = dataset_of(dataset)
    return [Run(root, record) for record in labeling.runs(root)]


def get(dataset: SampleCollection, run: str) -> Run:
    """Finds a run of a dataset, with its current state.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`, or a view of one
        run: the run's ID, a unique start of its ID, its unique name, or ``"latest"``

    Returns:
        the :class:`Run`

    Raises:
        RunNotFound: if no run matches
        AutoLabelingError: if several runs match

    Example:
        >>> al.get(dataset, "latest").status
        'In Review'
    """
    root = dataset_of(dataset)
    name = str(run)
    try:
        return Run(root, labeling.get(root, name))
    except RunNotFound:
        matches = _matching(runs(root), name)
    if not matches:
        raise RunNotFound(name)
    if len(matches) > 1:
        ids = ", ".join(match.id for match in matches)
        raise AutoLabelingError(
            f"'{name}' matches {len(matches)} runs; choose one by its ID: {ids}"
        )
    return matches[0]


def _matching(known: list[Run], name: str) -> list[Run]:
    """Returns the runs with a name, an ID that starts with it, or the latest; newest first."""
    if not name:
        return []
    newest = known[:1] if name == LATEST else []
    # A name that is also the start of an ID, or "latest", is ambiguous.
    is_id_start = len(name) >= 3
    return [
        run
        for run in known
        if run.name == name or run in newest or (is_id_start and run.id.startswith(name))
    ]


def progress(run: Run) -> Progress | None:
    """Returns the progress of the run's current attempt; None before its first report.

    Example:
        >>> al.progress(run).done
        4
    """
    return labeling.progress(run.dataset, run.reload().record)


def failures(run: Run) -> list[dict[str, str]]:
    """Returns the failed samples: dicts with keys ``sample_id``, ``filepath``, ``error``.

    Example:
        >>> [failure["error"] for failure in al.failures(run)]
        []
    """
    return labeling.failures(run.dataset, run.reload().record)


def workers() -> list[Worker]:
    """Returns the running workers of this database, and their current runs.

    These are the workers that ``auto-labeling launch`` started; FiftyOne's own are not listed.

    Example:
        >>> [worker.host for worker in al.workers()]
        []
    """
    return labeling.workers()


def log_tail(run: Run, lines: int = 40) -> list[str]:
    """Returns the last lines of the worker's log for the run's current attempt.

    Args:
        run: the run
        lines (40): the maximum number of lines

    Returns:
        a list of lines; empty if there are none yet, or if one of FiftyOne's own workers has
        the run

    Example:
        >>> al.log_tail(run, lines=5)
        []
    """
    return labeling.log_tail(run.dataset, run.reload().record, lines)


def sample_ids(run: Run) -> list[str]:
    """Returns the IDs of the run's target samples, which were fixed when it started.

    Raises:
        AutoLabelingError: if the run is approved or an import: their IDs are not kept

    Example:
        >>> len(al.sample_ids(run))
        4
    """
    record = run.reload().record
    if not record.frozen or not record.chunks or run.state is RunState.APPROVED:
        raise AutoLabelingError(f"The target samples of '{run.name}' are not kept")
    return labeling.target_ids(run.dataset, record)


def generate(run: Run, report: Callable[[float, str], None] | None = None) -> Run:
    """Generates the labels of a queued run in this process. Needs no worker.

    Start the run with ``queue=False`` so that no worker picks it up.

    Args:
        run: the run
        report (None): called from time to time with the fraction done and a line of text

    Returns:
        the run itself, in review

    Raises:
        IllegalTransition: if it is not queued
        AttemptRevoked: if it was canceled or deleted during this call

    Example:
        >>> run = al.start(
        ...     dataset, task="detection", model="shapes-yolo", label_field="boxes", queue=False
        ... )
        >>> al.generate(run).status
        'In Review'
    """
    try:
        labeling.generate(run.dataset, run.id, report)
    finally:
        with contextlib.suppress(RunNotFound):  # the caller gets the error that ended the attempt
            run.reload()
    return run


def resume(run: Run, *, queue: bool = True, again: bool = False) -> Run:
    """Resumes a run that stopped, or retries the failed samples of a run in review.

    Existing and promoted labels are kept. An import continues in this process.

    Args:
        run: the run
        queue (True): whether to queue it for a worker; otherwise, call ``generate``
        again (False): whether to label all samples again if the staging field was deleted or
            renamed by hand

    Returns:
        the run itself: queued, or in review if it is an import

    Raises:
        IllegalTransition: if there is nothing to resume
        FieldGone: if the staging field was deleted or renamed, and ``again`` is false

    Example:
        >>> al.resume(run).status
        'Generating'
    """
    if run.reload().record.source:
        importing.resume(run.dataset, run.record, background=False)
    else:
        labeling.resume(run.dataset, run.id, queue=queue, again=again)
    return run.reload()


def cancel(run: Run, by: str = "") -> Run:
    """Stops a queued or generating run. You can resume it, or review the labels so far.

    Args:
        run: the run
        by (""): the name of the person who cancels it

    Returns:
        the run itself

    Raises:
        IllegalTransition: if it is neither queued nor generating

    Example:
        >>> al.cancel(run).status
        'Error'
    """
    labeling.cancel(run.dataset, run.id, by=by)
    return run.reload()


def skip(run: Run) -> Run:
    """Moves a stopped run to review, with the labels that it generated so far.

    Returns:
        the run itself, in review

    Raises:
        IllegalTransition: if it has not stopped

    Example:
        >>> al.skip(run).status
        'In Review'
    """
    labeling.skip(run.dataset, run.id)
    return run.reload()


def doctor(dataset: SampleCollection | str | None = None, *, repair: bool = False) -> list[Finding]:
    """Finds what a crash, an older version or a manual change left behind; repairs it if asked.

    It finds values without a schema, which make a dataset unreadable; staging fields without a
    run; runs without a field, an operation or a process; outdated marks on samples; and mask files
    that no label uses. It changes nothing else, and never deletes labels that people made.

    Args:
        dataset (None): a :class:`fiftyone.core.dataset.Dataset`, a view of one, or the name of one;
            None for all datasets in the database
        repair (False): whether to repair what can be repaired

    Returns:
        a list of findings, each with a ``description``, a fix (``remedy``) and whether it
        was applied (``repaired``)

    Example:
        >>> al.doctor(dataset)
        []
    """
    named = fo.load_dataset(dataset) if isinstance(dataset, str) else dataset
    return labeling.examine(None if named is None else dataset_of(named), repair)


def rename(run: Run, name: str) -> Run:
    """Renames a run, in any state.

    Args:
        run: the run
        name: its new name

    Returns:
        the run itself

    Raises:
        ConfigError: if the name is not allowed

    Example:
        >>> al.rename(run, "second attempt").name
        'second attempt'
    """
    labeling.rename(run.dataset, run.id, name)
    return run.reload()


def delete(run: Run) -> None:
    """Deletes a run and its staged labels. Approved labels are kept.

    Raises:
        IllegalTransition: while the run is being approved

    Example:
        >>> al.delete(run)
        >>> al.runs(dataset)
        []
    """
    labeling.delete(run.dataset, run.id)
