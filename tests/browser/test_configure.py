"""The configure page in the real App: previews, preflight, pasted ids, classes, slices, videos."""

import re

import fiftyone as fo
import pytest
from playwright.sync_api import expect

from auto_labeling.demo import shapes
from auto_labeling.lifecycle import labeling
from tests.support.browser.scenes import UNBROKEN_NAME
from tests.support.dataset_contents import everything_but, only_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_preview_is_drawn_and_nothing_is_written(app, demo_data, no_speeds):
    dataset = demo_data("shapes", 24)
    dataset.add_sample_field(UNBROKEN_NAME, fo.StringField)
    before = everything_but(dataset)
    ui = app(dataset)
    ui.press("Auto Label")
    ui.sees("Still needed: a model, a label field")
    # What is missing is named, scrolled to and focused, the first of them first.
    ui.press("Generate labels for 24 samples")
    ui.sees("Fill in: Model family, Label field")
    family = ui.panel.get_by_role("combobox", name="Model family", exact=True)
    expect(family).to_be_focused()
    expect(family).to_be_in_viewport()
    ui.picture("29-configure-missing")
    ui.choose_model("shapes-yolo")
    ui.sees("Before you start")
    ui.sees(re.compile("shapes-yolo: .* on this machine"))
    ui.sees("Fill in: Label field")
    ui.press("Generate labels for 24 samples")
    expect(ui.panel.get_by_placeholder("A new field")).to_be_focused()
    expect(ui.panel.get_by_placeholder("A new field")).to_be_in_viewport()
    ui.name_field(UNBROKEN_NAME)
    problem = ui.panel.get_by_text(f"There is a field '{UNBROKEN_NAME}' already")
    expect(problem).to_be_visible()
    assert problem.evaluate("e => e.scrollWidth <= e.clientWidth"), "it stays in its column"
    ui.name_field("")
    ui.picture("30-configure-preflight")
    ui.press("Preview", exact=True)
    pictures = ui.panel.get_by_role("img", name=re.compile("^Preview of "))
    expect(pictures).to_have_count(8)
    ui.sees("on 8 samples. Nothing was written")
    ui.sees(re.compile("About .* measured in the preview here"))
    pictures.first.scroll_into_view_if_needed()
    assert all(is_drawn(picture) for picture in pictures.all())
    ui.picture("31-configure-preview")
    assert everything_but(dataset) == before and labeling.runs(dataset) == []

    ui.select_samples(1, 3)
    ui.sees("2 samples")
    ui.press("Preview again")
    expect(pictures).to_have_count(2)
    ui.name_field("boxes")
    ui.does_not_see("Still needed")
    ui.panel.get_by_placeholder("0 to 1").fill("0.9")
    ui.press("Generate labels for 24 samples")
    ui.sees("Waiting for a worker")
    assert only_run(dataset).config.confidence == 0.9


COUNT_COLORED = """async (image, colors) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
        count += colors.some(c => c.reduce((d, v, i) => d + Math.abs(v - data[at + i]), 0) < 60);
    return count;
}"""


def is_drawn(picture) -> bool:
    """Whether a picture is there, with much in the colors of boxes and their names."""
    from auto_labeling.engine import drawing as pictures

    return picture.evaluate(COUNT_COLORED, [pictures.color(name) for name in shapes.CLASSES]) > 100
