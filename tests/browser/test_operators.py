"""Our operators, chosen, filled in and executed in the App's operator browser."""

import pytest
from playwright.sync_api import expect

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from tests.support.browser.app import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class OperatorBrowser:
    """What a person does in it.

    Args:
        page: the browser's window
    """

    def __init__(self, page):
        self._page = page
        self.form = page.locator("[data-cy=operators-prompt-modal]")

    def choose(self, label):
        """Opens it, and chooses an operator."""
        self._page.locator("body").press("`")
        self._page.locator("[data-cy=operators-browser-search]").fill(label)
        self._page.locator("[data-cy=operators-browser]").get_by_text(label, exact=True).click()
        expect(self.form).to_be_visible()

    def _field(self, name):
        named = self._page.get_by_text(name, exact=True)
        return self.form.locator(".MuiGrid-item").filter(has=named).last

    def pick(self, name, option):
        """Picks an option of a dropdown, or of a list that can be searched."""
        self._field(name).get_by_role("combobox").click()
        said = self._page.get_by_text(option, exact=True)
        self._page.get_by_role("option").filter(has=said).first.click()

    def fill(self, name, text):
        """Types an answer."""
        self._field(name).locator("input").fill(text)

    def execute(self):
        """Presses the button."""
        self.form.get_by_role("button", name="Execute").click()


def test_a_run_is_started_promoted_and_approved(app, demo_data, start_worker):
    dataset = demo_data("shapes", 6)
    ui = app(dataset)
    browser = OperatorBrowser(ui.page)
    browser.choose("Auto-Labeling: start a run")
    browser.pick("Task", "Detection")
    browser.execute()
    ui.page.get_by_text("Error occurred during operator execution").click()
    expect(ui.page.get_by_text("model: ").first).to_be_visible()
    ui.picture("66-operator-refuses")
    assert labeling.runs(dataset) == [], "what is missing is said, and nothing is written"
    ui.page.get_by_role("button", name="Close", exact=True).last.click()
    browser.choose("Auto-Labeling: start a run")
    browser.pick("Task", "Detection")
    browser.pick("Model", "shapes-yolo")
    browser.fill("Label field", "boxes")
    browser.fill("Run name", "By hand")
    ui.picture("67-operator-start")
    start_worker()
    browser.execute()
    expect(browser.form).to_have_count(0)

    def reviewed():
        return next((r for r in labeling.runs(dataset) if r.state is RunState.IN_REVIEW), None)

    wait_for(ui.page, reviewed, "the run is in review")
    run = reviewed()
    dataset.reload()
    assert (run.name, run.config.model, run.samples) == ("By hand", "shapes-yolo", 6)

    browser.choose("Auto-Labeling: promote labels")
    browser.fill("Minimum confidence", "0.5")
    browser.execute()
    expect(browser.form).to_have_count(0)
    confidences = dataset.values(f"{run.label_root}.confidence", unwind=True)
    sure = sum(confidence >= 0.5 for confidence in confidences)
    promoted = {f"{run.label_root}.review": "promoted"}
    wait_for(
        ui.page,
        lambda: dataset._sample_collection.count_documents(promoted),
        "labels are promoted",
    )

    browser.choose("Auto-Labeling: approve a run")
    ui.picture("68-operator-approve")
    browser.execute()
    wait_for(
        ui.page,
        lambda: labeling.get(dataset, run.id).approved,
        "the run is approved",
    )
    dataset.reload()
    assert dataset.count("boxes.detections") == sure > 0


@pytest.mark.soak
def test_existing_labels_are_imported(app, demo_data):
    dataset = demo_data("shapes", 6)
    ui = app(dataset)
    browser = OperatorBrowser(ui.page)
    browser.choose("Auto-Labeling: review existing labels")
    browser.pick("Labels", "ground_truth")
    browser.fill("Label field", "checked")
    browser.execute()
    expect(browser.form).to_have_count(0)
    wait_for(ui.page, lambda: labeling.runs(dataset), "the labels are a run")
    (run,) = labeling.runs(dataset)
    assert (run.source, run.config.label_field) == ("ground_truth", "checked")
