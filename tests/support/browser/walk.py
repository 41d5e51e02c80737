"""Uses the controls of the panel's pages one by one, and notes what a person loses by it."""

import contextlib
import random

import fiftyone as fo
from playwright.sync_api import Page, expect

from tests.support.browser import controls, page_scenes, scenes
from tests.support.browser.app import App
from tests.support.browser.page_scenes import PAGE_SCENES, World
from tests.support.browser.window import Window

#: How often a page is entered again for the controls that are left.
_MAX_ENTRIES = 40

#: What ends with a control, as it must: some act on the samples that are selected and leave none of
#: them selected; and a lasso and a selection are of one slice.
_ENDS = {
    "button 'Add #": ("selection",),
    "button 'Reject #": ("selection",),
    "button 'Undo": ("selection",),
    "button 'Back to the Review tab": ("selection",),  # the same for one class
    "button 'Yes, approve": ("selection",),
    "button 'Show left": ("lasso", "selection", "slice"),
    "button 'Show right": ("lasso", "selection", "slice"),
}

#: Controls that leave the page or end what stands on it: the others are used before them.
LEAVES = ("button 'Back", "button 'Cancel", "button 'Yes", "button 'Delete", "button 'Generate")


class Walk:
    """Uses the controls of a page one by one, and notes what a person loses by it.

    Args:
        page: the browser's window
        url: the App's address
        name: the name of the page's scene
        filepaths: the images of its dataset
        seed: of what is chosen and typed
    """

    def __init__(self, page: Page, url: str, name: str, filepaths: list[str], seed: int) -> None:
        self._page = page
        self._url = url
        self._scene = PAGE_SCENES[name]
        self._name = name
        self._filepaths = filepaths
        self._chance = random.Random(f"{seed} {name}")
        self.window = Window(page)
        self._world: World | None = None
        self.ui: App | None = None
        self._facts: list[tuple] = []
        self.used: set[str] = set()
        self.losses: list[str] = []

    def run(self, at_most: int | None = None) -> None:
        """Uses each control once, or some of them."""
        for _ in range(_MAX_ENTRIES):
            before = len(self.used)
            self.enter()
            while key := self._next(at_most):
                self.use(key)
                if not self.is_here():
                    break
            if len(self.used) == before or (at_most and len(self.used) >= at_most):
                return

    def assert_nothing_lost(self) -> None:
        """Fails with everything that was lost."""
        print(f"{self._name}: {len(self.used)} controls: {sorted(self.used)}")
        assert not self.losses, "\n".join(["", *self.losses])

    def enter(self) -> None:
        """Opens the page, with all that a person has set."""
        if self._world is None or self._world.facts() != self._facts:
            self._open_new_world()
        elif self.ui.button("Back to the runs").count():
            self.ui.back()
        self._scene.enter(self.ui, self._world.run)
        self.ui.sees(self._scene.text)
        self._set()

    def _open_new_world(self) -> None:
        self.close()
        world = self._world = page_scenes.images(self._filepaths, self._scene.grouped)
        world.run = self._scene.prepare(world.dataset)
        self._facts = world.facts()
        self._page.goto(f"{self._url}/datasets/{world.dataset.name}")
        expect(self._page.locator("[data-cy=looker]").first).to_be_visible()
        if self.ui is None:
            self.ui = App(self._page, is_open=True)
        self.ui.open("Auto Label")

    def _set(self) -> None:
        self.window.settle()
        self.window.set(self._world.person)
        lost = self._lost()
        assert not lost, f"{self._name}: a person cannot set what they want: {lost}"
        self.window.errors.clear()

    def _lost(self) -> list[str]:
        run = self._world.run
        return self.window.losses(self._world.person, run.staging_field if run else "")

    def _next(self, at_most: int | None) -> str:
        """A control that was not used yet; those that leave the page come last."""
        if at_most is not None and len(self.used) >= at_most:
            return ""
        keys = sorted({control.key for control in controls.find(self.ui)} - self.used)
        self._chance.shuffle(keys)
        return next(iter(sorted(keys, key=lambda key: key.startswith(LEAVES))), "")

    def use(self, key: str) -> None:
        """Uses a control, and notes what is lost by it."""
        self.used.add(key)
        if not controls.use(self.ui, key, self._chance):
            return  # it has gone while the page was drawn
        controls.close_dialogs(self.ui)
        self.window.settle()
        lost = self._lost()
        ends = next((ends for start, ends in _ENDS.items() if key.startswith(start)), ())
        lost = [what for what in lost if not what.startswith(ends)] if ends else lost
        with contextlib.suppress(AssertionError):
            self.window.wait_for_tiles(self._world.dataset, seconds=4)
        lost += self.window.wrong_tiles(self._world.dataset) + self.window.errors
        self.losses += [f"{self._name}: {key}: {what}" for what in dict.fromkeys(lost)]
        self.window.errors.clear()
        if (lost or ends) and self.is_here():
            self._set()

    def use_any(self) -> bool:
        """Uses any control that does not leave the page; returns whether one was used."""
        keys = sorted({control.key for control in controls.find(self.ui)})
        staying = [key for key in keys if not key.startswith(LEAVES)]
        used = controls.use(self.ui, self._chance.choice(staying), self._chance)
        controls.close_dialogs(self.ui)
        self.window.settle()
        return used

    def is_here(self) -> bool:
        """Whether the page is still shown."""
        return self._scene.is_shown(self.ui)

    def close(self) -> None:
        """Deletes the dataset."""
        if self._world is not None:
            scenes.forget_operations(self._world.dataset)
            fo.delete_dataset(self._world.dataset.name)
            self._world = None
