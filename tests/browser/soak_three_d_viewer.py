"""Cuboids in the App's 3D viewer: made from 2D labels or a field, approved, opened and clicked."""

import uuid

import fiftyone as fo
import fiftyone.utils.utils3d as fou3d
import numpy as np
import pytest
from playwright.sync_api import expect

import auto_labeling as al
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import birds_eye, labeling
from tests.support import lidar_datasets, scene_datasets
from tests.support.browser.app import wait_for
from tests.support.browser.viewer_3d import Viewer, chromium  # noqa: F401  (a browser with WebGL)
from tests.support.dataset_contents import only_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


@pytest.fixture
def streets(tmp_path):
    """Two groups of a cloud and two cameras, with 2D labels in "boxes" and 3D ones in "truth"."""
    dataset = fo.Dataset(f"browser-{uuid.uuid4().hex[:8]}", persistent=True)
    lidar_datasets.make(dataset, tmp_path, seeds=(1, 2))
    fou3d.compute_orthographic_projection_images(
        dataset, (-1, 384), str(tmp_path / "above"), in_group_slice="lidar", progress=False
    )
    yield dataset
    dataset.delete()


@pytest.fixture
def scenes(tmp_path):
    """Two .fo3d scenes, moved by 100 m, with the cubes of the scripted model in "mine"."""
    name = f"browser-{uuid.uuid4().hex[:8]}"
    dataset = scene_datasets.make(name, tmp_path / name, 2, "fo3d")
    for sample in dataset:
        points = scene_datasets.cloud(sample["number"]) + np.array([100, 0, 0])
        sample["mine"] = scene_datasets.Cubes().of_points(points)
        for label in sample["mine"].detections:  # the App draws no arrays of NumPy
            label.location, label.dimensions = label.location.tolist(), label.dimensions.tolist()
        sample.save()
    bounds = ((90, -30, -3), (150, 30, 5))
    birds_eye.make_slice(dataset, str(tmp_path / "above"), bounds=bounds, scale=6)
    yield dataset
    dataset.delete()


def _is_of_one(said, labels):
    """Whether the App's text is about one of some labels."""
    return any(label.label in said and str(label.location[0])[:7] in said for label in labels)


def test_lifted_labels_become_cuboids_that_open_and_can_be_clicked(app, streets, start_worker):
    ui = app(streets)
    ui.press("Auto Label")
    ui.pick("3D detection")
    ui.pick("Existing 2D labels")
    ui.choose("Existing 2D labels", "boxes")
    ui.name_field("cuboids")
    ui.rest()
    ui.picture("3d-lift-1-configure")
    start_worker()
    ui.press("Generate labels for 2 samples")
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    run = only_run(streets)
    assert run.state is RunState.IN_REVIEW and run.failed == 0 and run.labels > 10
    ui.press("Review")
    ui.sees(f"Add {run.labels} labels for approval")
    ui.rest()
    ui.picture("3d-lift-2-review")
    far = ui.panel.get_by_label("Maximum distance")
    far.press_sequentially("25")
    staged = al.get(streets, run.id)
    near = al.labels(staged, view=al.labels_view(staged, max_distance=25)).current
    expect(ui.promote_button()).to_have_text(f"Add {near} labels for approval")
    assert 0 < near < run.labels
    expect(far).to_be_focused()
    ui.panel.get_by_label("Minimum size").press_sequentially("0.2")
    ui.rest()
    expect(far).to_have_value("25")
    ui.picture("3d-lift-3-near")
    ui.promote_button().click()
    ui.tab(f"Approval ({near})")
    ui.press(f"Approve {near} labels", exact=True)
    ui.press(f"Yes, approve {near} labels")
    ui.sees(f"{near} labels are in cuboids")
    ui.rest()
    ui.picture("3d-lift-4-approved")
    assert labeling.get(streets, run.id).state is RunState.APPROVED
    for name in ("truth", "boxes"):
        ui.page.locator(f"[data-cy=checkbox-{name}]").click()
    viewer = Viewer(ui)
    ui.picture("3d-lift-5-viewer")
    said = viewer.click_a_cuboid()
    ui.picture("3d-lift-6-clicked")
    streets.reload()
    cuboids = streets.select_group_slices("lidar").values("cuboids.detections", unwind=True)
    assert _is_of_one(said, cuboids)


def test_existing_cuboids_of_scenes_are_reviewed_approved_and_clicked(app, scenes):
    ui = app(scenes)
    ui.press("Analyze existing labels")
    ui.picture("3d-import-1-question")
    ui.choose("Labels", "mine")
    ui.name_field("kept")
    ui.press("Review these labels")
    ui.sees("Add 4 labels for approval")
    ui.rest()
    ui.picture("3d-import-2-review")
    ui.panel.get_by_label("Maximum size").press_sequentially("3")
    expect(ui.promote_button()).to_have_text("Add 2 labels for approval")
    ui.promote_button().click()
    ui.tab("Approval (2)")
    ui.press("Approve 2 labels", exact=True)
    ui.press("Yes, approve 2 labels")
    ui.sees("2 labels are in kept")
    ui.rest()
    ui.picture("3d-import-3-approved")
    ui.page.locator("[data-cy=checkbox-mine]").click()
    viewer = Viewer(ui)
    ui.picture("3d-import-4-viewer")
    said = viewer.click_a_cuboid()
    ui.picture("3d-import-5-clicked")
    scenes.reload()
    assert _is_of_one(said, scenes.values("kept.detections", unwind=True))


def test_a_cuboid_that_is_corrected_in_review_stays_so_when_approved(app, scenes):
    run = al.import_labels(scenes, "mine", "kept")
    scenes.reload()
    scenes.set_label_schemas(scenes.generate_label_schemas([run.staging_field]))
    scenes.activate_label_schemas([run.staging_field])
    before = scenes.first()[run.staging_field].detections[0].location
    ui = app(scenes)
    Viewer(ui).correct("car", before[0], 112)
    ui.picture("3d-correct-1-edited")
    wait_for(ui.page, lambda: _first_x(scenes, run.staging_field) == 112, "the App saves it")
    al.promote(run)
    al.approve(run)
    scenes.reload()
    kept = scenes.first().kept.detections[0].location
    assert kept == pytest.approx([112, *before[1:]], abs=1e-5), "the App rounds the others"


def _first_x(dataset, field):
    dataset.reload()
    return dataset.first()[field].detections[0].location[0]
