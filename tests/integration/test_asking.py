"""Models that people bring are judged where they will run: the live workers are asked."""

import os
import subprocess
import sys
import time

import pytest
import torch

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling, worker_check
from auto_labeling.models import trust
from auto_labeling.storage import live_workers, worker_questions
from auto_labeling.storage.runs import RunStore
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

PYTHON = {"task": "detection", "model": "custom-python-detection", "label_field": "found"}
FILE = {"task": "detection", "model": "custom-ultralytics-detection", "label_field": "found"}
WORKER = """
import sys
from auto_labeling.serving.answering import Answering
from auto_labeling.serving.presence import Presence
with Presence() as presence, Answering(presence.id, "gpu-3"):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def elsewhere(database, tmp_path_factory):
    """A worker in a process that trusts more, and finds more, than the one that submits."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "only_there.py").write_text("def finder(): ...\n")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{CHECKOUT}",
        trust.SETTING: f"only_there,secret.things,{folder}",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while (line := process.stdout.readline()) and "ready" not in line:
        pass
    yield folder
    process.communicate("")
    assert live_workers.live() == []


@pytest.fixture(autouse=True)
def untrusting(monkeypatch):
    """The process that submits the run trusts nothing."""
    monkeypatch.delenv(trust.SETTING, raising=False)
    worker_check._statuses.clear()


def flags(answers, **more):
    return [f"--{k.replace('_', '-')}={v}" for k, v in {**answers, **more}.items()]


def test_without_a_worker_it_is_unknown_and_the_run_may_start(dataset, capsys):
    checkpoint = "nonesuch.models:Finder"
    began = time.monotonic()
    run = al.start(dataset, PYTHON, checkpoint=checkpoint)
    assert time.monotonic() - began < worker_check.ANSWER_TIMEOUT_SECONDS
    assert labeling.get(dataset, run.id).state is RunState.QUEUED
    more = {"label_field": "others", "checkpoint": checkpoint}
    assert cli.main(["run", dataset.name, *flags(PYTHON, **more), "--dry-run"]) == 0
    told = capsys.readouterr()
    assert f"Whether {checkpoint} can run is unknown until a worker picks it up" in told.err
    assert "There is no module 'nonesuch'" in told.err
    assert "not on this machine" in told.out and "will download" not in told.out
    file = {**FILE, "label_field": "others", "checkpoint": "/nonesuch.pt"}
    assert cli.main(["run", dataset.name, *flags(file), "--dry-run"]) == 0
    told = capsys.readouterr()
    assert "There is no file /nonesuch.pt" in told.err and "will download" not in told.out


def test_a_worker_that_does_not_answer_in_time_leaves_it_unknown(dataset, monkeypatch):
    from auto_labeling.serving.presence import Presence

    monkeypatch.setattr(worker_check, "ANSWER_TIMEOUT_SECONDS", 0.3)
    with Presence():
        found = al.preflight(dataset, PYTHON, checkpoint="nonesuch.models:Finder")
        assert any("unknown until a worker picks it up" in warning for warning in found.warnings)
        run = al.start(dataset, PYTHON, checkpoint="nonesuch.models:Finder")
    assert labeling.get(dataset, run.id).state is RunState.QUEUED


def test_what_this_process_cannot_run_is_refused_where_it_is_to_run_it(dataset, monkeypatch):
    for answers, checkpoint, words in (
        (PYTHON, "nonesuch:Finder", trust.SETTING),
        (FILE, "/nonesuch.pt", trust.SETTING),
    ):
        for verb, more in ((al.preview, {}), (al.start, {"queue": False})):
            with pytest.raises(ConfigError, match=words):
                verb(dataset, answers, checkpoint=checkpoint, **more)
    monkeypatch.setenv(trust.SETTING, "nonesuch,tests,/")
    for answers, checkpoint, words in (
        (PYTHON, "nonesuch:Finder", "There is no module 'nonesuch': PYTHONPATH must name"),
        (PYTHON, "tests.support.red_rectangles:Finder", "has no 'Finder'"),
        (FILE, "/nonesuch.pt", "There is no file /nonesuch.pt"),
    ):
        for verb, more in ((al.preview, {}), (al.start, {"queue": False})):
            with pytest.raises(ConfigError, match=words):
                verb(dataset, answers, checkpoint=checkpoint, **more)
    assert RunStore(dataset).list() == []


def test_a_worker_that_trusts_it_is_enough_and_its_secrets_stay_its_own(dataset, elsewhere, capsys):
    run = al.start(dataset, PYTHON, checkpoint="only_there:finder")
    assert labeling.get(dataset, run.id).state is RunState.QUEUED
    al.cancel(run)
    al.delete(run)
    found = al.preflight(dataset, PYTHON, checkpoint="only_there:finder")
    assert "gpu-3: can run it" in found.weights[0].own and not found.weights[0].on_disk
    assert "There is no module 'only_there'" in found.weights[0].own[0]
    for reference, words in (
        ("secret.others:Thing", trust.SETTING),
        ("only_there:nothing", "has no 'nothing'"),
        ("only_there.sub:thing", "is a module, not a package"),
    ):
        with pytest.raises(ConfigError) as refused:
            al.start(dataset, PYTHON, checkpoint=reference)
        said = refused.value.problems["checkpoint"]
        assert said.startswith("No worker can run it. gpu-3: ") and words in said
        assert "secret.things" not in said and str(elsewhere) not in said.replace(
            f"({elsewhere}/only_there.py)", ""
        )
        assert (
            cli.main(["run", dataset.name, *flags(PYTHON, checkpoint=reference), "--dry-run"]) == 0
        )
        told = capsys.readouterr()
        assert "warning: gpu-3 cannot run it: " in told.err and words in told.out
        assert "secret.things" not in told.out + told.err
    assert labeling.runs(dataset) == [] and "found_in_review" not in dataset.get_field_schema()


def test_the_file_is_looked_for_and_read_where_the_worker_is(dataset, elsewhere, capsys):
    missing = str(elsewhere / "gone.pt")
    with pytest.raises(ConfigError, match=f"gpu-3: There is no file {missing}"):
        al.start(dataset, FILE, checkpoint=missing)
    outside = "/nonesuch/of-others.pt"  # whether it is there is not said of what is not trusted
    with pytest.raises(ConfigError, match="would run code on the worker") as refused:
        al.start(dataset, FILE, checkpoint=outside)
    assert "no file" not in str(refused.value)
    torch.save(torch.nn.Linear(2, 2), elsewhere / "network.pt")
    config = labeling.check(dataset, {**FILE, "checkpoint": missing})
    config = config.model_copy(update={"checkpoint": str(elsewhere / "network.pt")})
    status = worker_check.ask_workers(config)
    assert "not an Ultralytics checkpoint" in status.workers[0].problems["checkpoint"]
    assert worker_questions.open_questions() == {}


def test_a_page_never_waits_for_workers(dataset, elsewhere):
    config = labeling.check(dataset, {**PYTHON, "checkpoint": "only_there:finder"})
    began = time.monotonic()
    found = labeling.preflight(dataset, config, wait=False)
    assert time.monotonic() - began < 0.5 and found.asking_workers
    assert "asking the workers" in found.weights[0].own

    def answered():
        now = labeling.preflight(dataset, config, wait=False)
        return None if now.asking_workers else now

    found = wait_until(answered, "a worker has answered", seconds=20)
    assert "gpu-3: can run it" in found.weights[0].own


def test_a_question_that_makes_no_sense_harms_no_worker(answering):
    for question in ({}, {"model": 3}, {"task": "detection", "model": "x", "label_field": "y"}):
        worker_questions.ask(question)
    config = al.RunConfig(**PYTHON, checkpoint="nonesuch:Finder")
    assert answering.host in {worker.host for worker in worker_check.ask_workers(config).workers}
    for inquiry_id in worker_questions.open_questions():
        worker_questions.remove(inquiry_id)
