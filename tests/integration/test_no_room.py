"""A disk that fills up, a folder that is read-only, a database that refuses: the run stops once."""

import errno
import os
import subprocess
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.errors import OperationFailure

from auto_labeling.core.errors import CannotWrite, FailureReason
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.engine import masks
from auto_labeling.lifecycle import labeling
from tests.support import red_rectangles

SAMPLES = 120


@pytest.fixture
def disk(tmp_path):
    """A disk of its own, with room for some 40 small files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {getattr(error, 'stderr', error)}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def red_things(tmp_path, monkeypatch):
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    dataset = fo.Dataset(persistent=True)
    paths = red_rectangles.write(tmp_path / "images", SAMPLES)
    dataset.add_samples([fo.Sample(p, number=n) for n, p in enumerate(paths)], progress=False)
    yield dataset
    dataset.delete()


def mounted_again(disk, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def config(folder="", task="instance_segmentation", model="segmenter"):
    return RunConfig(
        task=task,
        model=f"custom-python-{task.replace('_', '-')}",
        checkpoint=f"tests.support.red_rectangles:{model}",
        label_field="found",
        mask_location=str(folder),
    )


def staged(dataset, run):
    """``{number: [(label, its mask file's bytes)]}``, without what differs between two runs."""
    found = {}
    for document in dataset._sample_collection.find({run.staging_field: {"$type": "object"}}):
        labels = document[run.staging_field]["detections"]
        found[document["number"]] = [_plain(label) for label in labels]
    return found


def _plain(label):
    label = {k: v for k, v in label.items() if k != "_id"}
    path = label.pop("mask_path", None)
    return label, path and Path(path).read_bytes()


def files(folder):
    return {str(path) for path in Path(folder).rglob("*") if path.is_file()}


def test_a_full_disk_stops_the_run_and_a_resume_makes_what_is_missing(red_things, disk, tmp_path):
    (tmp_path / "roomy").mkdir()
    run = labeling.start(red_things, config(tmp_path / "roomy"))
    clean = staged(red_things, labeling.generate(red_things, run.id))
    labeling.delete(red_things, run.id)
    assert len(clean) == SAMPLES and all(data for ((_, data),) in clean.values())

    run = labeling.start(red_things, config(disk))
    with pytest.raises(CannotWrite) as caught:
        labeling.generate(red_things, run.id)
    assert caught.value.reason is FailureReason.DISK_FULL
    run = labeling.get(red_things, run.id)
    assert (run.state, run.reason) == (RunState.FAILED, "error")
    assert run.error.startswith(f"No masks can be written to {run.mask_folder}: its disk is full")
    assert labeling.failures(red_things, run) == []
    some = staged(red_things, run)
    assert 0 < len(some) < SAMPLES and some.items() <= clean.items()
    assert files(disk) == set(red_things.values(f"{run.label_root}.mask_path", unwind=True)) - {
        None
    }

    mounted_again(disk, "size=4m")
    labeling.resume(red_things, run.id)
    run = labeling.generate(red_things, run.id)
    assert (run.state, run.failed, run.labels) == (RunState.IN_REVIEW, 0, SAMPLES)
    assert staged(red_things, run) == clean
    assert len(files(disk)) == SAMPLES and not list(Path(run.mask_folder).glob(".*"))


def test_a_read_only_folder_stops_the_run_before_the_model_is_loaded(red_things, disk, monkeypatch):
    run = labeling.start(red_things, config(disk))
    mounted_again(disk, "ro")
    monkeypatch.setattr("auto_labeling.models.zoo.load", None)
    with pytest.raises(CannotWrite, match=f"{run.mask_folder}: it is read-only"):
        labeling.generate(red_things, run.id)
    assert staged(red_things, run) == {}


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EACCES, errno.EIO])
def test_what_every_sample_would_meet_stops_the_run(red_things, tmp_path, monkeypatch, number):
    """Rights that are lost, and other things that root cannot bring about here."""
    (tmp_path / "masks").mkdir()
    written, write = [], masks.png

    def png(mask):
        written.append(mask)
        if len(written) > 30:
            raise OSError(number, os.strerror(number))
        return write(mask)

    run = labeling.start(red_things, config(tmp_path / "masks"))
    with monkeypatch.context() as patch:
        patch.setattr(masks, "png", png)
        with pytest.raises(CannotWrite, match=run.mask_folder):
            labeling.generate(red_things, run.id)
    run = labeling.get(red_things, run.id)
    assert run.state is RunState.FAILED and run.mask_folder in run.error
    assert len(written) < SAMPLES
    assert len(files(tmp_path / "masks")) == len(staged(red_things, run)) == 30


def test_a_database_that_refuses_labels_stops_the_run(red_things):
    """By a rule of its administrator's, which is what can be had on any server."""
    run = labeling.start(red_things, config(task="detection", model="detector"))
    collection = red_things._sample_collection
    command = {"collMod": collection.name}
    rule = {run.staging_field: {"$type": "null"}}
    collection.database.command({**command, "validator": rule})
    with pytest.raises(CannotWrite) as caught:
        labeling.generate(red_things, run.id)
    assert caught.value.reason is FailureReason.WRITE_REFUSED
    run = labeling.get(red_things, run.id)
    assert run.state is RunState.FAILED and labeling.failures(red_things, run) == []
    assert run.error.startswith(
        f"The database '{collection.database.name}' refuses to store labels"
    )
    collection.database.command({**command, "validator": {}})
    labeling.resume(red_things, run.id)
    run = labeling.generate(red_things, run.id)
    assert (run.state, run.failed, run.labels) == (RunState.IN_REVIEW, 0, SAMPLES)


def test_a_database_that_refuses_signs_of_life_too_does_not_hide_why(red_things, monkeypatch):
    def refuse(*_):
        raise OperationFailure("user is not allowed to do action [update]", 13)

    run = labeling.start(red_things, config(task="detection", model="detector"))
    monkeypatch.setattr("auto_labeling.storage.staging.write", refuse)
    monkeypatch.setattr("auto_labeling.storage.runs.RunStore.beat", refuse)
    with pytest.raises(CannotWrite):
        labeling.generate(red_things, run.id)
    assert "refuses to store labels" in labeling.record(red_things, run.id).error
