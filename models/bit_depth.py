"""Images with more than 8 bits per channel, converted to 8 bits as a person would see them.

The rule, which ``docs/guide.md`` tells, too:

1. A range that the file states is used: TIFF's ``SMinSampleValue`` and ``SMaxSampleValue`` (or
   ``MinSampleValue`` and ``MaxSampleValue``), ``BitsPerSample`` below 16, PNG's ``sBIT``. A range
   that is all that the file's type can hold states nothing.
2. Numbers with a point between 0 and 1 are taken from 0 to 1.
3. Whole numbers that are not negative, and below 65,536, are taken for 8, 10, 12, 14 or 16 bits,
   whichever is the first that the largest value of the image fits.
4. Everything else is taken from the smallest to the largest value of the image.

The results of rules 3 and 4 are guesses, except where rule 3 gives the whole range of the file's
type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # for annotations only
    from PIL import Image, ImageFile

#: The tags of a TIFF file, by number.
Tags = Mapping[int, Any]

#: The lowest and the highest value that an image may hold.
Range = tuple[float, float]

_WHOLE = (8, 10, 12, 14, 16)

#: The guess by rule 4: the range is that of the image's own values.
FROM_VALUES = "smallest to largest value"

_BITS, _PHOTOMETRIC, _ORIENTATION, _PLANAR, _FORMAT = 258, 262, 274, 284, 339
_RANGES = ((340, 341), (280, 281))
_NO_DATA = 42113
_FLOAT, _UNSIGNED = 3, 1
_SEPARATE, _WHITE_IS_ZERO = 2, 0
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PARTS = ("RGB", "RGBA", "RGBX", "LA")

#: The high byte of a value that fills 16 bits, by rule 3, is this at least.
_HIGH = 1 << 14 - 8


def is_deep(image: ImageFile.ImageFile) -> bool:
    """Whether an image has more than 8 bits a channel.

    Args:
        image: a :class:`PIL.ImageFile.ImageFile` whose pixels are not loaded yet
    """
    if image.mode[0] in "IF":
        return True
    tile = image.tile[0] if image.tile else None
    if tile is None or image.mode == "1":
        return False
    raw = tile[3] if isinstance(tile[3], str) else (tile[3] or ("",))[0]
    return ";16" in str(raw) or _is_planar(image)


def is_tiff(path: str) -> bool:
    """Whether a file begins as a TIFF file does."""
    with open(path, "rb") as file:
        return file.read(4) in _TIFF


def values(
    image: Image.Image,
    path: str,
    imread: Callable[..., Any],
    check: Callable[[int, int], None],
) -> np.ndarray | None:
    """The values of a deep image, turned as ``image`` is, which Pillow turns by itself for TIFF.

    Args:
        image: the :class:`PIL.Image.Image`, loaded
        path: its file
        imread: OpenCV's function of that name
        check: called with width and height before much is decoded; may raise

    Returns:
        a ``(height, width)`` or ``(height, width, 3)`` array; None if the image's own 8 bits, the
        higher ones, are the ones to show

    Raises:
        OSError: if only the higher 8 bits can be read, and not all is there
    """
    if image.mode[0] in "IF":
        pixels = np.asarray(image)
        unsigned = _first(_tags(image).get(_FORMAT), _UNSIGNED) == _UNSIGNED
        is_wide = pixels.dtype == np.int32 and _first(_tags(image).get(_BITS), 0) == 32
        return pixels.view(np.uint32) if is_wide and unsigned else pixels
    if image.mode not in _PARTS:
        return None
    planar = _is_planar(image)
    colors = np.asarray(image)[..., : 1 if image.mode == "LA" else 3]
    if not planar and colors.max(initial=0) >= _HIGH and not stated(image, path, None):
        return None
    deep = None if planar else imread(path, -1)  # with its own bit depth
    if deep is not None:
        deep = deep if deep.ndim == 2 else deep[..., 2::-1]
    if deep is None or deep.dtype == np.uint8:
        deep, _ = from_tiff(path, check)
    if deep.shape[:2] != (image.height, image.width):
        raise OSError("Its values of more than 8 bits cannot be rotated to its orientation")
    return deep


def from_tiff(path: str, check: Callable[[int, int], None]) -> tuple[np.ndarray, Tags]:
    """The values, turned as its orientation says, and the tags of a TIFF file Pillow cannot read.

    Args:
        path: the file
        check: see :func:`values`

    Raises:
        OSError: if they cannot be read here either
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            check(page.imagewidth, page.imagelength)
            tags = {tag.code: tag.value for tag in page.tags}
            pixels, axes = page.asarray(), page.axes
    except ValueError as error:
        if "too many to decode" in str(error):
            raise
        raise OSError(f"This TIFF file cannot be read: {error}") from error
    except Exception as error:
        raise OSError(f"This TIFF file cannot be read: {error}") from error
    if axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 3:
        pixels = pixels[..., : 3 if pixels.shape[2] >= 3 else 1].squeeze()
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "uif":
        raise OSError(f"This TIFF file holds {pixels.dtype} in {axes}, which is not an image")
    return turned(pixels, _first(tags.get(_ORIENTATION), 1)), tags


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """An array turned and mirrored as an EXIF orientation says.

    Args:
        pixels: a ``(height, width)`` or ``(height, width, channels)`` array
        orientation: 1 to 8; 1 changes nothing
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def to_bytes(pixels: np.ndarray, range_: Range | None, tags: Tags) -> tuple[np.ndarray, str]:
    """Brings values to 8 bits.

    Args:
        pixels: the values
        range_: the result of :func:`stated`
        tags: those of a TIFF file; none for others

    Returns:
        an array of bytes, and how the range was guessed; empty if it was not
    """
    missing = _missing(pixels, tags)
    if missing is not None:
        pixels = np.where(missing, 0, pixels)
    (low, high), guess = (range_, "") if range_ else _range(pixels, missing)
    bits = int(high).bit_length() if low == 0 and high == int(high) else 0
    if pixels.dtype.kind in "ui" and bits in _WHOLE and high == (1 << bits) - 1:
        shown = (pixels.clip(0, int(high)) >> (bits - 8)).astype(np.uint8)
    else:
        kind = np.float64 if pixels.dtype.itemsize > 2 else np.float32
        spread = (high - low) or 1
        scaled = (pixels.astype(kind).clip(low, high) - low) * (255 / spread)
        shown = np.rint(scaled).astype(np.uint8)
    if _first(tags.get(_PHOTOMETRIC), 1) == _WHITE_IS_ZERO:
        shown = 255 - shown
    if missing is not None:
        shown[missing] = 0
    return shown, guess


def stated(image: Image.Image, path: str, pixels: np.ndarray | None) -> Range | None:
    """The range of values that a file states, as ``(lowest, highest)``; None if it states none.

    Args:
        image: the :class:`PIL.Image.Image`
        path: its file
        pixels: its values; None if they are not known yet
    """
    if image.format == "PNG":
        bits = _significant_bits(path)
        fits = pixels is None or pixels.max(initial=0) < 1 << bits
        return (0, (1 << bits) - 1) if 8 <= bits < 16 and fits else None
    if image.format == "PPM" and image.mode[0] != "F":
        return 0, (1 << 16) - 1  # Pillow has brought it there from the range that the file states
    return stated_by(_tags(image))


def stated_by(tags: Tags) -> Range | None:
    """The range of values that the tags of a TIFF file state; None if they state none."""
    is_float = _first(tags.get(_FORMAT), _UNSIGNED) == _FLOAT
    bits = _first(tags.get(_BITS), 16)
    for lowest, highest in _RANGES:
        if highest not in tags:
            continue
        low, high = float(_first(tags.get(lowest), 0)), float(_first(tags[highest], 0, max))
        is_whole_type = high >= (1 << bits) - 1 or high == (1 << bits - 1) - 1
        if low < high and (is_float or not is_whole_type):
            return low, high
    return (0, (1 << bits) - 1) if 8 < bits < 16 and not is_float else None


def _range(pixels: np.ndarray, missing: np.ndarray | None) -> tuple[Range, str]:
    """The range by rules 2 to 4, and how it was guessed."""
    there = pixels if missing is None else pixels[~missing]
    if not there.size:
        return (0, 1), ""
    low, high = there.min().item(), there.max().item()
    if pixels.dtype.kind == "f":
        return ((0, 1), "") if low >= 0 and high <= 1 else ((low, high), FROM_VALUES)
    if low < 0 or high >= 1 << 16:
        return (low, high), FROM_VALUES
    bits = next(bits for bits in _WHOLE if high < 1 << bits)
    certain = not high or (bits == 16 and pixels.dtype.itemsize == 2)
    return (0, (1 << bits) - 1), "" if certain else f"{bits} bits"


def _missing(pixels: np.ndarray, tags: Tags) -> np.ndarray | None:
    """Where there is no value, which people see as black; None if there are values everywhere."""
    missing = None
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        missing = ~np.isfinite(pixels)
    try:
        mark = float(str(_first(tags.get(_NO_DATA), "nan")).strip("\0 "))
    except ValueError:
        return missing
    if np.isfinite(mark) and (is_mark := pixels == pixels.dtype.type(mark)).any():
        missing = is_mark if missing is None else missing | is_mark
    return missing


def _is_planar(image: Image.Image) -> bool:
    tags = _tags(image)
    wide = _first(tags.get(_BITS), 8) > 8
    return wide and image.mode in _PARTS and _first(tags.get(_PLANAR), 1) == _SEPARATE


def _tags(image: Image.Image) -> Tags:
    return getattr(image, "tag_v2", {})


def _first(value: Any, default: Any, choose: Callable[[Any], Any] | None = None) -> Any:
    """A tag's value; the first one where there is one for each channel, as ``choose`` says."""
    if isinstance(value, tuple):
        return (choose(value) if choose else value[0]) if value else default
    return default if value is None else value


def _significant_bits(path: str) -> int:
    """The bits a channel that the ``sBIT`` of a PNG file states; 0 if there is none."""
    with open(path, "rb") as file:
        if file.read(8) != _PNG:
            return 0
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"PLTE"):
            size = int.from_bytes(head[:4], "big")
            if head[4:] == b"sBIT" and size <= 4:
                bits = file.read(size)
                return max(bits[: 3 if size >= 3 else 1], default=0)
            file.seek(size + 4, 1)
    return 0
