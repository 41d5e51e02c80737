"""What a run needs before it can resume: its staging field, and unlabeled samples."""

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import FieldGone, IllegalTransition
from auto_labeling.core.run import Run, RunState
from auto_labeling.storage import fields, staging
from auto_labeling.storage.chunk_work import undecided
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.fields import MissingField


def missing_field(dataset: Dataset, run: Run) -> MissingField | None:
    """Finds out whether the staging field of a run that needs it is missing, and why.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        None if it is there, or the run needs no staging field
    """
    over = (RunState.APPROVING, RunState.APPROVED, RunState.DELETING)
    return None if run.state in over or not run.frozen else fields.missing(dataset, run)


def require_field(dataset: Dataset, run: Run) -> None:
    """Refuses an action that needs the staged labels of a run without its staging field.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Raises:
        FieldGone: with what has happened, and what can be done
    """
    if missing := missing_field(dataset, run):
        raise FieldGone(str(missing))


def require_resumable(dataset: Dataset, run: Run, again: bool) -> None:
    """Refuses to resume a run that cannot continue.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run of a model
        again: whether all its samples may be labeled again if its labels are gone

    Raises:
        IllegalTransition: if there is nothing to resume
        FieldGone: if its labels are gone and ``again`` is false, or cannot help
    """
    if not run.frozen:
        raise IllegalTransition(
            "This run was interrupted before its target samples were fixed; "
            "delete it and start it again"
        )
    missing = missing_field(dataset, run)
    if missing is not None:
        _refuse_missing(run, missing, again)
    elif again:
        raise IllegalTransition(
            f"'{run.name}' still has its labels, so they are not generated again; resume labels "
            "only the unlabeled samples"
        )
    elif run.state is RunState.IN_REVIEW and not run.failed:
        raise IllegalTransition(f"All samples of '{run.name}' are labeled; nothing to resume")


def _refuse_missing(run: Run, missing: MissingField, again: bool) -> None:
    if not again or missing.is_taken:
        raise FieldGone(str(missing))
    if missing.renamed_to and run.mask_folder:
        raise FieldGone(
            f"{missing.happened}, and its masks use the files that this run would overwrite. "
            "Rename it back to continue, or start another run"
        )


def await_labels(dataset: Dataset, run: Run, again: bool) -> None:
    """Marks the samples that a resumed run is to label; those that it has labeled stay.

    Where the staging field is gone, every chunk is opened before the field is declared: until then
    this can be repeated from its beginning.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, queued
        again: whether all its samples may be labeled again if its labels are gone

    Raises:
        FieldGone: if its labels are gone, or go while this is done
    """
    chunks = ChunkStore(dataset)
    if again and fields.missing(dataset, run):
        fields.unset_undeclared(dataset, run.staging_field)
        for index in range(run.chunks):
            chunks.forget(run.id, index)
        fields.declare(dataset, run)
    fields.require_staging_field(dataset, run)
    for index, work in chunks.works(run):
        if "failures" not in work:
            waiting = undecided(work, chunks.sample_ids(run.id, index), run.many)
            staging.await_labels(dataset, run, waiting)
        elif known := work["failures"]:
            staging.await_labels(dataset, run, [f["sample_id"] for f in known])
            chunks.reopen(run.id, index)
