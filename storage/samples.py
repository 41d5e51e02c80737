"""Reads samples by ID with a projection, never whole samples."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.dataset import Dataset
from pymongo import UpdateOne

from auto_labeling.storage.mongo import STAMP, Document

_AT_ONCE = 10_000


def read(
    dataset: Dataset,
    sample_ids: Sequence[str],
    fields: Mapping[str, str] | None = None,
    query: Document | None = None,
    whole: bool = False,
) -> list[tuple[str, dict[str, Any]]]:
    """Reads what a model is given of samples.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        sample_ids: the ids of a chunk
        fields (None): a dict from key to the name of a field of labels that is wanted too
        query (None): only the samples that this holds for
        whole (False): whether to read all other fields, too

    Returns:
        ``(sample id, values)`` of the samples that exist, in the order given. Their ``values`` hold
        the ``filepath``, and a :class:`fiftyone.core.labels.Label` or None for each of ``fields``;
        if ``whole``, also the stored ``document``
    """
    fields = fields or {}
    projection = None if whole else {"filepath": 1, **{name: 1 for name in fields.values()}}
    conditions = {"_id": {"$in": [ObjectId(i) for i in sample_ids]}, **(query or {})}
    values = {
        str(d["_id"]): {
            "filepath": d["filepath"],
            **{key: _label(d.get(name)) for key, name in fields.items()},
            **({"document": d} if whole else {}),
        }
        for d in dataset._sample_collection.find(conditions, projection)
    }
    return [(sample_id, values[sample_id]) for sample_id in sample_ids if sample_id in values]


def unknown(dataset: Dataset, sample_ids: Sequence[str]) -> list[str]:
    """Finds ids that no sample of a dataset has.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        sample_ids: texts that may be sample ids

    Returns:
        those that are unknown, in the order given
    """
    known: set[str] = set()
    for first in range(0, len(sample_ids), _AT_ONCE):
        some = sample_ids[first : first + _AT_ONCE]
        oids = [ObjectId(text) for text in some if ObjectId.is_valid(text)]
        documents = dataset._sample_collection.find({"_id": {"$in": oids}}, {"_id": 1})
        known.update(str(document["_id"]) for document in documents)
    return [text for text in sample_ids if text not in known]


def in_slices(dataset: Dataset, names: Iterable[str], query: Document | None = None) -> list[str]:
    """Reads the ids of the samples in some slices of a grouped dataset.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        names: the slices
        query (None): only the samples that this holds for

    Returns:
        the ids, in the dataset's order
    """
    conditions = {f"{dataset.group_field}.name": {"$in": list(names)}, **(query or {})}
    documents = dataset._sample_collection.find(conditions, {"_id": 1}).sort("_id", 1)
    return [str(document["_id"]) for document in documents]


def count_in_slices(dataset: Dataset, names: Iterable[str]) -> int:
    """Counts the samples in some slices of a grouped dataset.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        names: the slices

    Returns:
        the number of samples
    """
    conditions = {f"{dataset.group_field}.name": {"$in": list(names)}}
    return dataset._sample_collection.count_documents(conditions)


def is_in_slice(dataset: Dataset, name: str, field: str) -> bool:
    """Whether a sample of a slice of a grouped dataset has a value in a field.

    Args:
        dataset: a grouped dataset
        name: the slice's name
        field: the name of a top-level field
    """
    query = {f"{dataset.group_field}.name": name, field: {"$ne": None}}
    return dataset._sample_collection.find_one(query, {"_id": 1}) is not None


def outside_slices(dataset: Dataset, sample_ids: Sequence[str], names: Iterable[str]) -> list[str]:
    """Finds the samples that are in other slices of a grouped dataset.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        sample_ids: the ids of the samples
        names: the slices

    Returns:
        the ids of the samples in other slices, in the order given
    """
    inside: set[str] = set()
    for first in range(0, len(sample_ids), _AT_ONCE):
        oids = [ObjectId(text) for text in sample_ids[first : first + _AT_ONCE]]
        inside.update(in_slices(dataset, names, {"_id": {"$in": oids}}))
    return [text for text in sample_ids if text not in inside]


def of_groups(dataset: Dataset, group_ids: Sequence[str], names: Iterable[str]) -> list[str]:
    """Reads the ids of the samples of some groups in some slices.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        group_ids: the ids of the groups
        names: the slices

    Returns:
        the ids of the samples
    """
    ids: list[str] = []
    for first in range(0, len(group_ids), _AT_ONCE):
        oids = [ObjectId(text) for text in group_ids[first : first + _AT_ONCE]]
        ids += in_slices(dataset, names, {f"{dataset.group_field}._id": {"$in": oids}})
    return ids


def files(dataset: Dataset, slice_name: str = "") -> list[tuple[str, str]]:
    """Reads the ids and the files of the samples of a dataset, or of a slice of a grouped one.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        slice_name (""): the slice

    Returns:
        ``(sample id, path)`` pairs
    """
    query = {f"{dataset.group_field}.name": slice_name} if slice_name else {}
    documents = dataset._sample_collection.find(query, {"filepath": 1}).sort("_id", 1)
    return [(str(document["_id"]), document["filepath"]) for document in documents]


def show_files(
    dataset: Dataset, paths: Mapping[str, str], media_type: str, slice_name: str = ""
) -> None:
    """Makes all samples of a dataset, or of a slice of a grouped one, show other files.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        paths: the new file of each sample, by the sample's id
        media_type: FiftyOne's name for the kind of the files
        slice_name (""): the slice
    """
    changes = {"_media_type": media_type, "metadata": None}
    updates = [
        UpdateOne({"_id": ObjectId(i)}, {"$set": {"filepath": path, **changes}, **STAMP})
        for i, path in paths.items()
    ]
    for first in range(0, len(updates), _AT_ONCE):
        dataset._sample_collection.bulk_write(updates[first : first + _AT_ONCE], ordered=False)
    if slice_name:
        dataset._doc.group_media_types[slice_name] = media_type
    else:
        dataset._doc.media_type = media_type
    dataset._doc.save()
    dataset.reload()


def _label(document: Document | None) -> fo.Label | None:
    return None if document is None else getattr(fo, document["_cls"]).from_dict(document)
