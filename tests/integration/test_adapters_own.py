"""Models that people bring: trusted ones run, others say what would have to be allowed."""

import numpy as np
import pytest
import torch

from auto_labeling.core.errors import FailureReason, ModelUnavailable
from auto_labeling.models import trust, zoo
from tests.support import zoo_models

PYTHON, TORCH = "custom-python-detection", "custom-torch-classification"


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(
        "import fiftyone as fo\n"
        "import fiftyone.core.models as fom\n"
        "class Finder(fom.Model):\n"
        "    media_type = 'image'\n"
        "    def predict(self, image):\n"
        "        box = fo.Detection(label='x', bounding_box=[0, 0, 1, 1], confidence=0.5)\n"
        "        return fo.Detections(detections=[box])\n"
        "number = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "my_models"


def test_a_model_by_import_path(module, monkeypatch):
    monkeypatch.setenv(trust.SETTING, module)
    model, _ = zoo_models.load(PYTHON, checkpoint=f"{module}:Finder")
    [found] = model.predict_all([np.zeros((4, 4, 3), np.uint8)])
    assert [d.label for d in found.detections] == ["x"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("Nothing", "cannot be imported"), ("number", "not a fiftyone.core.models.Model")],
)
def test_what_is_no_model_is_told(module, monkeypatch, name, words):
    monkeypatch.setenv(trust.SETTING, module)
    with pytest.raises(ModelUnavailable, match=words):
        zoo_models.load(PYTHON, checkpoint=f"{module}:{name}")


def test_nothing_is_imported_without_trust(monkeypatch, tmp_path):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(trust.SETTING, "evil_twin,other")
    with pytest.raises(ModelUnavailable, match=trust.SETTING):
        zoo_models.load(PYTHON, checkpoint="evil:Model")
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def network():
    torch.manual_seed(51)
    return torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(48, 3)
    ).eval()


@pytest.mark.parametrize("kind", ["pickled", "scripted"])
def test_a_torch_classifier_by_path(network, kind, tmp_path, monkeypatch):
    checkpoint = str(tmp_path / "mine.pt")
    if kind == "pickled":
        torch.save(network, checkpoint)
    else:
        torch.jit.trace(network, torch.zeros(1, 3, 224, 224)).save(checkpoint)
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    names = ("cat", "dog", "bird")
    model, config = zoo_models.load(TORCH, checkpoint=checkpoint, classes=names)
    paths = zoo_models.photos()
    found = zoo_models.run(model, config, paths)
    get_item = model.build_get_item()
    with torch.no_grad():
        odds = network(torch.stack([get_item({"filepath": p}) for p in paths])).softmax(1)
    for label, row in zip(found, odds, strict=True):
        assert label.label == names[int(row.argmax())]
        assert label.confidence == pytest.approx(float(row.max()), abs=1e-4)


def test_a_file_that_is_missing_or_no_network_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    with pytest.raises(ModelUnavailable, match="no file"):
        zoo_models.load(TORCH, checkpoint=str(tmp_path / "gone.pt"), classes=("a",))
    torch.save({"weights": torch.zeros(1)}, tmp_path / "dict.pt")
    with pytest.raises(ModelUnavailable, match="weights without a network"):
        zoo_models.load(TORCH, checkpoint=str(tmp_path / "dict.pt"), classes=("a",))


def test_a_device_that_is_not_there_is_told():
    with pytest.raises(ModelUnavailable, match="CUDA devices") as caught:
        zoo_models.load("shapes-yolo", device="cuda:99")
    assert caught.value.reason is FailureReason.DEVICE_MISSING


def test_a_model_runs_on_the_chosen_device_and_is_released():
    model, _ = zoo_models.load("shapes-yolo", device="cpu")
    assert str(model.device) == "cpu"
    del model
    zoo.release()
