"""Draws labels on an image, for previews."""

import colorsys
import io
import zlib
from collections.abc import Sequence

import fiftyone.core.labels as fol
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from auto_labeling.models import pixels

_OPACITY = 0.45
_HUES = 24
QUALITY = 85

#: The left, top, right and bottom of a rectangle, in pixels.
Rectangle = tuple[float, float, float, float]

Color = tuple[int, int, int]


def draw(filepath: str, label: fol.Label | None, width: int) -> bytes:
    """Draws a sample's labels on its image.

    Args:
        filepath: the image
        label: a :class:`fiftyone.core.labels.Classification`,
            :class:`fiftyone.core.labels.Detections`, or None
        width: the longer side of the picture, in pixels

    Returns:
        the bytes of a JPEG file

    Raises:
        OSError: if the image cannot be read
        ValueError: if it is too large
    """
    image = pixels.read(filepath)
    scale = width / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if isinstance(label, fol.Detections):
        image = _with_detections(image, label.detections)
    elif isinstance(label, fol.Classification):
        canvas = ImageDraw.Draw(image)
        write(canvas, (0, 0, 0, 0), caption(label), color(label.label))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=QUALITY, subsampling=0)  # or thin lines lose color
    return data.getvalue()


def color(label: str) -> Color:
    """The color of a class: always the same, and light enough for dark letters."""
    hue = zlib.crc32(str(label).encode("utf-8", "replace")) % _HUES / _HUES
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.65, 1.0))
    return red, green, blue


def _with_detections(image: Image.Image, detections: Sequence[fol.Detection]) -> Image.Image:
    # The most confident are drawn last, on top of the others.
    ordered = sorted(detections, key=lambda d: d.confidence or 0.0)
    pixels_of = np.array(image)
    for detection in ordered:
        if detection.mask is not None and detection.mask.size:
            _blend(pixels_of, detection)
    image = Image.fromarray(pixels_of)
    canvas = ImageDraw.Draw(image)
    line = max(2, max(image.size) // 200)
    for detection in ordered:
        canvas.rectangle(_corners(detection, image.size), outline=_color(detection), width=line)
    written: list[Rectangle] = []
    for detection in reversed(ordered):
        box = _corners(detection, image.size)
        written.append(write(canvas, box, caption(detection), _color(detection), written))
    return image


def _blend(pixels_of: np.ndarray, detection: fol.Detection) -> None:
    height, width = pixels_of.shape[:2]
    left, top, right, bottom = _corners(detection, (width, height))
    mask = Image.fromarray((np.asarray(detection.mask) > 0).astype(np.uint8) * 255)
    size = (right - left + 1, bottom - top + 1)
    inside = np.asarray(mask.resize(size, Image.Resampling.NEAREST)) > 0
    region = pixels_of[top : bottom + 1, left : right + 1]
    inside = inside[: region.shape[0], : region.shape[1]]
    tint = np.asarray(_color(detection))
    region[inside] = (region[inside] * (1 - _OPACITY) + tint * _OPACITY).astype(np.uint8)


def _corners(detection: fol.Detection, size: tuple[int, int]) -> tuple[int, int, int, int]:
    x, y, w, h = detection.bounding_box
    width, height = size
    left, top = (min(round(v * side), side - 1) for v, side in ((x, width), (y, height)))
    right = min(max(left, round((x + w) * width)), width - 1)
    return left, top, right, min(max(top, round((y + h) * height)), height - 1)


def _color(detection: fol.Detection) -> Color:
    return color(detection.label)


def caption(label: fol.Classification | fol.Detection) -> str:
    """The class of a label, and its confidence."""
    confidence = label.confidence
    return f"{label.label}" if confidence is None else f"{label.label} {confidence:.2f}"


def write(
    canvas: ImageDraw.ImageDraw,
    box: Rectangle,
    text: str,
    background: Color,
    others: Sequence[Rectangle] = (),
) -> Rectangle:
    """Writes a text at a box, above it if there is room, and not over ``others`` if that can be.

    Args:
        canvas: the picture to draw on
        box: ``(left, top, right, bottom)`` in pixels
        text: the text
        background: the color behind it
        others (()): rectangles to keep free, in pixels

    Returns:
        the rectangle that it fills: ``(left, top, right, bottom)``
    """
    size = canvas.im.size
    font = ImageFont.load_default(max(11, max(size) // 26))
    text = text if len(text) <= 32 else text[:31] + "…"
    left, top, right, bottom = canvas.textbbox((0, 0), text, font=font)
    width, height = right - left + 4, bottom - top + 4
    x = min(max(0, box[0]), max(0, size[0] - width))
    places = [box[1] - height, box[1], box[3] - height, box[3], box[3] - 2 * height]
    filled = [(x, y, x + width, y + height) for y in places if 0 <= y <= size[1] - height]
    filled = filled or [(x, 0, x + width, height)]
    free = (place for place in filled if not any(_meet(place, other) for other in others))
    place = next(free, filled[0])
    canvas.rectangle(place, fill=background)
    canvas.text((x + 2 - left, place[1] + 2 - top), text, font=font, fill=(0, 0, 0))
    return place


def _meet(first: Rectangle, second: Rectangle) -> bool:
    across = first[0] < second[2] and second[0] < first[2]
    return across and first[1] < second[3] and second[1] < first[3]
