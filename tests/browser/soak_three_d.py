"""3D detection in the App: from the form to approved cuboids, with pictures from above as tiles."""

import uuid

import fiftyone.utils.utils3d as fou3d
import pytest
from playwright.sync_api import expect

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.models import trust
from tests.support import scene_datasets
from tests.support.browser.viewer_3d import chromium  # noqa: F401  (a browser with WebGL)
from tests.support.dataset_contents import only_run
from tests.support.paths import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

MODULE = "tests.support.scene_datasets"


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    monkeypatch.setenv(trust.SETTING, MODULE)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))


@pytest.fixture
def make(tmp_path):
    made = []

    def make(kind, number=6):
        name = f"browser-{uuid.uuid4().hex[:8]}"
        dataset = scene_datasets.make(name, tmp_path / name, number, kind)
        made.append(dataset)
        slice_of = {"in_group_slice": "lidar"} if kind == "group" else {}
        fou3d.compute_orthographic_projection_images(
            dataset, (-1, 256), str(tmp_path / "above"), progress=False, **slice_of
        )
        return dataset

    yield make
    for dataset in made:
        dataset.delete()


@pytest.mark.parametrize("kind", ["group", "pcd"])
def test_cuboids_are_made_reviewed_and_approved(app, make, start_worker, kind):
    dataset = make(kind)
    ui = app(dataset)
    ui.picture(f"3d-{kind}-0-home")
    ui.press("Auto Label")
    if kind == "group":
        ui.pick("3D detection")
    ui.choose_model("custom-python-3d-detection")
    ui.panel.get_by_placeholder("package.module:Name").fill(f"{MODULE}:Cubes")
    ui.name_field("cubes")
    ui.picture(f"3d-{kind}-1-configure")
    start_worker()
    ui.press("Generate labels for 6 samples")
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    run = only_run(dataset)
    assert (run.state, run.failed, run.labels) == (RunState.IN_REVIEW, 0, 12)
    ui.press("Review")
    ui.sees("Add 12 labels for approval")
    ui.rest()
    ui.picture(f"3d-{kind}-2-review")
    ui.click_class("car")
    expect(ui.promote_button()).to_have_text("Add 6 labels for approval")
    ui.rest()
    ui.picture(f"3d-{kind}-3-class")
    ui.promote_button().click()
    ui.sees("Approval (6)")
    ui.tab("Approval")
    ui.sees("Approve 6 labels")
    ui.rest()
    ui.picture(f"3d-{kind}-4-approval")
    ui.press("Approve 6 labels", exact=True)
    ui.press("Yes, approve 6 labels")
    ui.sees("6 labels are in cubes")
    ui.rest()
    ui.picture(f"3d-{kind}-5-approved")
    assert labeling.get(dataset, run.id).state is RunState.APPROVED
