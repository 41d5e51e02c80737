"""Reviewing in the real App: panel and sidebar are one filter, and selections count."""

from itertools import chain

import fiftyone as fo
import numpy as np
import pytest
from playwright.sync_api import expect

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import importing, labeling
from tests.support.browser.app import wait_for

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
    ui.sees(f"Review ({len(everything)})")  # at once, or when the labels are copied
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
    ui.sees(f"{left} labels that you did not promote will not be written; they stay in 'boxes'")
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


def count(truth, name=None, low=0.0, samples=range(SAMPLES)):
    """How many labels the panel must count."""
    return sum(
        (name is None or n == name) and (not low or (c is not None and c >= low))
        for number in samples
        for n, c in truth[number]
    )


def promotes(ui, number):
    expect(ui.promote_button()).to_have_text(f"Add {number:,} labels for approval")


def test_panel_and_sidebar_are_one_filter(reviewing, truth):
    ui, run = reviewing
    name = CLASSES[2]
    ui.rest()
    ui.all_filters.clear()
    ui.click_class(name)
    promotes(ui, count(truth, name))
    ui.grid_filters_by("review", "label")
    ui.click_bar(0.22)
    ui.grid_filters_by("review", "label", "confidence")
    ui.tab("Approval")
    ui.sees("No labels are waiting for approval")
    ui.tab("Review")
    promotes(ui, 90)
    assert ui.all_filters and all(f"{run.label_root}.review" in f for f in ui.all_filters), (
        "no click makes the App drop its filters"
    )

    ui.slide_low(0.5)
    ui.grid_filters_by("review", "confidence")
    low = ui.filters[f"{run.label_root}.confidence"]["range"][0]
    promotes(ui, count(truth, low=low))
    ui.picture("24-slider")
    ui.rest()
    ui.grid_filters_by("review", "confidence")

    # The other handle: what a person sets in the sidebar is what the panel says.
    ui.open_in_sidebar(run.staging_field)
    ui.page.get_by_text("Reset", exact=True).first.click()
    promotes(ui, 90)
    ui.slider_says("0", "1")
    box = ui.page.get_by_placeholder("+ filter by label")
    box.fill("dog")
    expect(ui.page.locator("[data-cy^=selector-result]").first).to_be_visible()
    box.press("Enter")
    promotes(ui, count(truth, "dog"))
    ui.picture("25-sidebar")

    ui.back()
    ui.sees("Boxes")
    ui.grid_filters_by()


@pytest.mark.soak
def test_samples_without_labels_and_patches_of_a_class_are_a_click_away(app, labeled, truth):
    sample = labeled.first()
    sample["boxes"] = fo.Detections()
    sample.save()
    rest = truth[1:]
    run = importing.import_labels(labeled, "boxes", "checked", name="Boxes")
    ui = app(labeled)
    ui.press("Review")
    ui.sees("87 labels in 3 classes")
    ui.sees("1 sample has no labels")
    ui.grid_filters_by("review")
    ui.rest()
    ui.press("Show in grid")
    expect(ui.page.locator("[data-cy=looker]")).to_have_count(1)
    ui.sees("Show labels again")
    ui.picture("30-without-labels")
    ui.press("Show labels again")
    ui.grid_filters_by("review")

    dogs = sum(name == "dog" for labels in rest for name, _ in labels)
    ui.click_class("dog")
    promotes(ui, dogs)
    ui.rest()
    ui.press("Show patches")
    ui.sees("Show samples")
    expect(ui.page.get_by_text(f"{dogs} patches")).to_be_visible()
    promotes(ui, dogs)
    ui.rest()
    ui.picture("31-patches")
    ui.select_samples(0, 1)
    promotes(ui, 2)
    ui.promote_button().click()
    ui.sees("Approval (2)")
    promotes(ui, dogs - 2)
    expect(ui.page.get_by_text(f"{dogs - 2} of {dogs} patches")).to_be_visible()
    expect(ui.page.locator("[data-cy=looker]")).to_have_count(dogs - 2)
    ui.press("Show samples")
    promotes(ui, dogs - 2)
    ui.click_class("dog")  # the row again: all classes
    promotes(ui, 85)
    ui.grid_filters_by("review")
    assert run.state is RunState.IN_REVIEW


NAMES = ('$ref "x"', "a.b.$c", "dög 🐕", "L" * 150, "<b>bold</b>", "it's\\ 100%", "0", "*_md_*")


@pytest.mark.soak
def test_a_review_of_1203_classes_is_searched_paged_and_ordered(app, demo_data):
    dataset = demo_data("shapes", 24)
    names = [*NAMES, *(f"class {number}" for number in range(1203 - len(NAMES)))]
    labels = [
        fo.Detection(label=name, confidence=0.5, bounding_box=[0.1, 0.1, 0.5, 0.5])
        for number, name in enumerate(names)
        for _ in range(len(NAMES) + 1 - number if number < len(NAMES) else 1)
    ]
    for number, sample in enumerate(dataset.iter_samples(autosave=True)):
        sample["boxes"] = fo.Detections(detections=labels[number::24])
    importing.import_labels(dataset, "boxes", "checked", name="Boxes")
    ui = app(dataset)
    ui.press("Review")
    ui.sees("1,203 classes")
    ui.sees("1 to 50 of 1,203 classes")
    table = ui.instances()
    assert list(table)[: len(NAMES)] == list(NAMES), "ordered by instances"
    assert table[NAMES[0]] == f"{len(NAMES) + 1} of {len(NAMES) + 1}" and len(table) == 50
    ui.picture("32-many-classes")
    ui.press("Next")
    ui.sees("51 to 100 of 1,203 classes")
    ui.press("Previous")
    ui.sees("1 to 50 of 1,203 classes")
    ui.rest()
    for number, name in enumerate(NAMES[:4]):
        ui.click_class(name)
        promotes(ui, len(NAMES) + 1 - number)
        ui.rest()
        ui.click_class(name)
        promotes(ui, len(labels))
        ui.rest()
    box = ui.panel.get_by_role("textbox")
    box.fill("class 119")
    box.press("Tab")
    expect(ui.panel.get_by_role("cell", name="class 1190", exact=True)).to_be_visible()
    found = [name for name in names if "class 119" in name]
    assert set(ui.instances()) == set(found)
    ui.click_class("class 1190")
    expect(ui.promote_button()).to_have_text("Add 1 label for approval")
    ui.picture("33-search")
    ui.promote_button().click()
    ui.sees("Approval (1)")
    ui.tab("Approval")
    ui.sees("class 1190")


def test_selected_samples_narrow_what_is_counted_and_promoted(reviewing, truth):
    ui, _ = reviewing
    ui.rest()
    ui.select_samples(0, 3)
    promotes(ui, count(truth, samples=(0, 3)))
    ui.picture("26-selected-samples")
    ui.promote_button().click()
    ui.sees("Approval (6)")
    promotes(ui, 84)
    ui.tab("Approval")
    ui.press("Undo all")
    ui.sees("Approval (0)")
    ui.sees("Review (90)")


def test_a_selected_label_is_promoted_alone(reviewing):
    ui, _ = reviewing
    ui.rest()
    ui.page.locator("[data-cy=looker]").first.click()
    modal = ui.page.locator("[data-cy=modal-looker-container]")
    expect(modal.locator("canvas[canvas-loaded=true]")).to_be_visible()
    ui.rest()
    box = modal.bounding_box()
    ui.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_for(ui.page, lambda: ui.page.evaluate("appProbe.state()")["labels"], "it is selected")
    ui.picture("27-modal")
    ui.page.mouse.click(8, 992)  # beside the window that shows the sample
    expect(ui.promote_button()).to_have_text("Add 1 label for approval")
    ui.promote_button().click()
    ui.sees("Approval (1)")
    ui.sees("Review (89)")
    ui.picture("28-one-label")


def test_a_lasso_in_the_embeddings_panel_narrows_the_review(app, labeled, truth):
    import fiftyone.brain as fob

    points = np.array([[number % 6, number // 6] for number in range(SAMPLES)], dtype=float)
    fob.compute_visualization(
        labeled, points=points, brain_key="map", method="manual", create_index=False
    )
    importing.import_labels(labeled, "boxes", "checked", name="Boxes")
    ui = app(labeled)
    ui.press("Review")
    ui.sees("Review (90)")
    ui.rest()
    ui.open_embeddings("map")
    ui.lasso_half()
    expect(ui.promote_button()).not_to_have_text("Add 90 labels for approval")
    ui.picture("29-lasso")
    number = ui.promoted_number()
    assert number % 3 == 0 and 0 < number < 90
    ui.promote_button().click()
    ui.sees(f"Approval ({number})")
