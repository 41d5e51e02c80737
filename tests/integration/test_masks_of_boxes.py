"""Photographs, boxes of people, and a segmenter that gives no mask for some of them."""

import json
import uuid
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image, ImageDraw

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import RunConfig
from auto_labeling.lifecycle import labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote

COCO = Path(__file__).resolve().parents[3] / "shared" / "data" / "tinycoco"
#: Few boxes each, some of which the segmenter gives no mask for, and one image where it gives all.
CHOSEN = ("000000252219.jpg", "000000403385.jpg", "000000331352.jpg", "000000458054.jpg")


@pytest.fixture(scope="module")
def photographs():
    """Images of COCO with their boxes, and the polygons in these as masks."""
    if not COCO.is_dir():
        pytest.skip("there are no COCO images beside the checkout (shared/data/tinycoco)")
    told = json.loads((COCO / "annotations" / "instances_train2017.json").read_text())
    names = {category["id"]: category["name"] for category in told["categories"]}
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    samples = []
    for image in told["images"]:
        mine = [a for a in told["annotations"] if a["image_id"] == image["id"]]
        labels = [detection(a, names, image) for a in mine if isinstance(a["segmentation"], list)]
        sample = fo.Sample(str(COCO / "images" / "train2017" / image["file_name"]))
        sample["truth"] = fo.Detections(detections=labels)
        samples.append(sample)
    dataset.add_samples(samples, progress=False)
    dataset.compute_metadata(progress=False)
    yield dataset
    dataset.delete()


def detection(annotation, names, image):
    x, y, width, height = annotation["bbox"]
    drawn = Image.new("1", (max(1, round(width)), max(1, round(height))))
    for polygon in annotation["segmentation"]:
        points = [(px - x, py - y) for px, py in zip(polygon[::2], polygon[1::2], strict=True)]
        ImageDraw.Draw(drawn).polygon(points, fill=1)
    box = [x / image["width"], y / image["height"], width / image["width"]]
    return fo.Detection(
        label=names[annotation["category_id"]],
        bounding_box=[*box, height / image["height"]],
        mask=np.asarray(drawn),
    )


def masks_for_boxes(dataset, field, **settings):
    config = RunConfig(
        task="instance_segmentation",
        method="existing_detections",
        model="shapes-sam",
        source_field="truth",
        label_field=field,
        **settings,
    )
    ids = [sample.id for sample in dataset if sample.filename in CHOSEN]
    return labeling.generate(dataset, labeling.start(dataset, config, ids).id)


def approved(dataset, run):
    promote(dataset, run.id, Shown(dataset.view()), run.labels)
    approve(dataset, run.id)
    dataset.reload()
    return dataset.exists(run.config.label_field)


def test_an_instance_segmentation_run_ends_with_masks(photographs):
    run = masks_for_boxes(photographs, "masked")
    account = labeling.account(photographs, run)
    boxes = photographs.select(labeling.target_ids(photographs, run)).count("truth.detections")
    assert account.given == boxes and account.left_out[LeftOut.NO_MASK] > 0
    assert account.staged == run.labels == boxes - sum(account.left_out.values())

    view = approved(photographs, run)
    labels = view.values("masked.detections", unwind=True)
    assert all(label.mask is not None and label.mask.any() for label in labels)
    results = view.evaluate_detections(
        "masked", gt_field="truth", use_masks=True, eval_key="masks", classwise=False
    )
    assert results.report()["weighted avg"]["support"] > 0
    targets = dict(enumerate(sorted(view.distinct("masked.detections.label")), start=1))
    for sample in view:
        size = sample.metadata.width, sample.metadata.height
        drawn = sample.masked.to_segmentation(frame_size=size, mask_targets=targets)
        assert np.any(drawn.mask) == bool(sample.masked.detections)


def test_labels_without_a_mask_are_kept_if_the_person_says_so(photographs):
    run = masks_for_boxes(photographs, "kept", keep_without_mask=True)
    account = labeling.account(photographs, run)
    assert LeftOut.NO_MASK not in account.left_out
    labels = photographs.values(f"{run.staging_field}.detections", unwind=True)
    labels = [label for label in labels if label is not None]
    without = [label for label in labels if label.mask is None]
    assert len(labels) == account.staged == run.labels and without
    assert all(label.mask.any() for label in labels if label.mask is not None)
