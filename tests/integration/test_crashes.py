"""Workers that are killed, stopped and overtaken: nothing is lost, mixed up or late."""

import os
import signal
import subprocess
import sys

import fiftyone as fo
import psutil
import pytest
from pymongo.errors import AutoReconnect

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from auto_labeling.storage import staging
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.heartbeat import LEASE_SECONDS
from tests.support.paths import CHECKOUT
from tests.support.scripted_model import DELAY, expected, labels_by_number, without_ids
from tests.support.waiting import wait_until


def start_worker(dataset, run, task, delay):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.scripted_model_worker", task, dataset.name, run.id],
        cwd=CHECKOUT,
        env={**os.environ, DELAY: str(delay)},
    )


def labeled(dataset, run):
    return dataset._sample_collection.count_documents({run.staging_field: {"$type": "object"}})


def clean_labels(dataset, config):
    """What an undisturbed run makes, in a copy of the dataset."""
    clone = dataset.clone()
    run = labeling.generate(clone, labeling.start(clone, config, queue=False).id)
    labels = without_ids(labels_by_number(clone, run.staging_field))
    clone.delete()
    return labels


@pytest.mark.parametrize(
    ("task", "after"),
    [
        pytest.param("detection", 1, marks=pytest.mark.soak),
        ("classification", 9),
        pytest.param("detection", 25, marks=pytest.mark.soak),
    ],
)
def test_a_killed_worker_shows_as_error_and_resume_finishes_the_rest(numbered, config, task, after):
    clean = clean_labels(numbered, config)
    run = labeling.start(numbered, config)
    worker = start_worker(numbered, run, task, delay=0.03)
    wait_until(lambda: labeled(numbered, run) >= after, "some are labeled", every=0.02)
    loaders = psutil.Process(worker.pid).children(recursive=True)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert not psutil.wait_procs(loaders, timeout=10)[1], "a loader process outlived its worker"

    run = failed_run(numbered, run)
    assert run.reason == "worker vanished"
    assert run.status == "Error"
    before = labels_by_number(numbered, run.staging_field)

    labeling.resume(numbered, run.id)
    run = labeling.generate(numbered, run.id)
    assert run.state is RunState.IN_REVIEW
    after_resume = labels_by_number(numbered, run.staging_field)
    assert without_ids(after_resume) == clean
    assert {n: v for n, v in before.items() if v} == {
        n: after_resume[n] for n, v in before.items() if v
    }
    assert run.labels == sum(len(expected(task, n) or ()) for n in range(40))


def failed_run(dataset, run):
    """The run, as soon as its worker's death is noticed."""

    def failed():
        now = labeling.get(dataset, run.id)
        return now if now.state is RunState.FAILED else None

    return wait_until(failed, "the run has failed", LEASE_SECONDS + 10)


@pytest.mark.parametrize("task", ["classification"])
def test_a_stopped_worker_overtaken_by_approve_changes_nothing(numbered, config, task):
    """SIGSTOP in mid-chunk, skip, promote, approve, SIGCONT."""
    run = labeling.start(numbered, config)
    worker = start_worker(numbered, run, task, delay=0.05)
    try:
        wait_until(lambda: labeled(numbered, run) >= 5, "some are labeled", every=0.02)
        worker.send_signal(signal.SIGSTOP)
        failed_run(numbered, run)
        run = labeling.skip(numbered, run.id)
        count = staging.count(numbered, run, staging.UNPROMOTED)
        promote(numbered, run.id, Shown(numbered.view()), expected=count)
        approved = approve(numbered, run.id)
        before = list(numbered._sample_collection.find())
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(60) != 0, "the overtaken worker must know that it was"
    finally:
        worker.kill()
    assert list(numbered._sample_collection.find()) == before
    numbered.reload()
    assert numbered.first() is not None
    assert all(sample.to_dict() for sample in numbered)
    assert not numbered.has_field(run.staging_field)
    assert approved.approved == count
    assert labeling.get(numbered, run.id).state is RunState.APPROVED


@pytest.mark.parametrize("task", ["detection"])
def test_a_stopped_worker_overtaken_by_delete_changes_nothing(numbered, config, task):
    run = labeling.start(numbered, config)
    worker = start_worker(numbered, run, task, delay=0.05)
    try:
        wait_until(lambda: labeled(numbered, run) >= 5, "some are labeled", every=0.02)
        worker.send_signal(signal.SIGSTOP)
        labeling.delete(numbered, run.id)
        before = list(numbered._sample_collection.find())
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(60) != 0
    finally:
        worker.kill()
    assert list(numbered._sample_collection.find()) == before
    numbered.reload()
    assert all(sample.to_dict() for sample in numbered)
    assert labeling.runs(numbered) == []


@pytest.mark.parametrize("task", ["detection"])
def test_a_worker_overtaken_by_another_attempt_leaves_no_trace(numbered, config, task):
    clean = clean_labels(numbered, config)
    run = labeling.start(numbered, config)
    worker = start_worker(numbered, run, task, delay=0.05)
    try:
        wait_until(lambda: labeled(numbered, run) >= 5, "some are labeled", every=0.02)
        worker.send_signal(signal.SIGSTOP)
        failed_run(numbered, run)
        labeling.resume(numbered, run.id)
        run = labeling.generate(numbered, run.id)
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(60) != 0
    finally:
        worker.kill()
    assert without_ids(labels_by_number(numbered, run.staging_field)) == clean
    assert labeling.get(numbered, run.id) == run


def test_the_dataset_that_workers_see_is_the_tests_own(numbered):
    assert numbered.name in fo.list_datasets()
    assert os.environ["FIFTYONE_DATABASE_NAME"].startswith("auto_labeling_test")


@pytest.mark.parametrize("end", ["approve", "delete", "skip"])
def test_a_write_that_arrives_late_matches_nothing(numbered, config, task, end):
    """The very write that a worker was about to send when it was stopped."""
    run = labeling.start(numbered, config)
    sample_ids = numbered.values("id")
    document = (
        {"_cls": "Detections", "detections": []}
        if task == "detection"
        else {"_cls": "Classification", "label": "late", "review": "unpromoted"}
    )
    late = [(sample_id, document) for sample_id in sample_ids]
    if end == "approve":
        labeling.generate(numbered, run.id)
        promote(
            numbered,
            run.id,
            Shown(numbered.view()),
            staging.count(numbered, run, staging.UNPROMOTED),
        )
        approve(numbered, run.id)
    elif end == "delete":
        labeling.delete(numbered, run.id)
    else:
        labeling.cancel(numbered, run.id)
        labeling.skip(numbered, run.id)
    before = list(numbered._sample_collection.find())
    assert staging.write(numbered, run, late) == 0
    assert list(numbered._sample_collection.find()) == before


def test_labels_that_a_killed_database_has_lost_are_made_again(numbered, config, task, monkeypatch):
    """Acknowledged, but not yet in the journal; the worker's next call finds no server."""
    run = labeling.start(numbered, config)
    mark_done, kills = ChunkStore.mark_done, []

    def killed_just_before(self, *args):
        if not kills:
            kills.append(args)
            lost = {run.staging_field: {"$exists": True}}
            numbered._sample_collection.update_many(lost, {"$set": {run.staging_field: None}})
            raise AutoReconnect("connection closed")
        return mark_done(self, *args)

    monkeypatch.setattr(ChunkStore, "mark_done", killed_just_before)
    monkeypatch.setattr("auto_labeling.storage.retrying._PAUSE", 0.01)
    run = labeling.generate(numbered, run.id)
    assert kills and run.state is RunState.IN_REVIEW
    found = without_ids(labels_by_number(numbered, run.staging_field))
    assert found == {n: expected(task, n) for n in range(40)}
    assert run.labels == sum(len(expected(task, n) or ()) for n in range(40))


def test_a_database_that_is_away_for_a_moment_costs_nothing(numbered, config, task, monkeypatch):
    run = labeling.start(numbered, config)
    write, calls = staging.write, []

    def away_now_and_then(*args):
        calls.append(args)
        if len(calls) % 2:
            raise AutoReconnect("connection refused")
        return write(*args)

    monkeypatch.setattr(staging, "write", away_now_and_then)
    monkeypatch.setattr("auto_labeling.storage.retrying._PAUSE", 0.01)
    run = labeling.generate(numbered, run.id)
    found = without_ids(labels_by_number(numbered, run.staging_field))
    assert len(calls) > 1 and run.failed == 0
    assert found == {n: expected(task, n) for n in range(40)}


def test_a_database_that_stays_away_is_an_error(numbered, config, task, monkeypatch):
    run = labeling.start(numbered, config)

    def away(*args):
        raise AutoReconnect("connection refused")

    monkeypatch.setattr(staging, "write", away)
    monkeypatch.setattr("auto_labeling.storage.retrying._PAUSE", 0.01)
    monkeypatch.setattr("auto_labeling.storage.retrying.GIVE_UP_AFTER", 0.1)
    with pytest.raises(AutoReconnect):
        labeling.generate(numbered, run.id)
    run = labeling.get(numbered, run.id)
    assert (run.state, run.reason) == (RunState.FAILED, "error")
    assert "connection refused" in run.error
