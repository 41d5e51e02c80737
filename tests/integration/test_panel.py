"""The panel as the App calls it, without a browser: any event, in any order, with anything."""

import copy
import inspect
import random
import threading

import fiftyone.core.stages as fos
import pytest

from auto_labeling.app.form_settings import group_of
from auto_labeling.core.run import RunState, Speed
from auto_labeling.lifecycle import labeling
from auto_labeling.panels import background
from auto_labeling.panels.events import is_event
from auto_labeling.panels.panel import AutoLabelingPanel
from auto_labeling.storage import label_copies, speeds
from auto_labeling.storage.runs import RunStore
from tests.support import scripted_model
from tests.support.app_double import App, answer, notices, page_of, send
from tests.support.waiting import wait_until

HOSTILE = [None, "", "nothing", -1, 0, 10**12, True, [], {}, ["x"], {"$ne": 1}, 0.5, "\x00"]
STATE_KEYS = [
    "page",
    "run_id",
    "tab",
    "form",
    "remembered",
    "problems",
    "question",
    "filters",
    "staging_field",
]


def methods():
    """The names that the App may call."""
    own = inspect.getmembers(AutoLabelingPanel, inspect.isfunction)
    return sorted(n for n, f in own if is_event(f))


def test_an_empty_dataset_is_told_how_to_begin(dataset):
    told, state = send(dataset, "on_load")
    assert "Label this dataset with a model" in page_of(told)
    told, state = send(dataset, "new_run", state)
    assert state["page"] == "configure"
    assert "5 samples" in page_of(told)


def test_every_problem_is_named_and_nothing_is_written(dataset):
    _, state = send(dataset, "new_run")
    state["form"]["labels"].update(label_field="filepath", confidence=7)
    told, state = send(dataset, "start", state)
    assert set(state["problems"]) == {"model", "label_field", "confidence"}
    assert all(problem in page_of(told) for problem in state["problems"].values())
    assert state["page"] == "configure"
    assert labeling.runs(dataset) == []


def test_a_run_that_is_gone_is_said_in_a_sentence(dataset):
    told, _ = send(dataset, "resume", run_id="nothing")
    assert "There is no run nothing" in notices(told)[0]
    told, _ = send(dataset, "refresh", {"page": "review", "run_id": "nothing"})
    assert "Run not found" in page_of(told) and not notices(told)


def test_starting_writes_a_queued_run(dataset):
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, family="yolo", version="v8-shapes", label_field="boxes")
    told, state = send(dataset, "start", state)
    assert state["page"] == "progress", (state.get("problems"), notices(told))
    run = labeling.get(dataset, state["run_id"])
    assert run.state is RunState.QUEUED
    assert "Waiting for a worker" in page_of(told)


def test_a_zero_shot_model_takes_classes_and_prompts_as_text(dataset):
    _, state = send(dataset, "new_run")
    told, state = answer(
        dataset,
        state,
        task="classification",
        model_type="zero_shot",
        family="clip",
        label_field="kind",
        vocabulary=": a cat",
    )
    assert "Look" in page_of(told) and "MIT" in page_of(told)
    told, state = send(dataset, "start", state)
    assert state["problems"] == {"classes": "Line 1 has prompts but no class before the ':'"}
    told, state = answer(dataset, state, vocabulary="cat: a cat, a kitten\ndog")
    assert state["problems"] == {}
    told, state = send(dataset, "start", state)
    config = labeling.get(dataset, state["run_id"]).config
    assert config.classes == ("cat", "dog")
    assert config.prompts == {"cat": ("a cat", "a kitten")}


def test_what_a_form_needs_is_told_at_once_for_every_method(dataset):
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, task="instance_segmentation", method="two_stage")
    told, state = send(dataset, "start", state)
    assert set(state["problems"]) == {"model", "segmenter", "label_field", "mask_location"}
    told, state = answer(dataset, state, method="existing_detections")
    assert set(state["problems"]) == {"model", "label_field", "mask_location"}
    told, state = send(dataset, "start", state)
    assert "Choose the field whose boxes get masks" in page_of(told)


def test_a_checkpoint_that_no_worker_trusts_is_refused_at_its_field(
    dataset, answering, monkeypatch
):
    monkeypatch.delenv("FIFTYONE_AUTO_LABELING_TRUSTED", raising=False)
    _, state = send(dataset, "new_run")
    told, state = answer(
        dataset, state, family="custom-python", checkpoint="os:system", label_field="boxes"
    )
    assert "Import path" in page_of(told)
    told, state = send(dataset, "start", state)
    assert set(state["problems"]) == {"checkpoint"}
    assert "FIFTYONE_AUTO_LABELING_TRUSTED" in page_of(told)
    assert labeling.runs(dataset) == []


def test_packages_that_are_missing_are_told_before_the_run(dataset):
    _, state = send(dataset, "new_run")
    told, state = answer(dataset, state, family="yolo-nas")
    assert "pip install" in page_of(told)


def test_a_measured_speed_is_shown_and_used_for_an_estimate(dataset, monkeypatch):
    speed = Speed(
        model="shapes-yolo",
        task="detection",
        machine="lab-7",
        device="cuda:0",
        samples=100,
        rate=0.05,
        at="2026-01-01T00:00:00+00:00",
    )
    monkeypatch.setattr(speeds, "of_model", lambda name: [speed])
    _, state = send(dataset, "new_run")
    told, state = answer(dataset, state, family="yolo", version="v8-shapes")
    assert "0.1 samples/s on lab-7 (cuda:0)" in page_of(told)
    assert "About 1 min 50 s after a worker takes it, 10 s of that to start" in page_of(told)
    assert "at the speed measured on lab-7" in page_of(told)
    told, state = answer(dataset, state, task="instance_segmentation", method="two_stage")
    told, state = answer(dataset, state, family="yolo", version="v8-shapes", segmenter="x")
    assert "lab-7" not in page_of(told), "that is the speed of the detector alone"


def test_a_form_is_remembered_from_run_to_run(dataset):
    _, state = send(dataset, "new_run")
    _, state = answer(
        dataset, state, family="yolo", version="v8-shapes", classes=["star"], label_field="boxes"
    )
    _, state = send(dataset, "start", state)
    _, state = send(dataset, "go_home", state)
    _, state = send(dataset, "new_run", state)
    assert state["form"]["model"]["model"] == "shapes-yolo"
    assert state["form"]["classes"]["classes"] == ["star"]
    assert state["form"]["labels"]["label_field"] == ""


def test_the_form_is_drawn_anew_only_when_the_target_samples_have_changed(dataset):
    _, state = send(dataset, "new_run")
    for event in ("on_change_view", "on_change_selected", "on_change_extended_selection"):
        told, state = send(dataset, event, state)
        assert told == [], event
    dataset.delete_samples(dataset.first())
    told, state = send(dataset, "on_change_view", state)
    assert "Generate labels for 4 samples" in page_of(told)
    told, state = send(dataset, "on_change_view", state)
    assert told == []


def test_clicks_in_a_review_leave_the_panels_state_alone(numbered, run):
    """Or the App would save the state, load its page again and drop the sidebar's filters."""
    _, state = send(numbered, "open_run", run_id=run.id)
    assert state["page"] == "review"
    before = copy.deepcopy(state)
    for method, given in (
        ("toggle_class", {"row": 0}),
        ("click_bar", {"idx": 3}),
        ("select_tab", {"tab": "approval"}),
        ("ask_approve", {}),
        ("dismiss", {}),
    ):
        assert method in methods()
        _, state = send(numbered, method, state, **given)
        assert state == before, method
    _, state = send(numbered, "go_home", state)
    assert state["page"] == "home" and state["moves"] > before["moves"]


def test_an_event_that_was_sent_before_the_latest_move_takes_no_problem_off_the_page(dataset):
    _, state = send(dataset, "import_labels", send(dataset, "on_load")[1])
    before = copy.deepcopy(state)
    told, state = send(dataset, "start_import", state)
    assert "Choose the field whose labels you want to review" in page_of(told)
    told, _ = send(dataset, "on_change_view", before)
    assert told == [], "its state knows of no problems"
    told, _ = send(dataset, "on_change_view", state)
    assert "Choose the field whose labels you want to review" in page_of(told)


def test_a_selection_in_the_grid_is_said_beside_the_number_of_labels(numbered, run):
    told, state = send(numbered, "open_run", run_id=run.id)
    assert "only in" not in page_of(told)
    told, _ = send(numbered, "on_change_selected", state, selection=numbered.values("id")[:3])
    assert "only in the 3 selected samples" in page_of(told)


def test_a_lasso_is_named_beside_the_number_of_labels(numbered, run):
    ui = App(numbered, panel_id=f"lasso-{run.id}")
    ui.send("open_run", run_id=run.id)
    assert "lasso" not in str(ui.find("hint"))
    select = fos.Select(numbered.values("id")[:7])._serialize()
    ui.grid["extended"] = {select["_cls"]: dict(select["kwargs"])}
    ui.send("on_change_selected")
    assert "only in the lasso of 7 samples" in str(ui.find("hint"))
    ui.grid["selected"] = numbered.values("id")[:2]
    ui.send("on_change_selected")
    assert "only in the 2 selected samples" in str(ui.find("hint"))


def test_review_these_labels_leads_to_the_review(numbered, monkeypatch):
    def answers(field, goes_to="new"):
        return {"source": "mine", "goes_to": goes_to, "label_field": field, "name": field}

    ui = App(numbered, panel_id=f"import-{numbered.name}")
    ui.send("import_labels")
    ui.state["existing"] = answers("quick")
    ui.send("start_import")
    assert ui.state["page"] == "review"

    # One that takes longer is followed on a page that says what fits an import.
    held = threading.Event()
    monkeypatch.setattr(background, "MAX_WAIT", 0.1)
    copy = label_copies.copy_labels
    monkeypatch.setattr(label_copies, "copy_labels", lambda *a: (held.wait(30), copy(*a))[1])
    ui.send("go_home")
    ui.send("import_labels")
    ui.state["existing"] = answers("slow")
    page = ui.send("start_import")
    assert ui.state["page"] == "progress" and "Copied from" in page
    assert not {"Method", "Model", "Worker", "Device"} & said_on(ui)
    held.set()
    wait_until(lambda: ui.send("refresh") and ui.state["page"] == "review", "the review")
    assert "for approval" in str(ui.find("promote"))


def said_on(ui) -> set:
    """The names of the facts on a run's page."""
    facts = ui.find("facts")["type"]["properties"]
    return {fact["view"]["title"] for name, fact in facts.items() if name.endswith("_key")}


def test_the_box_of_failed_samples_is_hidden_for_a_window_until_there_are_more(
    numbered, model, config, task, monkeypatch
):
    monkeypatch.setenv(scripted_model.FAILS, "3,17")
    scripted_model.install(task)
    run = labeling.generate(numbered, labeling.start(numbered, config).id)
    one, two = (App(numbered, panel_id=f"{name}-{run.id}") for name in ("one", "two"))
    for ui in (one, two):
        assert "2 samples failed" in ui.send("open_run", run_id=run.id)
    one.send("toggle_failures", **one.button("hide")["params"])
    one.send("go_home")
    one.send("open_run", run_id=run.id)
    assert one.find("failed_samples") is None and "2 samples failed" not in str(one.find("failed"))
    assert "2 samples failed" in two.send("refresh"), "the other window's own"
    one.send("toggle_failures", **one.button("failed")["params"])
    assert one.find("failed_samples") and one.state["dismissed"] == []
    one.send("toggle_failures", **one.button("hide")["params"])
    RunStore(numbered).amend(run.id, failed=3)
    one.send("refresh")
    assert "3 samples failed" in str(one.find("failed_samples"))


@pytest.mark.parametrize("event", ["on_change_view", "on_change_selected", "refresh", "edit"])
def test_an_event_that_was_sent_before_the_latest_move_does_not_bring_back_its_page(dataset, event):
    _, state = send(dataset, "on_load")
    before = copy.deepcopy(state)
    told, state = send(dataset, "new_run", state)
    assert "Target samples" in page_of(told)
    told, _ = send(dataset, event, before)
    assert told == []
    told, state = send(dataset, "go_home", state)
    told, _ = send(dataset, event, state)
    assert "Label this dataset" in page_of(told)


def test_a_page_is_not_shown_if_somebody_has_gone_on_while_it_was_drawn(dataset, monkeypatch):
    _, state = send(dataset, "on_load")
    before = copy.deepcopy(state)
    draw = AutoLabelingPanel.render

    def go_on_meanwhile(panel, ctx):
        monkeypatch.setattr(AutoLabelingPanel, "render", draw)
        send(dataset, "new_run", state)
        return draw(panel, ctx)

    monkeypatch.setattr(AutoLabelingPanel, "render", go_on_meanwhile)
    told, _ = send(dataset, "refresh", before)
    assert told == []


def test_windows_that_share_a_state_count_on_from_each_others_moves(dataset):
    _, state = send(dataset, "on_load")
    older = copy.deepcopy(state)
    for _ in range(3):
        _, state = send(dataset, "new_run", state)
    stale = copy.deepcopy(state)
    told, older = send(dataset, "import_labels", older)
    assert older["moves"] > stale["moves"], "or its page would pass for the older one"
    told, _ = send(dataset, "on_change_view", stale)
    assert told == []


def test_a_panel_that_was_reloaded_begins_anew(dataset):
    _, state = send(dataset, "on_load")
    for _ in range(3):
        _, state = send(dataset, "new_run", state)
    told, state = send(dataset, "on_load", {"panel_of_test": state["panel_of_test"]})
    told, _ = send(dataset, "on_change_view", state)
    assert page_of(told)


@pytest.mark.parametrize("seed", range(10))
def test_a_hostile_form_harms_nothing(dataset, seed):
    chance = random.Random(seed)
    before = sorted(dataset.get_field_schema()), dataset.values(["filepath", "tags"])
    texts = ["instance_segmentation", "two_stage", "existing_detections", "yolo", "shapes-yolo"]
    for _ in range(40):
        form = {}
        for name, group in group_of().items():
            if chance.random() < 0.7:
                form.setdefault(group, {})[name] = chance.choice([*HOSTILE, *texts])
        state = {"page": "configure", "form": form, "remembered": chance.choice(HOSTILE)}
        name = chance.choice([*group_of(), "", "__class__", "form"])
        told, state = send(dataset, "edit", state, path=f"form.x.{name}", value=1)
        assert page_of(told) and not notices(told), name
        told, state = send(dataset, "start", state)
        assert page_of(told) and state["problems"]
    dataset.reload()
    assert labeling.runs(dataset) == []
    assert (sorted(dataset.get_field_schema()), dataset.values(["filepath", "tags"])) == before


@pytest.mark.parametrize("seed", range(5))
def test_no_event_ever_raises(dataset, seed):
    chance = random.Random(seed)
    names = methods()
    assert {"start", "approve", "delete", "promote"} <= set(names)
    for _ in range(40):
        state = {k: chance.choice(HOSTILE) for k in STATE_KEYS if chance.random() < 0.5}
        state["page"] = chance.choice(["home", "configure", "progress", "review", "done", 7])
        params = {k: chance.choice(HOSTILE) for k in ("run_id", "row", "expected", "path", "value")}
        name = chance.choice(names)
        told, _ = send(dataset, name, state, **params)
        assert page_of(told) if told else name == "look_for_changes"
    dataset.reload()
    assert labeling.runs(dataset) == []
