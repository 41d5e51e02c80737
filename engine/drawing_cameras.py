"""Draws a scene with its 3D boxes as its cameras see it, and from above, for previews."""

import io
from collections.abc import Sequence
from typing import Any

import fiftyone.core.labels as fol
import numpy as np
from PIL import Image, ImageDraw

from auto_labeling.engine import camera_views, drawing, drawing_above
from auto_labeling.models import pixels
from auto_labeling.threed import iou

#: The pairs of corners that edges join: below, above, and from below to above.
_EDGES = [
    edge for i in range(4) for edge in ((i, (i + 1) % 4), (i + 4, (i + 1) % 4 + 4), (i, i + 4))
]

_STEPS = 12  # of an edge, which a lens may bend
_AT_ONCE = 3  # cameras side by side


def draw(
    filepath: str,
    label: fol.Detections | None,
    images: Sequence[camera_views.Image],
    width: int,
) -> bytes:
    """Draws the boxes of a scene into the images of its cameras, and from above below them.

    Args:
        filepath: a ``.pcd`` or ``.fo3d`` file
        label: 3D detections, or None
        images: what the cameras saw
        width: the longer side of the picture from above, in pixels

    Returns:
        the bytes of a JPEG file

    Raises:
        OSError: if a file cannot be read
        ValueError: if an image is too large
    """
    detections = list(label.detections) if label is not None else []
    above = Image.open(io.BytesIO(drawing_above.draw(filepath, label, width)))
    columns = max(min(len(images), _AT_ONCE), 1)
    side = width // columns
    tiles = [_tile(image, detections, side) for image in images]
    rows = [tiles[first : first + columns] for first in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) for row in rows]
    canvas = Image.new("RGB", (width, sum(heights) + above.height))
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for number, tile in enumerate(row):
            canvas.paste(tile, (number * side, top))
        top += height
    canvas.paste(above, ((width - above.width) // 2, top))
    data = io.BytesIO()
    canvas.save(data, "JPEG", quality=drawing.QUALITY, subsampling=0)
    return data.getvalue()


def _tile(seen: camera_views.Image, detections: Sequence[Any], width: int) -> Image.Image:
    image = pixels.read(seen.filepath)
    scale = width / seen.camera.width
    image = image.resize((width, max(1, round(seen.camera.height * scale)))).convert("RGB")
    pencil = ImageDraw.Draw(image)
    written: list[drawing.Rectangle] = []
    for detection in detections:
        lines = _lines(seen, detection)
        if not lines:
            continue
        color = drawing.color(detection.label)
        for line in lines:
            pencil.line([tuple(point * scale) for point in line], fill=color, width=2)
        points = np.concatenate(lines) * scale
        low, high = points.min(axis=0), points.max(axis=0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        written.append(drawing.write(pencil, box, drawing.caption(detection), color, written))
    drawing.write(pencil, (0, 0, 0, 0), seen.camera.name, (220, 220, 220), written)
    return image


def _lines(seen: camera_views.Image, detection: Any) -> list[np.ndarray]:
    """The edges of a box in an image, each as ``(N, 2)`` pixels; none if it is out of sight."""
    corners = iou.corners(drawing_above.box_of(detection))[0]
    if not seen.camera.sees(np.vstack([corners, [detection.location]])).any():
        return []
    lines = []
    for i, j in _EDGES:
        points = corners[i] + np.linspace(0, 1, _STEPS)[:, None] * (corners[j] - corners[i])
        shown, ahead = seen.camera.project(points)
        if ahead.sum() > 1:
            lines.append(shown[ahead])
    return lines
