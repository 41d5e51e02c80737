"""Workers say that they are alive, and what they log: across machines, for a panel to show."""

import socket

import pytest

from auto_labeling.core.run import Worker
from auto_labeling.lifecycle import labeling
from auto_labeling.storage import clock, live_workers, log_tails


@pytest.fixture
def worker():
    said = Worker(id="w1", host="gpu-3", pid=7, device="cuda:0", started_at=clock.stamp())
    yield said
    live_workers.remove(said.id)


def _workers_on(host):
    return [worker for worker in labeling.workers() if worker.host == host]


def _is_expired(worker):
    return worker.id in {other.id for other in live_workers.expired()}


def test_a_worker_is_listed_until_it_leaves_or_falls_silent(worker, monkeypatch):
    assert _workers_on("gpu-3") == []
    live_workers.beat(worker)
    (said,) = _workers_on("gpu-3")
    assert (said.state, said.device, said.host) == ("idle", "cuda:0", "gpu-3")
    live_workers.beat(worker.model_copy(update={"state": "working", "run_name": "Shapes"}))
    assert [w.run_name for w in _workers_on("gpu-3")] == ["Shapes"]
    assert not _is_expired(worker)
    with monkeypatch.context() as silent:
        silent.setattr(live_workers, "LEASE_SECONDS", 0)
        assert _workers_on("gpu-3") == [] and _is_expired(worker)
    live_workers.remove(worker.id)
    assert _workers_on("gpu-3") == [] and not _is_expired(worker)
    assert socket.gethostname() != "gpu-3"


def test_the_log_of_another_attempt_or_worker_is_not_shown(numbered, config, monkeypatch):
    run = labeling.start(numbered, config)
    assert labeling.log_tail(numbered, run) == []
    log_tails.save(numbered._doc.id, run.id, run.operation_id, [f"line {n}" for n in range(300)])
    assert labeling.log_tail(numbered, run, lines=2) == ["line 298", "line 299"]
    assert len(labeling.log_tail(numbered, run)) == 40
    assert len(labeling.log_tail(numbered, run, lines=10**6)) == log_tails.MAX_LINES
    assert labeling.log_tail(numbered, run, lines=0) == []
    again = labeling.resume(numbered, labeling.cancel(numbered, run.id).id)
    assert labeling.log_tail(numbered, again) == []
    labeling.delete(numbered, run.id)
    assert labeling.log_tail(numbered, run) == []
