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
from auto_labeling.threed import above, iou, scenes

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
    frame = _frame(points, outlines, width)
    image = Image.fromarray(above.painted(points, frame))
    pencil = ImageDraw.Draw(image)
    written: list[drawing.Rectangle] = []
    for detection, outline in zip(detections, outlines, strict=True):
        corners = frame.to_pixels(outline) - 0.5  # whole numbers are the middles of pixels here
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
    corners = iou.corners_from_above(box_of(detection))[0]
    front = (corners[0] + corners[3]) / 2
    return np.array([*corners, detection.location[:2], front])


def box_of(detection: Any) -> npt.NDArray[np.float64]:
    """The ``(7,)`` box of a detection, as :mod:`threed.iou` has it; a tilt is left out."""
    return np.array([*detection.location, *detection.dimensions, detection.rotation[2]], float)


def _frame(
    points: npt.NDArray[Any], outlines: Sequence[npt.NDArray[Any]], width: int
) -> above.Frame:
    """What the picture shows: the boxes, and nearly all points."""
    parts = list(outlines)
    if len(points):
        parts.append(np.quantile(points[:, :2], [_FAR, 1 - _FAR], axis=0))
    corners = np.concatenate(parts) if parts else np.zeros((1, 2))
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = max(float((high - low).max()) * _MARGIN, 1e-3)
    low, high = low - margin, high + margin
    scale = (width - 1) / float((high - low).max())
    size = np.rint((high - low) * scale) + 1
    bottom, top = np.quantile(points[:, 2], [_FAR, 1 - _FAR]) if len(points) else (0.0, 0.0)
    left, lower = low - 0.5 / scale  # the corners are the middles of pixels
    right, upper = low + (size - 0.5) / scale
    return above.Frame((left, lower, bottom), (right, upper, max(top, bottom + 1e-6)), scale)
