"""The speeds that runs measure: kept by model and machine, shown where a model is chosen."""

import json
import socket
import uuid

import pytest

from auto_labeling import cli
from auto_labeling.core.run import RunConfig
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
