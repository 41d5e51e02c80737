"""Reads label documents as they are stored, from the staging field or the label field."""

from collections.abc import Iterator, Sequence

from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run, RunState
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import REVIEW, sources

_AT_ONCE = 1_000


def field_of(run: Run) -> str:
    """The field that holds a run's labels now: the staging field, or after approval the other."""
    return run.config.label_field if run.state is RunState.APPROVED else run.staging_field


def read(
    dataset: Dataset, run: Run, names: Sequence[str], sample_ids: Sequence[str] | None = None
) -> Iterator[tuple[str, Document]]:
    """Yields the labels that a run's field holds now, by sample.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        names: the attributes to read, beside the id and those of the review
        sample_ids (None): the ids of samples; None means all

    Yields:
        ``(sample id, label document)``
    """
    field = field_of(run)
    root = f"{field}.detections" if run.many else field
    wanted = ("_id", REVIEW, *sources(run), *names)
    projection = {f"{root}.{name}": 1 for name in dict.fromkeys(wanted)}
    samples = dataset._sample_collection
    ids = None if sample_ids is None else [ObjectId(i) for i in dict.fromkeys(sample_ids)]
    parts = [None] if ids is None else [ids[i : i + _AT_ONCE] for i in range(0, len(ids), _AT_ONCE)]
    for part in parts:
        query: Document = {field: {"$type": "object"}}
        if part is not None:
            query["_id"] = {"$in": part}
        for sample in samples.find(query, projection):
            value = sample[field]
            for label in value.get("detections") or () if run.many else (value,):
                yield str(sample["_id"]), label
