"""The controls of a page of the panel: found on the page itself, and used as a person uses them."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Error, Locator, TimeoutError, expect

from tests.support.browser.app import App

_FIND = Path(__file__).with_name("controls.js").read_text(encoding="utf-8")
#: Milliseconds in which a control can be used; else the page is being drawn, and it is found again.
_TIMEOUT = 4_000
_TRIES = 4


@dataclass(frozen=True)
class Control:
    """A control that can be used.

    Args:
        number: marks it on the page, until the page is drawn again
        kind: button, tab, row, radio, checkbox, slider, number, text, choice, file or other
        name: its accessible name
    """

    number: int
    kind: str
    name: str

    @property
    def key(self) -> str:
        """Its name without the numbers in it."""
        return f"{self.kind} '{re.sub(r'[0-9][0-9.,]*', '#', self.name)}'"


def find(ui: App) -> list[Control]:
    """The controls of the panel's page, from the top."""
    return [Control(**found) for found in ui.panel.evaluate(_FIND)]


def use(ui: App, key: str, chance: random.Random) -> bool:
    """Uses a control, as a person does; again if the App has drawn another in its place.

    Args:
        ui: the App
        key: the control's key
        chance: chooses one of several with that key, and what is typed or chosen

    Returns:
        whether there was such a control
    """
    for attempt in range(_TRIES):
        same = [control for control in find(ui) if control.key == key]
        if not same:
            return False
        control = chance.choice(same)
        try:
            _USES.get(control.kind, _click)(ui, _at(ui, control), chance)
            return True
        except (TimeoutError, Error):
            if attempt == _TRIES - 1:
                raise
    return False


def _at(ui: App, control: Control) -> Locator:
    return ui.panel.locator(f"[data-control='{control.number}']")


def _click(ui: App, at: Locator, chance: random.Random) -> None:
    at.click(timeout=_TIMEOUT)


def _check(ui: App, at: Locator, chance: random.Random) -> None:
    at.click(timeout=_TIMEOUT, force=True)  # a radio button's input lies below its picture


def _type(ui: App, at: Locator, chance: random.Random) -> None:
    at.click(timeout=_TIMEOUT)
    at.press_sequentially(chance.choice(("a", "e", "x1")), timeout=_TIMEOUT)
    at.press("Tab", timeout=_TIMEOUT)


def _type_number(ui: App, at: Locator, chance: random.Random) -> None:
    at.fill(chance.choice(("0.3", "0.5", "1")), timeout=_TIMEOUT)
    at.press("ArrowUp", timeout=_TIMEOUT)
    at.press("Tab", timeout=_TIMEOUT)


def _slide(ui: App, at: Locator, chance: random.Random) -> None:
    """Drags a thumb, and moves it by the keyboard."""
    rail = at.locator("xpath=ancestor-or-self::*[contains(@class,'MuiSlider-root')]")
    box = (rail if rail.count() else at).first.bounding_box(timeout=_TIMEOUT)
    thumb = at.bounding_box(timeout=_TIMEOUT)
    mouse = ui.page.mouse
    mouse.move(thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2)
    mouse.down()
    x = box["x"] + box["width"] * chance.uniform(0.3, 0.6)
    mouse.move(x, box["y"] + box["height"] / 2, steps=5)
    mouse.up()
    ui.page.keyboard.press("ArrowRight")


def _choose(ui: App, at: Locator, chance: random.Random) -> None:
    at.click(timeout=_TIMEOUT)
    options = ui.page.locator("[role=option]:not([aria-disabled=true]):not([aria-selected=true])")
    try:
        options.first.wait_for(timeout=1_500)
    except TimeoutError:  # an empty list
        ui.page.keyboard.press("Escape")
        return
    options.nth(chance.randrange(options.count())).click(timeout=_TIMEOUT)
    ui.page.keyboard.press("Escape")  # a list of which many can be chosen stays open


def _upload(ui: App, at: Locator, chance: random.Random) -> None:
    at.set_input_files({"name": "names.txt", "mimeType": "text/plain", "buffer": b"star\n"})


_USES = {
    "radio": _check,
    "checkbox": _check,
    "slider": _slide,
    "number": _type_number,
    "text": _type,
    "choice": _choose,
    "file": _upload,
}


def close_dialogs(ui: App) -> None:
    """Closes what a control has opened over the App: a file explorer, a sample."""
    for _ in range(3):
        if not ui.page.locator("[role=dialog], [role=listbox]").count():
            return
        ui.page.keyboard.press("Escape")
    expect(ui.page.locator("[role=dialog]")).to_have_count(0)
