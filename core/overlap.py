"""The overlap of boxes in an image."""

import numpy as np


def overlaps(boxes: np.ndarray) -> np.ndarray:
    """Computes the intersection over union of each two boxes of an image.

    Args:
        boxes: ``(..., N, 4)`` boxes, as left, top, width and height; NaN for none

    Returns:
        ``(..., N, N)`` numbers from 0 to 1; 0 where one is no box
    """
    starts, sizes = boxes[..., :2], boxes[..., 2:]
    ends, areas = starts + sizes, sizes.prod(axis=-1)
    low = np.maximum(starts[..., :, None, :], starts[..., None, :, :])
    high = np.minimum(ends[..., :, None, :], ends[..., None, :, :])
    common = (high - low).clip(0).prod(axis=-1)
    union = areas[..., :, None] + areas[..., None, :] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)
