"""Device and precision: what a run asks for is what the loaded network holds."""

import pytest
import torch
import torchvision

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.models import catalog, zoo
from tests.support import zoo_models
from tests.support.seeded_torchvision import place, seeded


@pytest.fixture
def half_anywhere(monkeypatch):
    """Lets half precision be chosen without a GPU: torch computes it on a CPU as well."""
    monkeypatch.setattr(zoo, "_has_cuda", lambda: True)


def network(model):
    inner = getattr(model._model, "model", model._model)
    return next(inner.parameters())


def test_half_precision_reaches_the_network_and_says_the_same(half_anywhere):
    name, path = "efficientnet-lite0-imagenet", zoo_models.photo("chelsea")
    whole, config = zoo_models.load(name)
    half, _ = zoo_models.load(name, half=True)
    assert (network(whole).dtype, network(half).dtype) == (torch.float32, torch.float16)
    [expected], [found] = (
        zoo_models.run(whole, config, [path]),
        zoo_models.run(half, config, [path]),
    )
    assert found.label == expected.label
    assert found.confidence == pytest.approx(expected.confidence, abs=0.02)


def test_a_detector_that_half_precision_would_break_runs_whole(half_anywhere):
    """FiftyOne halves the images, and Ultralytics makes its network whole again."""
    model, config = zoo_models.load("shapes-yolo", half=True)
    assert network(model).dtype == torch.float32
    [found] = zoo_models.run(model, config, [zoo_models.photo("chelsea")])
    assert found is not None


def test_half_precision_of_a_torchvision_classifier(half_anywhere, tmp_path, monkeypatch):
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    place("resnet18-imagenet-torch", seeded(torchvision.models.resnet18), tmp_path)
    model, config = zoo_models.load("resnet18-imagenet-torch", half=True)
    assert network(model).dtype == torch.float16
    [found] = zoo_models.run(model, config, [zoo_models.photo("chelsea")])
    assert found.label


def test_half_precision_is_left_out_where_it_is_not_known_to_be_safe(half_anywhere):
    for spec in catalog.list_models():
        config = zoo_models.configure(spec.name, half=True, task="detection")
        options = zoo.options_for(spec, config)
        assert options.get("use_half_precision", False) is spec.can_be_half, spec.name


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1", "mps"])
def test_the_device_reaches_every_wrapper(device):
    for spec in catalog.list_models():
        config = zoo_models.configure(spec.name, device=device, task="detection")
        plain = spec.family == "rfdetr"  # which knows no numbers of devices
        assert zoo.options_for(spec, config)["device"] == (
            device.partition(":")[0] if plain else device
        )


def test_a_network_is_on_the_chosen_device():
    for name in ("shapes-yolo", "efficientnet-lite0-imagenet"):
        model, _ = zoo_models.load(name, device="cpu")
        assert network(model).device.type == "cpu" == str(model.device)


def test_a_device_that_is_not_there_is_told_before_anything_is_loaded():
    with pytest.raises(ModelUnavailable, match=r"no device 'cuda:7': it sees \d+ CUDA"):
        zoo_models.load("shapes-yolo", device="cuda:7")
