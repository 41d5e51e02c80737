"""One filter with two handles, event by event: what the sidebar says is what the panel says."""

import pytest

from auto_labeling.panels import visit
from benchmarks.app import App

USERS = {"number": {"range": [0, 30], "exclude": False, "isMatching": True}}


@pytest.fixture
def task():
    return "detection"


@pytest.fixture
def ui(numbered, run):
    """A browser window on the review page, with a filter of the user's own in the sidebar."""
    app = App(numbered, panel_id=f"panel-{run.id}")
    app.grid["filters"] = dict(USERS)
    app.send("on_load")
    app.send("open_run", run_id=run.id)
    app.root = run.label_root
    return app


def named(app):
    """The filters on the staged labels, by attribute."""
    root = f"{app.root}."
    filters = app.grid["filters"]
    return {path.removeprefix(root): f for path, f in filters.items() if path.startswith(root)}


def rest(app):
    """Lets enough time pass that the App has told all there was to tell."""
    visit._visits[app._panel_id].asked_at -= 2 * visit.SETTLED


def test_entering_narrows_the_grid_and_leaving_gives_back_what_the_user_had(ui):
    assert set(named(ui)) == {"review"}
    ui.send("slide_confidence", path="confidence_0", value=[0.5, 1])
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    assert set(named(ui)) == {"review", "confidence", "label"}
    ui.send("go_home")
    assert ui.grid["filters"] == USERS


def test_what_the_app_drops_when_the_state_changes_is_asked_for_again(ui):
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    ui.state["confidence_0"] = [0.25, 1]  # the slider itself writes this in the browser
    ui.grid["filters"] = {}
    ui.send("on_change_view")  # the App dropped all filters before the slider's own event came
    assert set(named(ui)) == {"review", "label"}
    for _ in range(2):
        ui.send("on_change_view")
    ui.send("slide_confidence", path="confidence_0", value=[0.25, 1])
    assert set(named(ui)) == {"review", "label", "confidence"}
    ui.grid["filters"] = {}
    ui.send("on_change_view")
    assert set(named(ui)) == {"review", "label", "confidence"}


def test_what_a_person_clears_in_the_sidebar_is_cleared_on_the_panel(ui):
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    ui.send("on_change_view")
    ui.grid["filters"] = {}
    ui.send("on_change_view")  # entering the page: a drop of the App's
    rest(ui)
    ui.grid["filters"] = {}
    ui.send("on_change_view")
    assert set(named(ui)) == {"review"}
    assert visit._visits[ui._panel_id].label is None


def test_what_a_person_sets_in_the_sidebar_shows_on_the_panel(ui):
    rest(ui)
    before = visit._visits[ui._panel_id].slider
    confidence = {"range": [0.2, 0.7], "exclude": False, "isMatching": False, "none": False}
    ui.grid["filters"] = {**ui.grid["filters"], f"{ui.root}.confidence": confidence}
    wire = ui.send("on_change_view")
    at = visit._visits[ui._panel_id]
    assert (at.span, at.slid, at.slider) == ((0.2, 0.7), (0.2, 0.7), before + 1)
    assert f'"confidence_{at.slider}": [0.2, 0.7]' in wire
    del ui.grid["filters"][f"{ui.root}.confidence"]
    ui.send("on_change_view")
    assert visit._visits[ui._panel_id].span is None


def test_a_class_that_no_filter_can_name_is_shown_by_a_stage_of_the_view(ui):
    row = list(ui.table()).index("$egg")
    number = int(ui.table()["$egg"][0].split(" of ")[0])
    ui.send("toggle_class", row=row)
    assert ui.button("promote")["params"]["expected"] == number
    assert len(ui.grid["view"]) == 1 and set(named(ui)) == {"review"}
    ui.send("toggle_class", row=list(ui.table()).index("$egg"))
    assert ui.grid["view"] == []


def test_a_bar_of_the_histogram_filters_and_the_same_bar_lifts_it(ui):
    ui.send("click_bar", idx=10)
    assert named(ui)["confidence"]["range"] == [0.5, 0.55]
    ui.send("click_bar", idx=10)
    assert set(named(ui)) == {"review"}
    ui.send("click_bar", idx=9_999)
    assert set(named(ui)) == {"review"}


def test_nothing_that_changes_in_a_review_is_written_to_the_panels_state(ui):
    before = dict(ui.state)
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    ui.send("click_bar", idx=3)
    ui.send("select_tab", tab="approval")
    ui.send("select_tab", tab="review")
    ui.send("promote", **ui.button("promote")["params"])
    ui.send("select_tab", tab="approval")
    ui.send("ask_approve")
    ui.send("dismiss")
    ui.send("undo_all")
    assert ui.state == before
