"""Boxes of one image, or scene, that overlap so much that they stand for the same object.

Of each such group one label is kept: a promoted one before others, then the most confident one,
then the first. The others that are in review are the duplicates. As in non-maximum suppression, a
label that is a duplicate itself makes no other one a duplicate.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import ConfigError
from auto_labeling.core.overlap import overlaps
from auto_labeling.core.run import Run
from auto_labeling.review.acting import act_on, in_review
from auto_labeling.review.promotion import REJECT
from auto_labeling.storage import added_labels, id_ranges
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import PROMOTED, REVIEW, UNPROMOTED
from auto_labeling.threed.iou import iou_3d

#: The overlap from which two boxes count as the same object.
IOU = 0.7

#: Samples that are compared together.
_BATCH = 1_000

_AT_ONCE = 3

#: The attributes that are read of each label, in 2D and in 3D.
_FLAT, _SOLID = ("bounding_box",), ("location", "dimensions", "rotation")


@dataclass(frozen=True)
class Duplicates:
    """The duplicates among the labels of a run in review.

    Args:
        labels: how many there are
        classes: how many there are by class
        samples: the object id of each sample with some, and those of its duplicates
        rejected: whether they were rejected
    """

    labels: int
    classes: dict[str, int]
    samples: tuple[tuple[ObjectId, list[ObjectId]], ...]
    rejected: bool = False

    @property
    def label_ids(self) -> list[str]:
        """The ids of the duplicates."""
        return [str(label) for _, labels in self.samples for label in labels]


def find(
    dataset: Dataset,
    run: Run,
    iou: float = IOU,
    across_classes: bool = False,
    classes: Iterable[str] | None = None,
) -> Duplicates:
    """Finds the duplicates among the labels of a run.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        iou (0.7): the intersection over union from which two boxes are the same object
        across_classes (False): whether boxes of different classes may be the same object
        classes (None): only duplicates of these classes; labels of others are compared as well

    Returns:
        the :class:`Duplicates`

    Raises:
        ConfigError: if the labels have no boxes, or ``iou`` is no overlap
    """
    if not run.many:
        raise ConfigError({"duplicates": "Only boxes can be duplicates; these labels have none"})
    if isinstance(iou, bool) or not isinstance(iou, (int, float)) or not 0 < iou <= 1:
        raise ConfigError({"iou": f"An overlap must be above 0 and at most 1, not {iou!r}"})
    added_labels.settle(dataset, run)
    wanted = None if classes is None else set(classes)

    def in_part(part: Document) -> list[_Found]:
        found: list[_Found] = []
        for batch in _batches(_read(dataset, run, part)):
            found += _duplicates(batch, iou, across_classes, run.config.task.is_3d)
        return [one for one in found if wanted is None or one[2] in wanted]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        parts = list(pool.map(in_part, id_ranges.split(dataset._sample_collection)))
    samples: defaultdict[ObjectId, list[ObjectId]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for sample, label, name in (one for part in parts for one in part):
        samples[sample].append(label)
        counts[name] += 1
    return Duplicates(counts.total(), dict(counts), tuple(samples.items()))


def reject(
    dataset: Dataset, run_id: str, found: Duplicates, expected: int | None = None, by: str = ""
) -> int:
    """Rejects duplicates that are still in review.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        found: the duplicates
        expected (None): the number of labels that the person saw; None if no one saw any
        by (""): who rejects

    Returns:
        the number of labels rejected

    Raises:
        LabelsChanged: if it is not ``expected`` labels; nothing is rejected then
        IllegalTransition: if the run is not in review
    """
    change = replace(REJECT, about="duplicates")
    run = in_review(dataset, run_id)
    return act_on(dataset, run, found.samples, found.labels, change, expected, by)


#: Sample, label and class of a duplicate.
_Found = tuple[ObjectId, ObjectId, str]


def _read(dataset: Dataset, run: Run, part: Document) -> Iterator[Document]:
    """The labels of samples with several, as lists of the values of each attribute."""
    root = f"${run.label_root}"
    names = _SOLID if run.config.task.is_3d else _FLAT

    def each(name: str) -> Document:
        value = {"$ifNull": [f"$$label.{name}", None]}
        return {"$map": {"input": root, "as": "label", "in": value}}

    values = {name: each(name) for name in ("_id", "label", "confidence", REVIEW, *names)}
    values["ids"] = values.pop("_id")
    stages: list[Document] = [
        {"$match": {**part, f"{run.label_root}.1": {"$exists": True}}},
        {"$project": values},
    ]
    return dataset._sample_collection.aggregate(stages, batchSize=_BATCH)


def _batches(samples: Iterable[Document]) -> Iterator[list[Document]]:
    """Samples with the same number of labels, as they are compared together."""
    waiting: defaultdict[int, list[Document]] = defaultdict(list)
    for sample in samples:
        batch = waiting[len(sample["ids"])]
        batch.append(sample)
        if len(batch) * len(sample["ids"]) >= _BATCH:
            yield waiting.pop(len(sample["ids"]))
    yield from waiting.values()


def _duplicates(
    batch: Sequence[Document], iou: float, across_classes: bool, is_3d: bool
) -> list[_Found]:
    """The duplicates of samples with ``N`` labels each."""
    states = np.array([sample[REVIEW] for sample in batch], dtype=object)
    confidence = _confidence(batch)
    overlap = _overlaps_3d(batch) if is_3d else _overlaps(batch)
    same = overlap >= iou
    if not across_classes:
        codes = _codes(batch)
        same &= codes[:, :, None] == codes[:, None, :]
    compared = (states == UNPROMOTED) | (states == PROMOTED)
    same &= compared[:, :, None] & compared[:, None, :]
    # The order in which labels are kept: promoted, then confident, then first.
    order = np.lexsort((-confidence, states != PROMOTED), axis=1)
    same = np.take_along_axis(same, order[:, :, None], axis=1)
    same = np.take_along_axis(same, order[:, None, :], axis=2)
    kept = np.ones(order.shape, dtype=bool)
    for place in range(1, order.shape[1]):
        kept[:, place] = ~(same[:, :place, place] & kept[:, :place]).any(axis=1)
    is_open = np.take_along_axis(states == UNPROMOTED, order, axis=1)
    rows, places = np.nonzero(~kept & is_open)
    found = zip(rows.tolist(), order[rows, places].tolist(), strict=True)
    return [(batch[r]["_id"], batch[r]["ids"][i], batch[r]["label"][i]) for r, i in found]


def _codes(batch: Sequence[Document]) -> np.ndarray:
    """``(S, N)`` numbers that are equal for labels of the same class."""
    codes: defaultdict[Any, int] = defaultdict()
    codes.default_factory = codes.__len__
    return np.array([[codes[name] for name in sample["label"]] for sample in batch])


def _confidence(batch: Sequence[Document]) -> np.ndarray:
    """``(S, N)`` confidences; the lowest for labels without one."""
    rows = [sample["confidence"] for sample in batch]
    try:
        known = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):  # a script has written something that is not a number
        return np.array([[_number(value) for value in row] for row in rows], dtype=np.float64)
    return np.where(np.isnan(known), -np.inf, known)


def _number(value: object) -> float:
    """A confidence; the lowest for none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    return float(value) if is_number else -np.inf  # type: ignore[arg-type]


def _overlaps(batch: Sequence[Document]) -> np.ndarray:
    """``(S, N, N)`` overlaps of boxes; 0 for labels without one."""
    rows = [sample["bounding_box"] for sample in batch]
    try:
        boxes = np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]), 4)
    except (TypeError, ValueError):  # some labels have no box
        boxes = np.array([[_row(box, 4) for box in row] for row in rows], dtype=np.float64)
    return overlaps(boxes)


def _overlaps_3d(batch: Sequence[Document]) -> np.ndarray:
    """The same of 3D boxes, by their volume; turns about x and y do not count."""
    found = []
    for sample in batch:
        rows = [
            [*_row(at, 3), *_row(size, 3), _row(turn, 3)[2] if turn else 0.0]
            for at, size, turn in zip(*(sample[name] for name in _SOLID), strict=True)
        ]
        boxes = np.nan_to_num(np.array(rows, dtype=np.float64))
        found.append(iou_3d(boxes, boxes))
    return np.array(found)


def _row(values: object, size: int) -> Sequence[float]:
    return values if isinstance(values, list) and len(values) == size else [np.nan] * size
