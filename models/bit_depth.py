"""Images with more than 8 bits per channel, converted to 8 bits as a person would see them.

The rule, which ``docs/guide.md`` tells, too:

1. A range that the file states counts: TIFF's ``SMinSampleValue`` and ``SMaxSampleValue`` (or
   ``MinSampleValue`` and ``MaxSampleValue``), ``BitsPerSample`` below 16, PNG's ``sBIT``. A range
   that is all that the file's type can hold states nothing.
2. Numbers with a point between 0 and 1 are taken from 0 to 1.
3. Whole numbers that are not negative, and below 65,536, are taken for 8, 10, 12, 14 or 16 bits,
   whichever is the first that the largest value of the image fits.
4. Everything else is taken from the smallest to the largest value of the image.

What rules 3 and 4 found is a guess, but where rule 3 found what the file's type holds.
"""

import numpy as np

_WHOLE = (8, 10, 12, 14, 16)

#: What is said of an image whose range is its own, by rule 4.
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


def is_deep(image) -> bool:
    """Whether an image has more than 8 bits a channel.

    Args:
        image: a :class:`PIL.Image.Image` whose pixels are not loaded yet
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


def values(image, path: str, imread, check) -> np.ndarray | None:
    """The values of a deep image, turned as ``image`` is, which Pillow turns by itself for TIFF.

    Args:
        image: the :class:`PIL.Image.Image`, loaded
        path: its file
        imread: OpenCV's function of that name
        check: called with width and height before much is decoded; may raise

    Returns:
        a ``(height, width)`` or ``(height, width, 3)`` array; None if the image's own 8 bits, the
        higher ones, are what is to be seen

    Raises:
        OSError: if only the higher 8 bits can be read, and not all is there
    """
    if image.mode[0] in "IF":
        found = np.asarray(image)
        unsigned = _first(_tags(image).get(_FORMAT), _UNSIGNED) == _UNSIGNED
        is_wide = found.dtype == np.int32 and _first(_tags(image).get(_BITS), 0) == 32
        return found.view(np.uint32) if is_wide and unsigned else found
    if image.mode not in _PARTS:
        return None
    planar = _is_planar(image)
    colours = np.asarray(image)[..., : 1 if image.mode == "LA" else 3]
    if not planar and colours.max(initial=0) >= _HIGH and not stated(image, path, None):
        return None
    found = None if planar else imread(path, -1)  # as it is
    if found is not None:
        found = found if found.ndim == 2 else found[..., 2::-1]
    if found is None or found.dtype == np.uint8:
        found, _ = from_tiff(path, check)
    if found.shape[:2] != (image.height, image.width):
        raise OSError("Its values of more than 8 bits cannot be rotated to its orientation")
    return found


def from_tiff(path: str, check) -> tuple[np.ndarray, dict]:
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
            found, axes = page.asarray(), page.axes
    except ValueError as error:
        if "too many to decode" in str(error):
            raise
        raise OSError(f"This TIFF file cannot be read: {error}") from error
    except Exception as error:
        raise OSError(f"This TIFF file cannot be read: {error}") from error
    if axes == "SYX":
        found = np.moveaxis(found, 0, -1)
    if found.ndim == 3:
        found = found[..., : 3 if found.shape[2] >= 3 else 1].squeeze()
    if found.ndim not in (2, 3) or found.dtype.kind not in "uif":
        raise OSError(f"This TIFF file holds {found.dtype} in {axes}, which is not an image")
    return turned(found, _first(tags.get(_ORIENTATION), 1)), tags


def turned(found: np.ndarray, orientation: int) -> np.ndarray:
    """An array turned and mirrored as an EXIF orientation says."""
    if orientation in (5, 6, 7, 8):
        found = found.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        found = found[::-1]
    return found[:, ::-1] if orientation in (2, 3, 6, 7) else found


def to_bytes(found: np.ndarray, range_: tuple | None, tags: dict) -> tuple[np.ndarray, str]:
    """Brings values to 8 bits.

    Args:
        found: the values
        range_: what :func:`stated` says
        tags: those of a TIFF file; none for others

    Returns:
        an array of bytes, and how the range was guessed; empty if it was not
    """
    missing = _missing(found, tags)
    if missing is not None:
        found = np.where(missing, 0, found)
    (low, high), guess = (range_, "") if range_ else _range(found, missing)
    bits = int(high).bit_length() if low == 0 and high == int(high) else 0
    if found.dtype.kind in "ui" and bits in _WHOLE and high == (1 << bits) - 1:
        shown = (found.clip(0, int(high)) >> (bits - 8)).astype(np.uint8)
    else:
        kind = np.float64 if found.dtype.itemsize > 2 else np.float32
        spread = (high - low) or 1
        scaled = (found.astype(kind).clip(low, high) - low) * (255 / spread)
        shown = np.rint(scaled).astype(np.uint8)
    if _first(tags.get(_PHOTOMETRIC), 1) == _WHITE_IS_ZERO:
        shown = 255 - shown
    if missing is not None:
        shown[missing] = 0
    return shown, guess


def stated(image, path: str, found) -> tuple | None:
    """The range of values that a file states, as ``(lowest, highest)``; None if it states none.

    Args:
        image: the :class:`PIL.Image.Image`
        path: its file
        found: its values; None if they are not known yet
    """
    if image.format == "PNG":
        bits = _significant_bits(path)
        fits = found is None or found.max(initial=0) < 1 << bits
        return (0, (1 << bits) - 1) if 8 <= bits < 16 and fits else None
    if image.format == "PPM" and image.mode[0] != "F":
        return 0, (1 << 16) - 1  # Pillow has brought it there from the range that the file states
    return stated_by(_tags(image))


def stated_by(tags: dict) -> tuple | None:
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


def _range(found, missing):
    """The range by rules 2 to 4, and how it was guessed."""
    some = found if missing is None else found[~missing]
    if not some.size:
        return (0, 1), ""
    low, high = some.min().item(), some.max().item()
    if found.dtype.kind == "f":
        return ((0, 1), "") if low >= 0 and high <= 1 else ((low, high), FROM_VALUES)
    if low < 0 or high >= 1 << 16:
        return (low, high), FROM_VALUES
    bits = next(bits for bits in _WHOLE if high < 1 << bits)
    certain = not high or (bits == 16 and found.dtype.itemsize == 2)
    return (0, (1 << bits) - 1), "" if certain else f"{bits} bits"


def _missing(found, tags):
    """Where there is no value, if anywhere: what a person sees as black."""
    missing = None
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        missing = ~np.isfinite(found)
    try:
        mark = float(str(_first(tags.get(_NO_DATA), "nan")).strip("\0 "))
    except ValueError:
        return missing
    if np.isfinite(mark) and (is_mark := found == found.dtype.type(mark)).any():
        missing = is_mark if missing is None else missing | is_mark
    return missing


def _is_planar(image):
    tags = _tags(image)
    wide = _first(tags.get(_BITS), 8) > 8
    return wide and image.mode in _PARTS and _first(tags.get(_PLANAR), 1) == _SEPARATE


def _tags(image) -> dict:
    return getattr(image, "tag_v2", {})


def _first(value, default, choose=None):
    """A tag's value; the first one where there is one for each channel, as ``choose`` says."""
    if isinstance(value, tuple):
        return (choose(value) if choose else value[0]) if value else default
    return default if value is None else value


def _significant_bits(path) -> int:
    """What the ``sBIT`` of a PNG file says of its colours; 0 if there is none."""
    with open(path, "rb") as file:
        if file.read(8) != _PNG:
            return 0
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"PLTE"):
            size = int.from_bytes(head[:4], "big")
            if head[4:] == b"sBIT" and size <= 4:
                said = file.read(size)
                return max(said[: 3 if size >= 3 else 1], default=0)
            file.seek(size + 4, 1)
    return 0
