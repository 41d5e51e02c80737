"""Copies existing labels into the staging field, for review, all in the database."""

from collections.abc import Callable

from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run
from auto_labeling.storage import fields, id_ranges, replacing, staging
from auto_labeling.storage.mongo import Document, Expression
from auto_labeling.storage.review_states import ACTIONS, REVIEW, STATES, UNPROMOTED


def await_labels(dataset: Dataset, run: Run, before: Callable[[], None] | None = None) -> int:
    """Marks the samples whose labels will be imported.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        before (None): called before each part of the work; it may raise

    Returns:
        the number of samples that wait

    Raises:
        FieldGone: if the staging field is missing
    """
    query = {run.source: {"$type": "object"}, run.staging_field: {"$exists": False}}
    update = {"$set": {run.staging_field: None}}
    id_ranges.update_many(dataset._sample_collection, query, update, before=before)
    fields.require_staging_field(dataset, run)
    return staging.count_waiting(dataset, run)


def holds_only_3d(dataset: Dataset, name: str) -> bool:
    """Whether a field of detections has 3D boxes and no 2D ones.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name
    """

    def holds(part: str) -> bool:
        query = {f"{name}.detections.{part}.0": {"$exists": True}}
        return dataset._sample_collection.find_one(query, {"_id": 1}) is not None

    return holds("location") and not holds("bounding_box")


def copy_labels(
    dataset: Dataset,
    run: Run,
    before: Callable[[], None] | None = None,
    after: Callable[[int], None] | None = None,
) -> None:
    """Copies the labels of the run's source to where they are awaited, unpromoted.

    Args:
        dataset: the dataset
        run: the run
        before (None): called before each part of the work; it may raise
        after (None): called after each part with its number of samples
    """
    query = {run.staging_field: staging.WAITING, run.source: {"$type": "object"}}
    stamp = {"last_modified_at": "$$NOW"}
    if run.many:
        labels: Document = {"detections": {"$ifNull": [f"${run.source}.detections", []]}}
        copied: Document = {
            "$mergeObjects": [f"${run.source}", labels, _copy_kept(run, labels["detections"])]
        }
        # Setting an attribute of a list sets it in each of its labels.
        marked = {f"{run.label_root}.{REVIEW}": UNPROMOTED}
        update: list[Document] = [
            {"$set": {run.staging_field: copied, **stamp}},
            {"$set": marked},
        ]
    else:
        marked = {REVIEW: UNPROMOTED, **_copy_kept(run, f"${run.source}")}
        copied = {"$mergeObjects": [f"${run.source}", marked]}
        update = [{"$set": {run.staging_field: copied, **stamp}}]
    if _has_marks(dataset, run):
        update.append({"$unset": f"{run.label_root}.{ACTIONS}"})
    id_ranges.update_many(dataset._sample_collection, query, update, before=before, after=after)
    staging.stop_waiting(dataset, run)  # samples whose labels were deleted since


def _has_marks(dataset: Dataset, run: Run) -> bool:
    """Whether labels of the source carry marks of another run's review, as in a clone."""
    return dataset.has_field(f"{run.source}{'.detections' if run.many else ''}.{ACTIONS}")


def _copy_kept(run: Run, labels: Expression) -> Document:
    """What is kept of labels that go back to their source, to tell what people did there since."""
    return {replacing.IMPORTED: replacing.copy(labels, run)} if run.replaces else {}


def has_marker(dataset: Dataset, run: Run) -> bool:
    """Whether labels of the source have an attribute of their own named like our marker.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        True if a label holds a value there that is no review state
    """
    path = run.source if not run.many else f"{run.source}.detections"
    theirs = {"$exists": True, "$nin": list(STATES)}
    query: Document = {f"{path}.{REVIEW}": theirs}
    if run.many:
        query = {path: {"$elemMatch": {REVIEW: theirs}}}
    return dataset._sample_collection.find_one(query, {"_id": 1}) is not None
