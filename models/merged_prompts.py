"""Merges labels where several prompts of a class found the same object."""

from collections.abc import Callable

import numpy as np

#: Boxes, or masks where there are masks, that overlap by so much are of the same object.
OVERLAP = 0.7

#: Masks overlap by :data:`OVERLAP` only if their boxes overlap by this at least.
_OVERLAP_OF_BOXES = 0.2


def distinct(
    kept, labels: list, confidences: list, boxes: list, classes, masks: Callable | None = None
) -> list:
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
    gone: set = set()
    for name in classes:
        rows = np.array([i for i in kept if labels[i] == name], dtype=int)
        if len(rows) > 1:
            gone.update(_same(rows, confidences, boxes, masks))
    return [i for i in kept if i not in gone]


def _same(rows, confidences, boxes, masks):
    """The positions, of one class, of labels that a more confident one makes superfluous."""
    sure = np.array([-1.0 if confidences[i] is None else confidences[i] for i in rows])
    rows = rows[np.argsort(-sure, kind="stable")]
    overlaps = _overlaps(np.array([boxes[i] for i in rows], dtype=float))
    least = OVERLAP
    shapes = masks(rows.tolist()) if masks is not None else None
    if shapes is not None and any(shape is not None for shape in shapes):
        least = _OVERLAP_OF_BOXES
    near = np.triu(overlaps >= least, k=1)
    if not near.any():
        return []
    alive = np.ones(len(rows), dtype=bool)
    for first in np.flatnonzero(near.any(axis=1)).tolist():
        if not alive[first]:
            continue
        others = np.flatnonzero(near[first] & alive)
        if least < OVERLAP:
            others = [o for o in others if _is_same(rows, first, o, overlaps, boxes, shapes)]
        alive[others] = False
    return rows[~alive].tolist()


def _is_same(rows, first, other, overlaps, boxes, shapes):
    if shapes[first] is None or shapes[other] is None:
        return overlaps[first, other] >= OVERLAP
    pair = (boxes[rows[first]], shapes[first]), (boxes[rows[other]], shapes[other])
    return overlap_of_masks(*pair[0], *pair[1]) >= OVERLAP


def _overlaps(boxes):
    """The intersection over union of each two boxes."""
    starts, sizes = boxes[:, :2], boxes[:, 2:]
    ends, areas = starts + sizes, sizes.prod(axis=1)
    top = np.maximum(starts[:, None], starts[None])
    common = (np.minimum(ends[:, None], ends[None]) - top).clip(0).prod(axis=2)
    union = areas[:, None] + areas[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def overlap_of_masks(box, mask, other_box, other_mask) -> float:
    """The intersection over union of two masks, each cropped to its relative box."""
    mask, other_mask = np.asarray(mask) > 0, np.asarray(other_mask) > 0
    if not mask.size or not other_mask.size:
        return 0.0
    places, pixel = [], []
    for axis in (1, 0):  # columns go with x, rows with y
        at, size = (1 - axis), (3 - axis)
        here, there = mask.shape[axis], other_mask.shape[axis]
        centers = box[at] + (np.arange(here) + 0.5) * box[size] / here
        found = np.floor((centers - other_box[at]) / other_box[size] * there).astype(int)
        inside = (found >= 0) & (found < there)
        places.append((np.flatnonzero(inside), found[inside]))
        pixel.append((other_box[size] / there) / (box[size] / here))
    (columns, other_columns), (rows, other_rows) = places
    common = np.count_nonzero(
        mask[np.ix_(rows, columns)] & other_mask[np.ix_(other_rows, other_columns)]
    )
    area, other_area = mask.sum(), other_mask.sum() * pixel[0] * pixel[1]
    union = area + other_area - common
    return float(common / union) if union > 0 else 0.0
