"""Whether a dataset's samples were written to since the last check.

MongoDB counts the writes to each collection, by every process, whether or not they set
``last_modified_at``. So one small question says that what was read before still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pymongo.errors import OperationFailure

from auto_labeling.storage.mongo import Document

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.dataset import Dataset


@dataclass(frozen=True)
class Stamp:
    """How much has been written to the samples; equal stamps mean that nothing was.

    Args:
        written: documents written since the server opened the collection
        removed: documents removed since then
        commands: commands that wrote. Counted when they end: a write that was counted in
            ``written`` but could not be seen yet makes the next stamp differ
    """

    written: int
    removed: int
    commands: int


def stamp(dataset: Dataset) -> Stamp | None:
    """The stamp of a dataset's samples; None where the server does not count writes."""
    stages: list[Document] = [{"$collStats": {"latencyStats": {}, "storageStats": {}}}]
    try:
        (statistics,) = dataset._sample_collection.aggregate(stages)
        counted = statistics["storageStats"]["wiredTiger"]["cursor"]
        return Stamp(
            # "Insert" is the storage engine's word for putting a document, new or not.
            written=counted["insert calls"] + counted["update calls"] + counted["modify"],
            removed=counted["remove calls"] + counted["truncate calls"],
            commands=statistics["latencyStats"]["writes"]["ops"],
        )
    except (OperationFailure, KeyError, ValueError):  # a sharded or another kind of server
        return None


def newest(dataset: Dataset) -> datetime | None:
    """The latest ``last_modified_at`` of all samples."""
    documents = dataset._sample_collection.find({}, {"last_modified_at": 1, "_id": 0})
    document: Document = next(iter(documents.sort("last_modified_at", -1).limit(1)), {})
    return document.get("last_modified_at")
