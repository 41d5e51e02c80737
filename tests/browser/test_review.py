"""Reviewing in the real App: panel and sidebar are one filter, and selections count."""

from itertools import chain

import fiftyone as fo
import numpy as np
import pytest
from playwright.sync_api import expect

from auto_labeling import importing, labeling
from auto_labeling.run import RunState

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

SAMPLES = 30
CLASSES = ("car", "dog", "über.größe $x")


@pytest.fixture
def truth():
    """``(class, confidence)`` of three boxes for each sample; every tenth box has no confidence."""
    random = np.random.default_rng(5)
    confidences = np.round(random.uniform(0.02, 0.98, (SAMPLES, 3)), 4).tolist()
    for number in range(0, SAMPLES * 3, 10):
        confidences[number // 3][number % 3] = None
    return [
        [(CLASSES[(number + i) % 3], confidences[number][i]) for i in range(3)]
        for number in range(SAMPLES)
    ]


@pytest.fixture
def labeled(demo_data, truth):
    """A dataset of photographs with boxes in the field ``boxes``."""
    dataset = demo_data("shapes", SAMPLES)
    for sample, labels in zip(dataset.iter_samples(autosave=True), truth, strict=True):
        sample["boxes"] = fo.Detections(
            detections=[
                fo.Detection(
                    label=label,
                    confidence=confidence,
                    bounding_box=[0.05 + 0.3 * i, 0.3, 0.25, 0.4],
                )
                for i, (label, confidence) in enumerate(labels)
            ]
        )
    return dataset


def test_existing_labels_from_choice_to_approval(app, labeled, truth):
    everything = list(chain(*truth))
    before = labeled.values("boxes.detections.label")
    ui = app(labeled)
    ui.press("Analyze existing labels")
    ui.sees("Choose a field")
    ui.picture("20-existing-labels")
    ui.press("Review these labels")
    ui.sees("Choose the field whose labels you want to review")
    ui.panel.get_by_role("combobox").click()
    ui.page.get_by_role("option", name="boxes", exact=True).click()
    ui.panel.get_by_placeholder("A new field").fill("checked")
    ui.press("Review these labels")
    ui.press("Review")
    ui.sees(f"Review ({len(everything)})")
    (run,) = labeling.runs(labeled)
    assert run.state is RunState.IN_REVIEW and run.labels == len(everything)
    ui.sees(f"{len(everything)} of {len(everything)} labels")
    ui.grid_filters_by("review")
    ui.picture("21-review-existing")
    without = sum(c is None for _, c in everything)
    ui.sees(f"{without} labels have no confidence")
    ui.press("Show only these")
    expect(ui.promote_button()).to_have_text(f"Add {without} labels for approval")
    ui.picture("22-without-confidence")
    ui.promote_button().click()
    ui.sees(f"Approval ({without})")
    ui.press("Show all again")
    left = len(everything) - without
    expect(ui.promote_button()).to_have_text(f"Add {left} labels for approval")
    ui.tab("Approval")
    ui.press(f"Approve {without} labels", exact=True)
    ui.sees(f"{left} labels that you did not promote will be deleted here, and stay in boxes")
    ui.picture("23-approve-existing")
    ui.press(f"Yes, approve {without} labels")
    ui.sees(f"{without} labels are in checked")
    labeled.reload()
    assert labeled.count("checked.detections") == without
    assert labeled.values("boxes.detections.label") == before


@pytest.fixture
def reviewing(app, labeled):
    """The App on the review page of imported labels."""
    run = importing.import_labels(labeled, "boxes", "checked", name="Boxes")
    ui = app(labeled)
    ui.press("Review")
    ui.sees("Review (90)")
    ui.grid_filters_by("review")
    return ui, run


def sidebar_filters(ui):
    return ui._filters


def test_panel_and_sidebar_are_one_filter(reviewing, truth):
    ui, run = reviewing
    everything = list(chain(*truth))
    ui.slide_low(0.5)
    ui.grid_filters_by("review", "confidence")
    low = ui._filters[f"{run.label_root}.confidence"]["range"][0]
    sure = sum(c is not None and c >= low for _, c in everything)
    expect(ui.promote_button()).to_have_text(f"Add {sure} labels for approval")
    ui.stays_filtered_by("review", "confidence")
    ui.picture("24-slider")
    ui.click_class(CLASSES[2])
    of_class = sum(n == CLASSES[2] and c is not None and c >= low for n, c in everything)
    expect(ui.promote_button()).to_have_text(f"Add {of_class} labels for approval")
    ui.grid_filters_by("review", "confidence", "label")
    ui.click_class(CLASSES[2])
    expect(ui.promote_button()).to_have_text(f"Add {sure} labels for approval")

    # The other handle: what is set in the sidebar is what the panel says.
    ui.set_sidebar_filters({**ui._filters, f"{run.label_root}.confidence": None})
    expect(ui.promote_button()).to_have_text("Add 90 labels for approval")
    expect(ui.panel.locator(".MuiSlider-thumb input").first).to_have_value("0")
