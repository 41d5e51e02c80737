"""Reads image files as the App displays them."""

import contextlib
import sys
import threading
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from auto_labeling.models import bit_depth

_ORIENTATION = 0x0112
_ON_THEIR_SIDE = (5, 6, 7, 8)

#: More would take gigabytes to decode. Pillow has this limit too, but libraries lift it for the
#: whole process.
_MAX_PIXELS = 178_956_970
_SO = f" (the limit is {_MAX_PIXELS:,}). Scale the image down, or cut it into tiles"

#: OpenCV's and Pillow's own functions. Ultralytics replaces them for the whole process, and keeps
#: Pillow's: its own one reports a missing package instead of the problem with an image.
_imread = cv2.imread
_open = getattr(sys.modules.get("ultralytics.utils.patches"), "_image_open", Image.open)

_guess = threading.local()

#: OpenCV 4.11 and newer.
_OPENCV_READS_INTO = "dst" in (_imread.__doc__ or "") and hasattr(cv2, "IMREAD_COLOR_RGB")

#: Baseline and extended frames. OpenCV shows a part of a progressive one that is damaged
#: between its scans, where Pillow refuses it.
_JPEG_FRAMES = {0xC0, 0xC1}

_JPEG_SCAN = 0xDA

#: Tables, restart intervals, comments and application data; Adobe's (0xEE) may change colors.
_JPEG_HARMLESS = {0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xEE), 0xEF}


def read(path: str) -> Image.Image:
    """Reads an image as 8-bit RGB, turned as its EXIF orientation says.

    Browsers turn images by that orientation, so boxes must be in the turned frame; FiftyOne's
    own loader does not turn them. More than 8 bits are brought to 8 by the rule of
    :mod:`auto_labeling.models.bit_depth`; :func:`take_guess` says whether that was a guess.

    Args:
        path: the file's path

    Raises:
        OSError: if it is missing, not an image, or truncated
        ValueError: if it is too large to be decoded safely
    """
    # Ultralytics sets this to True for the whole process: half of an image would be labeled.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        image = _open(path)
    except UnidentifiedImageError:
        if not bit_depth.is_tiff(path):
            raise
        return _from_tiff(path)
    except Image.DecompressionBombError as error:  # where no library has lifted Pillow's limit
        raise ValueError(f"These pixels are too many to decode{_SO}") from error
    with image:
        _check_size(image.width, image.height)
        is_deep = bit_depth.is_deep(image)
        if image.format == "TIFF" and image.getexif().get(_ORIENTATION, 1) in _ON_THEIR_SIDE:
            image.filename = ""  # Pillow would map the file with its sides exchanged
        image.load()
        orientation = image.getexif().get(_ORIENTATION, 1)
        if is_deep:
            pixels = bit_depth.values(image, path, _imread, _check_size)
            if pixels is not None:
                stated, tags = bit_depth.stated(image, path, pixels), getattr(image, "tag_v2", {})
                return _shown(bit_depth.turned(pixels, orientation), stated, tags)
        if orientation != 1:
            image = ImageOps.exif_transpose(image)
        if image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")
        # Pillow copies an image that is in this mode already.
        return image if image.mode == "RGB" else image.convert("RGB")


def take_guess() -> str:
    """Returns how the range of the last image that this thread read was guessed, and forgets it.

    Returns:
        a phrase such as ``"12 bits"``; empty if nothing was guessed
    """
    guess = getattr(_guess, "text", "")
    _guess.text = ""
    return guess


def read_array(path: str, into: np.ndarray | None = None) -> np.ndarray:
    """Reads an image as :func:`read` does, as an array.

    Args:
        path: the file's path
        into (None): an array that may be used for the result, if it has the right shape

    Returns:
        a ``(height, width, 3)`` array of bytes

    Raises:
        OSError: if it is missing, not an image, or truncated
        ValueError: if it is too large to be decoded safely
    """
    with open(path, "rb") as file:
        data = file.read()
    shape = _shape_of_plain_jpeg(data)
    if shape is not None and _OPENCV_READS_INTO:
        # A fifth faster than Pillow, with the same result, since both use libjpeg-turbo.
        room = into if into is not None and into.shape == shape else None
        image = _imread(path, room, cv2.IMREAD_COLOR_RGB)
        if image is not None:
            return image
    return np.array(read(path))


@contextlib.contextmanager
def for_fiftyone() -> Iterator[None]:
    """Lets FiftyOne's wrappers read images through this module.

    All of them call one private function, which turns no image and clips 16-bit ones. Delete
    this when FiftyOne does what its own App displays.
    """
    import fiftyone.utils.torch as fout

    theirs = fout._load_image
    fout._load_image = _load_for_fiftyone
    try:
        yield
    finally:
        fout._load_image = theirs


def _load_for_fiftyone(
    path: str, use_numpy: bool = False, force_rgb: bool = True
) -> np.ndarray | Image.Image:
    return read_array(path) if use_numpy else read(path)


def _shape_of_plain_jpeg(data: bytes) -> tuple[int, int, int] | None:
    """The shape of a whole JPEG of three 8-bit components without an orientation, or None."""
    if data[:2] != b"\xff\xd8" or data[-2:] != b"\xff\xd9":
        return None
    at, shape = 2, None
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _JPEG_SCAN:
            return shape if end < len(data) - 2 else None
        if marker in _JPEG_FRAMES:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            width = int.from_bytes(data[at + 7 : at + 9], "big")
            plain = data[at + 4] == 8 and data[at + 9] == 3 and height * width <= _MAX_PIXELS
            shape = (height, width, 3) if plain else None
        elif marker not in _JPEG_HARMLESS or data[at + 4 : at + 8] == b"Exif":
            return None
        at = end
    return None


def _check_size(width: int, height: int) -> None:
    if width * height > _MAX_PIXELS:
        raise ValueError(f"{width:,} by {height:,} pixels are too many to decode{_SO}")


def _from_tiff(path: str) -> Image.Image:
    pixels, tags = bit_depth.from_tiff(path, _check_size)
    return _shown(pixels, bit_depth.stated_by(tags), tags)


def _shown(pixels: np.ndarray, stated: bit_depth.Range | None, tags: bit_depth.Tags) -> Image.Image:
    shown, _guess.text = bit_depth.to_bytes(pixels, stated, tags)
    return Image.fromarray(shown).convert("RGB")
