"""How many workers may share a run."""

import os
from pathlib import Path

import pytest

import auto_labeling
from auto_labeling.engine.ray import limits
from auto_labeling.models import devices


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in (limits.SETTING, "RAY_ADDRESS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "nvidia", lambda: None)


def test_by_default_there_may_be_one_for_each_core():
    assert limits.max_workers() == len(os.sched_getaffinity(0))


def test_or_for_each_gpu(monkeypatch):
    monkeypatch.setattr(devices, "nvidia", lambda: 4)
    assert limits.max_workers() == 4


@pytest.mark.parametrize(
    ("visible", "gpus"), [("0,1,2", 3), ("", 0), ("-1", 0), ("GPU-3f,GPU-4a", 2)]
)
def test_gpus_are_those_that_the_process_may_use(monkeypatch, visible, gpus):
    monkeypatch.undo()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices.nvidia() == gpus


def test_a_cluster_has_room_for_many(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert limits.max_workers() == limits.MAX_ON_A_CLUSTER


@pytest.mark.parametrize(("said", "most"), [("3", 3), (" 200 ", 200), ("0", 64), ("many", 64)])
def test_the_setting_decides_if_it_is_a_number(monkeypatch, said, most):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv(limits.SETTING, said)
    assert limits.max_workers() == most


def test_more_than_the_most_is_refused_by_name(monkeypatch):
    monkeypatch.setenv(limits.SETTING, "3")
    assert limits.problem(4) == "At most 3; FIFTYONE_AUTO_LABELING_MAX_WORKERS sets the limit"


def test_without_ray_more_than_one_is_refused_with_the_command_that_helps(monkeypatch):
    monkeypatch.setenv(limits.SETTING, "3")
    monkeypatch.setattr(limits, "RAY", "ray-that-is-not-there>=2")
    assert limits.problem(1) is None
    assert 'pip install "ray-that-is-not-there>=2"' in limits.problem(2)


def test_what_is_asked_for_is_what_the_extra_installs():
    pyproject = (Path(auto_labeling.__file__).parent / "pyproject.toml").read_text("utf-8")
    assert f'ray = ["{limits.RAY}"]' in pyproject
