"""Slow actions: a page shows that they run, and leads on when they are over."""

import copy
import threading
from unittest import mock

import pytest

from auto_labeling.core.errors import IllegalTransition
from auto_labeling.lifecycle import labeling
from auto_labeling.panels import background
from tests.support.app_double import answer, notices, page_of, send
from tests.support.waiting import wait_until


@pytest.fixture
def task():
    return "detection"


@pytest.fixture
def slow(monkeypatch):
    """Makes the panel's handlers wait for nothing; returns what lets a verb go on."""
    go_on = threading.Event()
    freeze = labeling._freeze

    def wait(*args):
        assert go_on.wait(20)
        return freeze(*args)

    monkeypatch.setattr(labeling, "_freeze", wait)
    monkeypatch.setattr(background, "MAX_WAIT", 0)
    yield go_on
    go_on.set()


def begin(dataset, label_field="boxes"):
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, family="yolo", version="v8-shapes", label_field=label_field)
    return send(dataset, "start", state)


def the_run(dataset):
    """The run that is being started, as soon as it is recorded."""
    (run,) = wait_until(lambda: labeling.runs(dataset), "the run is recorded")
    return run


def finished(dataset, state):
    """Refreshes as the page's timer does, until it shows something else."""

    def shown():
        nonlocal state
        told, state = send(dataset, "refresh", state)
        return told if state["page"] != "working" else None

    return wait_until(shown, "another page is shown"), state


def test_what_takes_long_shows_a_page_and_leads_on_when_it_is_over(numbered, slow):
    told, state = begin(numbered)
    assert state["page"] == "working" and "Preparing the target samples" in page_of(told)
    before = copy.deepcopy(state)
    told, state = send(numbered, "refresh", state)
    assert state["page"] == "working"
    slow.set()
    told, state = finished(numbered, state)
    (run,) = labeling.runs(numbered)
    assert (state["page"], state["run_id"], run.frozen) == ("progress", run.id, True)
    told, _ = send(numbered, "refresh", before)
    assert told == [], "a refresh that was sent before does not bring the page back"


def test_a_second_click_starts_nothing_and_something_else_has_to_wait(numbered, slow):
    _, state = begin(numbered)
    _, clicked = send(numbered, "start", copy.deepcopy({**state, "page": "configure"}))
    assert clicked["page"] == "working"
    run = the_run(numbered)
    told, _ = send(numbered, "delete", copy.deepcopy(state), run_id=run.id)
    assert "Wait for this to finish: Preparing the target samples" in notices(told)[0]
    slow.set()
    finished(numbered, state)
    assert len(labeling.runs(numbered)) == 1


def test_what_goes_wrong_in_the_background_is_said_where_it_was_asked_for(run, numbered, slow):
    def refuse(dataset, run_id):
        assert slow.wait(20)
        raise IllegalTransition("Not now")

    with mock.patch.object(labeling, "delete", refuse):
        _, state = send(numbered, "ask_delete", run_id=run.id)
        told, state = send(numbered, "delete", state, run_id=run.id)
        assert "Deleting 'first'" in page_of(told)
        slow.set()
        told, state = finished(numbered, state)
    assert notices(told) == ["Not now"] and state["page"] == "home"


def test_a_page_that_is_loaded_again_meanwhile_leads_to_the_runs(numbered, slow):
    _, state = begin(numbered)
    the_run(numbered)
    reloaded = {"id": "another", "state": state}  # the script gives each page load a name
    told, state = send(numbered, "on_load", state, window=reloaded)
    assert "may still be running" in page_of(told)
    told, state = send(numbered, "go_home", state)
    assert "Preparing the target samples" in page_of(told)
