"""Reads staged labels as columns: class, confidence and review state, one entry per label."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run
from auto_labeling.storage import added_labels, id_ranges
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import PERSON, PROMOTED, REJECTED, REVIEW, UNPROMOTED

#: The review states as the small numbers of the column ``states``.
CODES = {UNPROMOTED: 0, PROMOTED: 1, REJECTED: 2}
NONE = 3

#: Parts of [0, 1] for which confidences are counted.
BINS = 20

_NO_BIN = 255

#: Small batches decode faster: fewer objects are alive at once.
_BATCH = 1_000

_AT_ONCE = 3


@dataclass(frozen=True)
class Columns:
    """Samples, and their labels in the samples' order.

    Args:
        ids: the sample ids, packed: 12 bytes each
        sizes: the number of labels of each sample, as int64
        labels: a list with the class of each label
        confidence: the confidence of each label, as float64; NaN for none
        states: the review state of each label, as int8: one of :data:`CODES` or :data:`NONE`
        added: whether a person added each label
        unmarked: the object ids of samples with labels that lack their review state
        there: whether each sample holds the staging field at all
        newest: the samples' latest ``last_modified_at``
    """

    ids: np.ndarray
    sizes: np.ndarray
    labels: list[str]
    confidence: np.ndarray
    states: np.ndarray
    added: np.ndarray
    unmarked: list[ObjectId]
    there: np.ndarray
    newest: datetime | None


def packed(sample_ids: Iterable[ObjectId]) -> np.ndarray:
    """Object ids as an array that can be sorted and searched."""
    return np.array([oid.binary for oid in sample_ids], dtype="S12")


def read(dataset: Dataset, run: Run, query: Document, everything: bool = False) -> Columns:
    """Reads the staged labels of the samples that match.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        query: which samples
        everything (False): whether to return samples without staged labels too

    Returns:
        their :class:`Columns`
    """
    if not everything:
        query = {**query, run.staging_field: {"$type": "object"}}
    about = {
        "t": "$last_modified_at",
        "h": {"$eq": [{"$type": f"${run.staging_field}"}, "object"]},
    }
    # Where no one has added a label, no sample is asked who did.
    sources = added_labels.declared_sources(dataset, run)
    fields = {**about, **(_lists(run, sources) if run.many else _scalars(run, sources))}

    def gather(part: Document) -> _Gathered:
        gathered = _Gathered()
        uneven: list[ObjectId] = []
        for document in _matching(dataset, {**query, **part}, fields):
            if not gathered.add(document):
                uneven.append(document["_id"])
        for first in range(0, len(uneven), _BATCH):
            some = {"_id": {"$in": uneven[first : first + _BATCH]}}
            for document in _matching(dataset, some, {**about, **_aligned(run, sources)}):
                gathered.add(document)
        return gathered

    # While one part is being decoded here, the server finds the others.
    parts: list[Document] = [{}] if everything else id_ranges.split(dataset._sample_collection)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return _joined(list(pool.map(gather, parts)))


class _Gathered:
    """The columns while they grow."""

    def __init__(self) -> None:
        self._ids: list[ObjectId] = []
        self._sizes: list[int] = []
        self._times: list[datetime | None] = []
        self._there: list[bool] = []
        self._labels: list[str] = []
        self._confidence: list[Any] = []
        self._states: list[int] = []
        self._added: list[bool] = []
        self._unmarked: list[ObjectId] = []

    def add(self, document: Document) -> bool:
        """Adds a sample; False if some of its labels lack an attribute that others have."""
        size = document["n"]
        labels, confidence, states = document["l"], document["c"], document["r"]
        if type(states) is not list:  # one state that all labels share
            states = [CODES.get(states, NONE)] * size
        else:
            states = [CODES.get(state, NONE) for state in states or [None] * size]
        # The database leaves out what is missing: an empty list says that all labels lack it.
        labels = labels or [None] * size
        confidence = confidence or [None] * size
        sources = [document[name] or [None] * size for name in _SOURCES if name in document]
        if not all(len(values) == size for values in (labels, confidence, states, *sources)):
            return False
        if NONE in states:
            self._unmarked.append(document["_id"])
        self._ids.append(document["_id"])
        self._sizes.append(size)
        self._times.append(document.get("t"))
        self._there.append(document["h"])
        self._labels += labels
        self._confidence += confidence
        self._states += states
        self._added += [PERSON in values for values in zip(*sources, strict=True)] or [False] * size
        return True

    def columns(self) -> Columns:
        return Columns(
            ids=packed(self._ids),
            sizes=np.array(self._sizes, dtype=np.int64),
            labels=self._labels,
            confidence=_numbers(self._confidence),
            states=np.array(self._states, dtype=np.int8),
            added=np.array(self._added, dtype=bool),
            unmarked=self._unmarked,
            there=np.array(self._there, dtype=bool),
            newest=max(filter(None, self._times), default=None),
        )


def _joined(gathered: Sequence[_Gathered]) -> Columns:
    each = [part.columns() for part in gathered]
    arrays = {
        name: np.concatenate([getattr(part, name) for part in each])
        for name in ("ids", "sizes", "confidence", "states", "added", "there")
    }
    return Columns(
        **arrays,
        labels=[label for part in each for label in part.labels],
        unmarked=[sample_id for part in each for sample_id in part.unmarked],
        newest=max(filter(None, (part.newest for part in each)), default=None),
    )


def _matching(dataset: Dataset, query: Document, fields: Document) -> Iterator[Document]:
    pipeline = [{"$match": query}, {"$project": fields}]
    return dataset._sample_collection.aggregate(pipeline, batchSize=_BATCH)


#: The names under which a query returns what says that a person added a label.
_SOURCES = ("s0", "s1")


def _lists(run: Run, sources: Sequence[str]) -> Document:
    root = f"${run.label_root}"
    size = {"$size": {"$ifNull": [root, []]}}
    state = f"{root}.{REVIEW}"
    uniform = {
        "$and": [
            {"$eq": [{"$size": {"$ifNull": [state, []]}}, size]},
            {"$eq": [{"$size": {"$setUnion": [{"$ifNull": [state, []]}, []]}}, 1]},
        ]
    }
    return {
        "n": size,
        "l": {"$ifNull": [f"{root}.label", []]},
        "c": {"$ifNull": [f"{root}.confidence", []]},
        # Mostly one state for all: one value to read in place of one for each label.
        "r": {"$cond": [uniform, {"$first": state}, {"$ifNull": [state, []]}]},
        **{
            key: {"$ifNull": [f"{root}.{s}", []]} for key, s in zip(_SOURCES, sources, strict=False)
        },
    }


def _aligned(run: Run, sources: Sequence[str]) -> Document:
    root = f"${run.label_root}"

    def each(attribute: str) -> Document:
        value = {"$ifNull": [f"$$label.{attribute}", None]}
        return {"$map": {"input": root, "as": "label", "in": value}}

    return {
        "n": {"$size": root},
        "l": each("label"),
        "c": each("confidence"),
        "r": each(REVIEW),
        **{key: each(name) for key, name in zip(_SOURCES, sources, strict=False)},
    }


def _scalars(run: Run, sources: Sequence[str]) -> Document:
    field = f"${run.staging_field}"
    is_label = {"$eq": [{"$type": field}, "object"]}

    def only(attribute: str) -> Document:
        return {"$cond": [is_label, [{"$ifNull": [f"{field}.{attribute}", None]}], []]}

    size = {"$cond": [is_label, 1, 0]}
    return {
        "n": size,
        "l": only("label"),
        "c": only("confidence"),
        "r": only(REVIEW),
        **{key: only(name) for key, name in zip(_SOURCES, sources, strict=False)},
    }


def _numbers(values: Sequence[Any]) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):  # a script has written something that is not a number
        return np.array([_number(value) for value in values], dtype=np.float64)


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else np.nan


def indices(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The indices of all labels of some samples.

    Args:
        starts: ``(N,)``, the index of the first label of each sample
        sizes: ``(N,)``, the number of its labels

    Returns:
        ``(sum(sizes),)``
    """
    total = int(sizes.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    ends = np.cumsum(sizes)
    return np.repeat(starts - (ends - sizes), sizes) + np.arange(total)


def bins(confidence: np.ndarray) -> np.ndarray:
    """The part of [0, 1] in which each confidence lies; one that is no part for none."""
    inside = (confidence >= 0) & (confidence <= 1)
    parts = np.full(len(confidence), _NO_BIN, dtype=np.uint8)
    parts[inside] = np.minimum(confidence[inside] * BINS, BINS - 1).astype(np.uint8)
    return parts
