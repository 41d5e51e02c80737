"""The home page, and what must not happen while no one does anything."""

import pytest
from playwright.sync_api import expect

from auto_labeling.core.run import Run, RunConfig, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.storage.runs import RunStore
from tests.support.browser import scenes
from tests.support.browser.app import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


#: Milliseconds after which a panel that polls has asked again.
_POLL_MS = 2_700


def past(dataset, number):
    config = RunConfig(
        task="detection", model="old", label_field=f"old_{number}", name=f"Old {number}"
    )
    return RunStore(dataset).create(
        Run(
            id=f"{number:012x}",
            config=config,
            state=RunState.APPROVED,
            created_at=f"2025-01-0{number}T00:00:00.000+00:00",
            labels=1234,
            approved=1000,
            samples=len(dataset),
        )
    )


def executions(page):
    """The events that the panel sends from now on."""
    sent = []

    def note(request):
        if request.url.endswith("/operators/execute"):
            body = request.post_data_json
            if "panel" in body["operator_uri"]:
                sent.append(body["params"].get("__method__"))

    page.on("request", note)
    return sent


def test_many_runs_are_searched_while_one_generates_and_nothing_jumps(app, numbered, make):
    run = make("Cars", fails=(3, 7))
    waiting = make("Waiting", generate=False)
    for number in range(1, 8):
        past(numbered, number)
    ui = app(numbered)
    ui.sees("All (9)")
    ui.sees(f"{len(numbered)} samples · {run.labels} labels · 0 promoted · 2 samples failed")
    ui.picture("60-home-many")

    # The page is asked for again while a run is active: no one who types or reads notices.
    search = ui.panel.get_by_label("Search runs")
    search.press_sequentially("old 5")
    ui.sees("All (1)")
    ui.does_not_see("Cars")
    scroll = ui.scroll_of_panel()
    sent = executions(ui.page)
    wait_for(ui.page, lambda: sent.count("refresh") >= 2, "two refreshes")
    expect(search).to_be_focused()
    expect(search).to_have_value("old 5")
    assert ui.scroll_of_panel() == scroll

    # Once nothing is active, the panel asks for nothing.
    labeling.cancel(numbered, waiting.id, by="Vera")
    search.fill("")
    ui.sees("Canceled by Vera")
    ui.rest()
    sent.clear()
    ui.page.wait_for_timeout(_POLL_MS)
    assert sent == []


def test_a_run_goes_on_while_the_panel_is_closed(app, numbered, make, finish):
    ui = app(numbered)
    waiting = make("Later", generate=False)
    ui.press("Analyze existing labels")
    ui.back()
    ui.press("View progress")
    ui.sees("Waiting for a worker")

    # No worker has ever been started: after a while the page says how.
    scenes.at(numbered, waiting, 45)
    ui.sees("No worker has picked this up for 4")
    ui.sees("auto-labeling launch")
    ui.picture("65-no-worker")

    sent = executions(ui.page)
    ui.close()
    sent.clear()
    run = finish(waiting)
    ui.page.wait_for_timeout(_POLL_MS)
    assert sent == [], "a panel that is closed asks for nothing"
    ui.open("Runs")
    ui.card("Later").get_by_role("button", name="Review").click()
    ui.sees(f"Review ({run.labels})")
    ui.grid_filters_by("review")
    ui.close()
    ui.grid_filters_by()
