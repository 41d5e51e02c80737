"""Workers that label scenes are killed at random moments; the labels are those of a clean run."""

import os
import random
import subprocess
import sys
import uuid

import pytest

from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.models import trust
from tests.support import scene_datasets
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.randrange(1, 10**6)


def labels(dataset, run):
    """What each sample holds, without what differs between two datasets and runs."""
    found = {}
    for document in dataset._sample_collection.find({"group.name": "lidar"}):
        staged = document.get(run.staging_field)
        found[document["filepath"]] = staged and [
            {name: value for name, value in label.items() if name != "_id"}
            for label in staged["detections"]
        ]
    return found


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("scenes", "kills"), [(200, 5)], ids=["200"])
def test_killed_workers_leave_the_labels_of_a_clean_run(tmp_path, monkeypatch, scenes, kills):
    print(f"CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    monkeypatch.setenv(trust.SETTING, "tests.support.scene_datasets")
    name = f"test-{uuid.uuid4().hex[:12]}"
    dataset = scene_datasets.make(name, tmp_path / "scenes", scenes, "group")
    config = RunConfig(
        task="detection_3d",
        model="custom-python-3d-detection",
        checkpoint="tests.support.scene_datasets:Cubes",
        label_field="cubes",
    )
    try:
        clean = labeling.start(
            dataset, config.model_copy(update={"label_field": "undisturbed"}), queue=False
        )
        clean = labeling.generate(dataset, clean.id)
        assert (clean.labels, clean.failed) == (2 * scenes, 0)
        monkeypatch.setenv(scene_datasets.DELAY, "0.02")
        run = labeling.start(dataset, config, queue=False)
        for _ in range(kills):
            kill_in_the_middle(dataset, run, chance)
            run = labeling.get(dataset, run.id)
            assert run.state is RunState.FAILED, run.state
            run = labeling.resume(dataset, run.id, queue=False)
        run = labeling.generate(dataset, run.id)
        assert (run.state, run.failed, run.labels) == (RunState.IN_REVIEW, 0, 2 * scenes)
        assert run.account.labeled == run.account.samples == scenes
        assert labels(dataset, run) == labels(dataset, clean)
    finally:
        dataset.delete()


def kill_in_the_middle(dataset, run, chance):
    """Kills a worker of the run once it has labeled some more, and waits until that is seen."""
    before = sum(found is not None for found in labels(dataset, run).values())
    left = len(labels(dataset, run)) - before
    wanted = before + chance.randint(0, max(0, left // 10))
    command = [sys.executable, "-m", "tests.support.run_worker", dataset.name, run.id]
    worker = subprocess.Popen(command, cwd=CHECKOUT)
    try:

        def has_labeled():
            assert worker.poll() is None, "it was done before it could be killed"
            state = labeling.get(dataset, run.id).state
            done = sum(found is not None for found in labels(dataset, run).values())
            return state is RunState.GENERATING and done >= wanted

        wait_until(has_labeled, "the worker labels", seconds=200)
    finally:
        worker.kill()
        worker.wait()

    def has_failed():
        return labeling.get(dataset, run.id).state is RunState.FAILED

    wait_until(has_failed, "the run is seen as lost", seconds=200)
