"""How a panel learns in which window it is, and who keeps what it shows there."""

import uuid

from fiftyone.operators.executor import ExecutionContext, Executor

from tests.support.app_double import PANEL, page_of


def send(dataset, panel_id, method, **params):
    """One event, with what its sender says of the window. Returns what the App is told to do."""
    request = {
        "dataset_name": dataset.name,
        "params": {"panel_id": panel_id, "__method__": method, **params},
        "filters": {},
    }
    ctx = ExecutionContext(
        request_params=request, executor=Executor(), operator_uri=PANEL.uri, required_secrets=[]
    )
    PANEL.execute(ctx)
    return [r.to_json() for r in ctx.executor._requests]


def names(told):
    return [one["operator_uri"].rpartition("/")[2] for one in told]


def new_panel():
    return uuid.uuid4().hex


def test_a_window_with_the_script_keeps_what_its_panel_shows(dataset):
    panel_id = new_panel()
    greeting = send(dataset, panel_id, "on_load", panel_state={})
    assert names(greeting) == ["show_panel_output"]
    assert "AutoLabelingHello" in page_of(greeting)
    states = {"one": {}, "two": {}}
    for name, state in states.items():
        told = send(dataset, panel_id, "on_load", window={"id": name, "state": state})
        assert "Label this dataset with a model" in page_of(told)
    told = send(dataset, panel_id, "new_run", window={"id": "one", "state": states["one"]})
    assert "patch_panel_state" not in names(told) and "patch_panel_data" in names(told)
    assert states["one"]["page"] == "configure" and "page" not in states["two"]
    told = send(dataset, panel_id, "refresh", window={"id": "two", "state": states["two"]})
    assert "Label this dataset with a model" in page_of(told)


def test_what_the_app_tells_of_no_window_in_particular_is_not_answered(dataset):
    panel_id = new_panel()
    send(dataset, panel_id, "on_load", window={"id": "one", "state": {}})
    for state in ({}, {"is_plain": True}):
        assert send(dataset, panel_id, "on_change_view", panel_state=state) == []
    assert send(dataset, panel_id, "go_on_alone", panel_state={}) == []


def test_without_the_script_the_app_keeps_it(dataset):
    panel_id, state = new_panel(), {}
    told = send(dataset, panel_id, "go_on_alone", panel_state=state)
    assert "patch_panel_state" in names(told) and state["is_plain"]
    told = send(dataset, panel_id, "new_run", panel_state=state)
    assert "AutoLabelingPage" not in page_of(told) and state["page"] == "configure"
    told = send(dataset, panel_id, "on_load", panel_state=state, window={"id": "one", "state": {}})
    assert "clear_panel_state" in names(told), "an App that has the script by now"
    assert "Label this dataset with a model" in page_of(told)
