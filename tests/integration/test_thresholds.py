"""A minimum confidence for each class, saved with the run, and promotion by it."""

import json

import fiftyone as fo
import fiftyone.operators as operators
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import AutoLabelingError, ConfigError, LabelsChanged
from auto_labeling.core.names import PLUGIN
from auto_labeling.review import snapshot

CONFIDENCES = (0.1, 0.5, 0.9, None)
CLASSES = ("ant", "$bee", "c.d")


@pytest.fixture(params=["detections", "classification"])
def run(request, dataset):
    """Four labels of each class, with and without confidence."""
    for name in CLASSES:
        for confidence in CONFIDENCES:
            sample = fo.Sample(filepath=f"/{name}-{confidence}.png")
            facts = {"label": name, "confidence": confidence}
            if request.param == "detections":
                box = fo.Detection(bounding_box=[0, 0, 1, 1], **facts)
                sample["truth"] = fo.Detections(detections=[box])
            else:
                sample["truth"] = fo.Classification(**facts)
            dataset.add_sample(sample)
    return al.import_labels(dataset, "truth", "checked")


def promoted(run):
    return {row.label: row.promoted for row in al.labels(run, "approval").rows}


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("narrowed", [True, False])
def test_all_above_the_threshold_of_their_class_are_promoted(run, in_memory, narrowed, monkeypatch):
    if not in_memory:
        monkeypatch.setattr(snapshot, "MAX_LABELS", -1)
    al.thresholds(run, {"ant": 0.5, "$bee": 0.9, "none": 0})
    view = run.dataset.match({"filepath": {"$ne": "/ant-0.5.png"}}) if narrowed else None
    wanted = {"ant": 2 - narrowed, "$bee": 1}
    counted = al.labels(run, view=view, above_thresholds=True)
    assert {row.label: row.current for row in counted.rows if row.current} == wanted
    with pytest.raises(LabelsChanged):
        al.promote(run, view=view, above_thresholds=True, expected=1)
    assert al.promote(run, view=view, above_thresholds=True) == sum(wanted.values())
    assert promoted(run) == wanted
    assert al.undo_last(run).labels == sum(wanted.values())


def test_thresholds_are_saved_changed_and_removed(run):
    assert al.thresholds(run) == {}
    with pytest.raises(AutoLabelingError, match="no thresholds"):
        al.promote(run, above_thresholds=True)
    al.thresholds(run, {"ant": 0.5, "c.d": 1})
    assert al.thresholds(run, {"$bee": 0, "ant": None}) == {"$bee": 0.0, "c.d": 1.0}
    assert al.get(run.dataset, run.id).record.thresholds == (("$bee", 0.0), ("c.d", 1.0))
    al.promote(run, above_thresholds=True)
    al.approve(run)
    kept = run.dataset.get_run_info(run.dataset.list_runs()[0]).config
    assert kept.thresholds == {"$bee": 0.0, "c.d": 1.0}


@pytest.mark.parametrize("wrong", [{"ant": 1.1}, {"ant": "x"}, {"ant": True}, {1: 0.5}, [1], 3])
def test_what_is_no_threshold_is_refused(run, wrong):
    with pytest.raises(ConfigError, match="thresholds"):
        al.thresholds(run, wrong)
    assert al.thresholds(run) == {}


def test_every_way_sets_and_uses_them(run, tmp_path, capsys):
    def command(verb, *words):
        assert cli.main([verb, run.dataset.name, run.id, *words, "--json"]) == verbs.OK
        return json.loads(capsys.readouterr().out)

    path = tmp_path / "thresholds.json"
    known = command("thresholds", "--set", "ant=0.5", "$bee=0.9", "--export", str(path))
    assert known["thresholds"] == {"$bee": 0.9, "ant": 0.5}
    assert command("thresholds", "--set", "ant=", "$bee=")["thresholds"] == {}
    assert command("thresholds", "--file", str(path))["thresholds"] == {"$bee": 0.9, "ant": 0.5}
    assert command("promote", "--above-thresholds")["labels"] == 3
    al.undo_last(run)
    context, params = {"dataset": run.dataset.name}, {"run_id": run.id}
    thresholds = {"thresholds": {"ant": 0.9, "$bee": None}}
    done = operators.execute_operator(
        f"{PLUGIN}/set_thresholds", context, params={**params, **thresholds}
    )
    assert done.result["thresholds"] == {"ant": 0.9}
    params["above_thresholds"] = True
    done = operators.execute_operator(f"{PLUGIN}/promote_labels", context, params=params)
    assert done.result["labels"] == 1 and promoted(run) == {"ant": 1}
    assert cli.main(["thresholds", run.dataset.name, run.id]) == verbs.OK
    assert "0.9" in capsys.readouterr().out
    assert cli.main(["thresholds", run.dataset.name, run.id, "--set", "ant"]) == verbs.REFUSED
