"""Undo the last action: by anyone, again and again, also after edits by people and crashes."""

import json
import os
import random

import fiftyone.operators as operators
import pytest
from bson import ObjectId

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import AutoLabelingError, IllegalTransition
from auto_labeling.core.names import PLUGIN
from auto_labeling.review import snapshot
from auto_labeling.storage.history import HistoryStore
from tests.support.labels_in_review import SAMPLES, make

FULL = SAMPLES - 1  # samples with labels
ACTIONS = int(os.environ.get("UNDO_ACTIONS", "12"))


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


def stored(run):
    """All samples as the database holds them, without when they changed."""
    samples = run.dataset._sample_collection.find({}, {"last_modified_at": 0})
    return list(samples.sort("number", 1))


def someone_sets(run, sample, name, **values):
    """A person changes a label of a run by a script."""
    values = {f"{run.record.label_root}.$[label].{key}": v for key, v in values.items()}
    run.dataset._sample_collection.update_one(
        {"number": sample}, {"$set": values}, array_filters=[{"label.label": name}]
    )


ACTS = (
    lambda run, some: al.promote(run, sample_ids=some),
    lambda run, some: al.promote(run, classes=["a"], by="Ann"),
    lambda run, some: al.promote(run, view=run.dataset.limit(2)),
    lambda run, some: al.reject(run, sample_ids=some, by="Bob"),
    lambda run, some: al.reject(run, min_confidence=0.5),
    lambda run, some: al.undo(run),
    lambda run, some: al.undo(run, "rejected", sample_ids=some),
    lambda run, some: al.relabel(run, "new", sample_ids=some),
    lambda run, some: al.relabel(run, {"a": "b", "b": "a", "new": "c"}, by="Ann"),
    lambda run, some: al.relabel(run, "a", view=run.dataset.limit(2), tab="review"),
)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_series_of_actions_undone_one_by_one_gives_back_the_first_state(run, in_memory):
    chance = random.Random(int(in_memory))
    ids = run.dataset.values("id")
    before, numbers = [], []
    while len(before) < ACTIONS:
        state = stored(run)
        number = chance.choice(ACTS)(run, chance.sample(ids, 2))
        assert (number > 0) == (stored(run) != state)
        if number:
            before.append(state)
            numbers.append(number)
    for state, number in zip(reversed(before), reversed(numbers), strict=True):
        if not in_memory:
            snapshot.clear()
        undone = al.undo_last(run)
        assert (undone.labels, undone.edited, undone.deleted) == (number, 0, 0)
        assert stored(run) == state
        assert al.labels(run).totals == _totals(run)
    with pytest.raises(IllegalTransition, match="left to undo"):
        al.undo_last(run)


def _totals(run):
    states = [label["review"] for sample in stored(run) for label in _labels(run, sample)]
    tabs = {"review": "unpromoted", "approval": "promoted", "rejected": "rejected"}
    return {tab: states.count(state) for tab, state in tabs.items()}


def _labels(run, sample):
    value = sample.get(run.record.staging_field)
    return [] if value is None else value["detections"] if run.record.many else [value]


def test_what_people_edited_since_keeps_the_edit_and_is_counted(boxes):
    al.relabel(boxes, "new", classes=["a"])
    someone_sets(boxes, 0, "new", label="theirs")
    someone_sets(boxes, 1, "new", bounding_box=[0.5, 0.5, 0.1, 0.1])
    boxes.dataset._sample_collection.update_one(
        {"number": 2}, {"$pull": {boxes.record.label_root: {"label": "new"}}}
    )
    undone = al.undo_last(boxes, by="Bob")
    assert (undone.labels, undone.edited, undone.deleted) == (1, 1, 1)
    assert undone.sentence.startswith("Undone: relabeled 3 labels (a to new)")
    assert "1 label edited since, 1 label deleted since" in undone.sentence
    names = boxes.dataset.values(f"{boxes.record.label_root}.label")
    assert names[:3] == [["theirs", "b", "c"], ["a", "b", "c"], ["b", "c"]]
    moved = stored(boxes)[1]["checked_in_review"]["detections"][0]
    assert moved["bounding_box"] == [0.5, 0.5, 0.1, 0.1] and "model_label" not in moved
    assert not [v for s in stored(boxes) for v in _labels(boxes, s) if "review_actions" in v]
    (action,) = al.history(boxes)
    assert (action.state.value, action.undone_by) == ("undone", "Bob")


def test_the_history_says_what_who_and_when(boxes):
    al.promote(boxes, classes=["a"], by="Ann")
    al.reject(boxes, classes=["b"], by="Bob")
    al.undo(boxes, by="Cleo")
    assert [(a.sentence, a.by) for a in al.history(boxes)] == [
        ("moved back to review 3 labels (promoted)", "Cleo"),
        ("rejected 3 labels", "Bob"),
        ("promoted 3 labels", "Ann"),
    ]
    assert all(action.at for action in al.history(boxes))
    assert al.promote(boxes, classes=["nothing"]) == 0
    assert len(al.history(boxes)) == 3, "nothing was done"
    al.delete(boxes)
    assert HistoryStore(boxes.dataset).list(boxes.record) == []


def test_every_way_undoes_the_last_action(boxes, capsys):
    first = stored(boxes)
    al.promote(boxes, by="Ann")
    al.reject(boxes)  # changes nothing
    al.undo(boxes, classes=["a"])
    assert cli.main(["undo", boxes.dataset.name, boxes.id, "--last", "--dry-run"]) == verbs.OK
    assert "moved back to review 3 labels" in capsys.readouterr().out
    arguments = ["undo", boxes.dataset.name, boxes.id, "--last"]
    assert cli.main([*arguments, "--classes", "a"]) == verbs.REFUSED
    assert "leave out the options" in capsys.readouterr().err
    assert cli.main([*arguments, "--by", "Bob", "--json"]) == verbs.OK
    assert json.loads(capsys.readouterr().out)["labels"] == FULL
    context = {"dataset": boxes.dataset.name}
    params = {"run_id": boxes.id}
    listed = operators.execute_operator(f"{PLUGIN}/list_actions", context, params=params)
    assert [a["state"] for a in listed.result["actions"]] == ["undone", "done"]
    done = operators.execute_operator(f"{PLUGIN}/undo_last_action", context, params=params)
    assert done.result["labels"] == 3 * FULL
    assert stored(boxes) == first
    assert cli.main(["history", boxes.dataset.name, boxes.id, "--all"]) == verbs.OK
    assert "promoted 9 labels" in capsys.readouterr().out


def test_an_action_that_is_no_longer_the_last_one_is_not_undone(boxes):
    al.promote(boxes, classes=["a"])
    (seen,) = al.history(boxes)
    al.reject(boxes, classes=["b"])
    with pytest.raises(IllegalTransition, match="rejected 3 labels"):
        al.undo_last(boxes, expected=seen.number)


def test_an_action_that_is_undone_while_it_works_leaves_nothing(boxes, monkeypatch):
    first = stored(boxes)
    original = HistoryStore.finish

    def undone_by_another(store, run, action, labels):
        with monkeypatch.context() as patch:
            patch.setattr(HistoryStore, "finish", original)
            store.undone(run, action, "Bob")
        return original(store, run, action, labels)

    monkeypatch.setattr(HistoryStore, "finish", undone_by_another)
    assert al.promote(boxes) == 0
    assert stored(boxes) == first
    assert al.labels(boxes).totals["approval"] == 0


def test_an_older_action_waits_for_a_later_one_on_the_same_labels(boxes):
    """As when two processes act at once, and one is undone before the other has ended."""
    first = stored(boxes)
    al.promote(boxes)
    later = al.history(boxes)[0]
    al.undo(boxes, classes=["a"])
    newest = al.history(boxes)[0].model_dump(mode="json")
    store, key = HistoryStore(boxes.dataset), f"{boxes.id}:{newest['number']:010d}"
    store._store.set(key, {**newest, "state": "undone", "is_finished": False})
    undone = al.undo_last(boxes)
    assert (undone.action.number, undone.labels, undone.edited) == (later.number, 2 * FULL, FULL)
    assert al.labels(boxes).totals["approval"] == 0
    store._store.set(key, newest)  # its process reverts it now
    assert al.undo_last(boxes).action.number == newest["number"]
    assert al.undo_last(boxes).labels == FULL
    assert stored(boxes) == first


def test_approval_removes_the_marks_and_keeps_who_did_what(boxes):
    al.promote(boxes, classes=["a"], by="Ann")
    al.reject(boxes, classes=["b"], by="Bob")
    al.relabel(boxes, "A", classes=["a"], by="Bob")
    al.approve(boxes, by="Cleo")
    label = boxes.dataset.first()["checked"].detections[0]
    assert (label.label, label["model_label"]) == ("A", "a")
    assert not label.has_field("review_actions")
    assert "checked.detections.review_actions" not in boxes.dataset.get_field_schema(flat=True)
    kept = boxes.dataset.get_run_info(boxes.dataset.list_runs()[0]).config
    assert kept.people == {"Ann": {"promoted": FULL}, "Bob": {"rejected": FULL}}
    assert kept.relabeled == {"a": {"A": FULL}}
    assert [a["verb"] for a in kept.actions] == ["relabel", "reject", "promote"]
    with pytest.raises(IllegalTransition):
        al.undo_last(boxes)


def test_marks_of_a_clone_do_not_hinder_a_new_run(boxes):
    al.promote(boxes)
    clone = boxes.dataset.clone(persistent=True)
    try:
        run = al.import_labels(clone, "checked_in_review", "again")
        assert al.reject(run, classes=["a"]) == FULL
        assert al.undo_last(run).labels == FULL
    finally:
        clone.delete()


def test_a_person_who_saves_samples_in_between_keeps_the_marks(boxes):
    first = stored(boxes)
    al.promote(boxes)
    boxes.dataset.reload()
    for sample in boxes.dataset:
        sample["number"] = sample["number"]
        if sample["checked_in_review"]:
            sample["checked_in_review"].detections[0].label += ""
        sample.save()
    al.undo_last(boxes)
    assert stored(boxes) == first


def test_labels_of_unknown_ids_change_nothing(boxes):
    assert al.reject(boxes, label_ids=[str(ObjectId())]) == 0
    with pytest.raises(AutoLabelingError):
        al.undo_last(boxes)
