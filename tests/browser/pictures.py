"""The pictures of README and guide, taken of the demo's images and models: ``make pictures``.

It is no test, and yet fails where the panel no longer does what the guide says. The pictures go to
the folder that ``PICTURES`` names, or else to ``artifacts/pictures``.
"""

import io
import os
import signal
from pathlib import Path

import fiftyone as fo
import pytest
from PIL import Image
from playwright.sync_api import expect

from auto_labeling.demo import data
from tests.support.browser.app import new_context
from tests.support.paths import ARTIFACTS

pytestmark = pytest.mark.timeout(900)

FOLDER = Path(os.environ.get("PICTURES") or ARTIFACTS / "pictures")
WIDTH = 1400
_COLOURS = 192


@pytest.fixture
def page(chromium):
    context = new_context(chromium)
    page = context.new_page()
    yield page
    page.screenshot(path=ARTIFACTS / "pictures-last.png")
    context.close()


@pytest.fixture
def dataset(tmp_path, database):
    """The demo's dataset, under a name that reads well at the top of a picture."""
    dataset = data.make_dataset("quickstart", n_shapes=900, folder=tmp_path / "images")
    yield dataset
    fo.delete_dataset(dataset.name)


def take(ui, name):
    """Takes a picture of the App, small enough to be kept with the code."""
    ui.page.mouse.move(800, 4)
    loaded = ui.page.locator("[data-cy=looker] canvas[canvas-loaded=true]")
    expect(loaded.nth(8)).to_be_visible()
    ui.rest()
    image = Image.open(io.BytesIO(ui.page.screenshot())).convert("RGB")
    height = round(image.height * WIDTH / image.width)
    image = image.resize((WIDTH, height), Image.Resampling.LANCZOS)
    image = image.quantize(_COLOURS, dither=Image.Dither.NONE)
    FOLDER.mkdir(parents=True, exist_ok=True)
    image.save(FOLDER / f"{name}.png", optimize=True)


def test_the_journey(app, dataset, start_worker):
    ui = app(dataset)
    ui.sees("Label this dataset with a model")
    take(ui, "home-empty")

    ui.press("Auto Label")
    ui.choose_model("shapes-yolo")
    ui.name_field("shapes")
    ui.panel.get_by_placeholder("0 to 1").fill("0.1")
    ui.panel.get_by_placeholder("Optional").fill("Shapes, first pass")
    ui.sees("AGPL-3.0")
    ui.panel.get_by_text("YOLO v8 Nano, demo shapes").first.scroll_into_view_if_needed()
    take(ui, "configure")
    ui.press(f"Generate labels for {len(dataset)} samples")
    ui.sees("Waiting for a worker")

    worker = start_worker()
    expect(ui.panel.get_by_text(" left").first).to_be_visible(timeout=120_000)
    os.kill(worker.process.pid, signal.SIGSTOP)  # or it would be done before the picture is
    take(ui, "generating")
    os.kill(worker.process.pid, signal.SIGKILL)
    expect(ui.button("Resume")).to_be_visible(timeout=60_000)
    take(ui, "worker-lost")
    start_worker()
    ui.press("Resume")
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=180_000)

    ui.press("Review", exact=True)
    ui.grid_filters_by("review")
    take(ui, "review")
    ui.click_class("star")
    ui.grid_filters_by("review", "label")
    ui.slide_low(0.5)
    ui.grid_filters_by("review", "label", "confidence")
    take(ui, "review-narrowed")
    ui.click_class("star")
    ui.grid_filters_by("review", "confidence")
    ui.promote_button().click()
    ui.tab("Approval")
    ui.sees("These labels are written when you approve")
    ui.button("Approve ").click()
    ui.sees("This cannot be undone")
    take(ui, "approval")
    ui.button("Yes, approve ").click()
    ui.sees("labels are in shapes")
    take(ui, "approved")
    ui.back()
    ui.press("Analyze existing labels")
    ui.sees("Approved labels go to")
    take(ui, "existing-labels")
