"""Boxes of one image that stand for the same object: found, counted and rejected."""

import json
import random

import fiftyone as fo
import fiftyone.operators as operators
import fiftyone.utils.iou as foui
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import ConfigError, LabelsChanged
from auto_labeling.core.names import PLUGIN
from auto_labeling.core.run import Task
from auto_labeling.storage.runs import RunStore

CLASSES = ("ant", "bee")
SAMPLES = 12


@pytest.fixture(params=["2D", "3D"])
def run(request, dataset):
    """Few large boxes in each image, some promoted or rejected, some without confidence."""
    chance = random.Random(3)
    for number in range(SAMPLES):
        boxes = [_box(request.param, chance) for _ in range(number)]
        sample = fo.Sample(filepath=f"/{number}.png", number=number)
        sample["truth"] = fo.Detections(detections=boxes)
        dataset.add_sample(sample)
    run = al.import_labels(dataset, "truth", "checked")
    if request.param == "3D":
        store = RunStore(dataset)
        config = run.record.config.model_copy(update={"task": Task.DETECTION_3D})
        store.amend(run.id, config=config)
        run = al.get(dataset, run.id)
    ids = dataset.values("checked_in_review.detections.id", unwind=True)
    al.promote(run, label_ids=chance.sample(ids, 12))
    al.reject(run, label_ids=chance.sample(ids, 12))
    return run


def _box(kind, chance):
    facts = {
        "label": chance.choice(CLASSES),
        "confidence": chance.choice([None, 0.5, chance.random()]),
    }
    at = [chance.uniform(0, 0.15) for _ in range(3)]
    if kind == "2D":
        return fo.Detection(bounding_box=[*at[:2], 0.5, 0.5], **facts)
    turned = {"dimensions": [0.5, 0.5, 0.5], "rotation": [0, 0, chance.uniform(0, 0.2)]}
    return fo.Detection(location=at, **turned, **facts)


def naive(run, iou, across_classes):
    """The ids of the duplicates, by loops and FiftyOne's own overlaps."""
    found = set()
    for sample in run.dataset.exists("checked_in_review"):
        labels = [d for d in sample["checked_in_review"].detections if d["review"] != "rejected"]
        confidence = {d.id: -1 if d.confidence is None else d.confidence for d in labels}
        labels.sort(key=lambda d: (d["review"] != "promoted", -confidence[d.id]))
        kept = []
        for label in labels:
            others = [k for k in kept if across_classes or k.label == label.label]
            overlaps = foui.compute_ious([label], others)[0] if others else []
            if not any(overlap >= iou for overlap in overlaps):
                kept.append(label)
            elif label["review"] == "unpromoted":
                found.add(label.id)
    return found


@pytest.mark.parametrize("across_classes", [False, True])
@pytest.mark.parametrize("iou", [0.35, 0.7])
def test_they_are_those_of_a_naive_search(run, iou, across_classes):
    run.dataset.reload()
    wanted = naive(run, iou, across_classes)
    found = al.duplicates(run, iou, across_classes=across_classes)
    assert set(found.label_ids) == wanted and found.labels == len(wanted)
    assert sum(found.classes.values()) == len(wanted) > 0


def test_every_way_rejects_them_and_undoes_it(run, capsys):
    run.dataset.reload()
    before = al.labels(run, "rejected").total
    number = al.duplicates(run, 0.5).labels
    with pytest.raises(LabelsChanged):
        al.duplicates(run, 0.5, reject=True, expected=number + 1)
    assert al.duplicates(run, 0.5, reject=True, by="Ann").labels == number
    assert al.duplicates(run, 0.5).labels == 0
    assert al.labels(run, "rejected").total == before + number
    assert al.undo_last(run).sentence == f"Undone: rejected {number} labels (duplicates) by Ann"
    command = ["duplicates", run.dataset.name, run.id, "--iou", "0.5"]
    assert cli.main([*command, "--reject", "--json"]) == verbs.OK
    assert json.loads(capsys.readouterr().out)["labels"] == number
    assert cli.main(command) == verbs.OK
    assert "0 duplicates found" in capsys.readouterr().out
    al.undo_last(run)
    params = {"run_id": run.id, "iou": 0.5}
    context = {"dataset": run.dataset.name}
    done = operators.execute_operator(f"{PLUGIN}/reject_duplicates", context, params=params)
    assert done.result["labels"] == number
    assert al.labels(run, "rejected").total == before + number


@pytest.mark.parametrize("iou", [0, 1.1, float("nan"), "x", True])
def test_what_is_no_overlap_is_refused(dataset, iou):
    dataset.add_sample(fo.Sample(filepath="/1.png", truth=fo.Detections(detections=[])))
    run = al.import_labels(dataset, "truth", "checked")
    with pytest.raises(ConfigError, match="overlap"):
        al.duplicates(run, iou)


def test_labels_of_whole_images_have_none(dataset):
    dataset.add_sample(fo.Sample(filepath="/1.png", truth=fo.Classification(label="a")))
    run = al.import_labels(dataset, "truth", "checked")
    with pytest.raises(ConfigError, match="Only boxes"):
        al.duplicates(run)


def test_labels_without_a_box_or_class_are_no_duplicates(dataset):
    boxes = [
        fo.Detection(label="a", bounding_box=[0, 0, 0, 0]),
        fo.Detection(label="a"),
        fo.Detection(label="a"),
        fo.Detection(bounding_box=[0, 0, 1, 1], confidence=0.5),
        fo.Detection(bounding_box=[0, 0, 1, 1]),
    ]
    dataset.add_sample(fo.Sample(filepath="/1.png", truth=fo.Detections(detections=boxes)))
    four = [fo.Detection(label="a", confidence=0.5) for _ in range(4)]
    dataset.add_sample(fo.Sample(filepath="/2.png", truth=fo.Detections(detections=four)))
    run = al.import_labels(dataset, "truth", "checked")
    assert al.duplicates(run).label_ids == [boxes[4].id]
