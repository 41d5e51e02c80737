"""A run that lifts labels is killed again and again; the boxes are those of a clean run."""

import random
import subprocess
import sys

import fiftyone as fo
import pytest

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from tests.support import lidar_datasets
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

SCENES = 200
KILLS = 4
SETTINGS = {
    "task": "detection_3d",
    "method": "lift_labels",
    "model": "lifted-labels",
    "source_field": "boxes",
}


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_killed_run_gives_the_boxes_of_a_clean_one(tmp_path):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    dataset = fo.Dataset(persistent=True)
    try:
        lidar_datasets.make(dataset, tmp_path, seeds=range(seed, seed + SCENES))
        config = labeling.check(dataset, {**SETTINGS, "label_field": "undisturbed"})
        clean = labeling.generate(dataset, labeling.start(dataset, config, queue=False).id)
        config = labeling.check(dataset, {**SETTINGS, "label_field": "killed"})
        run = labeling.start(dataset, config)
        moments = sorted(chance.randrange(SCENES - 20) for _ in range(KILLS))
        killed = sum(_kill(dataset, run, moment) for moment in moments)
        if labeling.get(dataset, run.id).state is not RunState.QUEUED:
            labeling.resume(dataset, run.id, queue=False)
        run = labeling.generate(dataset, run.id)
        print(f"{killed} kills, {run.labels} labels")
        assert killed and not run.failed
        assert _boxes(dataset, run) == _boxes(dataset, clean)
        account, expected = (labeling.account(dataset, one) for one in (run, clean))
        assert (account.staged, account.left_out) == (expected.staged, expected.left_out)
    finally:
        dataset.delete()


def _kill(dataset, run, moment) -> int:
    """Kills a worker once so many clouds are labeled; 0 if it was done before."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.support.run_worker", dataset.name, run.id],
        cwd=CHECKOUT,
        stderr=subprocess.DEVNULL,
    )
    wait_until(
        lambda: worker.poll() is not None or _written(dataset, run) >= moment,
        f"{moment} of {SCENES} are labeled",
        seconds=300,
        every=0.005,
    )
    alive = worker.poll() is None
    worker.kill()
    worker.wait()
    wait_until(lambda: not labeling.get(dataset, run.id).is_active, "the run is over", seconds=120)
    labeling.resume(dataset, run.id)
    return int(alive)


def _written(dataset, run):
    query = {run.staging_field: {"$exists": True, "$ne": None}}
    return dataset._sample_collection.count_documents(query)


def _boxes(dataset, run):
    """What each cloud has, without what differs from run to run: ids."""
    dataset.reload()
    clouds = dataset.select_group_slices("lidar").sort_by("filepath")
    return [
        [
            (d.label, d.confidence, d.location, d.dimensions, d.rotation, d.num_points)
            for d in (labels.detections if labels else [])
        ]
        for labels in clouds.values(run.staging_field)
    ]
