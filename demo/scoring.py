"""Precision and recall of predicted boxes or masks, counted exactly."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

IOU = 0.5

Box = Sequence[float]  # (x, y, width, height)


@dataclass
class Score:
    """Counts of predictions and of true objects.

    Args:
        right: predictions that match a true object
        predicted: all predictions
        actual: all true objects
    """

    right: int = 0
    predicted: int = 0
    actual: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.actual if self.actual else 0.0

    def add(
        self,
        predicted: Iterable[tuple[str, Any, float]],
        actual: Iterable[tuple[str, Any]],
        overlap: Callable[[Any, Any], float] | None = None,
    ) -> None:
        """Counts one image.

        Each prediction, the most confident first, takes the best remaining true object of its
        class, if they overlap by :data:`IOU` or more.

        Args:
            predicted: ``(label, box or mask, confidence)`` of each prediction
            actual: ``(label, box or mask)`` of each object in the image
            overlap (None): the overlap of two regions, from 0 to 1; by default, :func:`iou`
        """
        overlap = overlap or iou
        remaining = list(actual)
        self.actual += len(remaining)
        for label, region, _ in sorted(predicted, key=lambda p: -p[2]):
            self.predicted += 1
            overlaps = [
                (overlap(r, region), i) for i, (name, r) in enumerate(remaining) if name == label
            ]
            best, index = max(overlaps, default=(0.0, -1))
            if best >= IOU:
                self.right += 1
                del remaining[index]

    def to_dict(self) -> dict[str, float]:
        return {
            "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "right": self.right,
            "wrong": self.predicted - self.right,
            "missed": self.actual - self.right,
        }


def iou(a: Box, b: Box) -> float:
    """Computes the intersection over union of two boxes.

    Args:
        a: ``(x, y, width, height)``, in any unit
        b: the same, in the same unit

    Returns:
        a number from 0 to 1
    """
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    intersection = max(width, 0.0) * max(height, 0.0)
    return intersection / (a[2] * a[3] + b[2] * b[3] - intersection)


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Computes the intersection over union of two masks.

    Args:
        a: a bool array
        b: a bool array of the same shape

    Returns:
        a number from 0 to 1; 0 if both masks are empty
    """
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 0.0
