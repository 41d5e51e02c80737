"""The grid's tiles follow each change of the labels: what is drawn is what the database holds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import page_scenes
from tests.support.browser.app import PROBE, App
from tests.support.browser.window import Window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

#: Seconds in which the tiles follow; what a quiet machine takes is measured by the benchmark.
FOLLOWS = 20


class Review:
    """A review in the App, and what must be seen after each action."""

    def __init__(self, ui: App, window: Window, dataset: fo.Dataset) -> None:
        self.ui, self.window, self.dataset = ui, window, dataset

    def do(self, action: Callable[[], None], *seen: str) -> None:
        """Does something, and waits for the panel and then for the tiles."""
        action()
        for text in seen:
            self.ui.sees(text)
        self.window.wait_for_tiles(self.dataset, FOLLOWS)

    def add(self) -> None:
        self.ui.promote_button().click()

    def scrolled(self) -> str:
        """The file of the first tile that can be seen."""
        tile = self.window.tiles()[0]
        assert tile
        return tile["filepath"]

    def colors(self) -> int:
        """How many colors the boxes in the tiles have."""
        return len({b["color"] for tile in self.window.tiles() if tile for b in tile["boxes"]})


@pytest.fixture
def review(page: Page, app_url: str, tmp_path: Path) -> Iterator[Callable[..., Review]]:
    """Opens the review of boxes on images, in groups or not: ``review(grouped=True)``."""
    made = []

    def open_review(grouped: bool = False) -> Review:
        world = page_scenes.images_in_review(page_scenes.write_images(tmp_path), grouped)
        made.append(world.dataset)
        page.add_init_script(path=PROBE)
        page.goto(f"{app_url}/datasets/{world.dataset.name}")
        window = Window(page)
        ui = App(page)
        ui.press("Review", exact=True)
        ui.sees("for approval")
        window.settle()
        return Review(ui, window, world.dataset)

    yield open_review
    for dataset in made:
        dataset.delete()


@pytest.mark.soak
def test_tiles_follow_what_is_added_and_taken_back(review: Callable[..., Review]) -> None:
    at = review()
    ui, window = at.ui, at.window
    assert at.colors() == 3, "a color for each class"
    window.wait_for_tiles(at.dataset)
    ui.click_bar(0.52)
    window.settle()
    number = ui.promoted_number()
    at.do(at.add, f"Approval ({number})", f"Review ({66 - number})")
    at.do(lambda: ui.press("Clear filters"))
    window.settle()
    ui.page.mouse.move(300, 500)
    ui.page.mouse.wheel(0, 700)
    window.settle()
    before = at.scrolled()
    ui.select_samples(6, 7)
    window.settle()
    selected = ui.promoted_number()
    assert 0 < selected <= 6
    at.do(at.add, f"Approval ({number + selected})")
    assert at.scrolled() == before, "the grid stays where it is"
    at.do(lambda: ui.tab("Approval"), "Undo all")
    at.do(lambda: ui.panel.get_by_role("row").nth(1).get_by_role("button").click())
    ui.picture("50-tiles-after-undo")
    at.do(lambda: ui.press("Undo all"), "Approval (0)", "Review (66)")
    window.assert_no_errors()
    ui.back()
    window.settle()
    assert at.colors() == 1, "the App's own colors are given back"


@pytest.mark.soak
def test_tiles_follow_in_each_slice_of_groups(review: Callable[..., Review]) -> None:
    at = review(grouped=True)
    ui = at.ui
    ui.sees("The grid shows slice left")
    at.do(at.add, "Show right")
    expect(ui.promote_button()).to_be_disabled()
    ui.picture("51-slice-done")
    ui.press("Show right")
    ui.sees("The grid shows slice right")
    at.window.settle()
    at.window.wait_for_tiles(at.dataset)
    at.do(at.add)
    ui.sees("All labels of this run are in the Approval tab")
    ui.tab("Approval")
    at.window.settle()
    ui.press("Approve")
    ui.sees("of them are not in the grid, but in the slice left")
    ui.picture("52-other-slice")
    at.window.assert_no_errors()


@pytest.mark.soak
def test_tiles_follow_among_patches(review: Callable[..., Review]) -> None:
    at = review()
    ui = at.ui
    ui.press("Show patches")
    ui.sees("Show samples")
    at.window.settle()
    at.window.wait_for_tiles(at.dataset)
    expect(ui.page.get_by_text("66 patches")).to_be_visible()
    ui.select_samples(0, 1)
    ui.sees("2 of 66 labels")
    at.do(at.add, "Approval (2)")
    expect(ui.page.get_by_text("64 of 66 patches")).to_be_visible()
    ui.picture("53-patches")
    at.do(lambda: ui.press("Show samples"), "Show patches")
    at.window.settle()
    at.window.wait_for_tiles(at.dataset)
    at.window.assert_no_errors()


@pytest.mark.soak
def test_the_new_number_is_shown_before_the_server_has_answered(
    review: Callable[..., Review],
) -> None:
    at = review()
    ui, page = at.ui, at.ui.page
    ui.sees("66 of 66 labels")
    held: list = []
    page.route("**/operators/execute", lambda route: held.append(route))
    ui.panel.get_by_role("slider", name="Lowest confidence").focus()
    page.keyboard.press("ArrowRight")
    ui.sees("Add 60 labels for approval")  # without those that have no confidence
    ui.sees("60 of 66 labels")
    assert held
    page.unroute("**/operators/execute")  # lets go what was held
    ui.sees("60 of 66 labels · mean")
    at.window.wait_for_tiles(at.dataset, FOLLOWS)
    at.window.assert_no_errors()
