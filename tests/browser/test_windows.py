"""What a window shows is its own, and using the panel never writes the App's workspace."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from auto_labeling.lifecycle import importing
from tests.support.browser.app import App
from tests.support.browser.scenes import add_boxes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

SAMPLES, BOXES = 30, 3
LABELS = SAMPLES * BOXES
CLASSES = tuple(f"class {number:02}" for number in range(20))
#: Classes that a scene draws when it may choose from so many.
DRAWN = 15


class WorkspaceWrites:
    """How often the App saves its workspace from now on."""

    def __init__(self, page: Page) -> None:
        self.number = 0
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.url.endswith("/graphql") and "setSpacesMutation" in (request.post_data or ""):
            self.number += 1


@pytest.fixture
def labeled(demo_data):
    """A dataset with two runs in review, each of many classes."""
    dataset = demo_data("shapes", SAMPLES)
    add_boxes(dataset, "boxes", BOXES, classes=CLASSES)
    for name in ("first", "second"):
        importing.import_labels(dataset, "boxes", f"checked_{name}", name=name.capitalize())
    return dataset


def open_review(ui: App, name: str) -> None:
    ui.card(name).get_by_role("button", name="Review").click()
    ui.sees(f"Review ({LABELS})")


def shown_classes(ui: App) -> int:
    return len(ui.instances())


def test_no_control_writes_the_workspace(app, labeled):
    ui = app(labeled)
    open_review(ui, "First")
    writes = WorkspaceWrites(ui.page)
    ui.click_bar(0.6)
    ui.press("Clear filters")
    ui.slider_says("0", "1")
    ui.slide_low(0.4)
    lowest = ui.panel.get_by_role("spinbutton", name="Minimum confidence")
    lowest.fill("0.5")
    ui.slider_says("0.5", "1")
    lowest.press("ArrowUp")
    ui.slider_says("0.51", "1")
    thumb = ui.panel.locator(".MuiSlider-thumb input").first
    for _ in range(3):
        thumb.press("ArrowRight")
    ui.slider_says("0.54", "1")
    expect(lowest).to_have_value("0.54")
    ui.press("Clear filters")

    search = ui.panel.get_by_role("searchbox", name="Search classes")
    search.press_sequentially("class 0", delay=30)  # a name for each of ten classes
    expect(ui.panel.locator("tbody tr")).to_have_count(10)
    expect(ui.button(f"Add all {LABELS} labels for approval")).to_be_visible()
    search.fill("")
    expect(ui.panel.locator("tbody tr")).to_have_count(DRAWN)

    first = ui.panel.locator("tbody tr").first
    first.focus()
    first.press("ArrowDown")
    ui.page.keyboard.press("Enter")
    ui.sees("· only")
    ui.page.keyboard.press("Enter")
    ui.does_not_see("· only")
    ui.promote_button().click()
    ui.tab("Approval")
    ui.press("Undo all")
    ui.back()
    ui.press("Auto Label")
    ui.pick("Current view")
    ui.choose_model("yolo11n-coco-torch")
    ui.name_field("things")
    confidence = ui.panel.get_by_role("spinbutton", name="Minimum confidence")
    confidence.fill("0.25")
    confidence.press("ArrowUp")
    expect(confidence).to_have_value("0.26")
    ui.press("Generate labels")
    ui.sees("Waiting for a worker")
    assert writes.number == 0


@pytest.mark.parametrize(
    "of_one_browser",
    [pytest.param(True, marks=pytest.mark.soak), False],
    ids=["two tabs", "two browsers"],
)
def test_two_windows_do_not_lead_each_other(app, labeled, chromium, of_one_browser):
    one = app(labeled)
    if of_one_browser:
        page = one.page.context.new_page()
        page.goto(one.page.url)
        two = App(page, is_open=True)
    else:
        two = one.another_window(chromium, one.page.url)
    if not two.panel.count():
        two.open()
    expect(two.button("Auto Label")).to_be_visible()

    open_review(one, "First")
    expect(two.button("Auto Label")).to_be_visible()
    open_review(two, "Second")
    one.panel.get_by_role("searchbox").fill("class 0")
    expect(one.panel.locator("tbody tr")).to_have_count(10)
    assert shown_classes(two) == DRAWN
    one.promote_button().click()
    one.tab("Approval")
    one.press(re.compile(r"^Approve \d+ labels$"))
    one.sees("Yes, approve")

    two.click_bar(0.6)  # the page is drawn again, with what is asked in the other window
    two.sees("Clear filters")
    two.does_not_see("Yes, approve")
    assert shown_classes(two) == DRAWN
    two.tab("Approval")
    two.sees("No labels are waiting for approval")
    one.sees("Yes, approve")
    two.back()
    one.sees("Yes, approve")
    if not of_one_browser:
        two.page.context.close()


def test_a_window_that_is_loaded_again_shows_the_same_page(app, labeled):
    ui = app(labeled)
    open_review(ui, "Second")
    ui.page.reload()
    ui.sees(f"Review ({LABELS})")
    ui.sees("Second")
    ui.back()
    ui.press("Auto Label")
    ui.name_field("typed before")
    ui.page.wait_for_timeout(500)
    ui.page.reload()
    expect(ui.panel.get_by_placeholder("A new field")).to_have_value("typed before")


def test_the_panel_works_in_an_app_that_does_not_load_the_script(page, app_url, labeled):
    page.route("**/panels/components/index.js*", lambda route: route.abort())
    page.goto(f"{app_url}/datasets/{labeled.name}")
    ui = App(page)
    open_review(ui, "First")
    ui.slide_low(0.5)
    expect(ui.promote_button()).not_to_have_text(f"Add {LABELS} labels for approval")
    ui.back()
    expect(ui.button("Auto Label")).to_be_visible()
