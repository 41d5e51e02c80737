"""Ratings of models: published numbers, fixed cuts, and the order that people expect."""

import csv

import pytest

from auto_labeling.models import catalog, metrics, ratings
from auto_labeling.panels.configure import model_card


def rated(name):
    spec = catalog.get_model(name)
    return spec.performance.value, spec.speed.value


@pytest.mark.parametrize(
    ("family", "sizes"),
    [
        *(
            (f"yolo{version}{{}}-coco-torch", "nsmlx")
            for version in ("v5", "v8", "v10", "11", "26")
        ),
        *((f"yolo{version}{{}}-seg-coco-torch", "nsmlx") for version in ("v8", "11", "26")),
        ("yolo26{}-cls-imagenet-torch", "nsmlx"),
        ("yolov8{}-oiv7-torch", "nsmlx"),
        ("yolov8{}-world-torch", "smlx"),
        ("yoloe26{}-seg-torch", "nsmlx"),
        ("yoloe26{}-seg-pf-torch", "nsmlx"),
        ("dfine-{}-coco-torch", ("nano", "small", "medium", "large", "xlarge")),
        ("rfdetr-{}-coco-torch", ("nano", "small", "medium", "large")),
        ("rfdetr-seg-{}-coco-torch", ("nano", "small", "medium", "large", "xlarge", "2xlarge")),
        ("efficientnet-b{}-imagenet-torch", "01234567"),
        ("resnet{}-imagenet-torch", ("18", "34", "50", "101", "152")),
        ("swin-v2-{}-torch", ("tiny", "small", "base", "large")),
        ("llmdet-{}-torch", ("tiny", "base", "large")),
        ("segment-anything-2.1-hiera-{}-image-torch", ("tiny", "small", "base-plus", "large")),
    ],
)
def test_a_larger_model_of_a_family_is_never_rated_faster_or_worse(family, sizes):
    found = [rated(family.format(size)) for size in sizes]
    assert None not in {value for pair in found for value in pair}
    assert [performance for performance, _ in found] == sorted(p for p, _ in found)
    assert [speed for _, speed in found] == sorted((s for _, s in found), reverse=True)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("yolo11s-coco-torch", "faster-rcnn-resnet50-fpn-coco-torch"),
        ("yolo11s-coco-torch", "retinanet-resnet50-fpn-coco-torch"),
        ("dfine-xlarge-coco-torch", "yolov8n-coco-torch"),
        ("rfdetr-nano-coco-torch", "faster-rcnn-resnet50-fpn-coco-torch"),
        ("mask2former-swin-large-coco-instance-torch", "mask-rcnn-resnet50-fpn-coco-torch"),
        ("resnet152-imagenet-torch", "resnet18-imagenet-torch"),
        ("llmdet-large-torch", "yolov8s-world-torch"),
        ("segment-anything-2.1-hiera-large-image-torch", "segment-anything-vitb-torch"),
    ],
)
def test_a_model_that_is_known_to_be_better_is_rated_better(better, worse):
    assert rated(better)[0] > rated(worse)[0]


def test_every_rating_names_its_number_and_the_address_where_it_was_read():
    by = {
        ratings.PUBLISHED,
        ratings.ARCHITECTURE,
        ratings.GENERATION,
        ratings.DEMO,
        ratings.UNKNOWN,
    }
    for spec in catalog.list_models():
        for one in (spec.performance, spec.speed):
            assert one.by in by and (one.value in (1, 2, 3)) == (one.by not in ("demo", "unknown"))
            if one.by == ratings.PUBLISHED:
                assert one.measure and one.source.startswith("https://"), spec.name
    known = [s for s in catalog.list_models() if s.performance.value]
    assert len(known) > 170


def test_the_measurements_are_of_models_that_are_offered_and_have_addresses():
    with open(metrics._FILE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    offered = {spec.name for spec in catalog.list_models()}
    assert {row["name"] for row in rows} <= offered
    assert all(row["source"].startswith("https://") for row in rows)


def test_classifiers_of_torchvision_have_the_accuracy_of_the_weights_that_are_loaded():
    library = pytest.importorskip("torchvision.models")
    checked = 0
    for spec in catalog.list_models():
        weights = (spec.settings.get("entrypoint_args") or {}).get("weights")
        if spec.source == "zoo" and spec.task.value == "classification" and weights:
            published = library.get_weight(weights).meta["_metrics"]["ImageNet-1K"]["acc@1"]
            assert metrics.of(spec.name)[0].value == pytest.approx(published), spec.name
            checked += 1
    assert checked > 30


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("yolo11s-coco-torch", "●●○  2 of 3\n47.0 AP, COCO"),
        ("resnet50-imagenet-torch", "●●●  3 of 3\n80.9% top-1, ImageNet"),
        (
            "yolov8n-oiv7-torch",
            "●○○  1 of 3, by architecture\n"
            "18.4 AP, Open Images V7 · 37.3 AP, COCO of yolov8n-coco-torch",
        ),
        (
            "segment-anything-2-hiera-tiny-image-torch",
            "●●○  2 of 3, by generation\n75.0 J&F, SA-V (video)",
        ),
        ("grounding-dino-base-torch", "Unknown\n56.7 AP, COCO (trained on it)"),
        ("medsiglip-448-zero-torch", "Unknown"),
        ("shapes-yolo", "Not rated: a demo model"),
        ("custom-ultralytics-detection", "Unknown"),
    ],
)
def test_the_card_says_the_number_beside_the_dots(name, said):
    assert model_card.rating(catalog.get_model(name).performance) == said


def test_sizes_are_those_of_what_is_loaded():
    """Of one file of weights, and not of all that a repository holds."""
    sizes = {
        name: catalog.get_model(name).size_bytes / 2**20
        for name in (
            "efficientnet-b7-imagenet-torch",
            "swin-v2-tiny-torch",
            "dfine-large-coco-torch",
            "yolo11n-coco-torch",
            "wide-resnet50-2-imagenet-torch",
        )
    }
    assert list(sizes.values()) == pytest.approx([254, 107, 118, 5.4, 263], rel=0.03)
