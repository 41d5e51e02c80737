"""The home page: what it says of each run, and what can be done there."""

import os
import re
import time

import pytest

import auto_labeling as al
from auto_labeling.core.run import Run, RunConfig, RunState
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.storage.runs import RunStore
from tests.support.app_double import App
from tests.support.waiting import wait_until


@pytest.fixture
def task():
    return "detection"


@pytest.fixture
def ui(numbered):
    app = App(numbered, panel_id=f"home-{numbered.name}")
    app.send("on_load")
    return app


def reload(ui):
    ui.send("go_home")
    return ui


def record(dataset, number, state=RunState.IN_REVIEW, **changes):
    """A run of the past, as a record alone."""
    config = RunConfig(
        task="detection", model="scripted", label_field=f"field_{number}", name=f"Run {number}"
    )
    run = Run(
        id=f"{number:012x}",
        config=config,
        state=state,
        created_at=f"2026-01-01T00:{number // 60:02}:{number % 60:02}.000+00:00",
        **changes,
    )
    return RunStore(dataset).create(run)


def card(ui, run):
    return ui.find(f"run_{run.id}")


def test_a_card_says_what_a_run_is_and_how_far_it_has_come(ui, numbered, run):
    ui.send("open_run", run_id=run.id)
    ui.send("click_bar", idx=10)
    number = ui.button("promote")["params"]["expected"]
    ui.send("promote", expected=number)
    reload(ui)
    said = str(card(ui, run))
    classes = len(numbered.distinct(f"{run.label_root}.label"))
    assert classes > 1 and "all classes" not in said
    for words in (
        "first",
        "Detection · scripted → predictions",
        f"40 samples · {run.labels:,} labels · {classes} classes · {number:,} promoted",
        "In Review",
        "just now",
        time.strftime("%Y-%m-%d"),
    ):
        assert words in said, words


def test_a_card_of_existing_labels_says_how_many_classes_they_have(ui, numbered, run):
    copy = importing.import_labels(numbered, "mine", "checked", name="Checked")
    assert f"{copy.labels:,} labels · 1 class · 0 promoted" in str(card(reload(ui), copy))
    waiting = labeling.start(numbered, run.config.model_copy(update={"label_field": "later"}))
    assert "all classes" in str(card(reload(ui), waiting)), "the setting, before there are labels"


def test_the_number_of_promoted_labels_follows_whoever_promotes(ui, numbered, run):
    other = App(numbered, panel_id=f"other-{run.id}")
    other.send("open_run", run_id=run.id)
    assert "0 promoted" in str(card(reload(ui), run))
    other.send("promote", **other.button("promote")["params"])
    assert f"{run.labels:,} promoted" in str(card(reload(ui), run))


def test_a_failed_run_says_why_and_what_helps(ui, numbered, config):
    run = labeling.start(numbered, config)
    labeling.cancel(numbered, run.id, by="Vera")
    said = str(card(reload(ui), run))
    assert "Canceled by Vera" in said and "Resume to continue" in said and "warning" in said
    record(
        numbered,
        2,
        RunState.FAILED,
        reason="error",
        error="OutOfMemoryError: CUDA out of memory\nTried to allocate",
    )
    said = str(card(reload(ui), labeling.get(numbered, f"{2:012x}")))
    assert "CUDA out of memory" in said and "Tried to" not in said
    assert "duplicate the run with a smaller model" in said
    said = ui.send("open_run", run_id=f"{2:012x}")
    assert "The worker ran out of memory" in said and "CUDA" not in said
    assert "CUDA out of memory" in ui.send("unfold"), "the error itself is folded away"


def test_a_run_that_nobody_picks_up_says_how_to_start_a_worker(ui, numbered, config, monkeypatch):
    run = labeling.start(numbered, config)
    assert "Waiting for a worker" in str(card(reload(ui), run)) and ui.find("timer")
    assert "No worker has picked this up" not in str(card(ui, run))
    monkeypatch.setattr("auto_labeling.core.text.age", lambda stored: 31.0)
    said = str(card(reload(ui), run))
    assert "No worker has picked this up for 31 s" in said and "launch`" in said


def test_a_page_on_which_nothing_happens_asks_for_nothing(ui, numbered, run):
    reload(ui)
    assert ui.find("timer") is None


def test_many_runs_are_listed_in_parts_searched_and_narrowed_by_status(ui, numbered):
    for number in range(45):
        record(numbered, number, RunState.APPROVED if number % 3 else RunState.FAILED)
    reload(ui)
    assert ui.names() == [f"Run {n}" for n in range(44, 24, -1)]
    ui.send("turn_runs", step=1)
    ui.send("turn_runs", step=1)
    assert ui.names() == [f"Run {n}" for n in range(4, -1, -1)]
    ui.send("turn_runs", step=1)
    assert ui.names(), "there is nothing after the last part"
    ui.send("list_status", status="Error")
    assert ui.names() == [f"Run {n}" for n in range(42, -1, -3)]
    ui.state["runs_search"] = "run 3"
    ui.send("edit_search", path="runs_search", value="run 3")
    assert ui.names() == [f"Run {n}" for n in (39, 36, 33, 30, 3)]
    ui.state["runs_search"] = "nowhere"
    ui.send("edit_search", path="runs_search", value="nowhere")
    assert ui.names() == [] and "No matching runs" in str(ui.find("none"))


def test_a_run_is_renamed_and_what_is_wrong_is_said_at_the_field(ui, run, numbered):
    reload(ui)
    ui.send("ask_rename", run_id=run.id)
    # The App keeps a field's value where the field stands: in the run's card.
    field = ui.state[f"run_{run.id}"]["rename"]
    assert field == {"new_name": "first"}
    field["new_name"] = "x" * 101
    ui.send("rename", run_id=run.id)
    assert "At most 100 characters" in str(ui.find("new_name"))
    ui.state[f"run_{run.id}"]["rename"]["new_name"] = " Second *look* "
    ui.send("rename", run_id=run.id)
    assert labeling.get(numbered, run.id).name == "Second *look*"
    assert ui.find("new_name") is None and ui.names() == ["Second *look*"]


def test_deleting_says_what_is_lost_and_touches_nothing_else(ui, run, numbered):
    before = numbered.values(["filepath", "mine.detections.label"])
    reload(ui)
    ui.send("ask_delete", run_id=run.id)
    said = str(card(ui, run))
    assert f"{run.labels:,} labels of this run, promoted or not, and the staging field" in said
    assert "predictions_in_review" in said and "This cannot be undone" in said
    ui.send("dismiss")
    assert ui.find("question") is None
    ui.send("ask_delete", run_id=run.id)
    ui.send("delete", **ui.button("yes")["params"])
    assert labeling.runs(numbered) == [] and ui.notices == ["'first' deleted"]
    numbered.reload()
    assert not numbered.has_field("predictions_in_review")
    assert numbered.values(["filepath", "mine.detections.label"]) == before


def test_a_duplicate_begins_with_the_same_answers_and_a_free_label_field(ui, numbered, model):
    config = RunConfig(
        task="detection",
        model="shapes-yolo",
        label_field="boxes",
        classes=["star"],
        confidence=0.3,
        max_labels=7,
        name="Stars",
        device="cpu",
    )
    run = labeling.start(numbered, config)
    reload(ui)
    ui.send("duplicate", run_id=run.id)
    assert ui.state["page"] == "configure" and not ui.notices
    ui.send("start")
    assert not ui.state["problems"]
    twin = labeling.get(numbered, ui.state["run_id"])
    assert twin.config == config.model_copy(update={"label_field": "boxes_2", "name": "Stars (2)"})


def test_a_duplicate_of_an_import_begins_on_its_own_page(ui, numbered):
    run = importing.import_labels(numbered, "mine", "checked")
    reload(ui)
    ui.send("duplicate", run_id=run.id)
    assert ui.state["page"] == "existing"
    assert ui.state["existing"]["source"] == "mine"
    assert ui.state["existing"]["label_field"] == "checked_2"


def test_another_dataset_has_its_own_runs(ui, run, dataset):
    ui.send("open_run", run_id=run.id)
    assert ui.state["page"] == "review"
    ui._dataset = dataset
    page = ui.send("on_change_dataset")
    assert "page" not in ui.state and "Label this dataset with a model" in page
    ui.send("open_run", run_id=run.id)
    assert "There is no run" in ui.notices[0]


def test_200_runs_are_drawn_quickly(numbered, ui):
    for number in range(200):
        record(numbered, number, labels=100, samples=40)
    reload(ui)
    began = time.perf_counter()
    for _ in range(3):
        reload(ui)
    took = (time.perf_counter() - began) / 3
    print(f"\nhome with 200 runs: {took * 1000:.0f} ms")
    assert took < float(os.environ.get("HOME_SECONDS", "0.5"))
    assert len(ui.names()) == 20


def test_each_run_is_under_a_status_whatever_its_state(ui, numbered):
    for number, state in enumerate(RunState):
        record(numbered, number, state)
    reload(ui)
    bar = str(ui.find("statuses"))
    numbers = [
        int(number)
        for number in re.findall(r"(?:Generating|Review|Approved|Error|Deleting) \((\d+)\)", bar)
    ]
    assert f"All ({len(RunState)})" in bar and sum(numbers) == len(RunState)
    ui.send("list_status", status="Deleting")
    deleting = list(RunState).index(RunState.DELETING)
    assert card(ui, RunStore(numbered).get(f"{deleting:012x}"))


def test_the_page_of_a_run_says_what_narrows_it(ui, numbered, model):
    config = RunConfig(
        task="detection", model="scripted", label_field="f", confidence=0, max_labels=1500
    )
    run = labeling.start(numbered, config)
    ui.send("open_run", run_id=run.id)
    said = str(ui.find("facts"))
    assert "at least 0" in said and "1,500 per image" in said


def test_what_happens_elsewhere_is_shown_and_nothing_else_draws_the_page(numbered, model, run):
    ui = App(numbered, panel_id=f"elsewhere-{numbered.name}")
    ui.send("on_load")

    def shown() -> bool:
        return "show_panel_output" in ui.send("look_for_changes")

    assert not shown() and not shown()
    # Other processes: a person at the command line, a colleague's App.
    labeling.rename(numbered, run.id, "Renamed by Ada")
    assert shown() and ui.names() == ["Renamed by Ada"]
    assert not shown()
    number = al.promote(al.runs(numbered)[0], min_confidence=0.5)
    wait_until(shown, "the number of promoted labels")
    assert number and f"{number} promoted" in str(card(ui, run))
    numbered.first().set_field("predictions_in_review", None)  # not saved: nothing has changed
    assert not shown()
    past = record(numbered, 7)
    assert shown() and len(ui.names()) == 2
    labeling.delete(numbered, past.id)
    assert shown() and ui.names() == ["Renamed by Ada"]
    ui.send("open_run", run_id=run.id)
    record(numbered, 8)
    assert not shown(), "another page than the list of runs"


def test_the_first_run_is_shown_where_there_was_none(dataset):
    ui = App(dataset, panel_id=f"first-{dataset.name}")
    ui.send("on_load")
    assert "show_panel_output" not in ui.send("look_for_changes")
    record(dataset, 1)
    assert "show_panel_output" in ui.send("look_for_changes")
    assert ui.names() == ["Run 1"]
