"""Precision and recall of predicted boxes or masks, counted exactly."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

IOU = 0.5

Box = Sequence[float]  # (x, y, width, height)


@dataclass
class Score:
    """How many predictions were right, how many there were, and how many there should be."""

    right: int = 0
    predicted: int = 0
    there: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 0.0

    def add(
        self,
        predicted: Iterable[tuple[str, Any, float]],
        there: Iterable[tuple[str, Any]],
        overlap: Callable[[Any, Any], float] | None = None,
    ) -> None:
        """Counts one image.

        Each prediction, the most confident first, takes the best true object of its class that is
        left, if they overlap by :data:`IOU` or more.

        Args:
            predicted: ``(label, box or mask, confidence)`` of each prediction
            there: ``(label, box or mask)`` of each object in the image
            overlap (None): how much two of them overlap; :func:`iou` of boxes if not given
        """
        overlap = overlap or iou
        left = list(there)
        self.there += len(left)
        for label, region, _ in sorted(predicted, key=lambda p: -p[2]):
            self.predicted += 1
            overlaps = [
                (overlap(r, region), i) for i, (name, r) in enumerate(left) if name == label
            ]
            best, index = max(overlaps, default=(0.0, -1))
            if best >= IOU:
                self.right += 1
                del left[index]

    def to_dict(self) -> dict:
        return {
            "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "right": self.right,
            "wrong": self.predicted - self.right,
            "missed": self.there - self.right,
        }


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def mask_iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two bool masks of one image."""
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 0.0
