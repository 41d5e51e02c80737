"""One filter with two handles, event by event: what the sidebar says is what the panel says."""

import json

import fiftyone.core.stages as fos
import pytest

from auto_labeling.panels import in_window
from auto_labeling.panels.review import grid_memory, label_patches
from auto_labeling.review.grid import shown
from tests.support.app_double import App

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
    """Lets enough time pass that the App has sent all its changes."""
    grid_memory._memories[app.window].requested_at -= 2 * grid_memory.SETTLED


def test_entering_narrows_the_grid_and_leaving_gives_back_what_the_user_had(ui):
    assert set(named(ui)) == {"review"}
    ui.send("slide_confidence", path="confidence_0", value=[0.5, 1])
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    assert set(named(ui)) == {"review", "confidence", "label"}
    ui.send("go_home")
    assert ui.grid["filters"] == USERS


def test_a_slider_that_has_set_the_filter_itself_is_not_told_to(ui, run):
    slider = ui.find("confidence")["view"]
    assert slider["filters"] == f"{ui.root}.confidence"
    half = {"range": [0.5, 1], "exclude": False, "isMatching": False}
    filters = {**ui.grid["filters"], slider["filters"]: half}
    wire = ui.send("slide_confidence", path="confidence", value=[0.5, 1], filters=filters)
    assert "set_filters" not in wire
    ui.grid["filters"] = filters
    number = ui.button("promote")["params"]["expected"]
    ui.send("on_change_view")  # as the App says it a moment later: nothing changes
    assert ui.button("promote")["params"]["expected"] == number < run.labels
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    assert set(named(ui)) == {"review", "confidence", "label"}


@pytest.mark.parametrize("filters", [{}, USERS, "none", {"$where": {}}])
def test_a_slider_that_has_set_other_filters_is_told_which(ui, filters):
    ui.send("slide_confidence", path="confidence", value=[0.5, 1], filters=filters)
    ui.send("on_change_view")
    assert set(named(ui)) == {"review", "confidence"}


def test_what_the_app_drops_when_the_panel_is_made_wider_is_asked_for_again(ui):
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    for sizes in ([0.4, 0.6], [0.7, 0.3]):
        rest(ui)
        ui.grid |= {"spaces": {"sizes": sizes}, "filters": {}}
        ui.send("on_change_view")
        assert set(named(ui)) == {"review", "label"}
    rest(ui)
    ui.grid["filters"] = {}
    ui.send("on_change_view")  # nothing else has changed: a person took them off
    assert set(named(ui)) == {"review"}


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
    assert grid_memory._memories[ui.window].label is None


def test_what_a_person_sets_in_the_sidebar_shows_on_the_panel(ui):
    rest(ui)
    before = grid_memory._memories[ui.window].slider
    confidence = {"range": [0.2, 0.7], "exclude": False, "isMatching": False, "none": False}
    ui.grid["filters"] = {**ui.grid["filters"], f"{ui.root}.confidence": confidence}
    ui.send("on_change_view")
    at = grid_memory._memories[ui.window]
    assert (at.span, at.slid, at.slider) == ((0.2, 0.7), (0.2, 0.7), before + 1)
    assert ui.find("confidence")["view"]["value"] == [0.2, 0.7]
    del ui.grid["filters"][f"{ui.root}.confidence"]
    ui.send("on_change_view")
    assert grid_memory._memories[ui.window].span is None


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


def test_samples_without_labels_are_counted_and_shown_instead_of_the_labels(ui, numbered, run):
    assert "have no labels" in str(ui.find("empty_samples"))
    empty = numbered.match({f"{run.staging_field}.detections": {"$size": 0}}).values("id")
    assert f"{len(empty)} samples have no labels" in str(ui.find("empty_samples"))
    before = ui.grid["view"]
    ui.send("toggle_empty")
    assert named(ui) == {} and set(ui.grid["filters"]) == set(USERS)
    view = shown(numbered, {**ui.grid, "filters": None}).view
    assert sorted(view.values("id")) == sorted(empty)
    for event in ("on_change_view", "on_change_view"):
        ui.send(event)
        assert named(ui) == {}, "nobody asks for labels of samples that have none"
    assert "Show labels again" in str(ui.find("empty_samples"))
    ui.send("toggle_empty")
    assert set(named(ui)) == {"review"} and not ui.grid["view"] and not before
    ui.send("toggle_empty")
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    assert set(named(ui)) == {"review", "label"} and not ui.grid["view"]


def test_patches_of_a_class_are_a_click_away_and_follow_the_class(ui, numbered, run):
    def patches():
        request = {**ui.grid, "filters": {**ui.grid["filters"]}}
        request["filters"].pop("number")
        return set(shown(numbered, request).view.values(f"{run.staging_field}.label"))

    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    number = ui.button("promote")["params"]["expected"]
    ui.send("toggle_patches")
    assert ui.notices == []
    assert ui.grid["view"][-1]["_cls"].endswith("ToPatches") and patches() == {"bee"}
    assert set(ui.grid["filters"]) - set(USERS) == {
        f"{run.staging_field}.review",
        f"{run.staging_field}.label",
    }
    total = int(ui.table()["bee"][0].split(" of ")[1])
    assert 0 < ui.button("promote")["params"]["expected"] <= total >= number
    for other in ("ant", "$egg"):
        ui.send("toggle_class", row=list(ui.table()).index(other))
        assert patches() == {other} and ui.find("patches")["view"]["label"] == "Show samples"
    ui.send("toggle_patches")
    assert len(ui.grid["view"]) == 1, "the stage that keeps a class which no filter can name"
    ui.send("toggle_class", row=list(ui.table()).index("$egg"))
    assert ui.grid["view"] == [] and set(named(ui)) == {"review"}
    ui.send("toggle_patches")
    assert ui.button("promote")["params"]["expected"] > 0
    ui.send("go_home")
    assert ui.grid["view"] == [] and ui.grid["filters"] == USERS


def test_a_view_that_the_app_is_slow_to_show_is_waited_for(ui, run):
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    ui.send("toggle_patches")
    view, filters = ui.grid["view"], ui.grid["filters"]
    number = ui.button("promote")["params"]["expected"]
    for _ in range(2):
        rest(ui)
        ui.grid["view"] = []  # what the App tells of is older than what it was asked for
        ui.send("on_change_view")
        assert (ui.grid["view"], ui.grid["filters"]) == ([], filters)
        assert ui.button("promote")["params"]["expected"] == number
    rest(ui)
    ui.grid |= {"view": view, "filters": {}}  # another view is shown at last, without any filters
    ui.send("on_change_view")
    assert ui.grid["view"] == view and set(ui.grid["filters"]) == set(filters)
    assert ui.find("patches")["view"]["label"] == "Show samples"
    rest(ui)
    ui.grid["filters"] = {}
    ui.send("on_change_view")  # nothing else has changed: a person took them off
    assert ui.grid["view"] == [] and set(named(ui)) == {"review"}


def test_a_class_whose_last_label_is_promoted_is_left(ui):
    ui.grid["filters"] = {p: f for p, f in ui.grid["filters"].items() if p not in USERS}
    ui.send("toggle_class", row=list(ui.table()).index("bee"))
    ui.send("slide_confidence", path="confidence_0", value=[0, 0.6])
    for left in ({"review", "label"}, {"review"}):
        ui.send("promote", **ui.button("promote")["params"])
        assert set(named(ui)) - {"confidence"} == left
        ui.send("slide_confidence", path="confidence_0", value=[0, 1])
    assert "bee" not in ui.table() and ui.button("promote")["params"]["expected"] > 0


def test_a_second_click_before_the_app_has_followed_the_first_takes_it_back(ui):
    row = list(ui.table()).index("$egg")
    ui.send("toggle_class", row=row)
    ui.grid["view"] = None  # the App has not come to it yet
    ui.send("toggle_class", row=row)
    assert ui.grid["view"] == [] and set(named(ui)) == {"review"}


def test_patches_of_too_many_labels_are_refused_with_a_sentence(ui, monkeypatch):
    monkeypatch.setattr(label_patches, "MAX_PATCHES", 3)
    ui.send("toggle_patches")
    assert ui.notices == [label_patches.TOO_MANY_PATCHES] and not ui.grid["view"]
    assert ui.find("patches")["view"]["disabled"]


def test_a_saved_view_comes_back_when_the_panels_own_stages_go(ui, numbered):
    numbered.save_view("few", numbered.match({"number": {"$lt": 30}}))
    ui.grid.update(view_name="few", view=numbered.load_saved_view("few")._serialize())
    wire = ui.send("toggle_empty")
    assert "few" not in wire and len(ui.grid["view"]) == 2
    ui.send("toggle_empty")
    assert ui.grid["view_name"] == "few" and len(ui.grid["view"]) == 1


def test_a_promotion_of_labels_that_changed_says_the_new_number(ui):
    params = ui.button("promote")["params"]
    ui.send("promote", **{**params, "expected": params["expected"] + 1})
    assert "The labels have changed" in ui.notices[0]
    assert f"there are now {params['expected']} to add" in ui.notices[0]
    assert ui.button("promote")["params"] == params


def test_each_class_shows_how_its_confidences_are_spread(ui):
    spread = {label: cells[2] for label, cells in ui.table().items()}
    assert all(said.startswith("Most from 0.") for said in spread.values())
    pictures = ui.find("classes")["view"]["componentsProps"]["table"]["sx"]
    assert sum("svg" in str(look) for look in pictures.values()) == len(spread)
    ui.send("slide_confidence", path="confidence_0", value=[0.5, 1])
    assert {label: cells[2] for label, cells in ui.table().items()} == spread


def test_what_narrows_the_labels_is_said_and_cleared_in_one_click(ui):
    assert ui.find("range")["view"]["title"] == "All" and ui.find("clear") is None
    ui.send("slide_confidence", path="confidence_0", value=[0.5, 1])
    ui.send("toggle_class", row=0)
    assert ui.find("range")["view"]["title"] == "0.50 to 1.00"
    ui.send("clear_filters")
    assert ui.find("range")["view"]["title"] == "All" and ui.find("clear") is None
    assert set(named(ui)) == {"review"} and ui.grid["filters"]["number"] == USERS["number"]


def test_the_tiles_are_asked_for_again_when_labels_have_moved(ui):
    before = dict(ui.grid["filters"])
    assert "refresh_grid" in ui.send("promote", **ui.button("promote")["params"])
    assert ui.grid["filters"] == before
    assert "reload_samples" not in ui.send("select_tab", tab="approval")
    assert "refresh_grid" in ui.send("undo_all")


def test_without_the_script_the_same_filters_are_written_in_another_way(ui, monkeypatch):
    monkeypatch.setattr(in_window, "tell", lambda ctx, operator, **params: False)
    path = f"{ui.root}.review"
    for _ in range(2):
        before = ui.grid["filters"][path]
        ui.send("toggle_class", row=0)
        ui.send("promote", **ui.button("promote")["params"])
        now = ui.grid["filters"][path]
        assert now != before and now["values"] == before["values"]


def test_labels_are_colored_by_class_until_the_review_is_left(ui, run):
    assert f'"field": "{run.staging_field}", "on": false' in ui.send("go_home")
    told = ui.send("open_run", run_id=run.id)
    assert f'"field": "{run.staging_field}", "on": true' in told


def test_patches_are_made_of_the_lasso_and_of_what_a_persons_filters_keep(ui, numbered, run):
    ids = numbered.values("id")
    select = fos.Select(ids[:20])._serialize()
    ui.grid |= {
        "extended": {select["_cls"]: dict(select["kwargs"])},
        "extended_selection": {"selection": ids[:20], "scope": "embeddings"},
        "selected": ids[3:5],
    }
    ui.send("on_change_extended_selection")
    ui.grid["selected"] = []
    ui.send("on_change_selected")
    number = ui.button("promote")["params"]["expected"]
    assert 0 < number < run.labels
    ui.grid["selected"] = ids[3:5]
    ui.send("toggle_patches")
    assert ui.notices == []
    ui.grid |= {"extended": {}, "extended_selection": {}, "selected": []}  # as the App does
    ui.send("on_change_view")
    assert ui.button("promote")["params"]["expected"] == number
    view = shown(numbered, ui.grid).view
    assert len(view) == number, "the sidebar's filters of the person work on patches too"
    assert set(USERS) < set(ui.grid["filters"]) and "lasso of 20" in str(ui.find("hint"))
    wire = ui.send("toggle_patches")
    assert ui.grid["view"] == []
    assert f'"selection": {json.dumps(ids[:20])}, "scope": "embeddings"' in wire
    told = [t for t in json.loads(wire) if t["operator_uri"].endswith("set_selected_samples")]
    assert [ids[3] in str(t["params"]) for t in told] == [True]
    assert ui.button("promote")["params"]["expected"] < number, "those of the two samples"


def test_the_page_holds_the_number_of_each_range_that_the_slider_can_show(ui, numbered, run):
    """The window shows it at once; without a person's filters the numbers are in memory."""
    assert not ui.find("confidence")["view"].get("steps"), "a person's filter is in the way"
    ui.grid["filters"] = {p: f for p, f in ui.grid["filters"].items() if p not in USERS}
    values = [(0.3, None, 0.295, 0.30000001)[i % 4] for i in range(run.labels)]
    for sample in numbered:
        for label in sample[run.staging_field].detections:
            label.confidence = values.pop()
        sample.save()
    ui.send("on_change_view")
    steps = ui.find("confidence")["view"]["steps"]
    assert steps["all"] == ui.button("promote")["params"]["expected"] == run.labels
    for low, high in ((0, 0.3), (0.3, 0.3), (0.3, 1), (0.29, 0.31), (0.31, 1), (0.01, 1)):
        ui.send("slide_confidence", path="confidence", value=[low, high])
        number = steps["up_to"][round(high * 100)] - steps["below"][round(low * 100)]
        assert ui.button("promote")["params"]["expected"] == number, (low, high)
        assert ui.find("confidence")["view"]["steps"] == steps
    assert ui.button("promote")["live"] == {"label": "Add # labels for approval"}
    assert ui.find("hint")["view"]["live"]["title"].startswith(f"# of {run.labels} labels")
