"""Rejected labels: out of the review, never approved unless moved back."""

import json

import fiftyone.operators as operators
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import AutoLabelingError, LabelsChanged
from auto_labeling.core.names import PLUGIN
from auto_labeling.review import summary
from auto_labeling.storage import approval_counts
from tests.support.added_labels import add
from tests.support.app_double import App
from tests.support.labels_in_review import SAMPLES, make

FULL = SAMPLES - 1  # samples with labels


@pytest.fixture(params=["detections", "classification"])
def run(request):
    dataset = make(request.param)
    yield al.import_labels(dataset, "truth", "checked")
    dataset.delete()


@pytest.fixture
def boxes():
    dataset = make("detections")
    yield al.import_labels(dataset, "truth", "checked")
    dataset.delete()


def test_rejected_labels_leave_the_review_and_are_deleted_by_approval(run):
    rejected = al.reject(run, sample_ids=[run.dataset.first().id])
    totals = al.labels(run).totals
    assert totals["rejected"] == rejected and totals["approval"] == 0
    assert al.promote(run) == totals["review"], "what is rejected is not promoted"
    decision = al.decision(run)
    assert decision.counts == (
        f"{totals['review']} promoted, {rejected} rejected, 0 not looked at, 0 added by people"
    )
    al.approve(run)
    first = run.dataset.first()["checked"]
    assert not first or not first.detections
    assert run.dataset.count(run.record.label_root.replace("_in_review", "")) == totals["review"]
    kept = run.dataset.get_run_info(run.dataset.list_runs()[0]).config
    assert (kept.promoted, kept.rejected, kept.not_looked_at) == (totals["review"], rejected, 0)


def test_a_label_that_a_person_added_is_kept_unless_it_is_rejected(boxes):
    add(boxes.dataset, boxes, 0, "mine")
    add(boxes.dataset, boxes, 1, "wrong")
    al.reject(boxes, classes=["wrong"])
    decision = al.decision(boxes)
    assert (decision.added, decision.rejected, decision.kept) == (1, 1, 1)
    assert approval_counts.count(boxes.dataset, boxes.record) == decision
    al.approve(boxes)
    assert boxes.dataset.values("checked.detections.label", unwind=True) == ["mine"]


def test_the_table_counts_each_class_by_state(boxes):
    al.promote(boxes, classes=["a"], sample_ids=[boxes.dataset.first().id])
    al.reject(boxes, classes=["a", "b"], sample_ids=[boxes.dataset.last().id])
    al.reject(boxes, classes=["b"])
    rows = {row.label: row for row in al.labels(boxes).rows}
    assert rows.keys() == {"a", "c"}
    assert (rows["a"].promoted, rows["a"].rejected, rows["a"].not_looked_at) == (1, 0, FULL - 1)
    (rejected,) = al.labels(boxes, "rejected").rows
    assert (rejected.label, rejected.current, rejected.rejected) == ("b", FULL, FULL)
    assert al.undo(boxes, "rejected", classes=["b"]) == FULL
    assert al.labels(boxes, "rejected").total == 0


def test_every_way_rejects_the_same_and_moves_it_back(boxes, capsys):
    def command(*words):
        assert cli.main([words[0], boxes.dataset.name, boxes.id, *words[1:], "--json"]) == verbs.OK
        return json.loads(capsys.readouterr().out)["labels"]

    def operate(name, **params):
        context = {"dataset": boxes.dataset.name}
        params["run_id"] = boxes.id
        done = operators.execute_operator(f"{PLUGIN}/{name}", context, params=params)
        return done.result["labels"]

    def states():
        boxes.dataset.reload()
        return boxes.dataset.values(f"{boxes.record.label_root}.review")

    al.reject(boxes, classes=["a"])
    wanted = states()
    assert al.undo(boxes, "rejected") == FULL
    assert command("reject", "--classes", "a", "--dry-run") == FULL
    assert command("reject", "--classes", "a", "--expected", str(FULL)) == FULL
    assert states() == wanted
    assert command("undo", "--tab", "rejected", "--classes", "a") == FULL
    assert operate("reject_labels", classes=["a"], expected=FULL) == FULL
    assert states() == wanted
    assert operate("undo_promotion", tab="rejected") == FULL
    assert al.labels(boxes).total == 3 * FULL


def test_the_commands_list_and_ask_by_state(boxes, capsys):
    al.reject(boxes, classes=["a"])
    al.promote(boxes, classes=["b"])
    assert cli.main(["labels", boxes.dataset.name, boxes.id]) == verbs.OK
    assert f"{FULL} promoted, {FULL} rejected, {FULL} not looked at" in capsys.readouterr().out
    assert cli.main(["approve", boxes.dataset.name, boxes.id]) == verbs.REFUSED
    assert f"{FULL} rejected, {FULL} not looked at, 0 added by people" in capsys.readouterr().err


def test_the_panel_counts_only_what_is_not_looked_at(boxes):
    al.reject(boxes, classes=["a"])
    al.promote(boxes, classes=["b"])
    app = App(boxes.dataset)
    app.send("on_load")
    app.send("open_run", run_id=boxes.id)
    assert list(app.table()) == ["c"]
    assert app.button("promote")["params"]["expected"] == FULL
    app.send("select_tab", tab="approval")
    app.send("ask_approve")
    sentence = f"{FULL} promoted, {FULL} rejected, {FULL} not looked at, 0 added by people"
    assert sentence in str(app.find("question"))


def test_the_panel_rejects_what_it_shows_and_takes_it_back(boxes):
    app = App(boxes.dataset)
    app.send("on_load")
    app.send("open_run", run_id=boxes.id)
    assert app.find("last_action") is None
    app.send("toggle_class", row=list(app.table()).index("a"))
    app.send("reject", **app.button("reject")["params"])
    assert app.notices == [f"{FULL} labels rejected"] and sorted(app.table()) == ["b", "c"]
    assert f"Last action: rejected {FULL} labels" in str(app.find("last_action"))
    app.send("select_tab", tab="approval")
    assert app.table("rejected") == {"a": [str(FULL)]}
    assert "No labels are waiting for approval" in str(app.find("empty"))
    app.send("undo_rejected", row=0)
    assert al.labels(boxes).total == 3 * FULL and app.find("rejected") is None
    app.send("undo_last", **app.button("undo_last")["params"])
    assert app.table("rejected") == {"a": [str(FULL)]}
    app.send("undo_all_rejected", **app.button("undo_all_rejected")["params"])
    assert al.labels(boxes).totals == {"review": 3 * FULL, "approval": 0, "rejected": 0}


def test_a_review_in_which_all_is_rejected_can_be_closed(run):
    app = App(run.dataset)
    app.send("on_load")
    app.send("open_run", run_id=run.id)
    app.send("reject", **app.button("reject")["params"])
    assert "All labels of this run are rejected" in str(app.find("empty"))
    app.send("select_tab", **app.button("approval")["params"])
    app.send("ask_approve", **app.button("approve")["params"])
    assert "0 promoted" in str(app.find("question"))
    app.send("approve", **app.button("yes")["params"])
    assert run.reload().status == "Approved", app.notices
    run.dataset.reload()
    assert run.dataset.has_field("checked") and run.dataset.count("checked") == 0
    assert not run.dataset.has_field(run.staging_field)


def test_nothing_is_rejected_if_the_labels_have_changed(boxes):
    with pytest.raises(LabelsChanged, match="to reject"):
        al.reject(boxes, expected=1)
    with pytest.raises(AutoLabelingError, match="approval, rejected"):
        al.undo(boxes, "review")
    assert summary.decision(boxes.dataset, boxes.record).rejected == 0
