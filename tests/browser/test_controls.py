"""A person may use any control of the panel: their settings in the App stay unchanged.

Each page is entered with filters on two fields of the person's own, a lasso, selected samples, a
saved view and, on groups, a slice. The controls are found on the rendered page, so that a new one
cannot be forgotten. In CI a few are used, chosen by ``CONTROLS_SEED``; ``make soak`` uses them all.
"""

import os
import random
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.support.browser import page_scenes
from tests.support.browser.page_scenes import PAGE_SCENES
from tests.support.browser.walk import Walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SEED = int(os.environ.get("CONTROLS_SEED", 7))
#: The pages of which CI uses some controls, and how many of each.
_CI_PAGES = ("review", random.Random(SEED).choice(sorted(PAGE_SCENES)))
_CI_CONTROLS = 5


@pytest.fixture(scope="module")
def filepaths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Photographs of shapes."""
    folder = tmp_path_factory.mktemp("shapes")
    return page_scenes.write_images(folder)


@pytest.fixture
def walk(page: Page, app_url: str, filepaths: list[str]) -> Iterator[Callable[[str], Walk]]:
    """Begins to use the controls of a page: ``walk(name)``."""
    begun = []

    def begin(name: str) -> Walk:
        begun.append(Walk(page, app_url, name, filepaths, SEED))
        return begun[-1]

    yield begin
    for one in begun:
        one.close()


@pytest.mark.parametrize("name", _CI_PAGES)
def test_some_controls_keep_what_a_person_has_set(walk: Callable[[str], Walk], name: str) -> None:
    one = walk(name)
    one.run(_CI_CONTROLS)
    one.assert_nothing_lost()


@pytest.mark.soak
@pytest.mark.parametrize("name", PAGE_SCENES)
def test_each_control_keeps_what_a_person_has_set(walk: Callable[[str], Walk], name: str) -> None:
    one = walk(name)
    one.run()
    one.assert_nothing_lost()
