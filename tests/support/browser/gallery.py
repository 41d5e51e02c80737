"""Pictures of the panel at every width and in both themes, each looked at by ``audit.js``."""

import os
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from auto_labeling.core.names import PANEL
from tests.support.browser import console
from tests.support.browser.names import unnamed_controls

#: Whether to take pictures of every state at all widths and in both themes.
ALL = os.environ.get("GALLERY") == "all"
WIDTHS = (320, 400, 700, 1100) if ALL else (320, 1100)
THEMES = ("dark", "light") if ALL else ("dark",)

#: The window's width, which leaves the grid some room beside the widest panel.
WINDOW = 1920
#: Its height at first, and at most: it grows with what there is to see.
HEIGHT = 1600
_MAX_HEIGHT = 6000

PANEL_SELECTOR = f"[data-cy=panel-content-{PANEL}]"
_AUDIT = Path(__file__).with_name("audit.js").read_text()
#: Resolves when the panel's layout has not changed for a while.
_AT_REST = """
async (panel) => {
  const MOVING = ".MuiLinearProgress-root, .MuiCircularProgress-root, .MuiTouchRipple-root";
  const look = () => {
    const still = [...panel.querySelectorAll("*")].filter((e) => !e.closest(MOVING));
    const boxes = still.map((e) => e.getBoundingClientRect());
    return boxes.map((b) => [b.x, b.y, b.width, b.height].map(Math.round).join()).join(";");
  };
  let before = look();
  for (let same = 0, i = 0; same < 3 && i < 100; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = look();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}
"""
#: How much higher the panel would have to be to show all of its page; less than 0 for lower.
_MISSING_HEIGHT = """
(panel) => {
  const scroller = panel.firstElementChild;
  let bottom = 0;
  for (const element of scroller.querySelectorAll("p, button, input, h6, table, pre, svg, img"))
    bottom = Math.max(bottom, element.getBoundingClientRect().bottom + scroller.scrollTop);
  return Math.round(bottom + 32 - panel.getBoundingClientRect().bottom);
}
"""


class Gallery:
    """Takes pictures of a panel, and collects what is wrong with them.

    Args:
        page: the browser's window
        folder: where the pictures go
    """

    def __init__(self, page: Page, folder: Path):
        self.faults = []
        # The App now and then sends a tile's masks to its painter twice when the colors change
        # while it still paints. What the tiles show then is looked at by test_tiles.py, where this
        # error fails; delete this once it is understood.
        self.known_errors: list[str] = ["ImageBitmap is detached"]
        self._page = page
        self._folder = folder
        self._theme = "dark"
        self._width = 0
        self._page_name = "opening"
        console.listen(page, self._note_error)

    def show(self, name: str, often=True):
        """Takes pictures of what the panel shows, at each width and in each theme.

        Args:
            name: what the pictures are called
            often (True): whether to take them also where only a few are asked for
        """
        if not (often or ALL):
            return
        self._page_name = name
        self._page.mouse.move(4, 4)  # off what was pressed
        # As the last picture left the App first: to change it takes a while.
        for theme in sorted(THEMES, key=lambda theme: theme != self._theme):
            self.switch_to(theme)
            for width in sorted(WIDTHS, key=lambda width: width != self._width):
                self.bring_to(width)
                self._look(f"{name}-{width}-{theme}")

    def switch_to(self, theme: str):
        """Brings the App to a theme, as a person does it."""
        if theme != self._theme:
            self._page.get_by_role("button", name=f"{theme.capitalize()} mode").click()
            self._theme = theme
        root = self._page.locator("html")
        expect(root).to_have_attribute("data-mui-color-scheme", theme)

    def bring_to(self, width: int):
        """Brings the panel to a width, in pixels, by the line between it and the grid."""
        panel = self._panel()
        if abs(panel.bounding_box()["width"] - width) > 1:
            self._drag_to(width)
        self._width = width
        measured = panel.bounding_box()["width"]
        assert abs(measured - width) <= 1, f"the panel is {measured} px wide, not {width}"

    def _drag_to(self, width):
        line = self._page.locator(".sash").first.bounding_box()
        x, y = line["x"] + line["width"] / 2, line["y"] + 300
        mouse = self._page.mouse
        mouse.move(x, y)
        mouse.down()
        wanted = self._page.viewport_size["width"] - width
        mouse.move((x + wanted) / 2, y)
        mouse.move(wanted, y)
        mouse.up()
        mouse.move(wanted + 4, 4)  # off the line, and off what may show a hint

    def _panel(self):
        return self._page.locator(PANEL_SELECTOR)

    def _look(self, name):
        panel = self._panel()
        panel.evaluate(_AT_REST)
        self._make_room(panel)
        faults = self._audit(panel)
        if faults:  # unless the page was just being drawn again
            panel.evaluate(_AT_REST)
            faults = [fault for fault in self._audit(panel) if fault in faults]
        self.faults += [f"{name}: {fault}" for fault in faults]
        self._folder.mkdir(parents=True, exist_ok=True)
        box = panel.bounding_box()
        box["height"] = min(
            box["height"], max(400, box["height"] + panel.evaluate(_MISSING_HEIGHT))
        )
        self._page.screenshot(path=self._folder / f"{name}.png", clip=box)

    def _audit(self, panel: Locator) -> list[str]:
        unnamed = [f"{one} has no name" for one in unnamed_controls(self._page, PANEL_SELECTOR)]
        return panel.evaluate(_AUDIT) + unnamed

    def _make_room(self, panel):
        """Makes the window so high that all of the panel is seen at once."""
        missing = panel.evaluate(_MISSING_HEIGHT)
        now = self._page.viewport_size["height"]
        if missing > 0 and now < _MAX_HEIGHT:
            # Never lower again: the App draws its whole grid again each time.
            height = min(_MAX_HEIGHT, now + missing + 400)
            self._page.set_viewport_size({"width": WINDOW, "height": height})
            panel.evaluate(_AT_REST)

    def _note_error(self, said):
        if not any(known in said for known in self.known_errors):
            self._note(f"the browser says: {said[:300]}")

    def _note(self, fault):
        self.faults.append(f"{self._page_name}: {fault}")

    def assert_flawless(self):
        """Fails with everything that is wrong with the pictures taken so far."""
        assert not self.faults, "\n".join(["", *dict.fromkeys(self.faults)])
