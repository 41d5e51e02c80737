"""A database that an older version has stored opens, is reviewed, resumes and is approved.

``stored/0.1.0.tar.gz`` is what version 0.1.0 left of a dataset with a run in every state: the
documents of its database, and the mask files that they name. Its pictures are those of
``tests/support/red_rectangles.py``.
"""

import tarfile
from pathlib import Path

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from bson import json_util

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import NewerRecord
from auto_labeling.core.run import RECORD_FORMAT, RunState, StopReason
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.review import approval, promotion
from auto_labeling.review.selection import choose
from auto_labeling.serving import work
from auto_labeling.storage.operations import Job
from auto_labeling.storage.runs import RunStore
from tests.support import red_rectangles

STORED = Path(__file__).with_name("stored")
SAMPLES = 40

#: Each run by its name, and its state once it is listed.
STATES = {
    "queued": RunState.QUEUED,
    "generating": RunState.FAILED,  # its worker was killed
    "failed": RunState.FAILED,
    "cancelled": RunState.FAILED,
    "importing": RunState.FAILED,  # its process was killed
    "imported": RunState.IN_REVIEW,
    "replacing": RunState.IN_REVIEW,
    "in_review": RunState.IN_REVIEW,
    "classes": RunState.IN_REVIEW,
    "masks": RunState.IN_REVIEW,
    "inline": RunState.IN_REVIEW,
    "partly": RunState.IN_REVIEW,
    "approving": RunState.APPROVING,
    "approved": RunState.APPROVED,
    "deleting": RunState.DELETING,
}


@pytest.fixture(params=["0.1.0"])
def stored(request, tmp_path, monkeypatch):
    """The dataset that a version has stored."""
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    red_rectangles.write(tmp_path / "images", SAMPLES)
    with tarfile.open(STORED / f"{request.param}.tar.gz") as archive:
        text = archive.extractfile("database.json").read().decode()
        masks = [member for member in archive.getmembers() if member.name.startswith("masks/")]
        archive.extractall(tmp_path, masks, filter="data")
    text = text.replace("tests.red:", "tests.support.red_rectangles:")  # where it was then
    documents = json_util.loads(text.replace("@MEDIA@", str(tmp_path)))
    database = foo.get_db_conn()
    for name, those in documents.items():
        database[name].delete_many({"_id": {"$in": [document["_id"] for document in those]}})
        database[name].insert_many(those)
    dataset = fo.load_dataset(f"stored-{request.param}", reload=True)
    yield dataset
    dataset.delete()


def by_name(dataset):
    return {run.name: run for run in labeling.runs(dataset)}


def test_every_run_of_an_older_version_goes_on(stored):
    runs = by_name(stored)
    assert {name: run.state for name, run in runs.items()} == STATES
    assert runs["generating"].reason is StopReason.WORKER_VANISHED
    assert runs["importing"].reason is StopReason.APP_STOPPED

    labeling.delete(stored, runs.pop("deleting").id)
    approval.approve(stored, runs.pop("approving").id)
    for name in ("queued", "generating", "failed", "cancelled", "partly"):
        if name != "queued":
            labeling.resume(stored, runs[name].id)
        done = labeling.generate(stored, runs[name].id)
        assert (done.state, done.failed) == (RunState.IN_REVIEW, 0), name
        assert stored.count(f"{done.staging_field}.detections") == SAMPLES, name
    importing.resume(stored, runs["importing"], background=False)
    for name, run in by_name(stored).items():
        if run.state is RunState.IN_REVIEW:
            promotion.promote(stored, run.id, choose(stored), None)
            approval.approve(stored, run.id)
        assert labeling.get(stored, run.id).state is RunState.APPROVED, name
    assert_whole(stored)


def assert_whole(dataset):
    dataset.reload()
    assert not [name for name in dataset.get_field_schema() if name.endswith("_in_review")]
    generated = ("queued", "generating", "failed", "cancelled", "partly", "in_review", "inline")
    for name in (*generated, "masks", "approving", "approved"):
        boxes = dataset.values(f"{name}.detections.bounding_box")
        assert boxes == [[red_rectangles.box(number)] for number in dataset.values("number")], name
    for name in ("masks", "inline"):
        for sample in dataset:
            assert sample[name].detections[0].get_mask().any(), name
    assert dataset.count("classes.label") == dataset.count("importing.label") == SAMPLES
    assert dataset.values("imported.detections.weather", unwind=True) == ["sunny"] * SAMPLES
    assert dataset.values("again.detections.tags", unwind=True) == ["kept"] * SAMPLES


def test_a_run_of_an_older_version_can_be_cut_short(stored):
    runs = by_name(stored)
    labeling.skip(stored, runs["failed"].id)
    labeling.delete(stored, runs["masks"].id)
    labeling.rename(stored, runs["queued"].id, "another name")
    labeling.cancel(stored, runs["queued"].id)
    runs = by_name(stored)
    assert runs["another name"].state is RunState.FAILED
    assert "masks" not in runs and "masks_in_review" not in stored.get_field_schema()
    assert runs["failed"].state is RunState.IN_REVIEW and runs["failed"].format == RECORD_FORMAT
    assert runs["classes"].format == 1, "what nobody changes stays as it was stored"


def test_a_record_of_a_newer_version_is_refused_in_a_sentence(dataset, capfd):
    run = importing.import_labels(with_labels(dataset), "truth", "checked", name="of tomorrow")
    store = RunStore(dataset)
    value = store._store.get(f"run:{run.id}")
    store._store.set(
        f"run:{run.id}",
        {**value, "format": RECORD_FORMAT + 1, "config": {"name": "of tomorrow", "new": 1}},
    )
    with pytest.raises(NewerRecord, match="'of tomorrow' was saved by a newer version"):
        al.get(dataset, run.id)
    for change in (labeling.cancel, labeling.delete, labeling.generate, approval.approve):
        with pytest.raises(NewerRecord):
            change(dataset, run.id)
    assert labeling.runs(dataset) == [] and labeling.newer_runs(dataset) == {run.id: "of tomorrow"}
    assert store.claimed_by("checked") == run.id, "its label field is still taken"
    job = Job("0" * 24, "", "running", dataset._doc.id, dataset.name, run.id, run.name, "")
    assert work.run_of(job) is None and work.settled_run_of(job) is None, "a worker goes on"
    assert importing.sources(dataset)[run.staging_field] == "These labels are in review"
    staged = dataset.values(f"{run.staging_field}.detections.review")
    assert al.doctor(dataset, repair=True) == [], "what a newer version needs is no leftover"
    dataset.reload()
    assert dataset.values(f"{run.staging_field}.detections.review") == staged
    assert cli.main(["list", dataset.name]) == 0
    assert "'of tomorrow'" in capfd.readouterr().err
    assert cli.main(["show", dataset.name, run.id]) != 0
    assert "Update Auto-Labeling" in capfd.readouterr().err


def with_labels(dataset):
    for sample in dataset.iter_samples(autosave=True):
        box = fo.Detection(label="cat", bounding_box=[0, 0, 1, 1])
        sample["truth"] = fo.Detections(detections=[box])
    return dataset
