"""Pictures of scenes from above, with fixed bounds, and the way back from pixels to meters."""

from dataclasses import dataclass

import cv2
import numpy as np

_BACKGROUND = (16, 18, 24)
_LOW, _HIGH = np.array([40.0, 70.0, 130.0]), np.array([235.0, 235.0, 220.0])


@dataclass(frozen=True)
class Frame:
    """What a picture shows: a rectangle of the scene, x to the right and y up.

    Attributes:
        low: smallest x, y and z, in meters
        high: largest x, y and z
        scale: pixels per meter
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the picture, in pixels."""
        sides = [round((self.high[i] - self.low[i]) * self.scale) for i in (0, 1)]
        return max(sides[0], 1), max(sides[1], 1)

    def to_pixels(self, places: np.ndarray) -> np.ndarray:
        """Pixels of positions; the upper left corner of the picture is ``(0, 0)``.

        Args:
            places: ``(N, 2+)`` positions in meters

        Returns:
            ``(N, 2)`` columns and rows, with fractions
        """
        x = (places[:, 0] - self.low[0]) * self.scale
        y = (self.high[1] - places[:, 1]) * self.scale
        return np.column_stack([x, y])

    def to_scene(self, pixels: np.ndarray) -> np.ndarray:
        """The way back: ``(N, 2)`` positions in meters of ``(N, 2)`` columns and rows."""
        x = self.low[0] + pixels[:, 0] / self.scale
        y = self.high[1] - pixels[:, 1] / self.scale
        return np.column_stack([x, y])


def picture(points: np.ndarray, frame: Frame) -> np.ndarray:
    """Draws the points within a frame: higher ones are lighter, and cover lower ones.

    Args:
        points: ``(N, 3)`` positions in meters
        frame: what the picture shows

    Returns:
        ``(height, width, 3)`` 8-bit RGB
    """
    heights = points[:, 2]
    inside = (heights >= frame.low[2]) & (heights < frame.high[2])
    return painted(points[inside], frame)


def painted(points: np.ndarray, frame: Frame) -> np.ndarray:
    """Draws the points of a rectangle, of any height: beyond the frame, colors change no more.

    Args:
        points: ``(N, 3)`` positions in meters
        frame: what the picture shows

    Returns:
        ``(height, width, 3)`` 8-bit RGB
    """
    width, height = frame.size
    canvas = np.full((height, width, 3), _BACKGROUND, dtype=np.uint8)
    low, high = np.array(frame.low), np.array(frame.high)
    shown = points[((points >= low) & (points < high))[:, :2].all(axis=1)]
    shown = shown[np.argsort(shown[:, 2], kind="stable")]
    columns, rows = np.floor(frame.to_pixels(shown)).astype(int).T
    part = np.clip((shown[:, 2] - low[2]) / (high[2] - low[2]), 0, 1)
    colors = (_LOW + part[:, None] * (_HIGH - _LOW)).astype(np.uint8)
    canvas[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)] = colors
    return canvas


def around(mask: np.ndarray) -> np.ndarray:
    """The smallest rectangle around the pixels of a mask, turned as fits best.

    Args:
        mask: ``(height, width)`` booleans, some of them true

    Returns:
        ``(4, 2)`` corners in order, as parts of the mask's width and height
    """
    rows, columns = np.nonzero(mask)
    pixels = np.column_stack([columns, rows]).astype(np.float32)
    corners = np.concatenate([pixels + shift for shift in ((0, 0), (1, 0), (0, 1), (1, 1))])
    box = cv2.boxPoints(cv2.minAreaRect(corners.astype(np.float32)))
    return box.astype(np.float64) / np.array(mask.shape[::-1])


def rectangle(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The rectangle of four corners, which need not be exact.

    Args:
        corners: ``(4, 2)`` positions in meters, in order around the rectangle

    Returns:
        its center, its length and width, and the direction of its length in radians
    """
    center = corners.mean(axis=0)
    first = ((corners[1] - corners[0]) + (corners[2] - corners[3])) / 2
    second = ((corners[2] - corners[1]) + (corners[3] - corners[0])) / 2
    sides = np.array([np.hypot(*first), np.hypot(*second)])
    along = first if sides[0] >= sides[1] else second
    return center, np.sort(sides)[::-1], float(np.arctan2(along[1], along[0]))
