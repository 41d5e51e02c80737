"""Torchvision's wrappers against torchvision itself, with seeded random weights."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torchvision.transforms import functional as F

from auto_labeling.models import catalog
from tests.support import zoo_models
from tests.support.seeded_torchvision import place, seeded

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture(autouse=True)
def zoo_dir(tmp_path, monkeypatch):
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_classifier(zoo_dir):
    name, paths = "resnet18-imagenet-torch", zoo_models.photos()
    assert not catalog.get_model(name).downloaded
    network = seeded(torchvision.models.resnet18)
    place(name, network, zoo_dir)
    assert catalog.get_model(name).downloaded
    model, config = zoo_models.load(name)
    assert not model.ragged_batches
    found = zoo_models.run(model, config, paths)
    names = model.classes
    for path, label in zip(paths, found, strict=True):
        image = F.to_tensor(F.resize(F.to_pil_image(zoo_models.pixels(path)), [224, 224]))
        with torch.no_grad():
            odds = network(F.normalize(image, MEAN, STD)[None]).softmax(1)[0]
        assert label.label == names[int(odds.argmax())]
        assert label.confidence == pytest.approx(float(odds.max()), rel=1e-3)


def test_weights_that_torchvision_has_are_not_wanted_in_the_zoo(zoo_dir):
    name, network = (
        "shufflenetv2-0.5x-imagenet-torch",
        seeded(torchvision.models.shufflenet_v2_x0_5),
    )
    own = zoo_dir / "torch" / "hub" / "checkpoints"
    own.mkdir(parents=True)
    place(name, seeded(torchvision.models.shufflenet_v2_x0_5), own)
    model, _ = zoo_models.load(name)
    ours, theirs = model._model.state_dict(), network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_weights_that_were_cut_off_are_set_aside_and_downloaded_again(zoo_dir, monkeypatch):
    name, network = "resnet18-imagenet-torch", seeded(torchvision.models.resnet18)
    place(name, network, zoo_dir)
    [path] = zoo_dir.glob("*.pth")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    os.utime(path, (0, 0))
    assert not catalog.get_model(name).downloaded
    asked = []

    def download(url, dst, *args, **named):
        asked.append(url)
        Path(dst).write_bytes(whole)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    model, _ = zoo_models.load(name)
    # That file alone, and not the one that the zoo's entry names.
    assert asked == ["https://download.pytorch.org/models/resnet18-f37072fd.pth"]
    theirs = network.state_dict()
    assert all(torch.equal(model._model.state_dict()[key], theirs[key]) for key in theirs)
    assert catalog.get_model(name).downloaded


def boxes_of(network, path):
    image = F.to_tensor(F.resize(F.to_pil_image(zoo_models.pixels(path)), [800, 800]))
    with torch.no_grad():
        return network([image])[0]


def assert_same(found, expected, names, threshold):
    """Boxes, classes, confidences and masks, in the library's order."""
    keep = expected["scores"].numpy() >= threshold
    assert keep.sum() == len(found) > 0
    assert [d.label for d in found] == [names[i] for i in expected["labels"].numpy()[keep]]
    np.testing.assert_allclose(
        [d.confidence for d in found], expected["scores"].numpy()[keep], atol=1e-3
    )
    np.testing.assert_allclose(
        [zoo_models.corners(d, (800, 800)) for d in found],
        expected["boxes"].numpy()[keep],
        atol=1.0,
    )


def lively(network, heads):
    """Random networks are sure of nothing: louder class scores give boxes above a threshold."""
    with torch.no_grad():
        for head in heads:
            head.weight.normal_(0, 0.3)
    return network


def test_detector(zoo_dir):
    name, path = "faster-rcnn-resnet50-fpn-coco-torch", zoo_models.photos(1)[0]
    detection = torchvision.models.detection
    network = seeded(lambda: detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None))
    lively(network, [network.roi_heads.box_predictor.cls_score])
    place(name, network, zoo_dir)
    threshold = _some(network, path)
    model, config = zoo_models.load(name, confidence=threshold)
    [found] = zoo_models.run(model, config, [path])
    assert_same(found.detections, boxes_of(model._model, path), model.classes, threshold)
    # The model that FiftyOne built is the library's, with the weights that we put in the zoo.
    ours, theirs = model._model.state_dict(), network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours if key in theirs)


def test_mask_rcnn(zoo_dir):
    name, path = "mask-rcnn-resnet50-fpn-coco-torch", zoo_models.photos(1)[0]
    detection = torchvision.models.detection
    network = seeded(lambda: detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None))
    lively(network, [network.roi_heads.box_predictor.cls_score])
    place(name, network, zoo_dir)
    threshold = _some(network, path)
    model, config = zoo_models.load(name, confidence=threshold)
    [found] = zoo_models.run(model, config, [path])
    expected = boxes_of(model._model, path)
    assert_same(found.detections, expected, model.classes, threshold)
    for detection_, mask in zip(found.detections, expected["masks"].numpy(), strict=False):
        theirs = mask[0] > 0.5
        x1, y1, x2, y2 = (round(v) for v in zoo_models.corners(detection_, (800, 800)))
        crop = theirs[y1:y2, x1:x2]
        if min(crop.shape) < 8:
            continue  # a pixel more or less would be all the difference
        assert detection_.mask.shape == pytest.approx(crop.shape, abs=2)
        assert detection_.mask.mean() == pytest.approx(crop.mean(), abs=0.05)


def _some(network, path):
    """A threshold that leaves a few of a random network's boxes."""
    scores = boxes_of(network, path)["scores"]
    assert len(scores), "a random network that finds nothing proves nothing"
    return float(scores[min(5, len(scores) - 1)]) - 1e-4
