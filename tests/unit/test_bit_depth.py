"""Images of more than 8 bits are read as a person would look at them, and a guess is reported."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from auto_labeling.models import pixels

#: What must be seen: a ramp and a bright thing in a corner.
SEEN = np.tile(np.linspace(10, 120, 30), (20, 1))
SEEN[3:9, 4:14] = 245


def levels(bits):
    """The picture in whole numbers of so many bits."""
    return np.rint(SEEN / 255 * ((1 << bits) - 1)).astype(np.uint16)


def colours(values):
    return np.dstack([values, values // 2, values // 4])


def read(path):
    """What is seen of a file, by the three ways of reading; and the guess."""
    image = pixels.read(str(path))
    guess = pixels.take_guess()
    assert pixels.take_guess() == ""
    array = pixels.read_array(str(path))
    assert pixels.take_guess() == guess
    with pixels.for_fiftyone():
        import fiftyone.utils.torch as fout

        theirs = np.asarray(fout._load_image(str(path), use_numpy=False, force_rgb=True))
    assert image.mode == "RGB"
    assert np.array_equal(array, np.asarray(image)) and np.array_equal(array, theirs)
    assert pixels.take_guess() == guess
    return array.astype(int), guess


def png(path, values, kind, sbit=()):
    """A 16-bit PNG, with an ``sBIT`` chunk if there is something to say."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    size = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    said = chunk(b"sBIT", bytes(sbit)) if sbit else b""
    data = chunk(b"IHDR", size) + said + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


@pytest.mark.parametrize("kind", ["png", "tif", "lzw.tif", "big.tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_whole_numbers_are_taken_for_as_many_bits_as_the_largest_needs(
    tmp_path, kind, bits, channels
):
    values = levels(bits)
    if channels > 1:
        values = colours(values)
    if channels == 4:
        values = np.dstack([values, np.full(SEEN.shape, 65535, np.uint16)])
    path = tmp_path / f"deep.{kind}"
    if kind in ("png", "lzw.tif"):
        order = values if channels == 1 else values[..., [2, 1, 0, 3][:channels]]
        assert cv2.imwrite(str(path), order)  # which compresses TIFF by LZW
    else:
        how = {} if channels == 1 else {"photometric": "rgb"}
        how |= {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        tifffile.imwrite(path, values, byteorder=">" if kind == "big.tif" else "<", **how)
    seen, guess = read(path)
    expected = np.dstack([SEEN] * 3) if channels == 1 else colours(SEEN)
    assert np.abs(seen - expected).max() <= 2
    assert guess == ("" if bits == 16 else f"{bits} bits")


def test_a_range_that_the_file_states_is_no_guess(tmp_path):
    dim = levels(12) // 8  # 9 bits would be enough
    path = tmp_path / "stated.tif"
    for tags in ([(341, "H", 1, 4095, True)], [(280, "H", 1, 0, True), (281, "H", 1, 4095, True)]):
        tifffile.imwrite(path, dim, extratags=tags)
        seen, guess = read(path)
        assert guess == "" and np.abs(seen[..., 0] - SEEN / 8).max() <= 2
    tifffile.imwrite(path, dim, extratags=[(281, "H", 1, 65535, True)])  # which states nothing
    assert read(path)[1] == "10 bits"
    path = tmp_path / "stated.png"
    for values, kind, bits in ((dim, 0, [12]), (colours(dim), 2, [12, 12, 12])):
        png(path, values, kind, bits)
        seen, guess = read(path)
        assert guess == "" and np.abs(seen[..., 0] - SEEN / 8).max() <= 2
    png(path, levels(16), 0, [12])  # as the standard wants it: the 12 bits fill 16
    seen, guess = read(path)
    assert guess == "" and np.abs(seen[..., 0] - SEEN).max() <= 2


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_numbers_with_a_point_go_from_0_to_1_or_from_the_least_to_the_largest(
    tmp_path, kind, channels
):
    shape = (lambda v: v) if channels == 1 else (lambda v: np.dstack([v] * 3))
    how = {} if channels == 1 else {"photometric": "rgb"}
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, shape(SEEN / 255).astype(kind), **how)
    seen, guess = read(path)
    assert guess == "" and np.abs(seen - np.dstack([SEEN] * 3)).max() <= 2
    metres = SEEN / 10 - 7
    tifffile.imwrite(path, shape(metres).astype(kind), **how)
    seen, guess = read(path)
    stretched = (SEEN - 10) * 255 / 235
    assert guess == "smallest to largest value"
    assert np.abs(seen - np.dstack([stretched] * 3)).max() <= 2


@pytest.mark.parametrize("kind", [np.int32, np.uint32])
def test_integers_of_32_bits(tmp_path, kind):
    path = tmp_path / "wide.tif"
    for bits in (12, 16):
        tifffile.imwrite(path, levels(bits).astype(kind))
        seen, guess = read(path)
        assert guess == f"{bits} bits" and np.abs(seen[..., 0] - SEEN).max() <= 2
    factor = 1_000_000 if kind is np.int32 else 17_000_000  # beyond what a signed number holds
    tifffile.imwrite(path, np.rint((SEEN - 10) * factor).astype(kind))
    seen, guess = read(path)
    assert guess == "smallest to largest value"
    assert np.abs(seen[..., 0] - (SEEN - 10) * 255 / 235).max() <= 2


def test_what_is_no_value_is_black_and_counts_for_no_range(tmp_path):
    path, values = tmp_path / "holes.tif", (SEEN / 255).astype(np.float32)
    values[0, :5], values[0, 5], values[1, 0] = np.nan, np.inf, -9999
    tifffile.imwrite(path, values, extratags=[(42113, "s", 0, "-9999", True)])
    seen, guess = read(path)
    expected = np.where(np.isfinite(values) & (values >= 0), SEEN, 0)
    assert guess == "" and np.abs(seen[..., 0] - expected).max() <= 2


def test_where_white_is_zero(tmp_path):
    path = tmp_path / "xray.tif"
    tifffile.imwrite(path, 4095 - levels(12), photometric="miniswhite")
    assert np.abs(read(path)[0][..., 0] - SEEN).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "kind", ["grey.tif", "rgb.tif", "planar.tif", "grey.png", "rgb.png", "8 bits grey.tif"]
)
def test_deep_images_are_turned_as_others_are(tmp_path, orientation, kind):
    values = levels(12) if "grey" in kind else colours(levels(12))
    if "8 bits" in kind:
        values = levels(8).astype(np.uint8)
    path = tmp_path / kind
    if kind.endswith("png"):
        exif = Image.Exif()
        exif[0x0112] = orientation
        png(path, values, 0 if values.ndim == 2 else 2)
        _add_exif(path, exif.tobytes()[6:])
    else:
        how = {"extratags": [(274, "H", 1, orientation, True)]}
        if values.ndim == 3:
            how["photometric"] = "rgb"
        if kind == "planar.tif":
            values, how["planarconfig"] = np.moveaxis(values, -1, 0), "separate"
        tifffile.imwrite(path, values, **how)
    seen = SEEN if "grey" in kind else colours(SEEN)
    plain = Image.fromarray(np.rint(seen).astype(np.uint8))
    plain.getexif()[0x0112] = orientation
    turned = ImageOps.exif_transpose(plain).convert("RGB")
    assert np.abs(read(path)[0] - np.asarray(turned).astype(int)).max() <= 2


def _add_exif(path, exif):
    data = path.read_bytes()
    chunk = b"eXIf" + exif
    chunk = struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(data[:33] + chunk + data[33:])


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "LA", "RGBA", "1"])
def test_images_of_8_bits_are_no_guess_however_dark(tmp_path, mode):
    path = tmp_path / ("dark.tif" if mode == "CMYK" else "dark.png")
    Image.fromarray(np.full((4, 4, 3), 9, np.uint8)).convert(mode).save(path)
    assert read(path)[1] == ""
    black = tmp_path / "black.png"
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(black)
    assert read(black)[1] == ""


def test_a_damaged_tiff_of_a_kind_that_pillow_does_not_know_is_refused(tmp_path):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, SEEN.astype(np.float64))
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(OSError):
        pixels.read(str(path))
    path.write_bytes(b"II*\0 no")
    with pytest.raises(OSError):
        pixels.read(str(path))
