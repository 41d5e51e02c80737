"""The staging field: where generated labels wait for review, and how they leave it.

Every target sample holds ``null`` in the staging field until its labels are written, and
every write of labels asks for that ``null``. So the database itself lets each sample be
written once: a worker that was overtaken, or stopped and continued after the run was
approved or deleted, matches nothing and changes nothing. A sample in which the model found
nothing ends with an empty list, or with no staging field at all where a sample holds a
single label; "found nothing" is never ``null``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bson import ObjectId
from fiftyone.core.dataset import Dataset
from pymongo import UpdateOne
from pymongo.collection import Collection

from auto_labeling.core.run import Run
from auto_labeling.storage import approval_update, fields, id_ranges, samples, schema
from auto_labeling.storage.chunk_work import tried
from auto_labeling.storage.chunks import CHUNKS_AT_ONCE, ChunkStore
from auto_labeling.storage.mongo import STAMP, Document, below
from auto_labeling.storage.review_states import PROMOTED as PROMOTED
from auto_labeling.storage.review_states import REJECTED as REJECTED
from auto_labeling.storage.review_states import REVIEW as REVIEW
from auto_labeling.storage.review_states import UNPROMOTED as UNPROMOTED

#: What the staging field of a sample holds that waits for labels, as a query.
WAITING = {"$type": "null"}


def await_labels(dataset: Dataset, run: Run, sample_ids: Iterable[str]) -> None:
    """Marks samples as waiting for this run's labels, except those that it has labeled.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        sample_ids: the ids of the samples

    Raises:
        FieldGone: if the staging field is missing; then no mark is left
    """
    _samples(dataset).update_many(
        {"_id": {"$in": _oids(sample_ids)}, run.staging_field: {"$exists": False}},
        {"$set": {run.staging_field: None}},
    )
    fields.require_staging_field(dataset, run)


def waiting(
    dataset: Dataset,
    run: Run,
    sample_ids: Sequence[str],
    label_fields: Mapping[str, str] | None = None,
) -> list[tuple[str, dict[str, Any]]]:
    """Returns ``(sample id, values)`` of the samples that still wait, in the order given.

    Args:
        dataset: the dataset
        run: the run
        sample_ids: the ids of a chunk
        label_fields (None): a dict from key to the name of a field of labels that is wanted too

    Returns:
        each sample's ``values`` hold its ``filepath``, and a
        :class:`fiftyone.core.labels.Label` or None for each of ``wanted``
    """
    config = run.config
    query, whole = {run.staging_field: WAITING}, config.task.is_3d and not config.method.lifts
    return samples.read(dataset, sample_ids, label_fields, query, whole)


def write(dataset: Dataset, run: Run, documents: Iterable[tuple[str, Document | None]]) -> int:
    """Writes labels to samples that still wait for them.

    Args:
        dataset: the dataset
        run: the run
        documents: ``(sample id, label document or None)`` pairs; None says that a
            model that gives one label per sample gave none

    Returns:
        the number of samples that were still waiting
    """
    operations = [
        UpdateOne({"_id": ObjectId(sample_id), run.staging_field: WAITING}, _update(run, document))
        for sample_id, document in documents
    ]
    if not operations:
        return 0
    return _samples(dataset).bulk_write(operations, ordered=False).matched_count


def _update(run: Run, document: Document | None) -> Document | list[Document]:
    if document is None:
        return [{"$unset": run.staging_field}, {"$set": {"last_modified_at": "$$NOW"}}]
    return {"$set": {run.staging_field: document}, **STAMP}


def stop_waiting(dataset: Dataset, run: Run) -> None:
    """Removes the mark from all samples that still wait, so that no late labels can arrive.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
    """
    _samples(dataset).update_many({run.staging_field: WAITING}, {"$unset": {run.staging_field: ""}})


def count(
    dataset: Dataset,
    run: Run,
    review: str = "",
    query: Document | None = None,
    conditions: Document | None = None,
) -> int:
    """Counts the staged labels, or some of them.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        review (""): a review state; empty means any
        query (None): which samples
        conditions (None): which labels, as a query on their own attributes

    Returns:
        the number of labels
    """
    root = run.label_root
    pipeline: list[Document] = [
        {"$match": {**(query or {}), run.staging_field: {"$type": "object"}}}
    ]
    if run.many and not review and not conditions:
        return _first_count(dataset, [*pipeline, _sum_of_sizes(root)])
    if run.many:
        pipeline.append({"$unwind": f"${root}"})
    conditions = {**(conditions or {}), **({REVIEW: review} if review else {})}
    if conditions:
        pipeline.append({"$match": below(root, conditions)})
    pipeline.append({"$count": "labels"})
    return _first_count(dataset, pipeline)


def count_waiting(dataset: Dataset, run: Run, sample_ids: Iterable[str] | None = None) -> int:
    """Counts the samples that wait for labels, those that failed among them.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        sample_ids (None): count only among these

    Returns:
        the number of samples
    """
    query: Document = {run.staging_field: WAITING}
    if sample_ids is not None:
        query["_id"] = {"$in": _oids(sample_ids)}
    return _samples(dataset).count_documents(query)


def ids_without_label(dataset: Dataset, run: Run) -> list[str]:
    """Finds the samples that a run with one label a sample has tried without a label.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        their ids
    """
    chunks = ChunkStore(dataset)
    without_label: list[str] = []
    for first in range(0, run.chunks, CHUNKS_AT_ONCE):
        parts = chunks.read(run.id, range(first, min(first + CHUNKS_AT_ONCE, run.chunks)))
        ids = _oids(i for of, work in parts.values() for i in tried(work, of, run.many))
        query = {"_id": {"$in": ids}, run.staging_field: {"$exists": False}}
        without_label += [
            str(document["_id"]) for document in _samples(dataset).find(query, {"_id": 1})
        ]
    return without_label


def count_without_label(dataset: Dataset, run: Run, labels: int) -> int:
    """Counts the samples that a run has tried and that have no label.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        labels: how many labels there are

    Returns:
        the number of samples
    """
    if run.many:
        return _samples(dataset).count_documents({run.label_root: {"$size": 0}})
    if labels >= run.samples - run.failed:
        return 0
    return len(ids_without_label(dataset, run))


def count_approved(dataset: Dataset, run: Run) -> int:
    """Counts the labels in the run's label field.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the number of labels
    """
    field = run.config.label_field
    pipeline = [{"$match": {field: {"$type": "object"}}}]
    last = _sum_of_sizes(f"{field}.detections") if run.many else {"$count": "labels"}
    return _first_count(dataset, [*pipeline, last])


def publish(dataset: Dataset, run: Run, after: Callable[[int], None] | None = None) -> None:
    """Moves the promoted labels to the label field and removes the staging field.

    Args:
        dataset: the dataset
        run: the run
        after (None): called after each part of the work with its number of samples

    Each sample moves in one atomic update, and all steps can be repeated after a crash at
    any point: the label field is declared before data moves, and the staging field's
    schema goes last, since a sample holding an undeclared field makes a dataset unreadable.
    """
    fields.refuse_renamed(dataset, run)
    fields.declare_label_field(dataset, run)
    id_ranges.update_many(
        _samples(dataset),
        {run.staging_field: {"$exists": True}},
        approval_update.pipeline(run),
        after=after,
    )
    fields.refuse_renamed(dataset, run)
    fields.declare_label_field(dataset, run, again=True)
    remove_field(dataset, run)


def clear(dataset: Dataset, run: Run) -> None:
    """Removes all that a run has left in its staging field.

    If another field has its name by now, that field keeps the values that the run has not written.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
    """
    name = run.staging_field
    if not fields.is_declared(dataset, name):
        fields.unset_undeclared(dataset, name)
    elif fields.missing(dataset, run) is None:
        remove_field(dataset, run)


def remove_field(dataset: Dataset, run: Run) -> None:
    """Removes the staging field: its data first, its schema last.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
    """
    id_ranges.update_many(
        _samples(dataset),
        {run.staging_field: {"$exists": True}},
        [{"$unset": run.staging_field}, {"$set": {"last_modified_at": "$$NOW"}}],
    )
    schema.undeclare(dataset, run.staging_field)


def _sum_of_sizes(root: str) -> Document:
    sizes = {"$cond": [{"$isArray": f"${root}"}, {"$size": f"${root}"}, 0]}
    return {"$group": {"_id": None, "labels": {"$sum": sizes}}}


def _first_count(dataset: Dataset, pipeline: list[Document]) -> int:
    result = next(iter(_samples(dataset).aggregate(pipeline)), None)
    return result["labels"] if result else 0


def _samples(dataset: Dataset) -> Collection:
    return dataset._sample_collection


def _oids(sample_ids: Iterable[str]) -> list[ObjectId]:
    return [ObjectId(sample_id) for sample_id in sample_ids]
