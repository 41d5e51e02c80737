"""A review by keyboard alone, from a page that was just loaded to the last label."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.support.browser import page_scenes
from tests.support.browser.app import App
from tests.support.browser.gallery import PANEL_SELECTOR
from tests.support.browser.names import unnamed_controls

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_MAX_TABS = 40


class Keyboard:
    """A person without a mouse.

    Args:
        page: the browser's window
    """

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)

    def open_panel(self) -> None:
        """Opens the panel by the operator browser, and finds the keyboard in it."""
        self.press("`")
        search = self._page.locator("[data-cy=operators-browser-search]")
        expect(search).to_be_focused()
        self._page.keyboard.type("auto label")
        found = self._page.locator("[data-cy=operators-browser]")
        expect(found.get_by_text("Auto Labeling: open the panel", exact=True)).to_be_visible()
        self.press("Enter")
        region = self._page.get_by_role("region", name="Auto Labeling")
        expect(region).to_be_focused()

    def tab_to(self, control: Locator, outlined: bool = True, key: str = "Tab") -> None:
        """Goes to a control, which shows that it has the keyboard.

        Args:
            control: the control
            outlined: whether it shows it by our outline, and not in the App's own way
            key: Tab, or Shift+Tab
        """
        expect(control).to_be_visible()
        for _ in range(_MAX_TABS):
            if control.evaluate("e => e === document.activeElement"):
                break
            self.press(key)
        now = self._page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        assert control.evaluate("e => e.matches(':focus-visible')"), now
        style = control.evaluate("e => getComputedStyle(e).outlineStyle")
        assert not outlined or style == "solid"


@pytest.fixture
def dataset(tmp_path: Path, database: str) -> Iterator[fo.Dataset]:
    """Images with boxes of three classes, and a run of them in review."""
    dataset = page_scenes.images_in_review(page_scenes.write_images(tmp_path)).dataset
    yield dataset
    dataset.delete()


@pytest.fixture
def ui(page: Page, app_url: str, dataset: fo.Dataset) -> App:
    """The App, just loaded; the panel is not open."""
    page.goto(f"{app_url}/datasets/{dataset.name}")
    expect(page.locator("[data-cy=looker]").first).to_be_visible()
    with contextlib.suppress(TimeoutError):  # what greets a new browser takes the focus
        page.get_by_role("button", name="Dismiss").click(timeout=5_000)
    return App(page, is_open=True)


def chosen(ui: App) -> Locator:
    return ui.panel.locator("tbody tr[aria-current=true]")


def test_a_review_by_keyboard_alone(ui: App, dataset: fo.Dataset) -> None:
    keys = Keyboard(ui.page)
    keys.open_panel()
    keys.tab_to(ui.button("Auto Label"))
    keys.press("Enter")
    ui.sees("Target samples")
    keys.tab_to(ui.button("Back to the runs"), key="Shift+Tab")  # the App is in a field
    keys.press("Enter")
    keys.tab_to(ui.button("Review", exact=True))
    keys.press("Enter")
    ui.sees("Review (66)")

    classes = list(ui.instances())
    keys.press("n")
    expect(chosen(ui)).to_have_accessible_name(re.compile(f"^{classes[0]}, "))
    keys.press("n")
    expect(chosen(ui)).to_contain_text(classes[1])
    keys.press("p")
    expect(chosen(ui)).to_contain_text(classes[0])
    keys.press("n")
    expect(chosen(ui)).to_contain_text(classes[1])
    number = ui.promoted_number()
    ui.picture("70-keyboard-class")
    keys.press("a")
    ui.sees(f"Approval ({number})")
    ui.does_not_see("· only")
    keys.press("n")
    expect(chosen(ui)).to_contain_text(classes[2])
    keys.press("Enter")
    ui.does_not_see("· only")
    ui.sees(f"Reject {66 - number}")  # an answer to an older event may still be drawn before
    keys.press("r")
    ui.sees("All labels of this run are in the Approval tab")
    keys.press("u")
    ui.sees(f"Review ({66 - number})")
    ui.sees(f"Add {66 - number} labels")
    keys.press("a")
    ui.sees("Approval (66)")
    keys.tab_to(ui.button("Go to Approval"))
    keys.press("Enter")
    keys.tab_to(ui.panel.get_by_role("row").nth(1).get_by_role("button"))
    keys.press("Enter")
    ui.sees("Review (")
    # The keyboard stays in the table, in the row that took the place of the one that is gone.
    keys.tab_to(ui.button("Approve"), key="Shift+Tab")
    ui.picture("71-keyboard-approval")


def test_the_slices_of_groups_are_chosen_by_keyboard(
    page: Page, app_url: str, tmp_path: Path, database: str
) -> None:
    dataset = page_scenes.images(page_scenes.write_images(tmp_path), grouped=True).dataset
    page.goto(f"{app_url}/datasets/{dataset.name}")
    ui = App(page)
    ui.press("Auto Label")
    slices = ui.panel.get_by_role("combobox", name="Slices")
    expect(slices).to_be_visible()
    keys = Keyboard(page)
    keys.tab_to(slices, outlined=False)
    keys.press("ArrowDown")
    expect(page.get_by_role("option")).to_have_text(["left", "right"])
    keys.press("Enter")
    ui.sees("Generate labels for 12 samples")
    assert unnamed_controls(page, PANEL_SELECTOR) == []
    ui.picture("73-keyboard-slices")
    dataset.delete()
