"""The dataset changes while a run generates: nothing is lost or mixed up."""

import fiftyone as fo
import pytest

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from auto_labeling.storage import staging
from tests.support.scripted_model import expected, labels_by_number, without_ids, write_images


@pytest.fixture
def meanwhile(monkeypatch):
    """Lets something happen once, right after the first labels are written."""
    write = staging.write

    def arrange(action):
        def write_and_act(*args):
            result = write(*args)
            monkeypatch.setattr(staging, "write", write)
            action()
            return result

        # Small steps, so that most samples still wait when it happens.
        monkeypatch.setattr("auto_labeling.engine.prediction.BATCH_SIZE", 4)
        monkeypatch.setattr("auto_labeling.engine.writing._MAX_SAMPLES", 1)
        monkeypatch.setattr(staging, "write", write_and_act)

    return arrange


def truth(task, numbers):
    return {n: expected(task, n) for n in numbers}


def test_samples_that_are_deleted_meanwhile_cost_nothing(numbered, config, task, meanwhile):
    run = labeling.start(numbered, config)
    gone = {1, 2, 20, 39}  # labeled already, and still waiting
    meanwhile(lambda: numbered.delete_samples(numbered.match({"number": {"$in": list(gone)}})))
    run = labeling.generate(numbered, run.id)
    left = set(range(40)) - gone
    assert run.state is RunState.IN_REVIEW and run.failed == 0
    assert without_ids(labels_by_number(numbered, run.staging_field)) == truth(task, left)
    assert run.labels == sum(len(expected(task, n) or ()) for n in left)


def test_samples_that_are_added_meanwhile_are_not_targets(
    numbered, config, task, meanwhile, tmp_path
):
    run = labeling.start(numbered, config)
    path = write_images(tmp_path / "late", 41)[40]
    meanwhile(lambda: numbered.add_sample(fo.Sample(path, number=40)))
    run = labeling.generate(numbered, run.id)
    found = without_ids(labels_by_number(numbered, run.staging_field))
    assert found.pop(40) is None
    assert found == truth(task, range(40))
    late = numbered._sample_collection.find_one({"number": 40})
    assert run.staging_field not in late


def test_two_runs_on_one_dataset_at_once_do_not_mix(numbered, config, task, meanwhile):
    first = labeling.start(numbered, config)
    other = config.model_copy(update={"label_field": "others", "name": "second"})
    second = labeling.start(numbered, other)
    meanwhile(lambda: labeling.generate(numbered, second.id))
    first = labeling.generate(numbered, first.id)
    second = labeling.get(numbered, second.id)
    ids = []
    for run in (first, second):
        labels = labels_by_number(numbered, run.staging_field)
        assert run.state is RunState.IN_REVIEW
        assert without_ids(labels) == truth(task, range(40))
        ids += [label[3] for found in labels.values() if found for label in found]
    assert len(set(ids)) == len(ids)


def test_what_a_person_edits_meanwhile_stays(numbered, config, task, meanwhile):
    run = labeling.start(numbered, config)
    root = run.label_root if task == "detection" else run.staging_field

    def edit():
        view = numbered.match({run.staging_field: {"$type": "object"}})
        numbers = [n for n in view.values("number") if expected(task, n)]
        for sample in view.match({"number": {"$in": numbers}}):
            label = sample[run.staging_field]
            (label.detections[0] if task == "detection" else label).label = "by hand"
            sample["mine"].detections[0].label = "also by hand"
            sample.save()
            edited.append(sample["number"])
        waiting = numbered.match({"number": 39}).first()
        waiting["mine"].detections[0].label = "while it waited"
        waiting.tags.append("seen")
        waiting.save()

    edited = []
    meanwhile(edit)
    run = labeling.generate(numbered, run.id)
    assert edited and root
    for number, labels in labels_by_number(numbered, run.staging_field).items():
        right = expected(task, number)
        if number in edited:
            assert labels[0][0] == "by hand"
            assert [label[1:3] for label in labels] == [tuple(label[1:]) for label in right]
        else:
            assert (labels and [label[:3] for label in labels]) == right or labels == right
    by_number = dict(zip(*numbered.values(["number", "mine.detections.label"]), strict=True))
    assert all(by_number[number] == ["also by hand"] for number in edited)
    assert by_number[39] == ["while it waited"]
    assert "seen" in numbered.match({"number": 39}).first().tags


def test_a_run_may_be_renamed_while_it_generates(numbered, config, meanwhile):
    run = labeling.start(numbered, config)
    meanwhile(lambda: labeling.rename(numbered, run.id, "another name"))
    run = labeling.generate(numbered, run.id)
    assert (run.state, run.name, run.failed) == (RunState.IN_REVIEW, "another name", 0)
    assert labeling.get(numbered, run.id).name == "another name"


def test_a_label_field_that_somebody_else_made_meanwhile_is_not_touched(numbered, config, run):
    promote(
        numbered, run.id, Shown(numbered.view()), staging.count(numbered, run, staging.UNPROMOTED)
    )
    theirs = fo.Classification(label="theirs")
    sample = numbered.first()
    sample[config.label_field] = theirs
    sample.save()
    before = list(numbered._sample_collection.find())
    with pytest.raises(AutoLabelingError, match="created by someone else"):
        approve(numbered, run.id)
    assert list(numbered._sample_collection.find()) == before
    assert labeling.get(numbered, run.id).state is RunState.IN_REVIEW
    numbered.rename_sample_field(config.label_field, "theirs")
    assert approve(numbered, run.id).state is RunState.APPROVED
    assert numbered.first()["theirs"].label == "theirs"
    assert numbered.has_field(config.label_field)


KINDS = {
    "detection": (fo.types.COCODetectionDataset, fo.types.YOLOv5Dataset),
    "classification": (fo.types.FiftyOneImageClassificationDataset,),
}


def test_approved_labels_export_to_the_usual_formats(numbered, config, task, run, tmp_path):
    promote(
        numbered, run.id, Shown(numbered.view()), staging.count(numbered, run, staging.UNPROMOTED)
    )
    approve(numbered, run.id)
    numbered.reload()
    root = ".detections.label" if task == "detection" else ".label"
    mine = numbered.count_values(f"{config.label_field}{root}")
    for kind in KINDS[task]:
        folder = str(tmp_path / kind.__name__)
        numbered.export(
            export_dir=folder,
            dataset_type=kind,
            label_field=config.label_field,
            classes=sorted(label for label in mine if label),
            progress=False,
        )
        again = fo.Dataset.from_dir(dataset_dir=folder, dataset_type=kind, progress=False)
        field = next(
            name
            for name, field in again.get_field_schema(ftype=fo.EmbeddedDocumentField).items()
            if field.document_type in (fo.Detections, fo.Classification)
        )
        theirs = again.count_values(f"{field}{root}")
        again.delete()
        assert sum(mine.values()) > 30
        assert _without_none(theirs) == _without_none(mine), kind


def _without_none(counts):
    return {label: count for label, count in counts.items() if label is not None}
