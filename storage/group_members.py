"""The other samples of the groups that some samples are in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from fiftyone.core.dataset import Dataset


@dataclass(frozen=True)
class Member:
    """A sample of a group.

    Attributes:
        sample_id: its id
        slice: its slice
        filepath: its file
        size: the width and height of its image in pixels; None if it has no metadata
        labels: the documents of the labels in the field that was read
    """

    sample_id: str
    slice: str
    filepath: str
    size: tuple[int, int] | None
    labels: tuple[dict[str, Any], ...]


def beside(
    dataset: Dataset, sample_ids: Sequence[str], slices: Iterable[str], field: str = ""
) -> dict[str, tuple[str, list[Member]]]:
    """Reads the samples that are in the same groups, in some slices.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        sample_ids: the ids of samples, of a chunk at most
        slices: the slices of the others
        field (""): a field of detections that is read with them

    Returns:
        for each id that a sample has, its own slice, and the others in the order of ``slices``
    """
    names = list(slices)
    group = dataset.group_field
    collection = dataset._sample_collection
    own = collection.find({"_id": {"$in": [ObjectId(i) for i in sample_ids]}}, {group: 1})
    group_of = {str(document["_id"]): document[group] for document in own}
    projection = {"filepath": 1, "metadata.width": 1, "metadata.height": 1, group: 1}
    if field:
        projection[f"{field}.detections"] = 1
    query = {
        f"{group}._id": {"$in": list({own["_id"] for own in group_of.values()})},
        f"{group}.name": {"$in": names},
    }
    by_group: dict[ObjectId, list[Member]] = {}
    for document in collection.find(query, projection):
        member = _member(document, document[group]["name"], field)
        by_group.setdefault(document[group]["_id"], []).append(member)
    for members in by_group.values():
        members.sort(key=lambda member: names.index(member.slice))
    return {i: (own["name"], by_group.get(own["_id"], [])) for i, own in group_of.items()}


def group_ids(dataset: Dataset, sample_ids: Sequence[str]) -> dict[str, str]:
    """Reads the ids of the groups that samples are in.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        sample_ids: the ids of samples, of a chunk at most

    Returns:
        a dict from sample id to group id
    """
    path = f"{dataset.group_field}._id"
    query = {"_id": {"$in": [ObjectId(i) for i in sample_ids]}}
    own = dataset._sample_collection.find(query, {path: 1})
    return {str(one["_id"]): str(one[dataset.group_field]["_id"]) for one in own}


def _member(document: dict[str, Any], name: str, field: str) -> Member:
    metadata = document.get("metadata") or {}
    width, height = metadata.get("width"), metadata.get("height")
    labels = (document.get(field) or {}).get("detections") or () if field else ()
    return Member(
        sample_id=str(document["_id"]),
        slice=name,
        filepath=document["filepath"],
        size=(int(width), int(height)) if width and height else None,
        labels=tuple(labels),
    )
