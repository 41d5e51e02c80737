"""FiftyOne's Ultralytics wrappers against the library called directly, with random weights."""

import pytest
import torch
from ultralytics import RTDETR, YOLO

from auto_labeling.errors import ModelUnavailable
from auto_labeling.models import trust
from tests.integration import wrappers
from tests.integration.yolos import assert_boxes, assert_masks, library, make, place, threshold_for


@pytest.fixture(autouse=True)
def zoo_dir(tmp_path, monkeypatch):
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    return tmp_path


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
    assert_masks(found.detections, result)


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
