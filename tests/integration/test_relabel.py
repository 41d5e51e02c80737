"""Relabel labels: another class, which may exist already; the model's is kept."""

import json
from pathlib import Path

import fiftyone.operators as operators
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import ConfigError, LabelsChanged
from auto_labeling.core.names import PLUGIN
from tests.support.added_labels import add
from tests.support.labels_in_review import SAMPLES, make

FULL = SAMPLES - 1  # samples with labels


@pytest.fixture
def boxes():
    dataset = make("detections")
    yield al.import_labels(dataset, "truth", "checked")
    dataset.delete()


def classes(run):
    run.dataset.reload()
    return run.dataset.count_values(f"{run.record.label_root}.label")


def test_a_class_is_merged_with_another_and_keeps_what_the_model_said(boxes):
    assert al.relabel(boxes, "b", classes=["a"]) == FULL
    assert classes(boxes) == {"b": 2 * FULL, "c": FULL}
    said = boxes.dataset.values("checked_in_review.detections.model_label")
    assert said[0] == ["a", None, None]
    assert al.relabel(boxes, "d", classes=["b"]) == 2 * FULL
    said = boxes.dataset.values("checked_in_review.detections.model_label")
    assert said[0] == ["a", "b", None], "what the model said, not what it was last"
    rows = {row.label: row.total for row in al.labels(boxes).rows}
    assert rows == {"d": 2 * FULL, "c": FULL}
    assert al.undo_last(boxes).labels == 2 * FULL
    assert {row.label: row.total for row in al.labels(boxes).rows} == {"b": 2 * FULL, "c": FULL}


def test_classes_change_places_at_once(boxes):
    assert al.relabel(boxes, {"a": "b", "b": "a", "c": "c", "none": "x"}) == 2 * FULL
    names = boxes.dataset.values("checked_in_review.detections.label")
    assert names[0] == ["b", "a", "c"]


def test_a_mapping_of_more_classes_than_one_update_takes(boxes):
    wide = {name: f"{name}2" for name in "abc"} | {f"{n}": "x" for n in range(60)}
    assert al.relabel(boxes, wide) == 3 * FULL
    assert classes(boxes) == {"a2": FULL, "b2": FULL, "c2": FULL}
    assert al.undo_last(boxes).labels == 3 * FULL
    assert classes(boxes) == {"a": FULL, "b": FULL, "c": FULL}


def test_a_label_that_a_person_added_gets_no_model_label(boxes):
    add(boxes.dataset, boxes, 0, "mine")
    assert al.relabel(boxes, "theirs", classes=["mine"]) == 1
    assert boxes.dataset.first()["checked_in_review"].detections[-1].label == "theirs"
    assert not boxes.dataset.count("checked_in_review.detections.model_label")


def test_only_the_chosen_labels_of_a_tab_are_relabeled(boxes):
    al.promote(boxes, sample_ids=[boxes.dataset.first().id])
    assert al.relabel(boxes, "x", "approval") == 3
    assert al.relabel(boxes, "y", "review", view=boxes.dataset.limit(2)) == 3
    assert classes(boxes) == {"x": 3, "y": 3, "a": 1, "b": 1, "c": 1}
    with pytest.raises(LabelsChanged, match="to relabel"):
        al.relabel(boxes, "z", classes=["a"], expected=2)


@pytest.mark.parametrize("to", ["", " ", {"a": ""}, {"a": 1}, {1: "a"}, 7])
def test_names_that_no_class_can_have_are_refused(boxes, to):
    with pytest.raises(ConfigError):
        al.relabel(boxes, to)
    assert al.history(boxes) == []


FILES = {
    "map.json": json.dumps({"a": "x", "b": "x"}),
    "map.csv": 'a, x\n\n"b",x\n',
}


@pytest.mark.parametrize("name", FILES)
def test_a_mapping_file_and_every_way(boxes, name, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(FILES[name])
    wanted = {"x": 2 * FULL, "c": FULL}
    assert al.relabel(boxes, path) == 2 * FULL and classes(boxes) == wanted
    al.undo_last(boxes)
    command = ["relabel", boxes.dataset.name, boxes.id]
    assert cli.main([*command, "--mapping", str(path), "--json"]) == verbs.OK
    assert json.loads(capsys.readouterr().out)["labels"] == 2 * FULL and classes(boxes) == wanted
    al.undo_last(boxes)
    params = {"run_id": boxes.id, "mapping": {"a": "x", "b": "x"}}
    context = {"dataset": boxes.dataset.name}
    done = operators.execute_operator(f"{PLUGIN}/relabel_labels", context, params=params)
    assert done.result["labels"] == 2 * FULL and classes(boxes) == wanted
    assert cli.main(command) == verbs.REFUSED


@pytest.mark.parametrize("content", ["a", "a,b,c", "a,b\na,c", "{", '{"a": 1}'])
def test_a_file_that_is_no_mapping_is_refused(boxes, content, tmp_path):
    path = tmp_path / "map"
    path.write_text(content)
    with pytest.raises(ConfigError, match="map"):
        al.relabel(boxes, path)
    with pytest.raises(al.AutoLabelingError, match="cannot be read"):
        al.relabel(boxes, Path(tmp_path / "none"))
    assert classes(boxes) == {"a": FULL, "b": FULL, "c": FULL}
