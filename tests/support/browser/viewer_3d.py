"""The App's 3D viewer in a real browser."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from scipy import ndimage

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: The 3D viewer needs WebGL, which a machine without a GPU has by SwiftShader alone.
_WITH_WEBGL = ("--no-sandbox", "--disable-background-networking", "--no-first-run")
_WITH_WEBGL += ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")

#: Pixels of the corner with the axes, and of the toolbar below the scene.
_ABOVE, _BESIDE, _BELOW = 200, 200, 80


@pytest.fixture(scope="module")
def chromium():
    """A browser with WebGL."""
    path = next(filter(None, map(shutil.which, _CHROMIUMS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_WITH_WEBGL))
        yield browser
        browser.close()


class Viewer:
    """The first sample of the grid, opened in the 3D viewer.

    Args:
        ui: the :class:`tests.support.browser.app.App`
    """

    def __init__(self, ui):
        self._ui, self._page = ui, ui.page
        self._page.locator("[data-cy=looker]").first.click(position={"x": 60, "y": 60})
        self.canvas = self._page.locator("canvas[data-engine]").first
        expect(self.canvas).to_be_visible()
        self._page.wait_for_timeout(3000)  # until the points are drawn: nothing tells of it
        self._ui.rest()

    def click_a_cuboid(self) -> str:
        """Looks from above and clicks the largest cuboid.

        Returns:
            what the App shows of it
        """
        box = self.canvas.bounding_box()
        mouse = self._page.mouse
        mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 5)
        self._page.keyboard.press("t")
        self._page.wait_for_timeout(3000)  # while the camera turns
        x, y = self._largest(box)
        mouse.move(x - 12, y - 12)
        mouse.move(x, y, steps=4)
        self._page.wait_for_timeout(300)
        mouse.down()
        self._page.wait_for_timeout(50)
        mouse.up()
        selected = self._page.locator("[data-cy=action-manage-selected]").last
        expect(selected).to_contain_text("1")
        return self._page.locator("body").inner_text()

    def correct(self, label, before, after):
        """Moves a cuboid along x, in the App's own annotation.

        Args:
            label: its class, of which the sample has no other
            before: where its center is
            after: where it is to be
        """
        self._page.get_by_text("Annotate", exact=True).click()
        self._page.get_by_text(label, exact=True).last.click()
        fields = self._page.locator("input[type=number]:visible")
        expect(fields.first).to_be_visible()
        [field] = [f for f in fields.all() if f.input_value().startswith(f"{before:.1f}")]
        field.fill(str(after))
        field.press("Enter")

    def _largest(self, box) -> tuple[float, float]:
        """A place within the largest patch of color: nothing else of the scene has such a one."""
        picture = np.asarray(Image.open(io.BytesIO(self._page.screenshot())).convert("RGB"))
        left, top = round(box["x"]), round(box["y"])
        part = picture[top : top + round(box["height"]), left : left + round(box["width"])]
        colored = np.ptp(part.astype(int), axis=2) > 90
        colored[:_ABOVE, :_BESIDE] = colored[-_BELOW:] = False
        patches, _ = ndimage.label(ndimage.binary_erosion(colored, iterations=2))
        sizes = np.bincount(patches.ravel())[1:]
        assert len(sizes), "the viewer shows no cuboid"
        rows, columns = np.nonzero(patches == sizes.argmax() + 1)
        middle = np.argmin(np.hypot(rows - rows.mean(), columns - columns.mean()))
        return left + float(columns[middle]), top + float(rows[middle])
