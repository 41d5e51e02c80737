"""Every page and state of the panel, at several widths: nothing is cut off, and nothing overlaps.

Pictures are in ``artifacts/gallery``: of the pages at two widths in one theme, or with
``GALLERY=all`` of every state at all widths and in both themes.
"""

import re

import pytest
from playwright.sync_api import expect

from auto_labeling.core.run import StopReason
from auto_labeling.lifecycle import labeling
from auto_labeling.review import approval, promotion
from auto_labeling.review.grid import merged, shown, tab_filters
from tests.support.browser import scenes
from tests.support.browser.app import new_context
from tests.support.browser.gallery import ALL, HEIGHT, WINDOW, Gallery
from tests.support.browser.scenes import DAY, HOUR, MINUTE
from tests.support.browser.server import VIEW_ONLY_PROGRAM
from tests.support.outcome import has_failed
from tests.support.paths import ARTIFACTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

SAMPLES = 24
_UNREADABLE = "UnidentifiedImageError: cannot identify image file '/data/northern/2019/0012.jpg'"
_MISSING = "FileNotFoundError: [Errno 2] No such file or directory: '/data/northern/lost.jpg'"


@pytest.fixture
def page(chromium, request):
    """A window of its own size, without a trace: pictures are what these tests are for."""
    context = new_context(chromium, WINDOW, HEIGHT)
    page = context.new_page()
    yield page
    if has_failed(request.node):
        page.screenshot(path=ARTIFACTS / f"{request.node.name}.png")
    context.close()


@pytest.fixture
def gallery(page):
    return Gallery(page, ARTIFACTS / "gallery")


@pytest.fixture
def many_samples(demo_data):
    """A dataset of images, some of which are there many times."""
    dataset = demo_data("shapes", SAMPLES)
    yield dataset
    scenes.forget_operations(dataset)


def open_run(ui, name):
    """Opens a run from its card."""
    ui.card(name).get_by_role("button", name=re.compile("^(Details|Review|View)")).click()
    expect(ui.panel.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_the_runs_of_a_dataset(app, gallery, many_samples):
    dataset = many_samples
    ui = app(dataset)
    gallery.show("home-empty")

    runs = _runs_in_every_state(dataset)
    ui.press("Analyze existing labels")
    go_home(ui)
    gallery.show("home")
    for name, run in runs.items():
        if not (name in _OFTEN or ALL) or name == "approving-interrupted":
            continue
        open_run(ui, run.name)
        gallery.show(name)
        if ALL and name == "running":
            ui.press("Cancel run")
            ui.sees("Cancel this run?")
            gallery.show("running-cancel-question")
        if ALL and name == "approving":
            scenes.die(dataset, run)
            ui.sees("This approval was interrupted")
            gallery.show("approving-interrupted")
        if ALL and name == "failed":
            ui.press("Show the details")
            ui.sees("Hide the details")
            gallery.show("failed-details")
            ui.press("Delete", exact=True)
            ui.sees("This cannot be undone")
            gallery.show("failed-delete-question")
        go_home(ui)
    if ALL:
        ui.card("Vehicles").get_by_role("button", name="Rename").click()
        ui.sees("Run name")
        gallery.show("home-rename")
        ui.panel.get_by_label("Search runs").fill("nothing of the kind")
        ui.sees("No matching runs")
        gallery.show("home-no-match")
    gallery.assert_flawless()


#: Runs whose page is looked at even where time is short.
_OFTEN = ("failed", "running")


def go_home(ui):
    ui.back()
    expect(ui.panel.get_by_role("heading", name="Runs", exact=True)).to_be_visible()


@pytest.mark.skipif(not ALL, reason="only with GALLERY=all")
def test_videos_and_those_who_may_only_look(app, gallery, many_samples, own_server, tmp_path):
    scenes.start(many_samples, "signs", "Signs", ago=40 * DAY, classes=("stop sign",))
    scenes.add_boxes(many_samples, "boxes", 2)
    scenes.imported(many_samples, "boxes", "checked", "Boxes of the annotators")
    server = own_server(VIEW_ONLY_PROGRAM)
    ui = app(many_samples, opens_with="Runs", url=server.url)
    expect(ui.button("Auto Label")).to_have_count(0)
    gallery.show("home-may-only-look")
    ui.press("View", exact=True)
    ui.sees("Review (48)")
    expect(ui.promote_button()).to_have_count(0)
    gallery.show("review-may-only-look")
    gallery.known_errors.append("GraphQL API Error")  # where there is no ffmpeg, as in CI
    with scenes.videos(tmp_path) as dataset:
        app(
            dataset,
            opens_with="and this dataset holds videos",
        )
        gallery.show("videos")
    gallery.assert_flawless()


def _runs_in_every_state(dataset):
    """Runs by the name of their page's picture."""
    many = {"samples": 1_204_331}
    made = {}
    run = scenes.start(dataset, "signs", "Signs", ago=40 * DAY, classes=("stop sign",))
    made["cancelled"] = scenes.at(
        dataset,
        scenes.failed(dataset, run, "Canceled by Ada Lovelace", "cancelled"),
        40 * DAY,
        created_by="Ada Lovelace",
    )
    run = scenes.start(dataset, "kinds", ago=8 * DAY, classes=scenes.VEHICLES)
    made["worker-lost"] = scenes.failed(
        dataset,
        run,
        "The worker stopped unexpectedly: it was killed, ran out of memory, or its machine went "
        "away. Labels so far are kept; resume to label the rest",
        StopReason.WORKER_VANISHED,
    )
    run = scenes.start(dataset, "everything", scenes.LONG_NAME, ago=2 * DAY)
    made["failed"] = scenes.at(
        dataset,
        scenes.failed(
            dataset,
            run,
            "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total "
            "capacity of 79.10 GiB of which 1.12 GiB is free\n"
            "Process 4123 has 78.00 GiB memory in use. See the documentation for Memory "
            "Management (https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)",
        ),
        2 * DAY,
        labels=812_344,
        **many,
    )
    run = scenes.start(dataset, scenes.UNBROKEN_NAME, scenes.UNBROKEN_NAME, ago=5 * HOUR)
    made["waiting-too-long"] = scenes.at(dataset, run, 5 * HOUR)
    run = scenes.start(dataset, "vehicles", "Vehicles", ago=47 * MINUTE, classes=scenes.VEHICLES)
    run = scenes.generating(
        dataset,
        scenes.at(dataset, run, 47 * MINUTE, **many),
        431_870,
        rate=153.7,
        labels=2_310_552,
        failed=1_204,
    )
    made["running"] = scenes.at(dataset, run, 47 * MINUTE)
    run = scenes.start(dataset, "loading")
    made["loading"] = scenes.generating(dataset, run, 0)
    made["queued"] = scenes.at(dataset, scenes.start(dataset, "people"), -600)

    run = scenes.start(dataset, "partly", "Partly unreadable")
    made["failed-samples"] = scenes.partly_failed(dataset, run, [_UNREADABLE] * 9 + [_MISSING] * 3)
    scenes.add_boxes(dataset, "boxes", 2)
    run = scenes.imported(dataset, "boxes", "checked", "Boxes of the annotators")
    promotion.promote(dataset, run.id, shown(dataset, _tab(run)), expected=2 * SAMPLES)
    made["approving"] = scenes.approving(dataset, run, alive=True)
    run = scenes.imported(dataset, "boxes", "checked_too", "Boxes, interrupted")
    made["approving-interrupted"] = scenes.approving(dataset, run, alive=False)
    run = scenes.imported(dataset, "boxes", "final", "Boxes, approved")
    promotion.promote(dataset, run.id, shown(dataset, _tab(run)), expected=2 * SAMPLES)
    made["approved"] = scenes.at(
        dataset, approval.approve(dataset, run.id, by="Grace Hopper"), 3 * HOUR
    )
    return made


def _tab(run, tab="review"):
    return {"filters": merged(None, run, tab_filters(run.label_root, tab))}


def test_configuring(app, gallery, many_samples):
    dataset = many_samples
    scenes.add_boxes(dataset, "boxes", 2)
    scenes.add_classification_field(dataset, "weather")
    ui = app(dataset)
    ui.press("Auto Label")
    ui.sees("Target samples")
    gallery.show("configure", often=False)
    ui.press(f"Generate labels for {SAMPLES} samples")
    ui.sees("Choose a model")
    gallery.show("configure-nothing-answered", often=False)
    ui.choose_model("shapes-yolo")
    ui.name_field("ground_truth")
    ui.panel.get_by_placeholder("0 to 1").fill("7")
    ui.press(f"Generate labels for {SAMPLES} samples")
    ui.sees("There is a field 'ground_truth' already")
    gallery.show("configure-problems")
    if ALL:
        _other_models(ui, gallery)
        _try_and_paste(ui, gallery)
        _other_tasks(ui, gallery)
    ui.back()
    ui.press("Analyze existing labels")
    ui.sees("Choose a field")
    ui.press("Review these labels")
    ui.sees("Choose the field whose labels you want to review")
    gallery.show("existing-labels")
    gallery.assert_flawless()


def _other_models(ui, gallery):
    ui.name_field("shapes")
    ui.does_not_see("There is a field")
    ui.panel.get_by_placeholder("0 to 1").fill("0.1")
    ui.pick("Zero-shot")
    ui.choose_model("yolov8s-world-torch")
    ui.sees("Separated by commas or lines")
    gallery.show("configure-zero-shot")


def _try_and_paste(ui, gallery):
    ui.pick("Fixed vocabulary")
    ui.choose_model("shapes-yolo")
    ui.press("Preview", exact=True)
    ui.sees("Nothing was written")
    gallery.show("configure-preview")
    ui.press("Hide")
    ui.pick("Sample IDs")
    ui.panel.get_by_label("Sample IDs", exact=True).last.fill("e" * 24)
    ui.sees("No sample of this dataset has the ID")
    gallery.show("configure-unknown-ids")
    ui.pick("All samples")


def _other_tasks(ui, gallery):
    ui.pick("Classification")
    ui.choose_model("efficientnet-lite0-imagenet")
    gallery.show("configure-classification")
    ui.pick("Instance segmentation")
    ui.sees("Method")
    ui.choose_model("shapes-yolo-seg")
    gallery.show("configure-one-stage")
    ui.pick("Two-stage model")
    ui.sees("Segmenter")
    ui.choose_model("shapes-yolo")
    gallery.show("configure-two-stage")
    ui.pick("Existing detections")
    ui.sees("Boxes in this field get masks")
    ui.choose_model("segment-anything-vitb-torch")
    gallery.show("configure-existing-detections")


def test_reviewing(app, gallery, many_samples):
    dataset = many_samples
    scenes.add_boxes(dataset, "boxes", 100, without=40)
    run = scenes.imported(dataset, "boxes", "checked", "Boxes of the annotators")
    total = scenes.at(dataset, run, 2 * DAY).labels
    ui = app(dataset)
    ui.press("Review")
    ui.sees(f"Review ({total:,})")
    ui.grid_filters_by("review")
    gallery.show("review")
    if ALL:
        ui.tab("Approval")
        ui.sees("No labels are waiting for approval")
        gallery.show("approval-empty")
        ui.tab("Review")
        ui.press("Show only these")
        ui.sees("Only labels without confidence are shown")
        gallery.show("review-without-confidence")
        ui.press("Show all again")
        ui.does_not_see("Only labels without confidence")
    ui.click_class("car")
    ui.grid_filters_by("review", "label")
    gallery.show("review-one-class")
    ui.promote_button().click()
    ui.sees(re.compile(r"Approval \([1-9]"))
    if ALL:
        _patches_and_selection(ui, gallery)
    ui.tab("Approval")
    ui.sees("These labels are written when you approve")
    gallery.show("approval")
    ui.button(re.compile("^Approve ")).click()
    ui.sees("This cannot be undone")
    gallery.show("approval-question")
    if ALL:
        ui.press("Not now")
        ui.tab("Review")
        ui.promote_button().click()
        ui.sees("All labels of this run are in the Approval tab")
        gallery.show("review-none-left")
        ui.tab("Approval")
        ui.button(re.compile("^Approve ")).click()
    ui.button(re.compile("^Yes, approve ")).click()
    ui.sees("labels are in checked")
    gallery.show("done")
    left = total - labeling.get(dataset, run.id).approved
    assert left == 0 if ALL else 0 < left < total
    gallery.assert_flawless()


def _patches_and_selection(ui, gallery):
    gallery.show("review-class-without-labels")
    ui.click_class("person")
    ui.grid_filters_by("review", "label")
    ui.press("Show patches")
    ui.sees("Show samples")
    expect(ui.page.get_by_text(re.compile("^[0-9,]+ patches$"))).to_be_visible()
    gallery.show("review-patches")
    ui.press("Show samples")
    ui.sees("Show patches")
    ui.click_class("person")
    ui.grid_filters_by("review")
    ui.select_samples(0, 1)
    expect(ui.promote_button()).not_to_have_text(re.compile(r"Add \d,\d+ "))
    gallery.show("review-selection")
    ui.select_samples(0, 1)
