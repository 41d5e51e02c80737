"""FiftyOne's Ultralytics wrappers against the library called directly, with random weights."""

import numpy as np
import pytest
import torch
from ultralytics import RTDETR, YOLO

from auto_labeling.errors import ModelUnavailable
from auto_labeling.models import catalog, trust
from tests.integration import wrappers

LOW = 1e-4


@pytest.fixture(autouse=True)
def zoo_dir(tmp_path, monkeypatch):
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    return tmp_path


def make(kind, architecture, path, loud=0.0):
    """Saves a network of random weights as Ultralytics saves a trained one."""
    torch.manual_seed(51)
    model = kind(architecture)
    with torch.no_grad():
        for name, weight in model.model.named_parameters() if loud else ():
            convolution = ".cv3." in name and weight.dim() == 4 and weight.shape[2:] == (1, 1)
            if convolution or ("dec_score_head" in name and weight.dim() == 2):
                weight.normal_(0, loud)
    model.save(str(path))
    return str(path)


def place(name, kind, architecture, folder, loud=0.0):
    return make(kind, architecture, folder / catalog.get_model(name).entry["base_filename"], loud)


def library(kind, checkpoint, path, threshold):
    """The library's own prediction, letterboxed to a square as FiftyOne's wrapper does."""
    from PIL import Image

    image = Image.open(path).convert("RGB")
    settings = {"conf": threshold, "rect": False, "retina_masks": True, "verbose": False}
    return kind(checkpoint).predict(image, **settings)[0], image.size


def threshold_for(kind, checkpoint, path):
    """A confidence that some boxes of a random network pass and others do not."""
    result, _ = library(kind, checkpoint, path, 1e-6)
    scores = result.boxes.conf.unique().flip(0)[:20]
    assert len(scores), "a random network that finds nothing proves nothing"
    if len(scores) == 1:
        return float(scores[0]) / 2
    widest = int((scores[:-1] - scores[1:]).argmax())
    return float((scores[widest] + scores[widest + 1]) / 2)


def assert_boxes(found, result, size):
    names = [result.names[int(c)] for c in result.boxes.cls]
    assert len(found) == len(names) > 0
    assert sorted(d.label for d in found) == sorted(names)
    for detection, label, score, box in zip(
        found, names, result.boxes.conf.tolist(), result.boxes.xyxy.numpy(), strict=True
    ):
        assert detection.label == label
        assert detection.confidence == pytest.approx(score, abs=2e-3)
        np.testing.assert_allclose(wrappers.corners(detection, size), box, atol=2)


def test_detector(zoo_dir):
    name, [path] = "yolo11n-coco-torch", wrappers.photos(1)
    checkpoint = place(name, YOLO, "yolo11n.yaml", zoo_dir, loud=1.0)
    threshold = threshold_for(YOLO, checkpoint, path)
    model, config = wrappers.load(name, confidence=threshold)
    [found] = wrappers.run(model, config, [path])
    assert_boxes(found.detections, *library(YOLO, checkpoint, path, threshold))


def test_segmenter_of_instances(zoo_dir):
    name, [path] = "yolov8n-seg-coco-torch", wrappers.photos(1)
    checkpoint = place(name, YOLO, "yolov8n-seg.yaml", zoo_dir, loud=1.0)
    threshold = threshold_for(YOLO, checkpoint, path)
    model, config = wrappers.load(name, confidence=threshold)
    [found] = wrappers.run(model, config, [path])
    result, size = library(YOLO, checkpoint, path, threshold)
    assert_boxes(found.detections, result, size)
    for detection, mask, box in zip(
        found.detections, result.masks.data.numpy(), result.boxes.xyxy.numpy(), strict=True
    ):
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        crop = mask[y1:y2, x1:x2] > 0.5
        if min(crop.shape) >= 8:
            assert detection.mask.shape == pytest.approx(crop.shape, abs=2)
            assert detection.mask.mean() == pytest.approx(crop.mean(), abs=0.05)


def test_classifier(zoo_dir):
    """FiftyOne letterboxes to the network's size, the library crops: compared on a square."""
    from PIL import Image

    name = "yolo26n-cls-imagenet-torch"
    place(name, YOLO, "yolo26n-cls.yaml", zoo_dir)
    path = str(zoo_dir / "square.png")
    Image.open(wrappers.photos(1)[0]).convert("RGB").resize((224, 224)).save(path)
    model, config = wrappers.load(name)
    [found] = wrappers.run(model, config, [path])
    names = model.classes
    with torch.no_grad():
        output = model._model.model(
            torch.from_numpy(wrappers.pixels(path).transpose(2, 0, 1)[None] / 255).float()
        )
    odds = (output[0] if isinstance(output, (tuple, list)) else output)[0]
    assert found.label in names
    assert found.confidence == pytest.approx(float(odds.max()), rel=0.05)


def test_rt_detr(zoo_dir):
    name, [path] = "rtdetr-l-coco-torch", wrappers.photos(1)
    checkpoint = place(name, RTDETR, "rtdetr-l.yaml", zoo_dir)
    threshold = threshold_for(RTDETR, checkpoint, path)
    model, config = wrappers.load(name, confidence=threshold)
    [found] = wrappers.run(model, config, [path])
    assert_boxes(found.detections, *library(RTDETR, checkpoint, path, threshold))


@pytest.mark.parametrize(
    "name", ["yolov8s-world-torch", "yoloe11s-seg-torch", "yoloe26n-seg-torch"]
)
def test_a_missing_text_encoder_is_told_with_the_command_to_install_it(name):
    if not catalog.missing_packages(catalog.get_model(name)):
        pytest.skip("clip is installed")
    with pytest.raises(ModelUnavailable, match=r"pip install .*openai/CLIP"):
        wrappers.load(name, classes=("cat",))


def test_a_checkpoint_of_ones_own_runs_if_the_worker_trusts_it(tmp_path, monkeypatch):
    [path] = wrappers.photos(1)
    checkpoint = make(YOLO, "yolov8n.yaml", tmp_path / "mine.pt", loud=1.0)
    monkeypatch.delenv(trust.SETTING, raising=False)
    with pytest.raises(ModelUnavailable, match=trust.SETTING):
        wrappers.load("custom-ultralytics-detection", checkpoint=checkpoint)
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    threshold = threshold_for(YOLO, checkpoint, path)
    model, config = wrappers.load(
        "custom-ultralytics-detection", checkpoint=checkpoint, confidence=threshold
    )
    [found] = wrappers.run(model, config, [path])
    assert_boxes(found.detections, *library(YOLO, checkpoint, path, threshold))
