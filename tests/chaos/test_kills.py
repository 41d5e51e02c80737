"""Workers, loader processes and the database are killed at random moments; the labels stay right.

``CHAOS_KILLS`` says how many kills each kind of run gets (1 in ``make test``, 12 in ``make soak``),
``CHAOS_SEED`` which moments. Both are printed, so that a failure can be played again.
"""

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

import fiftyone as fo
import numpy as np
import psutil
import pytest

from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.demo import database as mongo
from auto_labeling.demo import shapes
from auto_labeling.lifecycle import labeling
from auto_labeling.storage.retrying import patiently
from tests.support import red_rectangles
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

KILLS = int(os.environ.get("CHAOS_KILLS", "1"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.randrange(1, 10**6)
SAMPLES = 240
STUCK_AFTER = 120

#: Real models answer a little differently in batches of other sizes.
TOLERANCE = 1e-4

KINDS = {
    "classes": {"task": "classification", "checkpoint": "tests.support.red_rectangles:classifier"},
    "boxes": {"task": "detection", "checkpoint": "tests.support.red_rectangles:detector"},
    "masks in the database": {
        "task": "instance_segmentation",
        "checkpoint": "tests.support.red_rectangles:segmenter",
    },
    "masks on disk": {
        "task": "instance_segmentation",
        "checkpoint": "tests.support.red_rectangles:segmenter",
        "mask_location": "masks",
    },
    "boxes of a real model": {"task": "detection", "model": "shapes-yolo", "confidence": 0.1},
}
VICTIMS = ("worker", "loader", "mongod")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def config(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    monkeypatch.setenv(red_rectangles.DELAY, "0.008")
    settings = {"label_field": "found", **KINDS[kind]}
    settings.setdefault("model", f"custom-python-{settings['task'].replace('_', '-')}")
    if "mask_location" in settings:
        (tmp_path / "masks").mkdir()
        settings["mask_location"] = str(tmp_path / "masks")
    return RunConfig(**settings)


@pytest.fixture
def dataset(kind, tmp_path):
    if "real" in kind:
        paths = [str(path) for path, _ in shapes.write(tmp_path / "images", 60, 3)]
    else:
        paths = red_rectangles.write(tmp_path / "images", SAMPLES)
    dataset = fo.Dataset(persistent=True)
    samples = [fo.Sample(path, number=number) for number, path in enumerate(paths)]
    dataset.add_samples(samples, progress=False)
    yield dataset
    dataset.delete()


@pytest.mark.timeout(120 + 120 * KILLS)
def test_whatever_is_killed_the_labels_are_those_of_a_clean_run(dataset, config, kind, mongod):
    turn = list(KINDS).index(kind)
    chance = random.Random(f"{SEED} {kind}")
    print(f"CHAOS_SEED={SEED} CHAOS_KILLS={KILLS}: {kind}")
    clean = labels_of_a_clean_run(dataset, config)
    kills = 0
    while kills < KILLS:
        run = labeling.start(dataset, config)
        while kills < KILLS:
            victim = VICTIMS[(turn + kills) % len(VICTIMS)]
            kills += disturb(dataset, run, victim, chance, mongod)
            run = settled(dataset, run)
            if run.state is RunState.IN_REVIEW:
                break
            run = labeling.resume(dataset, run.id)
        if run.state is RunState.QUEUED:
            run = labeling.generate(dataset, run.id)
        assert run.state is RunState.IN_REVIEW
        assert not run.failed, labeling.failures(dataset, run)
        assert_same(labels(dataset, run), clean)
        assert run.labels == sum(len(found) for found in clean.values())
        assert_no_strays(dataset, run)
        labeling.delete(dataset, run.id)
        assert_no_strays(dataset, run)


def labels_of_a_clean_run(dataset, config):
    clone = dataset.clone()
    run = labeling.generate(clone, labeling.start(clone, config, queue=False).id)
    found = labels(clone, run)
    labeling.delete(clone, run.id)
    clone.delete()
    assert sum(map(len, found.values())) > len(found) / 2
    return found


# --- the killing -------------------------------------------------------------------------------


def disturb(dataset, run, victim, chance, mongod) -> int:
    """Starts a worker, kills something at a random moment, and waits for the worker to end.

    Returns:
        the number of processes killed; 0 if the worker was done before
    """
    total = len(dataset.values("id"))  # len() is an estimate, wrong after a database was killed
    moment = chance.randrange(-total // 4, total)
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.support.run_worker", dataset.name, run.id],
        cwd=CHECKOUT,
        stderr=subprocess.DEVNULL,
    )
    try:
        if moment < 0:  # while it starts
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(chance.uniform(0, 5))
        else:
            wait_until(
                lambda: worker.poll() is not None or written(dataset, run) >= moment,
                f"{moment} of {total} are labeled",
                every=0.005,
            )
        killed = kill(victim, worker, chance, mongod)
        print(f"{victim} killed at {moment} of {total}" if killed else "too late", flush=True)
        worker.wait(STUCK_AFTER)
    finally:
        worker.kill()
        worker.wait()
    return killed


def kill(victim, worker, chance, mongod) -> int:
    if victim == "mongod" and mongod.process is not None:
        kill_and_restart(mongod)
        return 1
    if victim == "loader":
        try:
            loaders = psutil.Process(worker.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return 0
        if loaders:
            chance.choice(loaders).kill()
            return 1
    alive = worker.poll() is None
    worker.kill()
    return int(alive)


def kill_and_restart(mongod):
    """Kills the database, and starts it again on the same port and files."""
    command = psutil.Process(mongod.process.pid).cmdline()
    command[command.index("--port") + 1] = mongod.uri.rpartition(":")[2]
    mongod.process.kill()
    mongod.process.wait()
    mongod.process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=mongo.end_with_parent(),
    )
    mongo._wait_for_answer(mongod.uri, 60)


def settled(dataset, run):
    """The run, once no one works on it any longer; a killed worker is noticed within a lease."""

    def ended():
        now = patiently(labeling.get)(dataset, run.id)
        if now.state is RunState.QUEUED:  # killed before it began: it waits for another worker
            return labeling.cancel(dataset, run.id)
        return None if now.is_active else now

    return wait_until(ended, f"{run.id} is over", STUCK_AFTER, every=0.1)


# --- the comparison -----------------------------------------------------------------------------


def written(dataset, run):
    query = {run.staging_field: {"$exists": True, "$ne": None}}
    return patiently(dataset._sample_collection.count_documents)(query)


def labels(dataset, run) -> dict:
    """``{number: [(class, confidence, box, mask)]}``, and no id may occur twice."""
    dataset.reload()
    found, ids = {}, []
    for number, value in zip(*dataset.values(["number", run.staging_field]), strict=True):
        here = getattr(value, "detections", [value] if value is not None else [])
        ids += [label.id for label in here]
        found[number] = [
            (
                label.label,
                label.confidence,
                getattr(label, "bounding_box", None) or [],
                label.get_mask() if isinstance(label, fo.Detection) else None,
            )
            for label in here
        ]
    assert len(set(ids)) == len(ids)
    return found


def assert_same(found, clean):
    assert found.keys() == clean.keys()
    for number, expected in clean.items():
        assert len(found[number]) == len(expected), f"sample {number}"
        for mine, theirs in zip(found[number], expected, strict=True):
            assert mine[0] == theirs[0]
            assert np.allclose(mine[1], theirs[1], atol=TOLERANCE)
            assert np.allclose(mine[2], theirs[2], atol=TOLERANCE)
            assert (mine[3] is None) is (theirs[3] is None)
            assert mine[3] is None or np.array_equal(mine[3] > 0, theirs[3] > 0)


def assert_no_strays(dataset, run):
    """The mask files on disk are those that labels name, and no sample still waits."""
    if run.config.mask_location:
        there = {str(path) for path in Path(run.config.mask_location).rglob("*.png")}
        named = []
        if dataset.has_field(run.staging_field):
            named = dataset.values(f"{run.staging_field}.detections.mask_path", unwind=True)
        assert there == set(named)
    assert dataset._sample_collection.count_documents({run.staging_field: {"$type": 10}}) == 0
