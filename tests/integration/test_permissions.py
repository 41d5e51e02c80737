"""People with view-only access see everything and change nothing, even by a forged request."""

from enum import Enum
from types import SimpleNamespace

import pytest
from fiftyone.operators.executor import ExecutionContext, Executor

from auto_labeling.app import request
from auto_labeling.core.errors import NotPermitted
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.operators.generate import GenerateLabels
from auto_labeling.panels.events import is_change, is_event
from auto_labeling.panels.panel import AutoLabelingPanel
from tests.support.app_double import App

Permission = Enum("Permission", ["NO_ACCESS", "VIEW", "TAG", "EDIT", "MANAGE"])

#: What a person may do without the right to edit.
LOOKS = {
    "go_on_alone",
    "show_slice",
    "sort_classes",
    "add_listed",
    "clear_ids",
    "hide_preview",
    "on_load",
    "on_unload",
    "on_change_dataset",
    "on_change_view",
    "on_change_selected",
    "refresh",
    "look_for_changes",
    "go_home",
    "open_run",
    "edit",
    "edit_existing",
    "edit_search",
    "edit_name",
    "list_status",
    "turn_runs",
    "dismiss",
    "unfold",
    "toggle_failures",
    "show_failed",
    "show_labels",
    "select_tab",
    "slide_confidence",
    "clear_filters",
    "set_limit",
    "click_bar",
    "toggle_class",
    "toggle_without",
    "toggle_empty",
    "toggle_patches",
    "search",
    "turn",
}


@pytest.fixture
def task():
    return "detection"


def user(permission):
    return SimpleNamespace(id="u1", name="Vera", dataset_permission=permission)


def context(of):
    return SimpleNamespace(user=of)


@pytest.mark.parametrize("permission", ["EDIT", "manage", Permission.EDIT, Permission.MANAGE])
def test_whoever_may_edit_may_do_everything(permission):
    request.require_edit(context(user(permission)))


def test_open_source_fiftyone_knows_no_users():
    request.require_edit(context(None))


@pytest.mark.parametrize(
    "permission",
    ["VIEW", "TAG", "NO_ACCESS", "", None, 7, Permission.VIEW, Permission.TAG, "EDITOR", ["EDIT"]],
)
def test_whoever_may_not_edit_is_refused_in_a_sentence(permission):
    with pytest.raises(NotPermitted, match="You have view-only access to this dataset"):
        request.require_edit(context(user(permission)))


def test_a_user_of_unknown_permission_may_only_look():
    assert not request.may_edit(context(SimpleNamespace(id="u1", name="Vera")))


def test_every_event_is_a_look_or_a_change():
    events = {n: f for n, f in vars_of(AutoLabelingPanel).items() if is_event(f)}
    looks = {f.__name__ for f in events.values() if not is_change(f)}
    assert looks == LOOKS, "does a new event change something? Then it is a @change"


def vars_of(cls):
    return {name: getattr(cls, name) for name in dir(cls)}


@pytest.fixture
def viewer(numbered, run):
    return App(numbered, panel_id=f"viewer-{run.id}", user=user("VIEW"))


def test_a_viewer_sees_the_runs_and_their_numbers_without_a_button_that_changes(viewer, run):
    page = viewer.send("on_load")
    assert run.name in page and f"{run.labels:,} labels" in page
    assert "You have view-only access to this dataset" in page
    assert viewer.events() == {"open_run", "look_for_changes"}
    page = viewer.send("open_run", run_id=run.id)
    assert viewer.find("classes") and f"Review ({run.labels})" in page
    assert viewer.events() <= LOOKS
    viewer.send("toggle_class", row=0)
    viewer.send("select_tab", tab="approval")
    assert not viewer.notices and viewer.events() <= LOOKS


def test_a_viewer_of_a_dataset_without_runs_is_not_asked_to_label_it(dataset):
    page = App(dataset, panel_id="nothing-yet", user=user("VIEW")).send("on_load")
    assert "No runs yet" in page and "Label this dataset" not in page


def test_a_viewer_cannot_undo_in_the_table(numbered, run):
    owner = App(numbered, panel_id=f"owner-{run.id}", user=user("EDIT"))
    owner.send("open_run", run_id=run.id)
    owner.send("promote", **owner.button("promote")["params"])
    owner.send("select_tab", tab="approval")
    assert "undo_class" in owner.events()
    viewer = App(numbered, panel_id=f"viewer2-{run.id}", user=user("VIEW"))
    viewer.send("open_run", run_id=run.id)
    viewer.send("select_tab", tab="approval")
    assert viewer.find("promoted") and "undo_class" not in viewer.events()


def test_every_change_that_a_viewer_sends_is_refused(viewer, numbered, run):
    changes = [n for n, f in vars_of(AutoLabelingPanel).items() if is_event(f) and is_change(f)]
    assert {"start", "promote", "approve", "delete", "cancel", "rename"} <= set(changes)
    for number, name in enumerate(changes):
        viewer.state = {"page": ("home", "review", "progress")[number % 3], "run_id": run.id}
        viewer.send(name, run_id=run.id, expected=0, row=0)
        assert any("view-only access" in notice for notice in viewer.notices), name
    assert labeling.get(numbered, run.id) == run


def test_a_viewer_cannot_run_the_operator(numbered, run):
    ctx = ExecutionContext(
        request_params={"dataset_name": numbered.name, "params": {"run_id": run.id}},
        executor=Executor(),
    )
    ctx.user = user("VIEW")
    with pytest.raises(NotPermitted):
        GenerateLabels(_builtin=False).execute(ctx)
    assert labeling.get(numbered, run.id).state is RunState.IN_REVIEW
