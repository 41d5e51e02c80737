"""Labels that people add to the staging field while a run is in review.

Before anything is counted or shown, they get the review state and the mark that the others have
from birth. A process that has read the labels knows the samples in which some lack it; none reads
the dataset for that alone where nothing has been written since (``storage/write_stamp.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.dataset import Dataset
from pymongo import UpdateMany
from pymongo.collection import Collection

from auto_labeling.core.run import Run
from auto_labeling.storage import id_ranges, schema, write_stamp
from auto_labeling.storage.mongo import STAMP, Document
from auto_labeling.storage.review_states import (
    INFO,
    PERSON,
    REVIEW,
    REVIEW_SOURCE,
    SOURCE,
    STATES,
    UNPROMOTED,
    sources,
)

#: Samples that an update names one by one.
_BATCH_SIZE = 1_000

#: Samples from which the update looks for them itself.
_MAX_SAMPLE_IDS = 20_000

_MAX_REMEMBERED = 64

#: For runs of this process, the stamp of the samples with which no label lacked its state.
_settled: dict[tuple[ObjectId, str], write_stamp.Stamp] = {}

#: Query, update and array filters, as ``update_many`` takes them.
_Update = tuple[Document, Document, list[Mapping[str, Any]] | None]


def mark(dataset: Dataset, run: Run, sample_ids: Sequence[ObjectId] | None = None) -> int:
    """Marks the labels that people have added: not promoted, and by whom.

    A label that has an attribute ``source`` of its own keeps it, and is marked by another name.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        sample_ids (None): the object ids of samples that may hold some; None means all samples

    Returns:
        the number of samples in which there were some
    """
    updates = [_update(run)] if run.many else list(_updates_of_one(run))
    if sample_ids is not None and len(sample_ids) > _MAX_SAMPLE_IDS:
        sample_ids = None
    if sample_ids is None and not _are_some(dataset, run):
        return 0
    _declare(dataset, run)
    if sample_ids is None:
        return sum(id_ranges.update_many(_samples(dataset), *update) for update in updates)
    batches = [sample_ids[i : i + _BATCH_SIZE] for i in range(0, len(sample_ids), _BATCH_SIZE)]
    operations = [
        UpdateMany({**query, "_id": {"$in": batch}}, change, array_filters=filters)
        for batch in batches
        for query, change, filters in updates
    ]
    return _samples(dataset).bulk_write(operations, ordered=False).modified_count


def settle(dataset: Dataset, run: Run) -> int:
    """Marks all added labels, unless the samples are unchanged since the last time.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the number of samples in which there were some
    """
    now = write_stamp.stamp(dataset)
    if now is not None and _settled.get(_key(dataset, run)) == now:
        return 0
    marked = mark(dataset, run)
    if not marked and now is not None:
        note(dataset, run, now)
    return marked


def note(dataset: Dataset, run: Run, stamp: write_stamp.Stamp) -> None:
    """Notes that all labels had their state when the samples had a stamp.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        stamp: the stamp of the samples, taken before the labels were read
    """
    while len(_settled) >= _MAX_REMEMBERED:
        _settled.pop(next(iter(_settled)), None)
    _settled[_key(dataset, run)] = stamp


def declared_sources(dataset: Dataset, run: Run) -> list[str]:
    """Lists the declared attributes that mark a label as added by a person.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        their names; empty if no label was marked yet, or the staging field is missing
    """
    query = {"_id": dataset._doc.id, "sample_fields.name": run.staging_field}
    document = dataset._doc._get_collection().find_one(query, {"sample_fields.$": 1})
    if document is None:
        return []
    (field,) = document["sample_fields"]
    fields = field.get("fields") or []
    if run.many:
        fields = next((f.get("fields") or [] for f in fields if f["name"] == "detections"), [])
    return [name for name in sources(run) if any(f["name"] == name for f in fields)]


def _declare(dataset: Dataset, run: Run) -> None:
    """Declares what is about to be written; a staging field that is gone stays so."""
    if not dataset.has_field(run.staging_field):
        dataset.reload()
    if not dataset.has_field(run.staging_field):
        return
    options = {"description": "Who added the label, if not the run", "info": {INFO: {"ours": 1}}}
    schema.declare_attributes(
        dataset,
        run.staging_field,
        {REVIEW: fo.StringField(), **{name: fo.StringField(**options) for name in sources(run)}},
    )


def _update(run: Run) -> _Update:
    """Query, update and array filters that mark what a list holds beside the run's own labels."""
    unmarked = {REVIEW: {"$nin": list(STATES)}}
    root = run.label_root
    own: Document = {f"own.{REVIEW}": unmarked[REVIEW]}
    filters: list[Mapping[str, Any]] = [own]
    values = {f"{root}.$[own].{REVIEW}": UNPROMOTED, f"{root}.$[own].{REVIEW_SOURCE}": PERSON}
    if not run.own_source:
        own[f"own.{SOURCE}"] = {"$ne": None}
        filters.append({f"new.{REVIEW}": unmarked[REVIEW], f"new.{SOURCE}": None})
        values |= {f"{root}.$[new].{REVIEW}": UNPROMOTED, f"{root}.$[new].{SOURCE}": PERSON}
    change = {"$set": values, **STAMP}
    return {root: {"$elemMatch": unmarked}}, change, filters


def _updates_of_one(run: Run) -> Iterator[_Update]:
    """The same where a sample holds one label."""
    field = run.staging_field
    unmarked = {field: {"$type": "object"}, f"{field}.{REVIEW}": {"$nin": list(STATES)}}
    for name in sources(run):
        query: Document = dict(unmarked)
        if not run.own_source:
            query[f"{field}.{SOURCE}"] = None if name == SOURCE else {"$ne": None}
        values = {f"{field}.{REVIEW}": UNPROMOTED, f"{field}.{name}": PERSON}
        yield query, {"$set": values, **STAMP}, None


def _are_some(dataset: Dataset, run: Run) -> bool:
    unmarked = {"$nin": list(STATES)}
    if run.many:
        query: Document = {run.label_root: {"$elemMatch": {REVIEW: unmarked}}}
    else:
        query = {run.staging_field: {"$type": "object"}, f"{run.staging_field}.{REVIEW}": unmarked}
    return _samples(dataset).find_one(query, {"_id": 1}) is not None


def _key(dataset: Dataset, run: Run) -> tuple[ObjectId, str]:
    return dataset._doc.id, run.id


def _samples(dataset: Dataset) -> Collection:
    return dataset._sample_collection
