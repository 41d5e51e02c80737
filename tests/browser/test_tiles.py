"""After each verb of a review, the boxes in the grid's tiles are those in the database."""

import functools
from collections.abc import Callable, Iterator

import fiftyone as fo
import pytest
from playwright.sync_api import Page

from auto_labeling.lifecycle import labeling
from auto_labeling.review import promotion
from auto_labeling.review.grid import shown
from tests.support.browser import page_scenes
from tests.support.browser.app import App, wait_for
from tests.support.browser.page_scenes import World
from tests.support.browser.server import Server
from tests.support.browser.window import Window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

#: Seconds in which the tiles follow; ``make bench-grid`` measures it, on a machine at rest.
_SECONDS = 20


class Review:
    """A review in the App, whose tiles are compared with the database.

    Args:
        ui: the App, on the review page
        world: its dataset, and the run
    """

    def __init__(self, ui: App, world: World) -> None:
        self.ui = ui
        self.world = world
        self.window = Window(ui.page)
        self.window.settle()

    def follows(self, verb: str) -> None:
        """Waits until the tiles show what the database holds, and the App is at rest."""
        try:
            self.window.wait_for_tiles(self.world.dataset, _SECONDS)
            self.window.settle()
        except AssertionError as error:
            raise AssertionError(f"after {verb!r}: {error}") from None
        assert self.window.wrong_tiles(self.world.dataset) == [], verb
        self.window.assert_no_errors()

    def unpromoted(self) -> int:
        """How many labels are in the Review tab, in the database."""
        _, _, _, labels, promoted = self.world.facts()[0]
        return labels - promoted

    def waits_for(self, number: int) -> None:
        """Waits until so many labels are in the Review tab, in the database."""
        wait_for(self.ui.page, lambda: self.unpromoted() == number, f"{number} labels are left")


@pytest.fixture
def world(
    tmp_path_factory: pytest.TempPathFactory, database: str
) -> Iterator[Callable[..., World]]:
    """Makes a dataset with boxes in review: ``make(grouped=False)``."""
    folder = tmp_path_factory.mktemp("shapes")
    paths = page_scenes.write_images(folder)
    made: list[World] = []

    def make(grouped: bool = False) -> World:
        one = page_scenes.images_in_review(paths, grouped)
        made.append(one)
        return one

    yield make
    for one in made:
        one.dataset.delete()


def begin(app: Callable[..., App], world: World) -> Review:
    """Opens the review of a world's run."""
    ui = app(world.dataset)
    ui.press("Review", exact=True)
    ui.sees("for approval")
    review = Review(ui, world)
    review.follows("open")
    return review


def test_the_tiles_follow_each_verb(app: Callable[..., App], world: Callable[..., World]) -> None:
    review = begin(app, world())
    ui, total = review.ui, review.unpromoted()

    ui.select_samples(1, 2)
    ui.sees("selected samples")
    number = ui.promoted_number()
    ui.promote_button().click()
    review.waits_for(total - number)
    review.follows("add selected")

    ui.click_class("car")
    review.window.settle()
    number = ui.promoted_number()
    left = review.unpromoted() - number
    ui.promote_button().click()
    review.waits_for(left)
    review.follows("add a class")

    ui.tab("Approval")
    ui.sees("These labels are written when you approve")
    review.follows("open the Approval tab")
    ui.panel.get_by_role("row", name="dog").get_by_role("button", name="Undo").click()
    wait_for(ui.page, lambda: review.unpromoted() > left, "a class is back")
    review.follows("undo a class")
    ui.press("Undo all")
    review.waits_for(total)
    review.follows("undo all")

    ui.tab("Review")
    ui.sees("for approval")
    ui.click_bar(0.5)
    review.window.settle()
    number = ui.promoted_number()
    ui.promote_button().click()
    review.waits_for(total - number)
    review.follows("add a range of confidence")
    ui.tab("Approval")
    ui.press("Approve ")
    ui.press("Yes, approve ")
    ui.sees("labels are in checked")
    review.follows("approve")
    assert labeling.get(review.world.dataset, review.world.run.id).approved == number


def test_the_tiles_follow_what_another_process_does(
    app: Callable[..., App], world: Callable[..., World]
) -> None:
    review = begin(app, world())
    dataset, run = review.world.dataset, review.world.run
    promotion.promote(dataset, run.id, shown(dataset, {"selected": dataset.values("id")[:8]}), None)
    review.ui.tab("Approval")  # from here on the panel knows
    review.ui.sees("These labels are written when you approve")
    review.follows("promote in another process")
    review.ui.tab("Review")
    review.ui.sees("for approval")
    review.follows("open the Review tab")
    review.ui.back()
    review.ui.sees("Runs")
    review.follows("leave the review")
    review.ui.card("Boxes").get_by_role("button", name="Delete").click()
    review.ui.press("Delete the run")
    review.ui.sees("Label this dataset with a model")
    review.follows("delete")


@pytest.mark.soak
def test_the_tiles_of_a_group_follow(app: Callable[..., App], world: Callable[..., World]) -> None:
    review = begin(app, world(grouped=True))
    total = review.unpromoted()
    review.window.tell("set_group_slice", slice=page_scenes.SLICE)
    review.window.settle()
    review.follows("another slice")
    number = review.ui.promoted_number()
    review.ui.promote_button().click()
    review.waits_for(total - number)
    review.follows("add a slice")


@pytest.mark.soak
def test_the_tiles_follow_on_a_slow_network(
    app: Callable[..., App], world: Callable[..., World], page: Page
) -> None:
    review = begin(app, world())
    review.window.slow_down()
    total, number = review.unpromoted(), review.ui.promoted_number()
    review.ui.promote_button().click()
    review.waits_for(total - number)
    review.follows("add")
    review.ui.tab("Approval")
    review.ui.press("Undo all")
    review.waits_for(total)
    review.follows("undo all")


@pytest.mark.soak
def test_slider_grid_and_sidebar_agree_on_a_slow_network(
    app: Callable[..., App], world: Callable[..., World]
) -> None:
    review = begin(app, world())
    dataset, run = review.world.dataset, review.world.run
    review.window.slow_down()
    for lows in ((0.6, 0.3, 0.8), (0.5,)):
        for low in lows:  # each before the answer to the one before
            review.ui.slide_low(low)
        review.window.settle(seconds=60)
        review.follows(f"slide to {lows}")
        filters = review.window.state()["filters"]
        ranges = [f["range"] for path, f in filters.items() if path.endswith(".confidence")]
        assert [round(low, 1) for low, _ in ranges] == [lows[-1]]
        confident = fo.ViewField("confidence") >= ranges[0][0]
        number = dataset.filter_labels(run.staging_field, confident).count(
            f"{run.staging_field}.detections"
        )
        assert review.ui.promoted_number() == number


@pytest.mark.soak
def test_the_tiles_are_right_after_reloading_and_restarting_the_app(
    app: Callable[..., App], world: Callable[..., World], own_server: Callable[..., Server]
) -> None:
    server = own_server()
    review = begin(functools.partial(app, url=server.url), world())
    review.ui.click_class("car")
    review.window.settle()
    left = review.unpromoted() - review.ui.promoted_number()
    review.ui.promote_button().click()
    review.waits_for(left)
    review.ui.page.reload()
    review.ui.sees("for approval")
    review.window.settle()
    review.follows("reload")
    server.stop()
    server.start()
    number = review.ui.promoted_number()
    review.ui.promote_button().click()
    review.waits_for(left - number)
    review.window.errors.clear()  # of the time without a server
    review.follows("add after a restart")
    review.ui.page.reload()  # a server that is new knows of no panels that were open
    review.ui.open()
    review.window.settle()
    review.follows("open after a restart")
