"""What is approved is what the person was shown, even if others act in that moment."""

import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import LabelsChanged
from auto_labeling.core.run import RunState
from auto_labeling.operators.reviewing import ApproveRun
from auto_labeling.review.approval import approve
from tests.support.added_labels import add
from tests.support.app_double import send


@pytest.fixture
def reviewed(numbered, config):
    run = al.generate(al.start(numbered, config.model_dump(), queue=False))
    al.promote(run, classes=["bee"])
    return run


def others(numbered, run):
    """Another person, who promotes and adds labels."""
    theirs = al.get(numbered, run.id)
    assert al.promote(theirs, classes=["ant"])
    add(numbered, theirs, 4, "mine")


def assert_nothing_was_approved(numbered, run):
    assert al.get(numbered, run.id).state is RunState.IN_REVIEW
    numbered.reload()
    assert not numbered.has_field("predictions")


def test_the_panel_sends_what_its_question_said(numbered, reviewed):
    shown = al.decision(reviewed).kept
    others(numbered, reviewed)
    state = {"page": "review", "run_id": reviewed.id}
    told, _ = send(numbered, "approve", state, run_id=reviewed.id, expected=shown)
    said = [t["params"]["message"] for t in told if (t["params"] or {}).get("variant") == "error"]
    assert said and "have changed" in said[0]
    assert_nothing_was_approved(numbered, reviewed)


def test_a_command_sends_the_number_in_its_question(numbered, reviewed, monkeypatch, capsys):
    class Terminal:
        def isatty(self):
            return True

        def readline(self):
            others(numbered, reviewed)
            return "y\n"

    shown = al.decision(reviewed).kept
    monkeypatch.setattr("sys.stdin", Terminal())
    assert cli.main(["approve", numbered.name, reviewed.id]) != 0
    said = capsys.readouterr().err
    assert f"Write {shown:,} labels" in said and "have changed" in said
    assert_nothing_was_approved(numbered, reviewed)


def test_a_script_approves_what_it_was_last_shown(numbered, reviewed):
    al.labels(reviewed)
    number = al.promote(reviewed, classes=["cat.x"])
    others(numbered, reviewed)
    with pytest.raises(LabelsChanged, match="have changed"):
        al.approve(reviewed)
    assert_nothing_was_approved(numbered, reviewed)
    shown = al.decision(reviewed)
    assert shown.promoted > number and shown.added == 1
    assert al.approve(reviewed).approved == shown.kept


def test_the_form_of_the_operator_shows_and_sends_the_number(numbered, reviewed):
    import fiftyone.operators.executor as executor

    request = {"dataset_name": numbered.name, "params": {"run_id": reviewed.id}}
    context = executor.ExecutionContext(request, operator_uri="x")
    form = ApproveRun().resolve_input(context).to_json()["type"]["properties"]
    (name,) = (n for n in form if n.startswith("expected"))
    shown = al.decision(reviewed).kept
    assert form[name]["default"] == shown
    assert f"{shown:,} labels" in form["numbers"]["view"]["label"]
    others(numbered, reviewed)
    request["params"][name] = shown
    with pytest.raises(LabelsChanged):
        ApproveRun().execute(executor.ExecutionContext(request, operator_uri="x"))
    assert_nothing_was_approved(numbered, reviewed)


def test_an_approval_that_dies_before_it_counts_still_compares(numbered, reviewed, monkeypatch):
    from auto_labeling.review import approval

    class Died(BaseException):
        """Not an Exception: like a kill, nothing handles it."""

    def die(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(approval.approval_counts, "count", die)
        with pytest.raises(Died):
            approve(numbered, reviewed.id, expected=1_000)
    monkeypatch.setattr(approval.liveness, "is_silent", lambda *_, **__: True)
    with pytest.raises(LabelsChanged):
        approve(numbered, reviewed.id)
    assert_nothing_was_approved(numbered, reviewed)
