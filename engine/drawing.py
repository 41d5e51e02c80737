"""Draws labels on an image, for previews."""

import colorsys
import io
import zlib

import fiftyone.core.labels as fol
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from auto_labeling.models import pixels

_OPACITY = 0.45
_HUES = 24
_QUALITY = 85


def draw(filepath: str, label, width: int) -> bytes:
    """Draws a sample's labels on its image.

    Args:
        filepath: the image
        label: a :class:`fiftyone.core.labels.Classification`,
            :class:`fiftyone.core.labels.Detections`, or None
        width: the most pixels that the picture has on a side

    Returns:
        the bytes of a JPEG file

    Raises:
        OSError: if the image cannot be read
        ValueError: likewise, if it is too large
    """
    image = pixels.read(filepath)
    scale = width / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    image = image.resize(size, Image.BILINEAR, reducing_gap=2.0)
    if isinstance(label, fol.Detections):
        image = _with_detections(image, label.detections)
    elif isinstance(label, fol.Classification):
        canvas = ImageDraw.Draw(image)
        _write(canvas, (0, 0, 0, 0), _said(label), color(label.label))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=_QUALITY, subsampling=0)  # or thin lines lose colour
    return data.getvalue()


def color(label: str) -> tuple[int, int, int]:
    """The colour of a class: always the same, and light enough for dark letters."""
    hue = zlib.crc32(str(label).encode("utf-8", "replace")) % _HUES / _HUES
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.65, 1.0))


def _with_detections(image, detections):
    # The surest are drawn last, so that they are seen.
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
    written = []
    for detection in reversed(ordered):
        box = _corners(detection, image.size)
        written.append(_write(canvas, box, _said(detection), _color(detection), written))
    return image


def _blend(pixels_of, detection) -> None:
    height, width = pixels_of.shape[:2]
    left, top, right, bottom = _corners(detection, (width, height))
    mask = Image.fromarray((np.asarray(detection.mask) > 0).astype(np.uint8) * 255)
    inside = np.asarray(mask.resize((right - left + 1, bottom - top + 1), Image.NEAREST)) > 0
    region = pixels_of[top : bottom + 1, left : right + 1]
    inside = inside[: region.shape[0], : region.shape[1]]
    tint = np.asarray(_color(detection))
    region[inside] = (region[inside] * (1 - _OPACITY) + tint * _OPACITY).astype(np.uint8)


def _corners(detection, size):
    x, y, w, h = detection.bounding_box
    width, height = size
    left, top = (min(round(v * side), side - 1) for v, side in ((x, width), (y, height)))
    right = min(max(left, round((x + w) * width)), width - 1)
    return left, top, right, min(max(top, round((y + h) * height)), height - 1)


def _color(detection):
    return color(detection.label)


def _said(label) -> str:
    confidence = label.confidence
    return f"{label.label}" if confidence is None else f"{label.label} {confidence:.2f}"


def _write(canvas, box, text: str, background, others=()):
    """Writes a text at a box, above it if there is room, and not over ``others`` if that can be.

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
    place = next((one for one in filled if not any(_meet(one, o) for o in others)), filled[0])
    canvas.rectangle(place, fill=background)
    canvas.text((x + 2 - left, place[1] + 2 - top), text, font=font, fill=(0, 0, 0))
    return place


def _meet(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
