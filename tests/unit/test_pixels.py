"""Images are read as the App displays them, whichever library decodes them."""

import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from auto_labeling.models import pixels


def picture(width, height, mode="RGB", seed=0):
    """Smooth colors with an edge and some noise: what JPEG has to work for."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    values = np.stack([x * 3, y * 5, (x + y) * 2], axis=-1) + random.integers(
        0, 40, (height, width, 3)
    )
    values[: height // 2, : width // 3] = 250
    return Image.fromarray((values % 256).astype(np.uint8)).convert(mode)


@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    options=st.fixed_dictionaries(
        {
            "quality": st.integers(5, 100),
            "subsampling": st.sampled_from([0, 1, 2]),
            "optimize": st.booleans(),
        },
        optional={
            "comment": st.just(b"\xff\xd9 in a comment"),
            "dpi": st.just((300, 300)),
            "restart_marker_blocks": st.just(2),
        },
    ),
)
@settings(deadline=None)
def test_a_jpeg_is_the_same_array_by_the_fast_way_and_by_pillow(
    tmp_path_factory, width, height, options
):
    path = tmp_path_factory.mktemp("jpeg") / "image.jpg"
    picture(width, height).save(path, **options)
    assert pixels._shape_of_plain_jpeg(path.read_bytes()) == (height, width, 3)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    room = np.zeros((height, width, 3), np.uint8)
    assert np.shares_memory(pixels.read_array(str(path), room), room)
    assert np.array_equal(room, expected)
    assert np.array_equal(pixels.read_array(str(path)), expected)
    assert np.array_equal(pixels.read_array(str(path), np.zeros((3, 3, 3), np.uint8)), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_exif_orientation_says_in_either_way(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = str(tmp_path / "turned.jpg")
    picture(40, 24).save(path, exif=exif, quality=95)
    as_array = pixels.read_array(path)
    assert as_array.shape[:2] == ((24, 40) if orientation < 5 else (40, 24))
    assert np.array_equal(as_array, np.asarray(pixels.read(path)))


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "bmp", "tiff"])
def test_other_images_are_the_same_as_arrays(tmp_path, mode, format):
    if (mode, format) in {("CMYK", "png"), ("CMYK", "bmp")}:
        with pytest.raises(OSError):
            picture(9, 7, mode).save(io.BytesIO(), format=format)  # there are no such files
        return
    path = tmp_path / "image"
    picture(9, 7, mode).save(path, format=format)
    assert np.array_equal(pixels.read_array(str(path)), np.asarray(pixels.read(str(path))))


@given(
    cut=st.integers(0, 1400),
    tail=st.sampled_from([b"", b"\xff\xd9"]),
    progressive=st.booleans(),
)
@settings(deadline=None)
@example(cut=620, tail=b"\xff\xd9", progressive=False)
@example(cut=321, tail=b"\xff\xd9", progressive=True)
def test_a_cut_jpeg_is_refused_or_read_as_pillow_reads_it(tmp_path_factory, cut, tail, progressive):
    data = io.BytesIO()
    picture(64, 48).save(data, format="jpeg", progressive=progressive)
    path = tmp_path_factory.mktemp("cut") / "image.jpg"
    path.write_bytes(data.getvalue()[:cut] + tail)

    def outcome(reader):
        try:
            return np.asarray(reader(str(path))).tolist()
        except (OSError, ValueError, SyntaxError) as error:
            return type(error)

    assert outcome(pixels.read_array) == outcome(pixels.read)


def test_a_library_that_replaces_opencvs_reader_changes_nothing(tmp_path, monkeypatch):
    """As Ultralytics does when it is imported."""
    path = str(tmp_path / "image.jpg")
    picture(30, 20).save(path)
    expected = pixels.read_array(path)
    monkeypatch.setattr("cv2.imread", lambda filename, flags=1: None)
    monkeypatch.setattr("PIL.Image.open", lambda *args, **options: None)
    room = np.zeros((20, 30, 3), np.uint8)
    assert np.array_equal(pixels.read_array(path, room), expected)
    assert np.array_equal(room, expected)
    assert np.array_equal(np.asarray(pixels.read(path)), expected)
