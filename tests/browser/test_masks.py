"""Instance segmentation by each method, from the configure page to approved masks in the grid."""

import io
import math
import os
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from auto_labeling.core.run import Method, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog
from tests.support.browser.app import wait_for
from tests.support.tiny_sam import SAM, tiny_sam

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

SAMPLES = 6


@pytest.fixture
def sam_worker(start_worker, database):
    """Starts a worker that finds a tiny Segment Anything where the zoo keeps the large one."""
    weights = Path(os.environ["FIFTYONE_MODEL_ZOO_DIR"])
    weights /= catalog.get_model(SAM).entry["base_filename"]
    weights.parent.mkdir(exist_ok=True)
    torch.save(tiny_sam().state_dict(), weights)
    yield lambda: start_worker(fiftyone=("-m", "tests.support.browser.tiny_sam_worker"))
    weights.unlink()


def test_existing_detections_get_masks_in_files(app, demo_data, sam_worker, tmp_path):
    dataset = demo_data("shapes", SAMPLES)
    truth = dataset.values("ground_truth.detections")
    location = tmp_path / "masks"
    sam_worker()
    ui = app(dataset)
    asked = masks_asked_for(ui.page)
    ui.press("Auto Label")
    ui.pick("Instance segmentation")
    ui.pick("Existing detections")
    ui.sees("Boxes in this field get masks")
    ui.choose_model(SAM)
    ui.sees("on this machine")
    ui.choose("Existing detections", "ground_truth")
    ui.name_field("masks")
    ui.press(f"Generate labels for {SAMPLES} samples")
    ui.sees("Choose a folder for the masks")
    assert labeling.runs(dataset) == []
    ui.sees("Fill in: Mask location")
    folder = ui.panel.get_by_label("Mask location", exact=True)
    expect(folder).to_be_focused()
    folder.fill(str(location))
    ui.does_not_see("Choose a folder for the masks")
    ui.picture("20-configure-existing")
    ui.press(f"Generate labels for {SAMPLES} samples")
    run = review(ui, dataset)
    assert run.config.method is Method.EXISTING_DETECTIONS
    assert run.labels == dataset.count("ground_truth.detections")
    see_masks(ui, dataset, run.label_root)
    ui.picture("21-review-masks")
    approve(ui, dataset, run)
    labels = see_masks(ui, dataset, "masks.detections")
    ui.picture("22-approved-masks")
    files = {str(path) for path in location.rglob("*.png")}
    assert {label.mask_path for label in labels if label.mask_path} == files
    assert files and set(asked) <= files and asked
    assert dataset.values("ground_truth.detections") == truth


@pytest.mark.soak
def test_two_stages_give_masks_in_the_dataset(app, demo_data, sam_worker):
    dataset = demo_data("shapes", SAMPLES)
    sam_worker()
    ui = app(dataset)
    ui.press("Auto Label")
    ui.pick("Instance segmentation")
    ui.pick("Two-stage model")
    ui.sees("Segmenter")
    ui.choose_model("shapes-yolo")
    ui.choose("Segmenter", "Segment Anything ViT-B")
    ui.pick("In the dataset")
    ui.name_field("masks")
    ui.picture("23-configure-two-stage")
    ui.press(f"Generate labels for {SAMPLES} samples")
    run = review(ui, dataset)
    assert (run.config.method, run.config.segmenter) == (Method.TWO_STAGE, SAM)
    see_masks(ui, dataset, run.label_root)
    ui.picture("24-review-two-stage")
    approve(ui, dataset, run)
    labels = see_masks(ui, dataset, "masks.detections")
    assert {label.mask_path for label in labels} == {None}
    assert min(label.confidence for label in labels) >= 0.25
    assert all(math.isfinite(label["mask_quality"]) for label in labels if label.has_mask)


@pytest.mark.soak
def test_one_stage_gives_masks(app, demo_data, start_worker):
    dataset = demo_data("shapes", SAMPLES)
    start_worker()
    ui = app(dataset)
    ui.press("Auto Label")
    ui.pick("Instance segmentation")
    ui.sees("Method")
    ui.choose_model("shapes-yolo-seg")
    ui.pick("In the dataset")
    ui.name_field("masks")
    ui.picture("25-configure-one-stage")
    ui.press(f"Generate labels for {SAMPLES} samples")
    run = review(ui, dataset)
    assert run.config.method is Method.ONE_STAGE
    see_masks(ui, dataset, run.label_root)
    ui.picture("26-review-one-stage")
    approve(ui, dataset, run)
    labels = see_masks(ui, dataset, "masks.detections")
    assert all(label.has_mask for label in labels)


def review(ui, dataset):
    """Goes to the review, once a worker has labeled everything. Returns the run."""
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    (run,) = labeling.runs(dataset)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0), run.error
    ui.press("Review", exact=True)
    ui.sees(f"Review ({run.labels})")
    ui.grid_filters_by("review")
    return run


def approve(ui, dataset, run):
    ui.promote_button().click()
    ui.sees(f"Approval ({run.labels})")
    ui.tab("Approval")
    ui.press(f"Approve {run.labels} labels", exact=True)
    ui.press(f"Yes, approve {run.labels} labels")
    ui.sees(f"{run.labels} labels are in masks")
    dataset.reload()
    assert dataset.count("masks.detections") == run.labels


def masks_asked_for(page) -> list:
    """The mask files that the App's grid has asked its server for, kept up to date."""
    asked = []

    def note(request):
        path = parse_qs(urlparse(request.url).query).get("filepath", [""])[0]
        if path.endswith(".png"):
            asked.append(path)

    page.context.on("request", note)
    return asked


def see_masks(ui, dataset, labels_path) -> list:
    """Waits until the grid's first image shows its masks. Returns all labels of the dataset."""
    dataset.reload()
    sample = dataset.exists(labels_path.partition(".")[0]).first()
    root, _, leaf = labels_path.partition(".")
    drawn = np.zeros((240, 320), bool)
    boxes = np.zeros_like(drawn)
    for label in sample[root][leaf]:
        inside, mask = _in_image(label, drawn.shape)
        boxes |= inside
        drawn |= mask
    assert drawn.sum() > 200, "the test needs a mask that can be seen"
    photo = np.asarray(Image.open(sample.filepath).convert("RGB"), float)

    def are_drawn() -> bool:
        changed = np.abs(_first_in_grid(ui, photo.shape) - photo).mean(axis=2)
        inside, outside = changed[drawn].mean(), np.median(changed[~boxes])
        return inside > 25 and inside > 2 * outside

    wait_for(ui.page, are_drawn, "masks are drawn", seconds=30)
    found = [label for sample in dataset for label in sample[root][leaf] if sample[root]]
    return found


def _in_image(label, shape):
    """Where an image has a label's box, and where its mask."""
    height, width = shape
    x, y, w, h = label.bounding_box
    left, top = round(x * width), round(y * height)
    right, bottom = max(left + 1, round((x + w) * width)), max(top + 1, round((y + h) * height))
    box, mask = np.zeros(shape, bool), np.zeros(shape, bool)
    box[max(0, top - 3) : bottom + 4, max(0, left - 3) : right + 4] = True
    if label.has_mask:
        pixels = Image.fromarray((label.get_mask() > 0).astype(np.uint8) * 255)
        scaled = np.asarray(pixels.resize((right - left, bottom - top), Image.NEAREST)) > 0
        mask[top:bottom, left:right] = scaled[: height - top, : width - left]
    return box, mask


def _first_in_grid(ui, shape):
    box = ui.page.locator("[data-cy=looker]").first.bounding_box()
    picture = ui.page.screenshot(clip=box)  # the element itself may be drawn again in between
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    return np.asarray(image.resize((shape[1], shape[0]), Image.BILINEAR), float)
