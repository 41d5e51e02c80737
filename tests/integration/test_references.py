"""Saved views and evaluations made on a staging field go on after Approve, by the label field."""

import io
import json

import fiftyone as fo
import pytest
from fiftyone import ViewField as F

from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.lifecycle import labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from tests.support.app_double import send

pytestmark = pytest.mark.parametrize("task", ["detection"])


@pytest.fixture
def evaluated(numbered, run):
    """A run in review, with what people make of its staging field."""
    numbered.reload()
    staged, root = run.staging_field, run.label_root
    bees = numbered.filter_labels(staged, F("label") == "bee")
    numbered.save_view("bees", bees)
    counted = numbered.match(F(f"{root}").length() > 1).sort_by(f"{root}.confidence")
    numbered.save_view("crowded", counted)
    numbered.save_view("others", numbered.match(F("number") > 3))
    numbered.evaluate_detections(staged, gt_field="mine", eval_key="first", progress=False)
    bees.evaluate_detections(staged, gt_field="mine", eval_key="second", progress=False)
    promote(numbered, run.id, Shown(numbered.view()), None)
    return numbered, run


def test_what_is_made_of_a_staging_field_goes_by_the_label_field(evaluated, capsys, monkeypatch):
    dataset, run = evaluated
    before = {name: len(dataset.load_saved_view(name)) for name in ("bees", "crowded", "others")}
    report = dataset.load_evaluation_results("first").metrics()
    false = dataset.load_evaluation_view("second").count(f"{run.label_root}")
    assert sorted(labeling.references(dataset, run).views) == ["bees", "crowded"]
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.main(["approve", dataset.name, run.id]) == verbs.REFUSED
    said = "2 saved views and 2 evaluations made on predictions_in_review will use predictions."
    assert said in capsys.readouterr().err
    approve(dataset, run.id)
    again = fo.load_dataset(dataset.name, reload=True)
    assert {name: len(again.load_saved_view(name)) for name in before} == before
    info = again.get_evaluation_info("first")
    assert info.config.pred_field == "predictions" and info.config.gt_field == "mine"
    assert again.load_evaluation_results("first").metrics() == report
    assert again.load_evaluation_view("second").count("predictions.detections") == false
    assert not labeling.references(again, run)


def test_a_saved_view_whose_query_names_the_field_goes_on(numbered, run):
    numbered.reload()
    numbered.save_view("pairs", numbered.add_stage(fo.Match({run.label_root: {"$size": 2}})))
    before = len(numbered.load_saved_view("pairs"))
    assert before and labeling.references(numbered, run).views == ("pairs",)
    promote(numbered, run.id, Shown(numbered.view()), None)
    approve(numbered, run.id)
    again = fo.load_dataset(numbered.name, reload=True)
    assert len(again.load_saved_view("pairs")) == before


def test_the_panel_s_question_says_so(evaluated):
    dataset, run = evaluated
    state = {"page": "review", "run_id": run.id}
    _, state = send(dataset, "open_run", state, run_id=run.id)
    _, state = send(dataset, "select_tab", state, tab="approval")
    told, _ = send(dataset, "ask_approve", state, run_id=run.id)
    said = "2 saved views and 2 evaluations made on the staging field will point to 'predictions'."
    assert said in json.dumps(told, default=str)
