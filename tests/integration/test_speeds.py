"""The speeds that runs measure: kept by model and machine, shown where a model is chosen."""

import json
import socket
import time
import uuid

import pytest

from auto_labeling import cli
from auto_labeling.core.run import Progress, RunConfig
from auto_labeling.demo import data
from auto_labeling.lifecycle import labeling
from auto_labeling.storage import speeds

pytestmark = pytest.mark.usefixtures("no_speeds")


@pytest.fixture
def drawn(tmp_path):
    dataset = data.make_dataset(f"test-{uuid.uuid4().hex[:8]}", n_shapes=24, folder=tmp_path)
    yield dataset
    dataset.delete()


def test_a_run_keeps_how_fast_its_model_was(numbered, run, config):
    (speed,) = labeling.measured_speeds(config.model)[config.model]
    assert (speed.task, speed.segmenter, speed.half) == (config.task, "", False)
    assert speed.machine == socket.gethostname() and speed.device
    assert speed.samples == 40 and speed.rate > 0
    assert labeling.measured_speeds() == {config.model: [speed]}


def test_what_a_run_takes_to_start_is_kept_for_one_worker_and_for_several(numbered, run, config):
    (alone,) = labeling.measured_speeds(config.model)[config.model]
    assert alone.workers == 1 and alone.startup_seconds >= 0
    progress = Progress(token="", rate=50.0, workers=2, worker="lab-7:1", device="cpu", beat_at="")
    several = config.model_copy(update={"workers": 2})
    together = run.model_copy(update={"config": several})
    speeds.record(together, progress, samples=100, seconds=66.0)
    speeds.record(run, progress.model_copy(update={"workers": 1}), samples=100, seconds=5.0)
    kept = {s.workers: s for s in speeds.of_model(config.model) if s.machine == "lab-7"}
    assert [(kept[n].rate, kept[n].startup_seconds) for n in (1, 2)] == [(50.0, 3.0), (25.0, 64.0)]


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [1, 2])
def test_the_estimate_holds_for_a_real_run(tmp_path, workers):
    """Within a factor of two, and a second: another process may want the same cores."""
    dataset = data.make_dataset(f"test-{uuid.uuid4().hex[:8]}", n_shapes=96, folder=tmp_path)
    samples = dataset.limit(72)
    try:
        for turn in range(3):  # the first pays for what a process does once
            config = RunConfig(
                task="detection",
                model="shapes-yolo",
                label_field=f"boxes_{turn}",
                workers=workers,
            )
            report = labeling.preflight(dataset, config, samples.values("id"))
            run = labeling.start(dataset, config, samples.values("id"), queue=False)
            began = time.monotonic()
            labeling.generate(dataset, run.id)
            took = time.monotonic() - began
            print(f"{workers} workers, run {turn}: {took:.1f} s, {report.estimated_seconds} s")
        assert report.is_startup_measured
        assert report.estimated_seconds / 2 - 1 < took < report.estimated_seconds * 2 + 1
    finally:
        dataset.delete()


def test_a_later_run_of_the_same_kind_replaces_the_speed(numbered, run, config):
    (first,) = labeling.measured_speeds(config.model)[config.model]
    again = config.model_copy(update={"label_field": "again"})
    labeling.generate(numbered, labeling.start(numbered, again).id)
    (second,) = labeling.measured_speeds(config.model)[config.model]
    assert second.at > first.at


def test_a_speed_says_half_only_if_the_model_ran_in_it(numbered, config):
    half = config.model_copy(update={"half": True})  # the scripted model has no such thing
    labeling.generate(numbered, labeling.start(numbered, half).id)
    (speed,) = labeling.measured_speeds(config.model)[config.model]
    assert speed.half is False


def test_a_few_samples_say_nothing_of_a_speed(numbered, config):
    ids = numbered.values("id")[: speeds.MIN_SAMPLES - 1]
    labeling.generate(numbered, labeling.start(numbered, config, ids).id)
    assert labeling.measured_speeds() == {}


def test_a_model_that_was_never_run_has_no_speed():
    assert labeling.measured_speeds("shapes-yolo") == {"shapes-yolo": []}


def test_the_command_line_lists_the_speeds(drawn, capsys):
    config = RunConfig(task="detection", model="shapes-yolo", label_field="boxes")
    labeling.generate(drawn, labeling.start(drawn, config).id)
    capsys.readouterr()  # what the model's library prints
    assert cli.main(["models", "--json", "--measured"]) == 0
    rows = {row["name"]: row["measured"] for row in json.loads(capsys.readouterr().out)}
    (speed,) = rows.pop("shapes-yolo")
    assert speed["task"] == "detection" and speed["samples"] == len(drawn) and speed["rate"] > 0
    assert all(measured == [] for measured in rows.values())
    assert cli.main(["models", "--measured"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.split()[:1] == ["shapes-yolo"]]
    assert f"{speed['rate']:.1f}/s on {socket.gethostname()}" in line
