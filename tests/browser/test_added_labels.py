"""People work on while a run is in review: what they do is seen and kept, in the real App."""

import fiftyone as fo
import pytest
from playwright.sync_api import expect

from auto_labeling.lifecycle import importing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def box(label):
    return fo.Detection(label=label, bounding_box=[0.3, 0.3, 0.4, 0.4])


@pytest.fixture
def labeled(demo_data):
    """Six photographs: nothing was found in the first, a dog in the last, cars in the others."""
    dataset = demo_data("shapes", 6)
    found = [[], *([box("car")] for _ in range(4)), [box("dog")]]
    for sample, boxes in zip(dataset.iter_samples(autosave=True), found, strict=True):
        sample["boxes"] = fo.Detections(detections=boxes)
    return dataset


def add(dataset, number, field, label):
    """Adds a box from a script, which is another process than the App's."""
    sample = dataset.skip(number).first()
    sample[field].detections.append(box(label))
    sample.save()


def test_a_box_that_is_added_in_review_is_seen_and_kept(app, labeled):
    run = importing.import_labels(labeled, "boxes", "checked", name="Boxes")
    ui = app(labeled)
    ui.press("Review")
    ui.sees("Review (5)")
    ui.rest()
    add(labeled, 1, run.staging_field, "mine")
    ui.tab("Approval")
    ui.tab("Review")
    ui.sees("Review (6)")
    assert ui.instances()["mine"] == "1 of 1"
    ui.rest()
    ui.click_class("mine")
    expect(ui.page.locator("[data-cy=looker]")).to_have_count(1)
    ui.click_class("car")
    expect(ui.promote_button()).to_have_text("Add 4 labels for approval")
    ui.promote_button().click()
    ui.sees("Approval (4)")
    ui.tab("Approval")
    ui.sees("1 label added by people is kept too, although not promoted")
    ui.press("Approve 5 labels", exact=True)
    ui.sees("1 of them was added by people and not promoted")
    ui.sees("1 sample without any labels gets an empty list")
    ui.sees("1 sample has labels, but none are kept. It is left without labels")
    ui.press("Mark as empty")
    ui.sees("It is marked as empty")
    ui.picture("40-people-added")
    ui.press("Yes, approve 5 labels")
    ui.sees("5 labels are in checked")
    labeled.reload()
    checked = [[d.label for d in s["checked"].detections] for s in labeled]
    assert checked == [[], ["car", "mine"], ["car"], ["car"], ["car"], []]


def test_what_is_done_in_the_source_in_the_meantime_is_said_and_stays(app, labeled):
    importing.import_labels(labeled, "boxes", replace=True, name="Boxes")
    add(labeled, 0, "boxes", "new")
    last = labeled.last()
    last["boxes"].detections[0].label = "wolf"
    last.save()
    ui = app(labeled)
    ui.press("Review")
    ui.sees("Review (5)")
    ui.rest()
    ui.click_class("car")
    expect(ui.promote_button()).to_have_text("Add 4 labels for approval")
    ui.promote_button().click()
    ui.tab("Approval")
    ui.press("Approve 4 labels", exact=True)
    ui.sees("2 labels of 'boxes' keep the changes made since the import: 1 added, 1 changed")
    ui.picture("41-replacing")
    ui.press("Yes, approve 4 labels")
    ui.sees("labels are in boxes")
    labeled.reload()
    found = [[d.label for d in s["boxes"].detections] for s in labeled]
    assert found == [["new"], *([["car"]] * 4), ["wolf"]]
