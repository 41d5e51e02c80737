"""The real App in a real browser, with a real worker process beside it."""

import contextlib
import re
import shutil
import uuid

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from auto_labeling.demo.services import StockWorker
from tests.support import outcome, scripted_model
from tests.support.browser.app import TIMEOUT_MS, App, new_context
from tests.support.browser.server import STOCK_PROGRAM, Server, keep_log
from tests.support.paths import ARTIFACTS

#: Images of the dataset :func:`numbered`.
NUMBERED = 30
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-gpu", "--no-first-run")

expect.set_options(timeout=TIMEOUT_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    outcome.note(item, report)
    return report


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
    """Starts an App's server that no other test uses: ``own_server(program)``."""
    with contextlib.ExitStack() as running:

        def start(program=STOCK_PROGRAM):
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
    keep_log(tmp_path / "worker.log")


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
    context = new_context(chromium)
    # Its snapshots show each step; a film beside them would cost more than the App itself.
    context.tracing.start(screenshots=False, snapshots=True)
    page = context.new_page()
    yield page
    name = re.sub(r"\W+", "-", request.node.name)
    if outcome.has_failed(request.node):
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

    def open_panel(dataset, opens_with="", url=app_url) -> App:
        page.goto(f"{url}/datasets/{dataset.name}")
        return App(page, opens_with)

    return open_panel


@pytest.fixture
def numbered(tmp_path, database):
    """A dataset of numbered images, for the scripted model."""
    import fiftyone as fo

    dataset = fo.Dataset(f"browser-{uuid.uuid4().hex[:8]}", persistent=True)
    paths = scripted_model.write_images(tmp_path / "numbered", NUMBERED)
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
        monkeypatch.setenv(scripted_model.FAILS, ",".join(map(str, fails)))
        uninstall = scripted_model.install("detection")
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
        uninstall = scripted_model.install("detection")
        try:
            return labeling.generate(numbered, run.id)
        finally:
            uninstall()

    return finish
