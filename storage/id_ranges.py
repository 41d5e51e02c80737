"""One update of many samples, split into parallel updates by ranges of sample IDs."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from auto_labeling.storage.mongo import Document

#: Updates at once. The server's cores are not known; more than this gains nothing on eight.
_AT_ONCE = 4

#: Samples in a part: few enough that each ends soon, so that progress can be told and the next
#: need not begin, and enough that its own cost does not count.
_PART = 12_500


def split(collection: Collection) -> list[Document]:
    """Queries that together match every sample of a collection, each exactly once.

    Samples that are added since are in one of them.
    """
    total = collection.estimated_document_count()
    parts = max(1, min(_AT_ONCE, total // 1_000), total // _PART)
    edges: list[ObjectId | None] = [None]
    for _ in range(parts - 1):
        query: Document = {} if edges[-1] is None else {"_id": {"$gte": edges[-1]}}
        first = collection.find(query, {"_id": 1}).sort("_id", 1).skip(total // parts).limit(1)
        edges.extend(document["_id"] for document in first)
    return [_between(low, high) for low, high in zip(edges, [*edges[1:], None], strict=True)]


def _between(low: ObjectId | None, high: ObjectId | None) -> Document:
    edges = {"$gte": low, "$lt": high}
    bounds = {operator: edge for operator, edge in edges.items() if edge is not None}
    return {"_id": bounds} if bounds else {}


def update_many(
    collection: Collection,
    query: Document,
    update: Document | list[Document],
    array_filters: Sequence[Mapping[str, Any]] | None = None,
    before: Callable[[], None] | None = None,
    after: Callable[[int], None] | None = None,
) -> int:
    """Updates all samples that match.

    Each sample is updated in one atomic step, in no particular order. If a part fails, or
    ``before`` raises, those under way still end before the error is raised.

    Args:
        collection: the collection of a dataset's samples
        query: which samples; it does not mention ``_id``
        update: an update document or pipeline
        array_filters (None): the update's array filters
        before (None): called before each part, perhaps from several threads; may raise
        after (None): called after each part with the number of samples it modified

    Returns:
        the number of samples that were modified
    """

    def update_part(part: Document) -> int:
        if before:
            before()
        modified = collection.update_many(
            {**part, **query}, update, array_filters=array_filters
        ).modified_count
        if after:
            after(modified)
        return modified

    parts = split(collection)
    if len(parts) == 1:
        return update_part(parts[0])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(update_part, part) for part in parts]
        try:
            return sum(future.result() for future in futures)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
