"""12-bit, float and wide images give the same boxes as in 8 bits; guesses are reported."""

import json

import fiftyone as fo
import numpy as np
import pytest
import tifffile

from auto_labeling import sdk
from auto_labeling.cli import main
from auto_labeling.core.errors import AttemptRevoked
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.storage.chunks import ChunkStore
from tests.support import red_rectangles
from tests.support.app_double import page_of, send

SAMPLES = 40  # enough for loader processes


def twelve_bits(path, pixels):
    import cv2

    values = np.rint(pixels[..., ::-1] / 255 * 4095).astype(np.uint16)
    assert cv2.imwrite(str(path), values)


def floats(path, pixels):
    tifffile.imwrite(path, (pixels / 255).astype(np.float32), photometric="rgb")


def metres(path, pixels):
    tifffile.imwrite(path, (pixels / 255 * 80).astype(np.float32), photometric="rgb")


MAKERS = {"twelve.png": twelve_bits, "twelve.tif": twelve_bits, "floats.tif": floats}
MAKERS["metres.tif"] = metres


@pytest.fixture
def deep(tmp_path, monkeypatch):
    """Pictures of red things, in turns of each kind of file."""
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    dataset, kinds = fo.Dataset(persistent=True), list(MAKERS.items())
    for number in range(SAMPLES):
        kind, make = kinds[number % len(kinds)]
        pixels = np.array(red_rectangles.picture(number))
        pixels[0, 0], pixels[0, 1] = 0, 255  # what a photograph has somewhere
        make(tmp_path / f"{number:02}-{kind}", pixels)
        dataset.add_sample(fo.Sample(tmp_path / f"{number:02}-{kind}", number=number))
    yield dataset
    dataset.delete()


CONFIG = {
    "task": "detection",
    "model": "custom-python-detection",
    "checkpoint": "tests.support.red_rectangles:detector",
    "label_field": "found",
}


def test_all_kinds_give_the_boxes_of_8_bits_and_the_run_says_what_it_guessed(deep, capsys):
    previews = labeling.preview(deep, RunConfig(**CONFIG), deep.values("id")[:4])
    assert [one.guess for one in previews] == [
        "12 bits",
        "12 bits",
        "",
        "smallest to largest value",
    ]
    tried = [one.labels.detections[0].bounding_box for one in previews]
    assert np.allclose(tried, [red_rectangles.box(n) for n in range(4)], atol=1e-6)

    run = labeling.generate(deep, labeling.start(deep, RunConfig(**CONFIG)).id)
    assert (run.state, run.failed, run.labels) == (RunState.IN_REVIEW, 0, SAMPLES)
    for number, found in zip(*deep.values(["number", run.staging_field]), strict=True):
        assert np.allclose(
            [d.bounding_box for d in found.detections], [red_rectangles.box(number)], atol=1e-6
        )
    assert run.guessed == {"12 bits": 20, "smallest to largest value": 10}
    said = "30 images hold more than 8 bits without stating the range: read as 12 bits (20), "
    assert run.guesses.startswith(said) and sdk.get(deep, run.id).guesses == run.guesses

    told, state = send(deep, "open_run", run_id=run.id)
    assert page_of(told).count(said) == 1
    told, state = send(deep, "select_tab", state, tab="approval")
    assert page_of(told).count(said) == 1

    assert not main(["show", deep.name, run.id])
    assert run.guesses in capsys.readouterr().err  # with the other remarks
    assert not main(["show", deep.name, run.id, "--json"])
    assert json.loads(capsys.readouterr().out)["guessed"] == run.guessed


def test_samples_that_are_labeled_again_are_counted_once(deep, monkeypatch):
    monkeypatch.setenv(red_rectangles.DELAY, "0.1")  # so that there is a middle to stop it in
    monkeypatch.setattr("auto_labeling.engine.generation._REPORT_EVERY_SECONDS", 0)
    run = labeling.start(deep, RunConfig(**CONFIG))
    stopped = []

    def stop(fraction, _):
        if not stopped and fraction > 0:
            stopped.append(labeling.cancel(deep, run.id))

    with pytest.raises(AttemptRevoked):
        labeling.generate(deep, run.id, stop)
    labeling.resume(deep, run.id)
    run = labeling.generate(deep, run.id)
    assert stopped and run.guessed == {"12 bits": 20, "smallest to largest value": 10}
    labeling.delete(deep, run.id)
    assert not [key for key in ChunkStore(deep)._store.list_keys() if key.startswith(run.id)]
