"""The main job, as a person does it: configure, generate, review, promote, undo, approve."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.storage import staging
from tests.support.browser import scenes
from tests.support.dataset_contents import everything_but, only_run
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def test_detection(app, demo_data, start_worker):
    dataset = demo_data("shapes", 24)
    before = everything_but(dataset)
    ui = app(dataset)
    ui.sees("Label this dataset with a model")
    ui.picture("1-home-empty")
    _answer_wrongly(ui)
    assert labeling.runs(dataset) == []
    assert everything_but(dataset) == before
    _answer_rightly(ui)
    run = only_run(dataset)
    assert run.state is RunState.QUEUED and run.config.confidence == 0.1
    ui.sees(f"fiftyone delegated info {run.operation_id}")

    # A worker comes; home follows without being asked.
    start_worker()
    ui.back()
    ui.sees("Shapes")
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    ui.picture("5-home")
    run = only_run(dataset)
    assert run.state is RunState.IN_REVIEW and run.labels > 0 and run.failed == 0

    sure = _narrow(ui, dataset, run)
    ui.promote_button().click()
    ui.sees(f"Approval ({sure})")
    assert staging.count(dataset, run, staging.PROMOTED) == sure
    kept = _take_back_a_class(ui, dataset, run, sure)
    _approve(ui, dataset, run, kept)
    assert everything_but(dataset, "boxes") == before


def _answer_wrongly(ui):
    ui.press("Auto Label")
    ui.sees("24 samples")
    ui.press("Generate labels for 24 samples")
    ui.sees("Choose a model")
    ui.sees("Name the new field for the approved labels")
    ui.choose_model("shapes-yolo")
    ui.does_not_see("Choose a model")
    ui.name_field("ground_truth")
    ui.press("Generate labels for 24 samples")
    ui.sees("There is a field 'ground_truth' already")
    ui.picture("2-configure-wrong")


def _answer_rightly(ui):
    ui.name_field("boxes")
    ui.panel.get_by_placeholder("0 to 1").fill("0.1")
    ui.panel.get_by_placeholder("Optional").fill("Shapes")
    ui.does_not_see("There is a field")
    ui.picture("3-configure")
    ui.press("Generate labels for 24 samples")
    ui.sees("Waiting for a worker")
    ui.picture("4-progress-waiting")


def _narrow(ui, dataset, run) -> int:
    """By class, back, and by confidence; returns how many labels are left."""
    ui.press("Review")
    ui.sees(f"Review ({run.labels})")
    ui.sees(f"Add {run.labels} labels for approval")
    table = ui.instances()
    assert sum(int(cell.split(" of ")[1]) for cell in table.values()) == run.labels
    ui.grid_filters_by("review")
    ui.picture("6-review")
    first = next(iter(table))
    number = int(table[first].split(" of ")[1])
    ui.click_class(first)
    expect(ui.promote_button()).to_have_text(f"Add {number} labels for approval")
    ui.grid_filters_by("review", "label")
    ui.picture("7-review-one-class")
    ui.click_class(first)
    expect(ui.promote_button()).to_have_text(f"Add {run.labels} labels for approval")
    ui.grid_filters_by("review")
    ui.slide_low(0.5)
    sure = _confident(dataset, run, ui.panel)
    expect(ui.promote_button()).to_have_text(f"Add {sure:,} labels for approval")
    ui.grid_filters_by("review", "confidence")
    ui.picture("8-review-confidence")
    return sure


def _take_back_a_class(ui, dataset, run, sure) -> int:
    ui.tab("Approval")
    ui.sees(f"Approve {sure} labels")
    promoted = ui.instances()
    ui.grid_filters_by("review")
    ui.picture("9-approval")
    first = next(iter(promoted))
    kept = sure - int(promoted[first].split(" of ")[1])
    ui.panel.get_by_role("row", name=first).get_by_role("button", name="Undo").click()
    ui.sees(f"Approval ({kept})")
    assert staging.count(dataset, run, staging.PROMOTED) == kept
    return kept


def _approve(ui, dataset, run, kept):
    ui.press(f"Approve {kept} labels", exact=True)
    ui.sees("This cannot be undone")
    left = staging.count(dataset, run, staging.UNPROMOTED)
    ui.sees(f"{left} labels that you did not promote will be deleted")
    ui.picture("10-approve-question")
    ids = _promoted_ids(dataset, run)
    ui.press(f"Yes, approve {kept} labels")
    ui.sees(f"{kept} labels are in boxes")
    ui.picture("11-approved")
    run = only_run(dataset)
    assert run.state is RunState.APPROVED and run.approved == kept
    dataset.reload()
    assert set(dataset.values("boxes.detections.id", unwind=True)) - {None} == ids
    assert not dataset.has_field("boxes_in_review")
    ui.back()
    ui.sees(f"{kept} approved")
    ui.picture("12-home-approved")


@pytest.mark.soak
def test_classification_of_a_selection(app, demo_data, start_worker):
    dataset = demo_data("photos", 1)
    start_worker()
    ui = app(dataset)
    grid = ui.page.locator("[data-cy=looker]")
    for index in range(3):
        grid.nth(index).hover()
        # The box itself is drawn; the input behind it is out of sight.
        grid.nth(index).locator("input[type=checkbox]").dispatch_event("click")
    ui.press("Auto Label")
    ui.panel.get_by_text("Current selection").click()
    ui.sees("3 samples")
    ui.panel.get_by_text("Classification", exact=True).click()
    ui.choose_model("efficientnet-lite0-imagenet")
    ui.name_field("kind")
    ui.press("Generate labels for 3 samples")
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    run = only_run(dataset)
    assert (run.samples, run.labels) == (3, 3)
    ui.press("Review")
    ui.sees("Review (3)")
    ui.promote_button().click()
    ui.sees("All labels of this run are in the Approval tab")
    ui.tab("Approval")
    ui.press("Undo all")
    ui.sees("No labels are waiting for approval")
    assert staging.count(dataset, run, staging.PROMOTED) == 0
    ui.tab("Review")
    ui.promote_button().click()
    ui.sees("Approval (3)")
    ui.tab("Approval")
    ui.press("Approve 3 labels", exact=True)
    ui.sees("All labels are promoted; nothing will be discarded")
    ui.press("Yes, approve 3 labels")
    ui.sees("3 labels are in kind")
    dataset.reload()
    assert dataset.count("kind.label") == 3
    assert not dataset.has_field("kind_in_review")


@pytest.mark.soak
def test_a_run_that_has_waited_for_hours_is_labeled_when_a_worker_comes(
    app, demo_data, start_worker
):
    dataset = demo_data("shapes", 24)
    ui = app(dataset)
    ui.press("Auto Label")
    ui.choose_model("shapes-yolo")
    ui.name_field("boxes")
    ui.press("Generate labels for 24 samples")
    ui.sees("Waiting for a worker")
    scenes.at(dataset, only_run(dataset), ago=5 * scenes.HOUR)
    # The page looks every second while the worker starts, takes the run and loads the model.
    start_worker()
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    run = only_run(dataset)
    assert (run.state, run.error, run.failed) == (RunState.IN_REVIEW, "", 0)
    ui.press("Review")
    ui.sees(f"Review ({run.labels})")


@pytest.mark.soak
def test_a_killed_worker_shows_as_an_error_and_resume_finishes(app, demo_data, start_worker):
    dataset = demo_data("shapes", 160)
    ui = app(dataset)
    ui.press("Auto Label")
    ui.choose_model("shapes-yolo")
    ui.name_field("boxes")
    ui.press("Generate labels for 160 samples")
    ui.sees("Waiting for a worker")
    worker = start_worker()
    half = wait_until(lambda: _half_done(dataset), "a run that is half done")
    os.kill(worker.process.pid, signal.SIGKILL)
    ui.sees(re.compile("The worker stopped unexpectedly"))
    ui.picture("13-error")
    run = only_run(dataset)
    assert run.state is RunState.FAILED
    start_worker()
    ui.press("Resume")
    expect(ui.button("Review", exact=True)).to_be_visible(timeout=100_000)
    run = only_run(dataset)
    assert run.state is RunState.IN_REVIEW and run.failed == 0
    assert half < 160


def _half_done(dataset):
    run = only_run(dataset)
    now = labeling.progress(dataset, run)
    assert run.state in (RunState.QUEUED, RunState.GENERATING), run.error or "it was too fast"
    return now.done if now and 0 < now.done < run.samples else 0


def _confident(dataset, run, panel):
    """How many labels lie in the range that the slider says."""
    thumb = panel.locator(".MuiSlider-thumb input").first
    expect(thumb).not_to_have_value("0")
    low = float(thumb.input_value())
    dataset.reload()
    values = dataset.values(f"{run.label_root}.confidence", unwind=True)
    return sum(value >= low for value in values)


def _promoted_ids(dataset, run):
    dataset.reload()
    labels = dataset.values(run.label_root, unwind=True)
    return {label.id for label in labels if label is not None and label.review == "promoted"}
