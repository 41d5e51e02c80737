"""Two windows on one dataset, as contexts or as tabs of one browser: neither leads the other.

What a window shows is its own: page, tab, question, search and filters. Only facts of the runs are
shared: a label that is promoted in one window counts in both.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import controls, page_scenes
from tests.support.browser.app import App, new_context
from tests.support.browser.page_scenes import PAGE_SCENES, World
from tests.support.browser.walk import LEAVES
from tests.support.browser.window import Window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SECOND = ("context", "tab")
#: Controls that change what is the same in all windows: the runs, or the view of the App's session.
_SHARED = (
    *LEAVES,
    "button 'Show",
    "button 'Resume",
    "button 'Approve #",
    "button 'Review these",
    "button 'Preview",
    "button 'Skip",
)
_ACTIONS = 25


class Windows:
    """Two windows of the App on one dataset.

    Args:
        one: the window that acts
        other: the window that must not change
    """

    def __init__(self, one: App, other: App) -> None:
        self.one, self.other = one, other
        self.one_window, self.other_window = Window(one.page), Window(other.page)

    def of_other(self) -> dict[str, Any]:
        """What the other window shows that is its own."""
        self.other_window.settle()
        panel = self.other.panel
        said = self.other_window.state()
        tabs = panel.locator("[role=tab][aria-selected=true]").all_inner_texts()
        return {
            "page": [n for n, scene in PAGE_SCENES.items() if scene.is_shown(self.other)],
            "tab": [text.partition(" (")[0] for text in tabs],
            "question": panel.get_by_text("This cannot be undone").count(),
            "typed": panel.locator("input, textarea").evaluate_all(
                "all => all.map(e => [e.type, e.value, e.checked])"
            ),
            "rows": panel.locator("tbody tr").evaluate_all(
                "rows => rows.map(row => row.cells[0].innerText)"
            ),
            **{name: said[name] for name in ("filters", "lasso", "selected", "fields")},
        }


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[World]:
    """A dataset with runs in many states; one is in review."""
    folder = tmp_path_factory.mktemp("shapes")
    one = page_scenes.images_in_review(page_scenes.write_images(folder))
    yield one
    one.dataset.delete()


@pytest.fixture
def windows(
    app: Callable[..., App], page: Page, chromium: Browser, app_url: str, world: World
) -> Iterator[Callable[[str], Windows]]:
    """Opens two windows: ``windows("context")`` or ``windows("tab")``."""
    opened = []

    def open_both(second: str) -> Windows:
        one = app(world.dataset)
        context = page.context
        if second == "context":
            context = new_context(chromium)
            opened.append(context)
        another = context.new_page()
        another.goto(f"{app_url}/datasets/{world.dataset.name}")
        other = App(another, is_open=True)
        if not other.panel.count():
            other.open()
        return Windows(one, other)

    yield open_both
    for context in opened:
        context.close()


def open_review(ui: App) -> None:
    ui.press("Review", exact=True)
    ui.sees("for approval")


@pytest.mark.soak
@pytest.mark.parametrize("second", SECOND)
def test_a_question_in_one_window_is_not_asked_in_the_other(
    windows: Callable[[str], Windows], second: str
) -> None:
    both = windows(second)
    open_review(both.one)
    open_review(both.other)
    both.other.click_class("dog")
    before = both.of_other()
    assert before["tab"] == ["Review"]
    both.one.click_class("car")
    assert both.of_other() == before
    both.one.promote_button().click()
    both.one.sees("Approval (")
    both.one.tab("Approval")
    both.one.press("Approve ")
    both.one.sees("This cannot be undone")
    before["rows"].remove("car")  # a fact of the run: no label of it is left to review
    assert both.of_other() == before
    both.other.tab("Approval")
    both.other.sees("These labels are written when you approve")
    expect(both.other.button("Yes, approve")).to_have_count(0)
    both.one.sees("This cannot be undone")


@pytest.mark.soak
@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("here", ["home", "configure", "existing", "review", "approval"])
@pytest.mark.parametrize("there", ["home", "configure", "review"])
def test_no_control_of_one_window_leads_the_other(
    windows: Callable[[str], Windows], world: World, second: str, here: str, there: str
) -> None:
    both = windows(second)
    chance = random.Random(f"{here} {there}")
    _enter(both.other, there)
    before = both.of_other()
    _enter(both.one, here)
    led = _differences(before, both.of_other(), f"opening {here}")
    for _ in range(_ACTIONS):
        if not PAGE_SCENES[here].is_shown(both.one):
            _enter(both.one, here)
        keys = sorted({control.key for control in controls.find(both.one)})
        key = chance.choice([key for key in keys if not key.startswith(_SHARED)])
        before = both.of_other()
        controls.use(both.one, key, chance)
        controls.close_dialogs(both.one)
        both.one_window.settle()
        led += _differences(before, both.of_other(), key)
    assert not led, "\n".join(["", *led])


def _enter(ui: App, name: str) -> None:
    if ui.button("Back to the runs").count():
        ui.back()
    if name == "approval":
        open_review(ui)
        if not ui.panel.get_by_text("Approval (0)").count():
            ui.tab("Approval")
            return
        ui.promote_button().click()
        ui.tab("Approval")
    else:
        PAGE_SCENES[name].enter(ui, None)
    ui.sees(PAGE_SCENES[name].text)


def _differences(before: dict[str, Any], now: dict[str, Any], after: str) -> list[str]:
    return [
        f"{after}: {what}: {before[what]!r:.150} → {now[what]!r:.150}"
        for what in before
        if before[what] != now[what]
    ]
