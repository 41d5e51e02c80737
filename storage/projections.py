"""The pictures from above by which the App's grid shows point clouds."""

from collections.abc import Mapping, Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.dataset import Dataset
from fiftyone.utils.utils3d import OrthographicProjectionMetadata
from pymongo import UpdateOne

from auto_labeling.storage.mongo import STAMP

#: The field in which FiftyOne itself keeps them.
FIELD = "orthographic_projection_metadata"


def declare(dataset: Dataset) -> None:
    """Makes the field, unless there is one of that name."""
    if not dataset.has_field(FIELD):
        kind = {"embedded_doc_type": OrthographicProjectionMetadata}
        dataset.add_sample_field(FIELD, fo.EmbeddedDocumentField, **kind)


def of_picture(
    path: str, low: Sequence[float], high: Sequence[float], size: tuple[int, int]
) -> dict[str, Any]:
    """The document of a picture.

    Args:
        path: its file
        low: the smallest x and y that it shows, in the unit of the points
        high: the largest
        size: its width and height in pixels

    Returns:
        the document, as :class:`fiftyone.utils.utils3d.OrthographicProjectionMetadata` has it
    """
    metadata = OrthographicProjectionMetadata(
        filepath=path,
        min_bound=list(low[:2]),
        max_bound=list(high[:2]),
        width=size[0],
        height=size[1],
    )
    return dict(metadata.to_dict())


def keep(dataset: Dataset, pictures: Mapping[str, dict[str, Any]]) -> None:
    """Gives samples their pictures, and leaves those alone that have another one.

    Args:
        dataset: the dataset, with the field declared
        pictures: a document of :func:`of_picture` by sample id
    """
    updates = [
        UpdateOne(
            {
                "_id": ObjectId(sample_id),
                f"{FIELD}.filepath": {"$in": [None, document["filepath"]]},
            },
            {"$set": {FIELD: document}, **STAMP},
        )
        for sample_id, document in pictures.items()
    ]
    if updates:
        dataset._sample_collection.bulk_write(updates, ordered=False)
