"""Merges labels where several prompts of a class found the same object."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from auto_labeling.core.overlap import overlaps

#: Gives the masks of the labels at some positions, cropped to their boxes; None for one without.
Masks = Callable[[Sequence[int]], Sequence[Any]]

#: Boxes, or masks where there are masks, that overlap by so much are of the same object.
OVERLAP = 0.7

#: Masks overlap by :data:`OVERLAP` only if their boxes overlap by this at least.
_OVERLAP_OF_BOXES = 0.2


def distinct(
    kept: Sequence[int],
    labels: Sequence[str],
    confidences: Sequence[float | None],
    boxes: Sequence[Sequence[float]],
    classes: Iterable[str],
    masks: Masks | None = None,
) -> list[int]:
    """Leaves out labels of an object that a more confident label of the same class shows.

    Args:
        kept: positions in the lists
        labels: classes
        confidences: confidences; None for a label without
        boxes: relative ``[x, y, width, height]`` boxes
        classes: the classes of which labels may be of the same object
        masks (None): gives the masks of the labels at some positions, cropped to the boxes

    Returns:
        the positions that stay, in their order
    """
    gone: set[int] = set()
    for name in classes:
        rows = np.array([i for i in kept if labels[i] == name], dtype=int)
        if len(rows) > 1:
            gone.update(_same(rows, confidences, boxes, masks))
    return [i for i in kept if i not in gone]


def _same(
    rows: np.ndarray,
    confidences: Sequence[float | None],
    boxes: Sequence[Sequence[float]],
    masks: Masks | None,
) -> list[int]:
    """The positions, of one class, of labels that a more confident one makes superfluous."""
    sure = np.array([-1.0 if (c := confidences[i]) is None else c for i in rows])
    rows = rows[np.argsort(-sure, kind="stable")]
    of_boxes = overlaps(np.array([boxes[i] for i in rows], dtype=float))
    shapes = masks(rows.tolist()) if masks is not None else ()
    has_masks = any(shape is not None for shape in shapes)
    near = np.triu(of_boxes >= (_OVERLAP_OF_BOXES if has_masks else OVERLAP), k=1)
    if not near.any():
        return []
    alive = np.ones(len(rows), dtype=bool)
    for first in np.flatnonzero(near.any(axis=1)).tolist():
        if not alive[first]:
            continue
        others = np.flatnonzero(near[first] & alive)
        same = [
            other
            for other in others.tolist()
            if not has_masks or _is_same(rows, first, other, of_boxes, boxes, shapes)
        ]
        alive[same] = False
    return rows[~alive].tolist()


def _is_same(
    rows: np.ndarray,
    first: int,
    other: int,
    of_boxes: np.ndarray,
    boxes: Sequence[Sequence[float]],
    shapes: Sequence[Any],
) -> bool:
    if shapes[first] is None or shapes[other] is None:
        return bool(of_boxes[first, other] >= OVERLAP)
    pair = (boxes[rows[first]], shapes[first]), (boxes[rows[other]], shapes[other])
    return overlap_of_masks(*pair[0], *pair[1]) >= OVERLAP


def overlap_of_masks(
    box: Sequence[float], mask: np.ndarray, other_box: Sequence[float], other_mask: np.ndarray
) -> float:
    """The intersection over union of two masks, each cropped to its relative box.

    Args:
        box: the relative ``[x, y, width, height]`` box of the first
        mask: its ``(height, width)`` array
        other_box: the box of the second
        other_mask: its array

    Returns:
        a number from 0 to 1
    """
    mask, other_mask = np.asarray(mask) > 0, np.asarray(other_mask) > 0
    if not mask.size or not other_mask.size:
        return 0.0
    places, pixel = [], []
    for axis in (1, 0):  # columns go with x, rows with y
        at, size = (1 - axis), (3 - axis)
        here, there = mask.shape[axis], other_mask.shape[axis]
        centers = box[at] + (np.arange(here) + 0.5) * box[size] / here
        other = np.floor((centers - other_box[at]) / other_box[size] * there).astype(int)
        inside = (other >= 0) & (other < there)
        places.append((np.flatnonzero(inside), other[inside]))
        pixel.append((other_box[size] / there) / (box[size] / here))
    (columns, other_columns), (rows, other_rows) = places
    common = np.count_nonzero(
        mask[np.ix_(rows, columns)] & other_mask[np.ix_(other_rows, other_columns)]
    )
    area, other_area = mask.sum(), other_mask.sum() * pixel[0] * pixel[1]
    union = area + other_area - common
    return float(common / union) if union > 0 else 0.0
