"""What a machine needs to label, how much of it a worker gets, and the code that is sent to it."""

import dataclasses
import os
import subprocess
import sys

import pytest

from auto_labeling.engine.ray import nodes, shipping

NEEDS = nodes.Needs(uri="", database="", dataset_id=None)


@pytest.mark.parametrize(
    ("machines", "workers", "device", "room"),
    [
        ([{"CPU": 2}], 2, "", (0, 1)),
        ([{"CPU": 16}], 4, "", (0, 4)),
        ([{"CPU": 4}, {"CPU": 4}, {"CPU": 4}], 2, "", (0, 4)),  # not 6: no machine has so many
        ([{"CPU": 2}], 8, "", (0, 0.25)),
        ([{"CPU": 32, "GPU": 8}], 8, "", (1, 4)),
        ([{"CPU": 32, "GPU": 8}, {"CPU": 8, "GPU": 4}], 12, "cuda", (1, 2)),
        ([{"CPU": 32, "GPU": 8}], 8, "cuda:3", (1, 4)),
        ([{"CPU": 32, "GPU": 8}], 4, "cpu", (0, 8)),
        ([{"CPU": 1}, {"CPU": 64, "GPU": 8}], 8, "", (1, 8)),
    ],
)
def test_a_worker_gets_a_gpu_or_a_share_of_the_cpus(machines, workers, device, room):
    got = nodes.resources_per_worker(machines, workers, device)
    assert (got.gpus, got.cpus) == room


def test_there_is_no_room_for_gpus_where_there_are_none():
    assert nodes.resources_per_worker([{"CPU": 2}], 2, "cuda") is None


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:1", "[::1]:1"])
def test_an_address_that_means_each_machine_itself_is_named(monkeypatch, host):
    monkeypatch.setattr(nodes, "_DATABASE_TIMEOUT_MS", 1)
    needs = dataclasses.replace(NEEDS, uri=f"mongodb://me:secret@{host}/?appname=x", database="d")
    said = nodes._database(needs)
    assert "means each machine itself: set FIFTYONE_DATABASE_URI" in said and "secret" not in said


def test_media_that_cannot_be_read_are_named(tmp_path):
    there = tmp_path / "a.png"
    there.write_bytes(b"x")
    assert nodes._media(dataclasses.replace(NEEDS, media=(str(there),))) == ""
    said = nodes._media(dataclasses.replace(NEEDS, media=(str(there), "/nowhere/b.png")))
    assert said.startswith("/nowhere/b.png cannot be read there")


def test_a_mask_location_must_be_the_same_folder(tmp_path):
    probe = tmp_path / "probe"
    needs = dataclasses.replace(NEEDS, mask_folder=str(tmp_path), probe=str(probe))
    assert "a different folder there" in nodes._masks(needs)
    probe.touch()
    assert nodes._masks(needs) == "" and os.listdir(tmp_path) == ["probe"]
    nowhere = dataclasses.replace(needs, mask_folder="/proc/masks")
    assert "No masks can be written to /proc/masks" in nodes._masks(nowhere)


def test_versions_and_packages_are_compared():
    assert nodes._code(NEEDS) == ""
    assert "not 99.0; uninstall it" in nodes._code(dataclasses.replace(NEEDS, version="99.0"))
    assert "not 0.1" in nodes._fiftyone(dataclasses.replace(NEEDS, fiftyone_version="0.1"))
    needs = dataclasses.replace(NEEDS, packages=("package-that-is-not-there",))
    assert 'pip install "package-that-is-not-there"' in nodes._packages(needs)


def test_what_is_sent_can_be_imported_without_fiftyone_or_an_installed_copy():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.meta_path = [f for f in sys.meta_path "
        "if 'editable' not in getattr(f, '__module__', '') + getattr(f, '__name__', '')]; "
        "import auto_labeling.engine.ray.actors as actor; "
        "print(actor.__file__.startswith(sys.argv[1]), 'fiftyone' in sys.modules)"
    )
    with shipping.staged() as folder:
        parent = os.path.dirname(folder)
        command = [sys.executable, "-c", program, parent]
        answer = subprocess.run(command, capture_output=True, text=True, cwd="/")
        assert answer.stdout.split() == ["True", "False"], answer.stderr
        names = set(os.listdir(folder))
    assert {"__init__.py", "sdk", "engine", "models", "storage", "demo", "fiftyone.yml"} <= names
    assert not {"tests", "benchmarks", "docs", ".venv", ".git"} & names


def test_settings_are_taken_over_but_for_what_a_machine_says_itself(monkeypatch):
    monkeypatch.setenv("FIFTYONE_DATABASE_URI", "here")
    monkeypatch.setenv("FIFTYONE_MODEL_ZOO_DIR", "/mine")
    monkeypatch.setenv("FIFTYONE_PRIVATE_DATABASE_PORT", "1")
    monkeypatch.delenv("FIFTYONE_AUTO_LABELING_TRUSTED", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    shipping.adopt(
        {
            "FIFTYONE_DATABASE_URI": "there",
            "FIFTYONE_MODEL_ZOO_DIR": "/theirs",
            "FIFTYONE_AUTO_LABELING_TRUSTED": "a.b",
        }
    )
    assert os.environ["FIFTYONE_DATABASE_URI"] == "there"
    assert os.environ["FIFTYONE_MODEL_ZOO_DIR"] == "/mine"
    assert os.environ["FIFTYONE_AUTO_LABELING_TRUSTED"] == "a.b"
    assert "FIFTYONE_PRIVATE_DATABASE_PORT" not in os.environ
