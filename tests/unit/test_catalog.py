"""The catalog: what it lists, what it knows, and what listing costs."""

import json
import subprocess
import sys

import pytest

from auto_labeling.errors import ModelUnavailable
from auto_labeling.models import catalog
from auto_labeling.run import Method, ModelType, Task

COSTS = """
import json, sys, time
from auto_labeling.models import catalog

start = time.perf_counter()
count = len(catalog.list_models())
cold = time.perf_counter() - start
start = time.perf_counter()
catalog.list_models()
warm = time.perf_counter() - start
for spec in catalog.list_models():
    catalog.known_classes(spec)
heavy = [m for m in ("torch", "ultralytics", "fiftyone", "fiftyone.zoo") if m in sys.modules]
print(json.dumps({"count": count, "cold": cold, "warm": warm, "heavy": heavy}))
"""


def test_listing_is_fast_and_imports_nothing_heavy():
    result = subprocess.run(
        [sys.executable, "-c", COSTS], capture_output=True, text=True, check=True
    )
    told = json.loads(result.stdout)
    assert told["heavy"] == []
    assert told["count"] > 90
    assert told["cold"] < 0.5  # milliseconds; the margin is for a busy machine
    assert told["warm"] < 0.02


def test_names_are_unique_and_lead_back_to_the_model():
    specs = catalog.list_models()
    assert len({spec.name for spec in specs}) == len(specs)
    assert all(catalog.get_model(spec.name) is spec for spec in specs)


def test_an_unknown_model_is_a_readable_error():
    with pytest.raises(ModelUnavailable, match="no model 'nonesuch'"):
        catalog.get_model("nonesuch")


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.DETECTION])
def test_models_are_listed_by_task_and_type(task):
    specs = catalog.list_models(task, ModelType.FIXED_VOCABULARY)
    assert specs
    assert {spec.task for spec in specs} == {task}
    assert {spec.model_type for spec in specs} == {ModelType.FIXED_VOCABULARY}
    assert specs[0].source == "bundled"


def test_every_model_has_what_the_form_shows():
    for spec in catalog.list_models():
        assert spec.family, spec.name
        assert spec.license and spec.description and spec.url, spec.name
        assert spec.packages and spec.wrapper.startswith("fiftyone."), spec.name
        assert spec.method is Method.ONE_STAGE
        if spec.task is Task.CLASSIFICATION:
            assert spec.confidence is None, spec.name
        else:
            assert 0.2 <= spec.confidence <= 0.5, spec.name


@pytest.mark.parametrize(
    "absent",
    [
        "yolov8n-obb-dotav1-torch",  # gives polylines
        "paddle-ocr-v6-tiny-torch",
        "clip-vit-base32-torch",
        "pubmed-clip-vit-base-patch32",
        "segment-anything-2-hiera-tiny-image-torch",
        "dinov2-vits14-torch",
        "classification-transformer-torch",  # any checkpoint of a hub
    ],
)
def test_what_gives_no_classes_or_boxes_is_not_offered(absent):
    with pytest.raises(ModelUnavailable):
        catalog.get_model(absent)


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("yolo11n-coco-torch", ("yolo", "11", "nano")),
        ("yolov8x-oiv7-torch", ("yolo", "v8", "xlarge")),
        ("yolo26s-cls-imagenet-torch", ("yolo", "26", "small")),
        ("yolov9c-coco-torch", ("yolo", "v9", "c")),
        ("rtdetr-v2-m-coco-torch", ("rtdetr", "v2", "medium")),
        ("rfdetr-large-coco-torch", ("rfdetr", "", "large")),
        ("faster-rcnn-resnet50-fpn-coco-torch", ("faster-rcnn", "", "")),
        ("resnet50-imagenet-torch", ("resnet", "", "50")),
        ("vgg16-bn-imagenet-torch", ("vgg", "", "16-bn")),
        ("mobilenet-v2-imagenet-torch", ("mobilenet", "v2", "")),
        ("convnext-tiny-224-torch", ("convnext", "", "tiny")),
        ("shapes-yolo", ("yolo", "v8", "nano")),
    ],
)
def test_family_version_and_size_come_from_the_name(name, parsed):
    spec = catalog.get_model(name)
    assert (spec.family, spec.version, spec.size) == parsed


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("shapes-yolo", 4, {"circle", "star"}),
        ("efficientnet-lite0-imagenet", 998, {"tabby", "espresso"}),  # crane and maillot twice
        ("resnet50-imagenet-torch", 998, {"tabby", "espresso"}),
        ("faster-rcnn-resnet50-fpn-coco-torch", 90, {"person", "cat"}),
        ("yolo11n-coco-torch", 80, {"person", "cat"}),
        ("yolov8n-oiv7-torch", 601, {"Accordion", "Cat"}),
        ("yolo26n-cls-imagenet-torch", 1000, {"tabby", "tiger_cat"}),
    ],
)
def test_classes_are_known_without_weights(name, count, some):
    classes = catalog.known_classes(catalog.get_model(name))
    assert len(classes) == len(set(classes)) == count
    assert some <= set(classes)
    assert "background" not in classes


def test_classes_that_only_the_weights_know_are_none():
    assert catalog.known_classes(catalog.get_model("dfine-nano-coco-torch")) is None


def test_the_files_of_every_bundled_model_exist():
    bundled = [spec for spec in catalog.list_models() if spec.source == "bundled"]
    assert {spec.name for spec in bundled} == {"shapes-yolo", "efficientnet-lite0-imagenet"}
    for spec in bundled:
        assert catalog.missing_packages(spec) == (), spec.name
        assert spec.weights is None or spec.weights.stat().st_size > 100_000
    detector = catalog.get_model("shapes-yolo")
    assert detector.weights.stat().st_size == pytest.approx(detector.size_bytes, rel=0.05)
    assert "AGPL-3.0" in detector.weights.with_name("README.md").read_text()


def test_the_detector_knows_the_classes_that_the_demo_draws():
    from auto_labeling.demo import shapes

    assert catalog.known_classes(catalog.get_model("shapes-yolo")) == shapes.CLASSES


@pytest.mark.parametrize(
    ("requirement", "installed"),
    [
        ("pytest", True),
        ("pytest>=1", True),
        ("pytest>=1000", False),
        ("no-such-package-here", False),
        ("no-such-package-here; python_version < '3'", True),
        ("no-such-package-here @ git+https://example.com/x.git", False),
        ("not a requirement", False),
    ],
)
def test_missing_packages_are_told_by_the_environment(requirement, installed):
    spec = catalog.get_model("shapes-yolo")
    wanting = type(spec)(**{**spec.__dict__, "packages": (requirement,)})
    assert catalog.missing_packages(wanting) == (() if installed else (requirement,))
