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
_POLL_MS = 3_500


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
    ui.sees(
        f"{len(numbered)} samples · {run.labels} labels · {run.account.classes} classes · "
        "0 promoted · 2 samples failed"
    )
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

    # Once nothing is active, the panel asks for changes alone, and draws nothing.
    labeling.cancel(numbered, waiting.id, by="Vera")
    search.fill("")
    ui.sees("Canceled by Vera")
    ui.rest()
    sent.clear()
    asked = queries(ui.page)
    pages = pages_sent(ui.page)
    turning = "window.turns += document.querySelectorAll('[role=progressbar]').length"
    ui.page.evaluate(f"() => {{ window.turns = 0; setInterval(() => {{ {turning} }}, 5); }}")
    ui.page.wait_for_timeout(_POLL_MS)
    assert ui.page.evaluate("window.turns") == 0, "the wheel in the panel's tab stands still"
    assert set(sent) == {"look_for_changes"} and pages == [False] * len(pages) and asked == []

    # What happens elsewhere is shown within 5 seconds; no window asks in the background.
    elsewhere = past(numbered, 8)
    expect(ui.panel.get_by_text("All (10)")).to_be_visible(timeout=5_000)
    labeling.rename(numbered, elsewhere.id, "Night drive")
    expect(ui.panel.get_by_text("Night drive")).to_be_visible(timeout=5_000)
    assert asked == [], "neither workspace nor dataset were touched"
    in_background(ui.page, True)
    ui.rest()
    sent.clear()
    labeling.rename(numbered, elsewhere.id, "Dawn")
    ui.page.wait_for_timeout(_POLL_MS)
    assert sent == []
    in_background(ui.page, False)
    expect(ui.panel.get_by_text("Dawn")).to_be_visible(timeout=1_500)
    ui.card("Dawn").get_by_role("button", name="Rename").click()
    ui.panel.get_by_label("Run name").fill("Dusk")
    ui.panel.get_by_label("Run name").press("Enter")
    expect(ui.card("Dusk")).to_be_visible()
    ui.picture("61-home-elsewhere")


def in_background(page, is_hidden):
    """Says to a window that its tab is in the background, as a browser does."""
    hide = "hidden => Object.defineProperty(document, 'hidden', { value: hidden, configurable: 1 })"
    page.evaluate(hide, is_hidden)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def pages_sent(page):
    """Whether each answer to an event of the panel has a page to draw, from now on."""
    answers = []

    def note(response):
        if response.url.endswith("/operators/execute"):
            answers.append("show_panel_output" in response.text())

    page.on("response", note)
    return answers


def queries(page):
    """The App's requests for samples, and of its workspace, from now on."""
    asked = []
    page.on("request", lambda r: r.url.endswith("/graphql") and asked.append(r.post_data[:200]))
    return asked


@pytest.mark.soak
def test_a_run_goes_on_while_the_panel_is_closed(app, numbered, make, finish):
    ui = app(numbered)
    waiting = make("Later", generate=False)
    ui.press("Analyze existing labels")
    ui.back()
    ui.card("Later").get_by_text(f"{len(numbered)} samples", exact=True).click()
    ui.sees("Staging field")  # a card opens its run, wherever it is clicked
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
    ui.card("Later").get_by_role("button", name="Later", exact=True).press("Enter")
    ui.sees(f"Review ({run.labels})")
    ui.grid_filters_by("review")
    ui.close()
    ui.grid_filters_by()
