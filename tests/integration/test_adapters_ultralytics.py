"""FiftyOne's Ultralytics wrappers against the library called directly, with random weights."""

import subprocess
import sys

import pytest
import torch
from PIL import Image
from ultralytics import RTDETR, YOLO

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.models import catalog, trust
from tests.support import zoo_models
from tests.support.random_yolo import (
    assert_boxes,
    assert_masks,
    library,
    make,
    place,
    threshold_for,
)


@pytest.fixture(autouse=True)
def zoo_dir(tmp_path, monkeypatch):
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    return tmp_path


def test_detector(zoo_dir):
    name, [path] = "yolo11n-coco-torch", zoo_models.photos(1)
    checkpoint = place(name, YOLO, "yolo11n.yaml", zoo_dir, loud=1.0)
    threshold = threshold_for(YOLO, checkpoint, path)
    model, config = zoo_models.load(name, confidence=threshold)
    [found] = zoo_models.run(model, config, [path])
    assert_boxes(found.detections, *library(YOLO, checkpoint, path, threshold))


def test_segmenter_of_instances(zoo_dir):
    name, [path] = "yolov8n-seg-coco-torch", zoo_models.photos(1)
    checkpoint = place(name, YOLO, "yolov8n-seg.yaml", zoo_dir, loud=1.0)
    threshold = threshold_for(YOLO, checkpoint, path)
    model, config = zoo_models.load(name, confidence=threshold)
    [found] = zoo_models.run(model, config, [path])
    result, size = library(YOLO, checkpoint, path, threshold)
    assert_boxes(found.detections, result, size)
    assert_masks(found.detections, result)


def assert_classified(found, checkpoint, path):
    result = YOLO(checkpoint).predict(Image.open(path).convert("RGB"), verbose=False)[0]
    odds = result.probs.data.sort(descending=True).values
    assert odds[0] - odds[1] > 1e-3, "the network is not sure enough to be compared"
    assert found.label == result.names[result.probs.top1]
    assert found.confidence == pytest.approx(float(result.probs.top1conf), abs=1e-3)


def classifier(path):
    """Ultralytics' classifier, its random head made loud enough to prefer something."""
    torch.manual_seed(51)
    model = YOLO("yolo26n-cls.yaml")
    network = model.model
    network.args = {"task": "classify", "imgsz": 96}
    with torch.no_grad():
        network.train()(torch.rand(8, 3, 96, 96))  # norms learn what features are like
        logits = network.eval()(torch.rand(8, 3, 96, 96))[1]
        network.model[-1].linear.weight *= 3 / logits.std()
    model.save(str(path))
    return str(path)


@pytest.mark.parametrize("photo", ["chelsea", "motorcycle_left", "bus"])
def test_classifier_sees_what_the_library_crops_of_wide_and_of_tall_photographs(zoo_dir, photo):
    name, path = "yolo26n-cls-imagenet-torch", zoo_models.photo(photo)
    checkpoint = classifier(zoo_dir / catalog.get_model(name).entry["base_filename"])
    model, config = zoo_models.load(name)
    [found] = zoo_models.run(model, config, [path])
    assert_classified(found, checkpoint, path)


def test_a_classifier_of_ones_own(tmp_path, monkeypatch):
    path = zoo_models.photo("coffee")
    checkpoint = classifier(tmp_path / "mine.pt")
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    model, config = zoo_models.load("custom-ultralytics-classification", checkpoint=checkpoint)
    [found] = zoo_models.run(model, config, [path])
    assert_classified(found, checkpoint, path)


def test_rt_detr(zoo_dir):
    name, [path] = "rtdetr-l-coco-torch", zoo_models.photos(1)
    checkpoint = place(name, RTDETR, "rtdetr-l.yaml", zoo_dir)
    threshold = threshold_for(RTDETR, checkpoint, path)
    model, config = zoo_models.load(name, confidence=threshold)
    [found] = zoo_models.run(model, config, [path])
    assert_boxes(found.detections, *library(RTDETR, checkpoint, path, threshold))


def test_a_checkpoint_of_ones_own_runs_if_the_worker_trusts_it(tmp_path, monkeypatch):
    [path] = zoo_models.photos(1)
    checkpoint = make(YOLO, "yolov8n.yaml", tmp_path / "mine.pt", loud=1.0)
    monkeypatch.delenv(trust.SETTING, raising=False)
    with pytest.raises(ModelUnavailable, match=trust.SETTING):
        zoo_models.load("custom-ultralytics-detection", checkpoint=checkpoint)
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    threshold = threshold_for(YOLO, checkpoint, path)
    model, config = zoo_models.load(
        "custom-ultralytics-detection", checkpoint=checkpoint, confidence=threshold
    )
    [found] = zoo_models.run(model, config, [path])
    assert_boxes(found.detections, *library(YOLO, checkpoint, path, threshold))


def test_a_segmenter_of_ones_own(tmp_path, monkeypatch):
    [path] = zoo_models.photos(1)
    checkpoint = make(YOLO, "yolov8n-seg.yaml", tmp_path / "mine.pt", loud=1.0)
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    threshold = threshold_for(YOLO, checkpoint, path)
    model, config = zoo_models.load(
        "custom-ultralytics-instance-segmentation", checkpoint=checkpoint, confidence=threshold
    )
    [found] = zoo_models.run(model, config, [path])
    result, size = library(YOLO, checkpoint, path, threshold)
    assert_boxes(found.detections, result, size)
    assert_masks(found.detections, result)


def test_a_damaged_image_is_named_as_such_where_ultralytics_was_imported_first(tmp_path):
    path = tmp_path / "damaged.jpg"
    path.write_bytes(b"no image at all")
    program = (
        "import sys, ultralytics.utils.patches\n"
        "from auto_labeling.models import pixels\n"
        "try: pixels.read(sys.argv[1])\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.split()[-1] == "UnidentifiedImageError"
