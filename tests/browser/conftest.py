"""The real App in a real browser, with a real worker process beside it."""

import contextlib
import importlib.util
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect, sync_playwright

from auto_labeling.core.names import PANEL
from auto_labeling.demo.services import StockWorker
from auto_labeling.models import catalog, model_choice
from tests import scripted

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"
SCREENSHOTS = ARTIFACTS / "screenshots"
PATIENCE = 60_000
#: Images of the dataset ``numbered``.
NUMBERED = 30
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-gpu", "--no-first-run")
#: As FiftyOne itself starts it: with "-m", the package would be imported before the server's own
#: settings are made, and the threads of the App would share one object for a dataset.
_SERVER = ("main.py",)
_FAILED = pytest.StashKey[bool]()

expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


def has_failed(item) -> bool:
    """Whether a test, or what prepared it, has failed so far."""
    return item.stash.get(_FAILED, False)


class Server:
    """The App's server, in a process of its own; it can be stopped and started again.

    Args:
        log: where its output goes
        program: what Python runs, in FiftyOne's folder of the server
    """

    def __init__(self, log: Path, program=_SERVER):
        self._log = log
        self._port = str(_free_port())
        self._command = [sys.executable, *program, "--address", "127.0.0.1", "--port", self._port]
        self._process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=Path(importlib.util.find_spec("fiftyone").origin).parent / "server",
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        _wait_for(self.url, self._process, self._log)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _keep(self._log)


@pytest.fixture(scope="session")
def app_url(database, tmp_path_factory):
    """The address of the App's server."""
    server = Server(tmp_path_factory.mktemp("app") / "server.log")
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def own_server(database, tmp_path):
    """Starts an App's server that nobody else uses: ``own_server(program)``."""
    with contextlib.ExitStack() as running:

        def start(program=_SERVER):
            server = Server(tmp_path / "own-server.log", program)
            running.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture
def start_worker(database, tmp_path):
    """Starts ``fiftyone delegated launch``; called again, another one."""
    with contextlib.ExitStack() as running:
        yield lambda **how: running.enter_context(StockWorker(tmp_path / "worker.log", **how))
    _keep(tmp_path / "worker.log")


@pytest.fixture(scope="module")
def chromium():
    """A browser per file: while Playwright runs, the main thread has a running event loop, in which
    FiftyOne would not wait for its operators, so it must be gone when other tests begin."""
    path = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if path is None:
        pytest.fail("The browser tests need Chromium on the PATH; `make browser` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, request):
    """A browser window. After a failure its trace and a picture are in ``artifacts/``."""
    context = chromium.new_context(viewport={"width": 1600, "height": 1000})
    context.set_default_timeout(PATIENCE)
    # Its snapshots show each step; a film beside them would cost more than the App itself.
    context.tracing.start(screenshots=False, snapshots=True)
    page = context.new_page()
    yield page
    name = re.sub(r"\W+", "-", request.node.name)
    if has_failed(request.node):
        ARTIFACTS.mkdir(exist_ok=True)
        with contextlib.suppress(Error):
            page.screenshot(path=ARTIFACTS / f"{name}.png")
        context.tracing.stop(path=ARTIFACTS / f"{name}.zip")
    context.close()


@pytest.fixture
def demo_data(tmp_path, database):
    """Makes datasets of the demo's images: ``make(tag, n_shapes)``."""
    import fiftyone as fo

    from auto_labeling.demo import data

    made = []

    def make(tag, n_shapes=24):
        name = f"browser-{uuid.uuid4().hex[:8]}"
        everything = data.make_dataset(name, n_shapes=n_shapes, folder=tmp_path / name)
        dataset = everything.match_tags(tag).clone(f"{name}-{tag}", persistent=True)
        made.extend([everything, dataset])
        return dataset

    yield make
    for dataset in made:
        if fo.dataset_exists(dataset.name):
            fo.delete_dataset(dataset.name)


@pytest.fixture
def app(page, app_url):
    """The App with the panel open beside the grid: ``app(dataset)``.

    What the panel ``opens_with`` is a button, or else the beginning of a text.
    """

    def open_panel(dataset, opens_with="", url=app_url) -> "App":
        page.goto(f"{url}/datasets/{dataset.name}")
        return App(page, opens_with)

    return open_panel


@pytest.fixture
def numbered(tmp_path, database):
    """A dataset of numbered images, for the scripted model."""
    import fiftyone as fo

    dataset = fo.Dataset(f"browser-{uuid.uuid4().hex[:8]}", persistent=True)
    paths = scripted.write_images(tmp_path / "numbered", NUMBERED)
    dataset.add_samples([fo.Sample(filepath=path) for path in paths], progress=False)
    yield dataset
    if fo.dataset_exists(dataset.name):
        fo.delete_dataset(dataset.name)


@pytest.fixture
def make(numbered, monkeypatch):
    """Makes runs of the scripted model, in any state: ``make(name, generate=…, fails=…)``."""
    from auto_labeling.core.run import RunConfig
    from auto_labeling.lifecycle import labeling

    def make(name, fails=(), generate=True, **answers):
        monkeypatch.setenv(scripted.FAILS, ",".join(map(str, fails)))
        uninstall = scripted.install("detection")
        try:
            config = RunConfig(
                task="detection",
                model="scripted",
                label_field=name.lower(),
                name=name,
                **answers,
            )
            run = labeling.start(numbered, config, author="Vera")
            return labeling.generate(numbered, run.id) if generate else run
        finally:
            uninstall()

    return make


@pytest.fixture
def finish(numbered):
    """Does the work of a run, as a worker does."""
    from auto_labeling.lifecycle import labeling

    def finish(run):
        uninstall = scripted.install("detection")
        try:
            return labeling.generate(numbered, run.id)
        finally:
            uninstall()

    return finish


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
        context = chromium.new_context(viewport={"width": 1600, "height": 1000})
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(url)
        return App(page, is_open=True)

    def close(self):
        """Closes the panel."""
        self.page.locator(f"[data-cy=panel-tab-{PANEL}]").click(button="middle")
        expect(self.panel).to_have_count(0)

    def card(self, name):
        """The card of a run on the home page: the smallest that holds its name and buttons."""
        named = self.panel.locator("div").filter(has=self.page.get_by_text(name, exact=True))
        return named.filter(has=self.page.get_by_role("button")).last

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
            self.page.wait_for_timeout(50)  # lets the browser speak
            return {path.rpartition(".")[2] for path in self.filters} == set(names)

        # The App drops its filters now and then, and the panel asks for them again.
        wait_until(as_wanted, f"the grid filters by {names}")
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

        def read():  # at once: the App may be drawing its page anew
            self.page.wait_for_timeout(50)
            return self.panel.locator("tbody tr").evaluate_all(rows)

        return {cells[0]: cells[1] for cells in wait_until(read, "a table is on the page")}

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
            for _ in range(10):
                if thumb.locator("input").input_value() != before:
                    return
                self.page.wait_for_timeout(100)
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
        self.page.wait_for_timeout(2000)  # for its points
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
        return self.button(re.compile(r"^Add [\d,]+ labels? for approval"))

    def picture(self, name):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def wait_until(condition, what, seconds=90):
    """Waits on the database: ``condition()`` must become true."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not so: {what}")
        time.sleep(0.05)
    return answer


@pytest.fixture(name="wait_until")
def _wait_until():
    return wait_until


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url, process, log):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    pytest.fail(f"The App's server did not start:\n{log.read_text()[-3000:]}")


def _keep(log: Path):
    """Leaves a process's log where CI collects it."""
    if os.path.exists(log) and os.path.getsize(log):
        ARTIFACTS.mkdir(exist_ok=True)
        shutil.copy(log, ARTIFACTS / log.name)
