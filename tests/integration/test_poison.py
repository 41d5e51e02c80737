"""Bad and odd images among 2,000: exactly the bad ones are listed, all others are labeled right."""

from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.lifecycle import labeling
from tests.support import red_rectangles

SAMPLES = 2_000
TOLERANCE = 2.5 / red_rectangles.HEIGHT  # JPEG smears an edge over a pixel or two


def save(path, image, **options):
    image.save(path, **options)
    return path


def turned(path, number, **options):
    """Stored on its side, with an orientation that says how to show it."""
    exif = Image.Exif()
    exif[0x0112] = 8
    lying = red_rectangles.picture(number).transpose(Image.Transpose.ROTATE_270)
    return save(path, lying, exif=exif, **options)


def sixteen_bit(path, number):
    grey = np.asarray(red_rectangles.picture(number).convert("L")).astype(np.uint16) << 8
    return save(path, Image.fromarray(grey))


#: Files that can be labeled, each with what it takes to write one, and whether its box is seen.
ODD = {
    "cmyk.jpg": lambda p, n: save(p, red_rectangles.picture(n).convert("CMYK"), quality=100),
    "palette.png": lambda p, n: save(p, red_rectangles.picture(n).quantize(8)),
    "alpha.png": lambda p, n: save(p, red_rectangles.picture(n).convert("RGBA")),
    "progressive.jpg": lambda p, n: save(
        p, red_rectangles.picture(n), quality=95, progressive=True
    ),
    "turned.jpg": lambda p, n: turned(p, n, quality=95),
    "turned.png": turned,
    "photo.webp": lambda p, n: save(p, red_rectangles.picture(n), lossless=True),
    "table.bmp": lambda p, n: save(p, red_rectangles.picture(n)),
    "double.png": lambda p, n: save(
        p, red_rectangles.picture(n).resize((128, 96), Image.Resampling.NEAREST)
    ),
}
#: Files in which nothing is red, and one that is red all over.
COLOURLESS = {
    "grey.jpg": lambda p, n: save(p, red_rectangles.picture(n).convert("L"), quality=95),
    "grey.png": lambda p, n: save(p, red_rectangles.picture(n).convert("L")),
    "deep.png": sixteen_bit,
}
ONE_PIXEL = {"one.png": lambda p, n: save(p, Image.new("RGB", (1, 1), red_rectangles.RED))}


def cut(path, number):
    save(path, red_rectangles.picture(number).resize((640, 480)), quality=95)
    path.write_bytes(path.read_bytes()[:-400])


#: Files that cannot be labeled, and a word of the error that must be listed with them.
BAD = {
    "missing.jpg": (lambda p, n: None, "FileNotFoundError"),
    "empty.jpg": (lambda p, n: p.write_bytes(b""), "cannot identify"),
    "text.jpg": (lambda p, n: p.write_text("not an image"), "cannot identify"),
    "cut.jpg": (cut, "truncated"),
    "cut.png": (
        lambda p, n: (save(p, red_rectangles.picture(n)), p.write_bytes(p.read_bytes()[:90])),
        "",
    ),
    "folder.png": (lambda p, n: p.mkdir(), "IsADirectoryError"),
    "huge.png": (lambda p, n: save(p, Image.new("1", (20_000, 20_000))), "too many to decode"),
    "raises.png": (
        lambda p, n: save(
            p,
            Image.new("RGB", (red_rectangles.WIDTH, red_rectangles.HEIGHT), red_rectangles.RAISES),
        ),
        "no model can bear",
    ),
    "nan.png": (
        lambda p, n: save(
            p,
            Image.new("RGB", (red_rectangles.WIDTH, red_rectangles.HEIGHT), red_rectangles.IS_NAN),
        ),
        "not finite",
    ),
    "garbage.jpg": (lambda p, n: p.write_bytes(b"\xff\xd8\xff" + bytes(range(256)) * 9), ""),
}


@pytest.fixture
def poisoned(tmp_path, monkeypatch):
    """A dataset of 2,000, with one bad file in a hundred and as many odd ones, spread evenly."""
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as some libraries do
    paths = [Path(path) for path in red_rectangles.write(tmp_path / "images", SAMPLES)]
    special = {}
    makers = {**ODD, **COLOURLESS, **ONE_PIXEL, **{k: make for k, (make, _) in BAD.items()}}
    places = range(30, SAMPLES, SAMPLES // (2 * len(makers)))
    for turn, number in enumerate(places):
        kind = list(makers)[turn % len(makers)]
        path = tmp_path / "images" / f"{number:05}-{kind}"
        makers[kind](path, number)
        paths[number], special[number] = path, kind
    dataset = fo.Dataset(persistent=True)
    dataset.add_samples(
        [fo.Sample(str(path), number=number) for number, path in enumerate(paths)], progress=False
    )
    yield dataset, special
    dataset.delete()


def test_exactly_the_bad_samples_are_listed_and_all_others_are_labeled_right(poisoned):
    dataset, special = poisoned
    bad = {number for number, kind in special.items() if kind in BAD}
    assert len(bad) >= SAMPLES // 100 and len(set(special.values())) == 23
    config = RunConfig(
        task="detection",
        model="custom-python-detection",
        checkpoint="tests.support.red_rectangles:detector",
        label_field="found",
    )
    run = labeling.generate(dataset, labeling.start(dataset, config).id)
    assert run.state is RunState.IN_REVIEW
    assert run.failed == len(bad)

    numbers = dict(zip(*dataset.values(["id", "number"]), strict=True))
    listed = {numbers[f["sample_id"]]: f for f in labeling.failures(dataset, run)}
    assert set(listed) == bad
    for number, failure in listed.items():
        assert failure["filepath"].endswith(special[number])
        assert BAD[special[number]][1] in failure["error"], failure

    for number, label in zip(*dataset.values(["number", run.staging_field]), strict=True):
        kind = special.get(number)
        if number in bad:
            assert label is None
            continue
        boxes = [d.bounding_box for d in label.detections]
        if kind in COLOURLESS:
            assert boxes == []
        elif kind in ONE_PIXEL:
            assert boxes == [[0, 0, 1, 1]]
        elif kind in ODD:
            assert np.abs(np.subtract(boxes, [red_rectangles.box(number)])).max() < TOLERANCE, kind
        else:
            assert np.allclose(boxes, [red_rectangles.box(number)], atol=1e-6), number


def test_a_repaired_file_is_labeled_when_the_failures_are_tried_again(poisoned):
    dataset, special = poisoned
    broken = next(number for number, kind in special.items() if kind == "empty.jpg")
    view = dataset.match({"number": {"$gte": broken - 20, "$lt": broken + 20}})
    config = RunConfig(
        task="detection",
        model="custom-python-detection",
        checkpoint="tests.support.red_rectangles:detector",
        label_field="found",
    )
    run = labeling.start(dataset, config, view.values("id"))
    run = labeling.generate(dataset, run.id)
    before = dict(zip(*view.values(["number", f"{run.staging_field}.detections.id"]), strict=True))
    failed = run.failed
    sample = dataset.match({"number": broken}).first()
    red_rectangles.picture(broken).save(sample.filepath, format="png")
    labeling.resume(dataset, run.id)
    run = labeling.generate(dataset, run.id)
    assert run.failed == failed - 1
    after = dict(zip(*view.values(["number", f"{run.staging_field}.detections.id"]), strict=True))
    assert len(after.pop(broken)) == 1
    assert after == {number: ids for number, ids in before.items() if number != broken}
