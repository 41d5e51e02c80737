"""Remote sources of models: registered from an archive over HTTP, trusted, loaded, at work."""

import functools
import http.server
import json
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from auto_labeling.core.errors import ConfigError, ModelUnavailable
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog, trust
from tests.support import zoo_models

NAME = "someone/brightness"
SOURCE = """
import pathlib

import fiftyone as fo
import fiftyone.core.models as fom

pathlib.Path(__file__).with_name("imported").touch()


def download_model(model_name, model_path):
    pathlib.Path(model_path).write_text("128")


def load_model(model_name, model_path{arguments}):
    return Brightness(float(pathlib.Path(model_path).read_text()))


class Brightness(fom.Model):
    media_type = "image"

    def __init__(self, threshold):
        self._threshold = threshold

    def predict(self, image):
        mean = float(image.mean())
        label = "bright" if mean > self._threshold else "dark"
        return fo.Classification(label=label, confidence=mean / 255)
"""
ENTRY = {
    "base_name": NAME,
    "base_filename": "threshold.txt",
    "description": "Tells bright images from dark ones",
    "author": "Someone",
    "license": "MIT",
    "source": "https://example.com",
    "tags": ["classification"],
    "requirements": {"packages": []},
}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(params=["", ", **kwargs"])
def source(request, tmp_path, monkeypatch):
    """The address of a source that was registered with FiftyOne; its folder in the zoo."""
    import fiftyone as fo
    import fiftyone.zoo as foz

    zoo, published = tmp_path / "zoo", tmp_path / "published"
    zoo.mkdir()
    published.mkdir()
    monkeypatch.setattr(fo.config, "model_zoo_dir", str(zoo))
    with zipfile.ZipFile(published / "models.zip", "w") as archive:
        archive.writestr("manifest.json", json.dumps({"name": "someone", "models": [ENTRY]}))
        archive.writestr("__init__.py", SOURCE.replace("{arguments}", request.param))
    handler = functools.partial(_Quiet, directory=str(published))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/models.zip"
        foz.register_zoo_model_source(url)
        server.shutdown()
    return url, next(zoo.rglob("manifest.json")).parent


def test_a_source_that_nobody_trusts_is_listed_and_refused_and_not_imported(source, monkeypatch):
    url, folder = source
    monkeypatch.delenv(trust.SETTING, raising=False)
    spec = catalog.get_model(NAME)
    assert (spec.source, spec.license, spec.entry["remote_source"]) == ("remote", "MIT", url)
    assert not spec.downloaded
    with pytest.raises(ModelUnavailable, match=trust.SETTING):
        zoo_models.load(NAME)
    assert not (folder / "imported").exists()


def test_a_source_that_this_process_does_not_trust_cannot_run_in_it(source, dataset, monkeypatch):
    monkeypatch.delenv(trust.SETTING, raising=False)
    answers = {"task": "classification", "model": NAME, "label_field": "light"}
    config = labeling.check(dataset, answers)
    with pytest.raises(ConfigError) as caught:
        labeling.start(dataset, config, queue=False)
    assert labeling.runs(dataset) == []
    assert set(caught.value.problems) == {"model"}
    assert trust.SETTING in caught.value.problems["model"]


def test_a_trusted_source_labels_a_dataset(source, dataset, monkeypatch):
    url, _ = source
    monkeypatch.setenv(trust.SETTING, url)
    answers = {"task": "classification", "model": NAME, "label_field": "light", "confidence": 0.1}
    run = labeling.start(dataset, labeling.check(dataset, answers))
    run = labeling.generate(dataset, run.id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0), labeling.failures(dataset, run)[:1]
    assert catalog.get_model(NAME).downloaded
    for path, label in zip(*dataset.values(["filepath", run.staging_field]), strict=True):
        mean = np.asarray(Image.open(path).convert("RGB")).mean()
        assert label.label == ("bright" if mean > 128 else "dark")
        assert label.confidence == pytest.approx(mean / 255, abs=1e-3)
