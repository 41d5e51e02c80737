"""Runs with several workers: drivers are killed, runs canceled, machines lack what they need.

``make soak`` alone runs this.
"""

import logging
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from auto_labeling.core.errors import AttemptRevoked, AutoLabelingError, CannotWrite
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.engine.ray import driver as ray_driver
from auto_labeling.lifecycle import labeling
from tests.support import red_rectangles
from tests.support.paths import CHECKOUT
from tests.support.scaleout_runs import NEEDS_RAY, config, labels
from tests.support.waiting import wait_until

pytestmark = NEEDS_RAY

SAMPLES = 480
SECONDS = 120


@pytest.fixture
def dataset(red_things):
    return red_things(SAMPLES)


def assert_whole(dataset, run):
    assert run.state is RunState.IN_REVIEW and run.labels == SAMPLES
    assert not run.failed, labeling.failures(dataset, run)
    for number, [(_, _, box)] in labels(dataset, run).items():
        assert box == pytest.approx(red_rectangles.box(number), abs=1e-6)
    ids = dataset.values(f"{run.staging_field}.detections.id", unwind=True)
    assert len(set(ids)) == SAMPLES


@pytest.mark.timeout(240)
def test_a_killed_driver_takes_its_actors_along_and_its_run_is_resumed(
    dataset, cluster, monkeypatch
):
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    run = labeling.start(dataset, config(workers=2))
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.support.run_worker", dataset.name, run.id],
        cwd=CHECKOUT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(
            lambda: written(dataset, run) > 60 or driver.poll() is not None,
            "some are labeled",
            SECONDS,
        )
        actors = [actor for node in cluster.nodes for actor in cluster.actors(node)]
    finally:
        driver.kill()
        driver.wait()
    pids = [actor.pid for actor in actors]
    assert len(actors) == 2 and written(dataset, run) < SAMPLES
    wait_until(lambda: not labeling.get(dataset, run.id).is_active, "its end is noticed", SECONDS)
    assert labeling.get(dataset, run.id).reason == "worker vanished"
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), "the actors are gone", SECONDS)
    labeling.resume(dataset, run.id)
    assert_whole(dataset, labeling.generate(dataset, run.id))


@pytest.mark.timeout(240)
def test_cancel_stops_all_actors_and_what_is_labeled_can_be_reviewed(dataset):
    """On this machine alone, without a cluster."""
    run = labeling.start(dataset, config(workers=2))

    def cancel(fraction, _):
        if fraction > 0.1 and labeling.get(dataset, run.id).is_active:
            labeling.cancel(dataset, run.id)

    with pytest.raises(AttemptRevoked):
        labeling.generate(dataset, run.id, cancel)
    assert not [p for p in psutil.Process().children(recursive=True) if "ray::Worker" in p.name()]
    before = written(dataset, run)
    run = labeling.skip(dataset, run.id)
    assert run.state is RunState.IN_REVIEW and 0 < run.labels == before < SAMPLES


@pytest.mark.timeout(240)
def test_a_machine_that_does_not_see_the_media_is_named_before_the_first_chunk(
    dataset, cluster, monkeypatch
):
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    # Else the run would begin without a machine that takes longer, and let its worker go.
    monkeypatch.setattr(ray_driver, "STARTUP_SECONDS", SECONDS)
    image = dataset.first().filepath
    cluster.kill(cluster.nodes[1])
    cluster.add(hide=os.path.dirname(image))
    try:
        run = labeling.start(dataset, config(workers=2))
        with pytest.raises(AutoLabelingError, match=r"cannot be read there: media must have"):
            labeling.generate(dataset, run.id)
        run = labeling.get(dataset, run.id)
        assert (run.status, run.reason) == ("Error", "error")
        assert str(os.path.dirname(image)) in run.error and written(dataset, run) == 0
    finally:
        cluster.kill(cluster.nodes[1])
        cluster.add()


@pytest.mark.timeout(240)
def test_a_full_disk_stops_all_workers_with_one_sentence_and_a_resume_goes_on(
    cluster, red_things, monkeypatch, tmp_path, caplog
):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        dataset, limits = red_things(200), {"workers": 2, "mask_location": str(disk)}
        settings = {
            **config(**limits).model_dump(),
            "checkpoint": "tests.support.red_rectangles:segmenter",
        }
        settings |= {
            "task": "instance_segmentation",
            "model": "custom-python-instance-segmentation",
        }
        run, killed = labeling.start(dataset, RunConfig(**settings)), []

        def kill_one(*_):
            actors = [a for node in cluster.nodes for a in cluster.actors(node)]
            if actors and not killed and written(dataset, run):
                actors[0].kill()
                killed.append(actors[0])

        with pytest.raises(CannotWrite), caplog.at_level(logging.WARNING):
            labeling.generate(dataset, run.id, kill_one)
        run = labeling.get(dataset, run.id)
        assert run.error.startswith(
            f"No masks can be written to {run.mask_folder}: its disk is full"
        )
        assert labeling.failures(dataset, run) == [] and 0 < written(dataset, run) < 200
        [line] = [r.getMessage() for r in caplog.records if "A worker on" in r.getMessage()]
        assert "\n" not in line and line.endswith("because memory ran out")

        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        labeling.resume(dataset, run.id)
        run = labeling.generate(dataset, run.id)
        assert (run.state, run.failed, run.labels) == (RunState.IN_REVIEW, 0, 200)
        found = [path for path in dataset.values(f"{run.label_root}.mask_path", unwind=True)]
        assert sorted(found) == sorted(str(p) for p in disk.rglob("*") if p.is_file())
        assert all(Path(path).read_bytes()[:4] == b"\x89PNG" for path in found)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def written(dataset, run):
    query = {run.staging_field: {"$exists": True, "$ne": None}}
    return dataset._sample_collection.count_documents(query)
