"""The panel as the App calls it, without a browser: any event, in any order, with anything."""

import inspect
import random

import pytest
from fiftyone.operators.executor import ExecutionContext, Executor

from auto_labeling import labeling
from auto_labeling.panels.auto_labeling import AutoLabelingPanel
from auto_labeling.panels.state import FORM_GROUPS
from auto_labeling.run import RunState

PANEL = AutoLabelingPanel(_builtin=False)
HOSTILE = [None, "", "nothing", -1, 0, 10**12, True, [], {}, ["x"], {"$ne": 1}, 0.5, "\x00"]
STATE_KEYS = ["page", "run_id", "tab", "form", "problems", "question", "filters", "staging_field"]


def methods():
    """The names that the App may call."""
    own = inspect.getmembers(AutoLabelingPanel, inspect.isfunction)
    return sorted(n for n, f in own if hasattr(f, "__wrapped__"))


def send(dataset, method, state=None, **params):
    """One event as the App sends it. Returns ``(what the App is told to do, the state)``."""
    state = {} if state is None else state
    request = {
        "dataset_name": dataset.name,
        "params": {"panel_id": "panel", "panel_state": state, "__method__": method, **params},
        "filters": params.pop("sidebar", {}),
    }
    ctx = ExecutionContext(
        request_params=request, executor=Executor(), operator_uri=PANEL.uri, required_secrets=[]
    )
    PANEL.execute(ctx)
    told = [r.to_json() for r in ctx.executor._requests]
    return told, ctx.panel_state


def answer(dataset, state, **answers):
    """Answers on the configure page, one after the other, as its controls do."""
    for name, value in answers.items():
        group = FORM_GROUPS[name]
        state["form"].setdefault(group, {})[name] = value
        told, state = send(dataset, "edit", state, path=f"form.{group}.{name}", value=value)
    return told, state


def page_of(told):
    (page,) = [t for t in told if t["operator_uri"].endswith("show_panel_output")]
    return str(page["params"])


def notices(told):
    return [t["params"]["message"] for t in told if t["operator_uri"].endswith("notify")]


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
    assert "This page could not be drawn" in page_of(told)


def test_starting_writes_a_queued_run(dataset):
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, family="yolo", version="v8-shapes", label_field="boxes")
    told, state = send(dataset, "start", state)
    assert state["page"] == "progress", (state.get("problems"), notices(told))
    run = labeling.get(dataset, state["run_id"])
    assert run.state is RunState.QUEUED
    assert "Waiting for a worker" in page_of(told)


@pytest.mark.parametrize("seed", range(5))
def test_no_event_ever_raises(dataset, seed):
    chance = random.Random(seed)
    names = methods()
    assert {"start", "approve", "delete", "promote"} <= set(names)
    for _ in range(40):
        state = {k: chance.choice(HOSTILE) for k in STATE_KEYS if chance.random() < 0.5}
        state["page"] = chance.choice(["home", "configure", "progress", "review", "done", 7])
        params = {k: chance.choice(HOSTILE) for k in ("run_id", "row", "expected", "path", "value")}
        told, _ = send(dataset, chance.choice(names), state, **params)
        assert page_of(told)
    dataset.reload()
    assert labeling.runs(dataset) == []
