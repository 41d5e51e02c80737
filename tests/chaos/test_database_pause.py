"""The database stands still for longer than a lease while a worker labels and others look."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from auto_labeling.cli import verbs
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.storage.heartbeat import LEASE_SECONDS
from auto_labeling.storage.retrying import patiently
from tests.support import red_rectangles
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

SAMPLES = 200

#: Seconds for which the database stands still.
PAUSE = float(os.environ.get("DATABASE_PAUSE", 3 * LEASE_SECONDS))


@pytest.mark.timeout(300)
def test_a_pause_of_the_database_costs_no_run(red_things, monkeypatch, mongod):
    """Three look: one all the time, one that begins in the pause, one that begins after it."""
    if mongod.process is None:
        pytest.skip("the database is not ours to stop")
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    monkeypatch.setenv(red_rectangles.DELAY, "0.1")
    dataset = red_things(SAMPLES)
    run = labeling.start(dataset, _config())
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.support.run_worker", dataset.name, run.id],
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
        text=True,
    )
    end, seen = threading.Event(), []

    def look():
        while not end.wait(0.1):
            seen.append(patiently(labeling.get)(dataset, run.id, confirm=False).state)

    poller = threading.Thread(target=look)
    poller.start()
    try:
        wait_until(lambda: _done(dataset, run) > 5, "some are labeled", seconds=150)
        mongod.process.send_signal(signal.SIGSTOP)
        try:
            during = _listing(dataset)
            time.sleep(PAUSE)
        finally:
            mongod.process.send_signal(signal.SIGCONT)
        listed = [during, _listing(dataset)]
        wait_until(lambda: worker.poll() is not None, "the worker is done", seconds=150)
        assert worker.returncode == 0, worker.stderr.read()[-3000:]
        for listing in listed:
            answer = json.loads(listing.communicate(timeout=120)[0])
            if listing.returncode == verbs.REFUSED:  # FiftyOne waits for half a minute
                assert answer["error"]["kind"] == "DatabaseAway" and PAUSE > 30
            else:
                assert answer[0]["status"] in ("Generating", "In Review"), answer
    finally:
        end.set()
        poller.join()
        worker.kill()
        worker.wait()
    run = labeling.get(dataset, run.id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0)
    assert RunState.FAILED not in seen


def _config():
    return RunConfig(
        task="detection",
        model="custom-python-detection",
        checkpoint="tests.support.red_rectangles:detector",
        label_field="found",
    )


def _listing(dataset):
    return subprocess.Popen(
        [sys.executable, "-m", "auto_labeling.cli", "list", dataset.name, "--json"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _done(dataset, run):
    now = labeling.progress(dataset, labeling.record(dataset, run.id))
    return now.done if now else 0
