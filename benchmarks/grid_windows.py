"""What the grid's benchmark stands on: datasets in review, and a window of the App on each side."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from auto_labeling.core.run import Run
from benchmarks import million, rig
from tests.support.browser.app import TIMEOUT_MS, App, new_context
from tests.support.browser.server import Server
from tests.support.browser.window import Window

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = ("--no-sandbox", "--disable-background-networking", "--disable-gpu", "--no-first-run")
expect.set_options(timeout=TIMEOUT_MS)

#: Milliseconds after which the grid has come to rest.
_QUIET = 1_000


class _WithImages(million.Truth):
    """The truth, on photographs that exist."""

    def __init__(self, samples: int, paths: list[str]) -> None:
        super().__init__(samples)
        self._paths = paths

    def documents(self, field: str, dataset: fo.Dataset, review: bool) -> Iterator[dict]:
        facts = {"width": rig.WIDTH, "height": rig.HEIGHT, "num_channels": 3}
        for number, document in enumerate(super().documents(field, dataset, review)):
            document["filepath"] = self._paths[number % len(self._paths)]
            document["metadata"] = {"_cls": "ImageMetadata", "mime_type": "image/jpeg", **facts}
            yield document


def in_review(samples: int, paths: list[str]) -> tuple[fo.Dataset, Run]:
    """A dataset with ten labels for each sample, in review.

    Args:
        samples: the number of samples
        paths: the images, which repeat

    Returns:
        the dataset, and its run
    """
    return million.in_review(_WithImages(samples, paths), f"grid-{samples}")


@contextlib.contextmanager
def servers(folder: Path, number: int) -> Iterator[list[str]]:
    """The addresses of servers of the App: windows of one server would share a session."""
    with contextlib.ExitStack() as running:
        addresses = []
        for index in range(number):
            server = Server(folder / f"server-{index}.log")
            running.callback(server.stop)
            server.start()
            addresses.append(server.url)
        yield addresses


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    path = next(filter(None, map(shutil.which, _CHROMIUMS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        yield browser
        browser.close()


class Side:
    """A window of the App on a dataset; what it asks the server for is counted.

    Args:
        browser: the browser
        url: the App's address
        dataset: the dataset that it shows
    """

    def __init__(self, browser: Browser, url: str, dataset: fo.Dataset) -> None:
        self.page = new_page(browser)
        self.window = Window(self.page)
        self.dataset = dataset
        self.grid_queries = 0
        self.page.on("request", self._count)
        self.page.goto(f"{url}/datasets/{dataset.name}")
        expect(self.page.locator("[data-cy=looker]").first).to_be_visible()
        self.ui = App(self.page, is_open=True)
        self.rest()

    def _count(self, request: Request) -> None:
        if request.url.endswith("/graphql") and "paginateSamplesQuery" in (request.post_data or ""):
            # The pages after the first belong to the same query.
            self.grid_queries += request.post_data_json["variables"]["after"] is None

    def rest(self) -> None:
        """Waits until the App asks for nothing and draws nothing."""
        self.window.settle(_QUIET, seconds=120)

    def watch(self, selector: str, text: str = "") -> None:
        """Notes from now on when the text of an element changes."""
        self.page.evaluate("([at, text]) => appProbe.watch(at, text)", [selector, text])

    def times(self) -> dict[str, Any]:
        """Seconds from the mouse's release to the last change of the text, and of the grid."""
        self.rest()
        said = self.page.evaluate(
            "({at: appProbe.releasedAt, drawn: appProbe.drawnAt, watched: appProbe.watched})"
        )
        count, grid = (said["watched"]["changedAt"] - said["at"], said["drawn"] - said["at"])
        assert count > 0, f"the count has not changed: {said['watched']['text']!r}"
        return {"count": count / 1000, "grid": max(grid, 0) / 1000}


def new_page(browser: Browser) -> Page:
    """A window that can be read."""
    return new_context(browser).new_page()


def count_space_writes(page: Page) -> list[str]:
    """The workspace writes that a window sends from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if "setSpacesMutation" in (request.post_data or ""):
            sent.append(request.url)

    page.on("request", note)
    return sent


class PanelSide(Side):
    """A review in the panel, whose slider is dragged."""

    def __init__(self, browser: Browser, url: str, dataset: fo.Dataset, run: Run) -> None:
        super().__init__(browser, url, dataset)
        self.run = run
        self.ui.open()
        self.rest()
        self.ui.press("Review", exact=True)
        self.ui.sees(f"Review ({run.labels:,})")
        self.rest()

    def drag(self, low: float) -> dict[str, Any]:
        """Drags the slider's left thumb; returns the seconds, and how many grid queries it took."""
        self.watch("[data-cy^=panel-content] button", "for approval")
        self.grid_queries = 0
        self.ui.slide_low(low)
        return {**self.times(), "queries": self.grid_queries}


class SidebarSide(Side):
    """The App itself, with the same filters and as much room for its grid."""

    def __init__(self, browser: Browser, url: str, dataset: fo.Dataset, like: PanelSide) -> None:
        super().__init__(browser, url, dataset)
        self.page.locator("[data-cy=new-panel-btn]").first.click()
        self.page.locator("[data-cy=new-panel-option-Embeddings]").click()
        self.rest()
        said, field = like.window.state(), like.run.staging_field
        self.window.tell("set_active_fields", fields=[field])
        self.window.tell("set_filters", **said["filters"])
        self.rest()
        self.ui.open_in_sidebar(field)
        self._field = field
        path = f"{like.run.label_root}.confidence".replace(".", "-")
        self._slider = self.page.locator(f"[data-cy=numeric-slider-container-{path}] ")
        expect(self._slider.locator(".MuiSlider-thumb").first).to_be_visible()
        self.rest()

    def drag(self, low: float) -> dict[str, Any]:
        """Drags the slider's left thumb; returns the seconds, and how many grid queries it took."""
        self.watch(f"[data-cy=sidebar-field-container-{self._field}]")
        self.grid_queries = 0
        thumb = self._slider.locator(".MuiSlider-thumb").first
        thumb.hover()
        rail = self._slider.locator(".MuiSlider-root").bounding_box()
        mouse = self.page.mouse
        mouse.down()
        mouse.move(rail["x"] + rail["width"] * low, rail["y"] + rail["height"] / 2, steps=8)
        mouse.up()
        return {**self.times(), "queries": self.grid_queries}
