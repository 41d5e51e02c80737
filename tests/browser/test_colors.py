"""The App's color scheme is given back after a review, however the review ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import Browser

from tests.support.browser import page_scenes
from tests.support.browser.app import App, new_context, wait_for
from tests.support.browser.window import Window

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]


@pytest.fixture
def dataset(tmp_path: Path, database: str) -> Iterator[fo.Dataset]:
    """Images with boxes of three classes, and a run of them in review."""
    dataset = page_scenes.images_in_review(page_scenes.write_images(tmp_path)).dataset
    yield dataset
    dataset.delete()


def colored_by(ui: App, name: str) -> None:
    """Waits until the App colors labels as is expected, and has nothing of ours in its scheme."""
    window = Window(ui.page)

    def as_expected() -> bool:
        scheme = window.state()["colors"]
        marks = [one["path"] for one in scheme["fields"] or () if "in_review" in one["path"]]
        return scheme["colorBy"] == name and bool(marks) == (name == "value")

    wait_for(ui.page, as_expected, lambda: f"{window.state()['colors']}, not {name}", 15)


def review(ui: App) -> None:
    ui.press("Review", exact=True)
    ui.sees("for approval")
    colored_by(ui, "value")


def test_colors_are_given_back_after_each_way_out_of_a_review(
    app: Callable[..., App], dataset: fo.Dataset, chromium: Browser
) -> None:
    first = app(dataset)
    url = first.page.url
    colored_by(first, "field")
    review(first)
    first.page.reload()
    first.sees("for approval")
    colored_by(first, "value")
    first.back()
    colored_by(first, "field")

    second = first.another_window(chromium, url)
    review(second)
    review(first)
    second.back()
    second.sees("Runs")
    second.rest()
    colored_by(first, "value")
    first.rest()
    first.back()
    colored_by(first, "field")
    review(second)
    second.picture("72-colors")
    second.page.context.close()
    first.page.close()

    page = new_context(chromium).new_page()
    page.goto(url)
    third = App(page, is_open=True)
    third.sees("Runs")
    colored_by(third, "field")
    page.context.close()
