"""The doctor finds what was left behind, mends it, and changes nothing else."""

import json
import uuid
from datetime import timedelta
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.errors import ExecutionTimeout

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import RunState, iso
from auto_labeling.lifecycle import importing, labeling, liveness
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from auto_labeling.storage import clock, mask_files
from auto_labeling.storage.runs import RunStore
from tests.support.dataset_contents import undeclared_fields
from tests.support.labels_in_review import with_mask_files
from tests.support.scripted_model import labels_by_number, without_ids

boxes = pytest.mark.parametrize("task", ["detection"])


def all_of(dataset):
    dataset.reload()
    schema = {name: str(field) for name, field in dataset.get_field_schema(flat=True).items()}
    return list(dataset._sample_collection.find()), schema


def kinds(found):
    return [(finding.kind, finding.subject) for finding in found]


def healthy_after_repair(dataset):
    """Repairs a dataset; afterwards there is nothing to find, and all can be read."""
    found = al.doctor(dataset, repair=True)
    assert found and all(finding.repaired for finding in found), found
    assert undeclared_fields(dataset) == set()
    assert al.doctor(dataset) == []
    return found


def cloned(dataset):
    return dataset.clone(f"test-{uuid.uuid4().hex[:12]}", persistent=True)


def test_there_is_nothing_to_find_in_a_run_of_any_state(numbered, config):
    assert al.doctor(numbered) == []
    run = labeling.start(numbered, config)
    assert al.doctor(numbered) == []
    run = labeling.cancel(numbered, run.id)
    assert al.doctor(numbered) == []
    run = labeling.generate(numbered, labeling.resume(numbered, run.id, queue=False).id)
    before = all_of(numbered)
    assert al.doctor(numbered, repair=True) == [] and all_of(numbered) == before
    promote(numbered, run.id, Shown(numbered.view()), None)
    approve(numbered, run.id)
    before = all_of(numbered)
    assert al.doctor(numbered, repair=True) == [] and all_of(numbered) == before


@boxes
def test_values_without_a_schema_are_mended(numbered, config, run, capsys):
    """A dataset that no process can read: marks of a run that is gone, and labels of one."""
    labels = labels_by_number(numbered, run.staging_field)
    samples = numbered._sample_collection
    samples.update_many({}, {"$set": {"old_in_review": None}})
    schema = numbered._doc._get_collection()
    schema.update_one(
        {"_id": numbered._doc.id}, {"$pull": {"sample_fields": {"name": run.staging_field}}}
    )
    # This one is not ours, so it is reported and left alone.
    samples.update_one({}, {"$set": {"theirs": 1}})
    assert cli.main(["doctor", numbered.name]) == verbs.PROBLEMS
    told = capsys.readouterr().out
    assert "'old_in_review' has values on 40 samples but is missing" in told
    assert "With --repair: the field is added to the schema again and keeps its labels" in told
    assert cli.main(["doctor", numbered.name, "--repair", "--json"]) == verbs.PROBLEMS
    found = json.loads(capsys.readouterr().out)
    assert {(f["subject"], f["repaired"]) for f in found} == {
        ("old_in_review", True),
        (run.staging_field, True),
        ("theirs", False),
    }
    samples.update_one({}, {"$unset": {"theirs": ""}})
    numbered.reload()
    assert labels_by_number(numbered, run.staging_field) == labels
    assert al.doctor(numbered) == []
    promote(numbered, run.id, Shown(numbered.view()), None)
    assert approve(numbered, run.id).approved == run.labels
    assert cli.main(["doctor", numbered.name]) == verbs.OK
    assert "Nothing to repair" in capsys.readouterr().out


def test_a_clone_of_a_dataset_in_review(numbered, config, run, task):
    clone = cloned(numbered)
    labels = without_ids(labels_by_number(clone, run.staging_field))
    with pytest.raises(ConfigError, match=r"not in this dataset.*doctor") as told:
        labeling.start(clone, config)
    assert set(told.value.problems) == {"label_field"}
    (finding,) = al.doctor(clone)
    assert (finding.kind, finding.subject) == ("orphan", run.staging_field)
    assert "is not in this dataset" in finding.description
    healthy_after_repair(clone)
    clone.reload()
    assert without_ids(labels_by_number(clone, run.staging_field)) == labels
    assert not any("review" in path.split(".") for path in clone.get_field_schema(flat=True))
    below = ".detections" if task == "detection" else ""
    marked = {f"{run.staging_field}{below}.review": {"$exists": True}}
    assert clone._sample_collection.count_documents(marked) == 0
    # The dataset that was cloned is as it was.
    assert al.doctor(numbered) == []
    promote(numbered, run.id, Shown(numbered.view()), None)
    assert approve(numbered, run.id).approved == run.labels
    clone.delete()


def test_labels_of_a_clone_can_be_reviewed_as_existing_ones(numbered, config, run):
    clone = cloned(numbered)
    again = importing.import_labels(clone, run.staging_field, "checked")
    assert again.labels == run.labels
    promote(clone, again.id, Shown(clone.view()), None)
    assert approve(clone, again.id).approved == run.labels
    assert not any("checked" in p and "review" in p for p in clone.get_field_schema(flat=True))
    clone.delete()


@boxes
def test_an_empty_orphan_is_removed_and_marks_are_too(numbered, config):
    labeling.start(numbered, config)
    clone = cloned(numbered)
    (finding,) = healthy_after_repair(clone)
    assert "the empty staging field" in finding.description
    assert not clone.has_field("predictions_in_review")
    clone.delete()


@boxes
def test_a_renamed_field_is_left_to_the_person(numbered, config, run):
    numbered.reload()
    numbered.rename_sample_field(run.staging_field, "kept")
    before = all_of(numbered)
    found = al.doctor(numbered, repair=True)
    assert kinds(found) == [("fieldless", run.id), ("moved", "kept")]
    assert not any(finding.repaired for finding in found) and all_of(numbered) == before
    again = importing.import_labels(numbered, "kept", "checked")
    assert again.labels == run.labels
    labeling.delete(numbered, again.id)
    labeling.delete(numbered, run.id)
    assert numbered.count("kept.detections") == run.labels
    healthy_after_repair(numbered)
    assert numbered.count("kept.detections") == run.labels


def test_a_person_s_own_attribute_review_is_still_refused(numbered):
    sample = numbered.first()
    sample["mine"].detections[0]["review"] = "good"
    sample.save()
    with pytest.raises(ConfigError, match="attribute 'review'"):
        importing.import_labels(numbered, "mine", "checked")


@boxes
def test_runs_that_nothing_will_finish(numbered, config, monkeypatch):
    from bson import ObjectId
    from fiftyone.operators.delegated import DelegatedOperationService

    monkeypatch.setattr(liveness.outages, "seconds_since_last", lambda: 3600.0)
    store = RunStore(numbered)
    run = labeling.start(numbered, config)
    DelegatedOperationService().delete_operation(ObjectId(run.operation_id))
    other = labeling.start(numbered, config.model_copy(update={"label_field": "other"}))
    long_ago = iso(clock.now() - timedelta(hours=1))
    for one, state in ((run, RunState.QUEUED), (other, RunState.DELETING)):
        value = one.model_copy(update={"changed_at": long_ago, "state": state})
        store._store.set(f"run:{one.id}", value.model_dump(mode="json"))
        if progress := store.progress(one):
            store.beat(one, progress.model_copy(update={"beat_at": long_ago}))
    found = healthy_after_repair(numbered)
    assert {f.kind for f in found} == {"workerless", "unfinished"}
    (workerless,) = (finding for finding in found if finding.kind == "workerless")
    assert workerless.description.endswith("was deleted before a worker picked it up")
    assert [r.state for r in store.list()] == [RunState.FAILED]
    assert labeling.resume(numbered, run.id).state is RunState.QUEUED


@boxes
def test_marks_of_waiting_that_a_finished_run_has_left_are_removed(numbered, run):
    sample_id = numbered.first()._id
    marked = {"$set": {run.staging_field: None}}
    numbered._sample_collection.update_one({"_id": sample_id}, marked)
    (finding,) = healthy_after_repair(numbered)
    assert (finding.kind, finding.number) == ("marks", 1)
    assert finding.description == f"1 sample marked as waiting for '{run.name}', which ended"
    assert run.staging_field not in numbered._sample_collection.find_one({"_id": sample_id})


def test_a_whole_database_is_examined(numbered, config, run, capsys):
    clone = cloned(numbered)
    assert cli.main(["doctor"]) == verbs.PROBLEMS
    assert f"{clone.name}: '{run.staging_field}' holds labels" in capsys.readouterr().out
    clone.delete()
    with pytest.raises(AutoLabelingError):
        al.doctor(3)
    assert fo.dataset_exists(numbered.name)


@pytest.mark.parametrize("end", ["approve", "delete"])
@pytest.mark.parametrize("where", ["field", "dataset"])
def test_mask_files_that_other_labels_name_stay(tmp_path, end, where):
    """A cloned field, or a clone of the whole dataset, keeps its masks."""
    dataset, run = with_mask_files(tmp_path)
    if where == "field":
        dataset.clone_sample_field(run.staging_field, "copy")
        theirs, field = dataset, "copy"
    else:
        theirs, field = cloned(dataset), run.staging_field
    named = [p for ps in theirs.values(f"{field}.detections.mask_path") for p in ps or () if p]
    (Path(run.mask_folder) / "00").mkdir(exist_ok=True)
    stray = Path(run.mask_folder) / "00" / f"{'0' * 24}-0.png"
    stray.write_bytes(b"png")
    if end == "approve":
        approve(dataset, run.id)
    else:
        labeling.delete(dataset, run.id)
    assert named and all(Path(path).is_file() for path in named) and not stray.exists()
    # Once nothing names them, the doctor offers them.
    if where == "field":
        dataset.delete_sample_field("copy")
    else:
        theirs.delete()
    found = al.doctor(dataset, repair=True)
    assert [f.kind for f in found] == ["masks"] and found[0].repaired
    left = {str(path) for path in tmp_path.rglob("*.png")}
    kept = dataset.values("checked.detections.mask_path") if end == "approve" else []
    assert left == {path for paths in kept for path in paths or ()}
    assert al.doctor(dataset) == []


@pytest.mark.parametrize("end", [approve, labeling.delete])
def test_a_file_of_a_person_s_in_a_mask_folder_stays(tmp_path, end):
    dataset, run = with_mask_files(tmp_path)
    folder = Path(run.mask_folder)
    (folder / "notes.txt").write_text("mine")
    (folder / ".unfinished").mkdir()
    (folder / ".unfinished" / "part").write_bytes(b"png")
    staged = dataset.count(run.label_root)
    end(dataset, run.id)
    assert staged and [path.name for path in folder.iterdir() if path.is_file()] == ["notes.txt"]
    assert not (folder / ".unfinished").exists()
    dataset.delete()


def test_all_mask_files_stay_where_it_cannot_be_known_in_time(tmp_path, monkeypatch):
    dataset, run = with_mask_files(tmp_path)
    files = {str(path) for path in tmp_path.rglob("*.png")}

    def too_slow(*_):
        raise ExecutionTimeout("too slow")

    with monkeypatch.context() as patch:
        patch.setattr(mask_files, "_paths_pipeline", too_slow)
        labeling.delete(dataset, run.id)
    assert {str(path) for path in tmp_path.rglob("*.png")} == files
    (finding,) = healthy_after_repair(dataset)
    assert finding.number == len(files) and not list(tmp_path.rglob("*.png"))
