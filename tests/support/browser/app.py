"""The App in a browser window, with the panel open in it."""

import contextlib
import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from auto_labeling.core.names import PANEL
from auto_labeling.models import catalog, model_choice
from tests.support.paths import ARTIFACTS
from tests.support.waiting import wait_until

SCREENSHOTS = ARTIFACTS / "screenshots"
TIMEOUT_MS = 60_000
#: Lets a window be read, once its context has it; see ``window.py``.
PROBE = Path(__file__).with_name("app_probe.js")
#: Milliseconds without a request and without a tile being drawn, after which the App is at rest.
QUIET_MS = 600


class App:
    """What a person sees and does."""

    def __init__(self, page: Page, opens_with="", is_open=False):
        self.page = page
        self.panel = page.locator(f"[data-cy=panel-content-{PANEL}]")
        self.filters = {}
        self.all_filters = []
        page.on("request", self._note_filters)
        if not opens_with:
            expect(page.locator("[data-cy=looker]").first).to_be_visible()
        page.add_locator_handler(
            page.get_by_role("button", name="Dismiss"), lambda popup: popup.click()
        )
        if not is_open:
            self.open(opens_with)

    def open(self, opens_with=""):
        """Opens the panel, as a person does it."""
        self.page.locator("[data-cy=new-panel-btn]").first.click()
        self.page.locator(f"[data-cy=new-panel-option-{PANEL}]").click()
        if opens_with:
            self.sees(opens_with)
        else:
            expect(self.button("Auto Label")).to_be_visible()

    def another_window(self, chromium, url) -> "App":
        """A second window on the same session: the panel is open in it as in this one."""
        page = new_context(chromium).new_page()
        page.goto(url)
        return App(page, is_open=True)

    def close(self):
        """Closes the panel."""
        self.page.locator(f"[data-cy=panel-tab-{PANEL}]").click(button="middle")
        expect(self.panel).to_have_count(0)

    def card(self, name):
        """The card of a run on the home page."""
        named = self.page.get_by_text(name, exact=True)
        return self.panel.locator("[data-run]").filter(has=named)

    def scroll_of_panel(self) -> list:
        """How far the panel, and all in which it stands, are scrolled."""
        up = "e => { const tops = []; for (; e; e = e.parentElement) tops.push(e.scrollTop);"
        return self.panel.evaluate(f"{up} return tops; }}")

    def _note_filters(self, request):
        if request.url.endswith("/graphql") and "paginateSamplesQuery" in request.post_data:
            self.filters = request.post_data_json["variables"].get("filters") or {}
            self.all_filters.append(self.filters)

    def grid_filters_by(self, *names):
        """Waits until the grid asks for samples by these attributes of labels, and no others."""

        def as_wanted():
            return {path.rpartition(".")[2] for path in self.filters} == set(names)

        # The App drops its filters now and then, and the panel asks for them again.
        wait_for(self.page, as_wanted, f"the grid filters by {names}")
        expect(
            self.page.locator("[data-cy=looker] canvas[canvas-loaded=true]").first
        ).to_be_visible()

    def button(self, name, exact=False):
        return self.panel.get_by_role("button", name=name, exact=exact)

    def press(self, name, exact=False):
        self.button(name, exact).click()

    def back(self):
        self.button("Back to the runs").first.click()

    def tab(self, name):
        self.panel.get_by_role("tab", name=name).click()

    def choose(self, name, option):
        """Chooses from a dropdown."""
        self.panel.get_by_role("combobox", name=name, exact=True).click()
        said = self.page.get_by_text(option, exact=True)  # an option may say more below it
        self.page.get_by_role("option").filter(has=said).click()

    def choose_model(self, name):
        """Chooses a model by its family, version and size, as far as they are asked."""
        from auto_labeling.panels.configure.choices import LEVEL_LABELS  # imports FiftyOne

        spec = catalog.get_model(name)
        remembered = model_choice.leading_to(spec, spec.task, spec.methods[-1])
        levels = model_choice.narrow(spec.task, remembered).levels
        for level, (label, said) in LEVEL_LABELS.items():
            if not levels[level].options:
                continue
            option = said(levels[level].value)
            box = self.panel.get_by_role("combobox", name=label, exact=True)
            expect(box).to_have_text(re.compile(f"^(Choose…|{re.escape(option)})$"))
            if box.is_enabled():  # else it is the only one, and chosen by itself
                self.choose(label, option)
        self.sees(spec.name)

    def pick(self, option):
        """Picks one of a few that can all be read."""
        self.panel.get_by_role("radio", name=option).check()

    def name_field(self, name):
        self.panel.get_by_placeholder("A new field").fill(name)

    def sees(self, text):
        expect(self.panel.get_by_text(text).first).to_be_visible()

    def does_not_see(self, text):
        expect(self.panel.get_by_text(text)).to_have_count(0)

    def click_class(self, name):
        self.panel.get_by_role("cell", name=name, exact=True).click()

    def instances(self) -> dict:
        """The table on the page: class → what its Instances cell says."""
        rows = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"

        def read():  # at once: the App may be drawing its page again
            return self.panel.locator("tbody tr").evaluate_all(rows)

        wait_for(self.page, read, "a table is on the page")
        return {cells[0]: cells[1] for cells in read()}

    def rest(self):
        """Waits until the App asks for nothing and draws nothing."""
        rest(self.page)

    def slide_low(self, value):
        """Drags the left thumb of the confidence slider; again if the App drew a new one."""
        thumb = self.panel.locator(".MuiSlider-thumb").first
        before = thumb.locator("input").input_value()
        for _ in range(3):
            thumb.hover()  # once it stands still
            rail = self.panel.locator(".MuiSlider-root").first.bounding_box()
            if rail is None:
                continue
            mouse = self.page.mouse
            mouse.down()
            mouse.move(rail["x"] + rail["width"] * value, rail["y"] + rail["height"] / 2, steps=8)
            mouse.up()
            with contextlib.suppress(AssertionError):
                expect(thumb.locator("input")).not_to_have_value(before, timeout=1000)
                return
        raise AssertionError("the slider cannot be dragged")

    def click_bar(self, confidence):
        """Clicks into the histogram, at a confidence."""
        low = math.floor(confidence * 20) / 20
        self.button(re.compile(f" from {low:.2f} to ")).click()

    def select_samples(self, *indices):
        """Ticks samples in the grid; ticked ones are unticked."""
        grid = self.page.locator("[data-cy=looker]")
        for index in indices:
            grid.nth(index).hover()
            # The box itself is drawn; the input behind it is out of sight.
            grid.nth(index).locator("input[type=checkbox]").dispatch_event("click")

    def open_in_sidebar(self, field):
        """Unfolds a field of the sidebar, so that its filters can be seen."""
        arrow = self.page.locator(f"[data-cy=sidebar-field-arrow-enabled-{field}]")
        arrow.first.click()

    def open_embeddings(self, brain_key):
        """Opens FiftyOne's Embeddings panel on a visualisation."""
        self.page.locator("[data-cy=new-panel-btn]").first.click()
        self.page.locator("[data-cy=new-panel-option-Embeddings]").click()
        self.page.get_by_text(brain_key, exact=True).click()

    def lasso_half(self):
        """Draws a lasso around the left half of the plot."""
        panel = self.page.locator("[data-cy=panel-content-Embeddings]")
        plot = panel.locator(".nsewdrag, canvas").first
        box = wait_until(plot.bounding_box, "the plot is drawn")
        self.rest()  # with its points
        panel.get_by_text("Select", exact=True).click()
        mouse = self.page.mouse
        corners = [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98), (0.02, 0.02)]
        for index, (x, y) in enumerate(corners):
            mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=6)
            if index == 0:
                mouse.down()
        mouse.up()

    def promoted_number(self) -> int:
        """The number on the button that promotes."""
        return int(re.search(r"[\d,]+", self.promote_button().inner_text())[0].replace(",", ""))

    def slider_says(self, low, high):
        """Waits until the panel's slider shows a range."""
        thumbs = self.panel.locator(".MuiSlider-thumb input")
        expect(thumbs.first).to_have_value(low)
        expect(thumbs.nth(1)).to_have_value(high)

    def promote_button(self):
        return self.button(re.compile(r"^Add (all )?[\d,]+ labels? for approval"))

    def picture(self, name):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def new_context(chromium: Browser, width: int = 1600, height: int = 1000) -> BrowserContext:
    """A browser context whose windows can be read.

    Args:
        chromium: the browser
        width: of its windows, in pixels
        height: the same
    """
    context = chromium.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(TIMEOUT_MS)
    context.add_init_script(path=PROBE)
    return context


def wait_for(
    page: Page, condition: Callable[[], Any], what: Callable[[], Any] | str, seconds: float = 60
) -> float:
    """Waits for what a page comes to show, and lets the browser work on.

    Args:
        page: the browser's window
        condition: becomes true
        what: what is waited for, or says what is wrong
        seconds: how long at most

    Returns:
        when it was so, by :func:`time.monotonic`
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return time.monotonic()
        except Error:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s: {what() if callable(what) else what}")
        page.wait_for_timeout(50)  # in which the browser's events arrive


def rest(page: Page, quiet_ms: int = QUIET_MS, seconds: float = 30) -> None:
    """Waits until the App asks for nothing and draws nothing.

    Args:
        page: the browser's window
        quiet_ms: for how many milliseconds
        seconds: how long at most it may take
    """
    page.wait_for_function(
        "quiet => appProbe.isQuiet(quiet)", arg=quiet_ms, polling=50, timeout=seconds * 1000
    )
