"""Draws a scene from above, with its 3D boxes, for previews."""

import io
from collections.abc import Sequence
from typing import Any

import fiftyone.core.labels as fol
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.engine import drawing
from auto_labeling.threed import scenes

_BACKGROUND = (16, 18, 24)
_LOW, _HIGH = np.array([40, 70, 130]), np.array([235, 235, 220])

#: The part of the points, at each side and in each direction, that a picture may leave out: one
#: point far away would make all others a dot.
_FAR = 0.01
_MARGIN = 0.05


def draw(filepath: str, label: fol.Detections | None, width: int) -> bytes:
    """Draws a scene from above: x to the right, y up, higher points lighter.

    Args:
        filepath: a ``.pcd`` or ``.fo3d`` file
        label: 3D detections, or None
        width: the longer side of the picture, in pixels

    Returns:
        the bytes of a JPEG file

    Raises:
        OSError: if the points cannot be read
    """
    try:
        points = scenes.read_points(filepath)
    except AutoLabelingError as error:
        raise OSError(str(error)) from error
    detections = list(label.detections) if label is not None else []
    outlines = [_outline(detection) for detection in detections]
    low, scale, size = _frame(points, outlines, width)

    def pixels(xy: npt.NDArray[Any]) -> npt.NDArray[Any]:
        column_row = (xy - low) * scale
        return np.stack([column_row[:, 0], size[1] - 1 - column_row[:, 1]], axis=1)

    canvas = np.full((size[1], size[0], 3), _BACKGROUND, np.uint8)
    _dot(canvas, pixels(points[:, :2]), points[:, 2])
    image = Image.fromarray(canvas)
    pencil = ImageDraw.Draw(image)
    written: list[drawing.Rectangle] = []
    for detection, outline in zip(detections, outlines, strict=True):
        corners = pixels(outline)
        color = drawing.color(detection.label)
        pencil.polygon([tuple(corner) for corner in corners[:4]], outline=color, width=2)
        pencil.line([tuple(corners[4]), tuple(corners[5])], fill=color, width=2)
        box = (*corners.min(axis=0), *corners.max(axis=0))
        written.append(drawing.write(pencil, box, drawing.caption(detection), color, written))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=drawing.QUALITY, subsampling=0)
    return data.getvalue()


def _outline(detection: Any) -> npt.NDArray[np.float64]:
    """The four corners of a box from above, its center, and the middle of its front."""
    x, y, _ = detection.location
    yaw = detection.rotation[2]
    ahead, aside = detection.dimensions[0] / 2, detection.dimensions[1] / 2
    corners = [[ahead, aside], [ahead, -aside], [-ahead, -aside], [-ahead, aside], [0, 0]]
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return np.array([*corners, [ahead, 0]]) @ turn.T + [x, y]


def _frame(
    points: npt.NDArray[Any], outlines: Sequence[npt.NDArray[Any]], width: int
) -> tuple[npt.NDArray[Any], float, tuple[int, int]]:
    """The lower corner of the picture, pixels per unit, and its size in pixels."""
    parts = list(outlines)
    if len(points):
        parts.append(np.quantile(points[:, :2], [_FAR, 1 - _FAR], axis=0))
    corners = np.concatenate(parts) if parts else np.zeros((1, 2))
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = max(float((high - low).max()) * _MARGIN, 1e-3)
    low, high = low - margin, high + margin
    scale = (width - 1) / float((high - low).max())
    columns, rows = (max(1, round(float(side) * scale) + 1) for side in high - low)
    return low, scale, (columns, rows)


def _dot(
    canvas: npt.NDArray[np.uint8], pixels: npt.NDArray[Any], heights: npt.NDArray[Any]
) -> None:
    """Makes a dot of each point; higher points are lighter, and cover lower ones."""
    if not len(pixels):
        return
    columns, rows = np.rint(pixels).astype(int).T
    inside = (columns >= 0) & (columns < canvas.shape[1]) & (rows >= 0) & (rows < canvas.shape[0])
    low, high = np.quantile(heights, [_FAR, 1 - _FAR])
    part = np.clip((heights - low) / max(high - low, 1e-6), 0, 1)
    order = np.argsort(heights[inside])
    colors = _LOW + part[inside][order][:, None] * (_HIGH - _LOW)
    canvas[rows[inside][order], columns[inside][order]] = colors.astype(np.uint8)
