"""More of the configure page in the real App; long, so ``make soak`` runs it and CI does not."""

import contextlib
import io

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from auto_labeling.demo import shapes
from tests.support.dataset_contents import only_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_ids_classes_and_masks_come_from_elsewhere(app, demo_data, tmp_path):
    dataset = demo_data("shapes", 12)
    ids = dataset.values("id")
    ui = app(dataset)
    ui.press("Auto Label")
    ui.choose_model("shapes-yolo")
    ui.pick("Sample IDs")
    ui.panel.get_by_label("Sample IDs", exact=True).last.fill(f"{ids[0]}\n{'e' * 24}\n{ids[1]}")
    ui.sees(f"No sample of this dataset has the ID {'e' * 24}")
    ui.picture("32-configure-unknown-id")
    ui.panel.get_by_label("Sample IDs", exact=True).last.fill("\n".join([*ids[:3], ids[0]]))
    ui.sees("3 sample IDs; 1 more than once")
    expect(ui.button("Generate labels for 3 samples")).to_be_visible()

    (tmp_path / "wanted.txt").write_text("star\nunicorn\n", encoding="utf-8")
    ui.panel.locator("input[type=file]").set_input_files(tmp_path / "wanted.txt")
    ui.sees("Skipped (unknown to this model): 'unicorn'")
    ui.panel.get_by_placeholder("cat, dog, or one per line").fill("circle, square")
    ui.press("Add these classes")
    for name in ("star", "circle", "square"):
        expect(ui.panel.locator(".MuiChip-label").get_by_text(name, exact=True)).to_be_visible()
    ui.choose("Add classes from a field", "ground_truth")
    chips = ui.panel.locator(".MuiAutocomplete-tag")  # the uploaded file is a chip of its own
    expect(chips).to_have_count(len(shapes.CLASSES))
    ui.picture("33-configure-classes")
    ui.name_field("boxes")
    ui.press("Generate labels for 3 samples")
    ui.sees("Waiting for a worker")
    run = only_run(dataset)
    assert (run.samples, run.config.target) == (3, "ids")
    assert set(run.config.classes) == set(shapes.CLASSES)


@pytest.fixture
def grouped(demo_data):
    """Four groups of two images and a 3D scene."""
    files = demo_data("shapes", 8).values("filepath")
    dataset = fo.Dataset(persistent=True)
    dataset.add_group_field("group", default="left")
    samples = []
    for number in range(4):
        group = fo.Group()
        parts = {"left": files[number], "right": files[4 + number], "lidar": f"/{number}.fo3d"}
        samples += [fo.Sample(p, group=group.element(n)) for n, p in parts.items()]
    dataset.add_samples(samples, progress=False)
    yield dataset
    dataset.delete()


def test_of_groups_the_slices_that_are_chosen_are_labeled(app, grouped, start_worker):
    ui = app(grouped)
    ui.press("Auto Label")
    ui.sees("Not offered (no images): lidar")
    ui.choose_model("shapes-yolo")
    ui.name_field("boxes")
    expect(ui.button("Generate labels for 8 samples")).to_be_visible()
    ui.does_not_see("Still needed")  # a page that is drawn again closes what is open
    option = ui.page.get_by_role("option", name="right")
    for _ in range(3):
        ui.panel.get_by_role("combobox").first.click()  # the slices come before all others
        with contextlib.suppress(AssertionError):
            expect(option).to_be_visible(timeout=1000)
            break
    option.click()
    expect(ui.button("Generate labels for 4 samples")).to_be_visible()
    ui.picture("34-configure-slices")
    start_worker()
    ui.press("Generate labels for 4 samples")
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    run = only_run(grouped)
    assert (run.samples, run.failed) == (4, 0) and run.labels > 0
    holders = grouped._sample_collection.find({run.staging_field: {"$exists": True}})
    assert {document["group"]["name"] for document in holders} == {"right"}


def test_a_dataset_of_videos_is_told_what_would_work(app, tmp_path):
    import cv2

    path = str(tmp_path / "two.mp4")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), 5, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    dataset = fo.Dataset(persistent=True)
    dataset.add_sample(fo.Sample(path))
    try:
        ui = app(
            dataset,
            opens_with="and this dataset holds videos",
        )
        ui.sees("to_frames")
        expect(ui.button("Auto Label")).to_have_count(0)
        ui.picture("35-videos")
        assert Image.open(io.BytesIO(ui.panel.screenshot())).width > 200
    finally:
        dataset.delete()
