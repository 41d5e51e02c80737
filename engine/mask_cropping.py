"""Crops a model's masks to the part of the box inside the image."""

from collections.abc import Sequence
from typing import Any

import fiftyone.core.labels as fol
import numpy as np

#: A pixel of a mask of shares from 0 to 1 belongs to the object from this value.
_HALF = 0.5


def fit(
    detections: Sequence[fol.Detection], boxes: np.ndarray, cut_boxes: Sequence[Sequence[float]]
) -> None:
    """Gives detections masks of true and false, of the part of their boxes inside the image.

    Args:
        detections: a list of :class:`fiftyone.core.labels.Detection`, which are changed
        boxes: an ``(n, 4)`` array of their relative ``[x, y, width, height]`` boxes
        cut_boxes: these boxes, cut to the image: lists of the same form

    Raises:
        ValueError: if a mask has not one value a pixel
    """
    detection: Any  # whose fields FiftyOne sets at run time
    for detection, box, cut in zip(detections, boxes.tolist(), cut_boxes, strict=True):
        is_cut = box != cut and detection.has_mask
        mask = detection.get_mask() if is_cut else detection.mask
        if mask is None:
            continue
        mask = binary(mask)
        if is_cut:
            mask, detection.mask_path = _part(mask, box, cut), None
        detection.mask = mask


def binary(mask: Any) -> np.ndarray:
    """A mask of true and false.

    Args:
        mask: an array of any kind of number: of shares from 0 to 1, a half or more is in the
            mask; of others, all above 0

    Returns:
        a ``(height, width)`` array

    Raises:
        ValueError: if it has not one value a pixel
    """
    mask = np.asarray(mask)
    if mask.ndim == 3 and 1 in (mask.shape[0], mask.shape[2]):  # an axis for its only channel
        mask = mask[0] if mask.shape[0] == 1 else mask[..., 0]
    if mask.ndim != 2:
        raise ValueError(f"The model returned a mask of {mask.ndim} dimensions; a mask has two")
    if mask.dtype == bool:
        return mask
    is_float = np.issubdtype(mask.dtype, np.floating)
    shares = is_float and mask.size and mask.min() >= 0 and mask.max() <= 1
    return mask >= _HALF if shares else mask > 0


def _part(mask: np.ndarray, box: Sequence[float], cut: Sequence[float]) -> np.ndarray:
    """The part of a box's mask inside the cut box."""
    if not (np.isfinite(box).all() and box[2] > 0 and box[3] > 0):
        return mask  # its label is left out
    sides = []
    for axis, size in ((1, mask.shape[0]), (0, mask.shape[1])):
        first = (cut[axis] - box[axis]) / box[axis + 2] * size
        last = first + cut[axis + 2] / box[axis + 2] * size
        start = min(round(first), max(size - 1, 0))
        sides.append(slice(start, max(round(last), start + 1)))
    return mask[tuple(sides)]
