"""Who is judged gone, and who is not, as hours pass: a run may wait for days."""

import math
import threading
import time

import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Progress, RunConfig, RunState, StopReason, iso
from auto_labeling.core.run import Worker as WorkerRecord
from auto_labeling.demo.services import StockWorker, Worker
from auto_labeling.lifecycle import labeling, liveness
from auto_labeling.review import approval, promotion, selection
from auto_labeling.storage import clock, live_workers, operations, outages
from auto_labeling.storage.heartbeat import LEASE_SECONDS
from auto_labeling.storage.runs import RunStore
from tests.support import red_rectangles
from tests.support.waiting import wait_until

HOUR = 3600


@pytest.fixture
def task():
    return "detection"


@pytest.fixture(autouse=True)
def _right_clock(monkeypatch):
    """A database that has been there for long, and a clock that is put right afterwards."""
    monkeypatch.setattr(outages, "_uptime", lambda: math.inf)
    monkeypatch.setattr(outages, "_back_since", -math.inf)
    yield
    clock.move(0)


def begin(run) -> None:
    """What a worker does first: it claims the run's operation."""
    DelegatedOperationService().set_running(ObjectId(run.operation_id))


def generating(dataset, config):
    """A run that a worker labels, which has just given a sign of life."""
    run, store = labeling.start(dataset, config), RunStore(dataset)
    begin(run)
    run = store.move(run.id, RunState.GENERATING, attempt=1, new_token="t")
    store.beat(run, Progress(token="t", beat_at=clock.stamp()))
    return run


# --- a run that waits ---------------------------------------------------------------------------


def test_a_run_may_wait_for_days_and_looking_does_not_change_it(numbered, config):
    run = labeling.start(numbered, config)
    for _ in range(3):
        clock.move(20 * HOUR)
        assert [r.state for r in labeling.runs(numbered)] == [RunState.QUEUED]
    begin(run)
    assert labeling.get(numbered, run.id).state is RunState.QUEUED
    assert labeling.generate(numbered, run.id).state is RunState.IN_REVIEW


def test_the_time_of_start_up_counts_from_the_start_of_the_operation(numbered, config):
    run = labeling.start(numbered, config)
    clock.move(20 * HOUR)
    begin(run)
    assert labeling.get(numbered, run.id).state is RunState.QUEUED
    clock.move(liveness.START_UP_SECONDS - 5)
    assert labeling.get(numbered, run.id).state is RunState.QUEUED
    clock.move(10)
    run = labeling.get(numbered, run.id)
    assert (run.state, run.reason) == (RunState.FAILED, StopReason.NEVER_BEGAN)
    assert run.error == "The worker stopped before it started to label"


def test_a_worker_of_ours_that_is_alive_may_take_long_to_start(numbered, config):
    run = labeling.start(numbered, config)
    worker = WorkerRecord(id="gpu-3-77-ab", host="gpu-3", pid=77, started_at=clock.stamp())
    operation = DelegatedOperationService().get(ObjectId(run.operation_id))
    DelegatedOperationService().set_running(operation.id, run_link=operations.link(worker.id))
    for _ in range(3):
        clock.move(HOUR)
        live_workers.beat(worker)
        assert labeling.get(numbered, run.id).state is RunState.QUEUED
    live_workers.remove(worker.id)
    assert labeling.get(numbered, run.id).state is RunState.QUEUED
    clock.move(liveness.START_UP_SECONDS + 1)
    assert labeling.get(numbered, run.id).state is RunState.FAILED


def test_a_run_that_its_starter_generates_waits_for_it(numbered, config):
    run = labeling.start(numbered, config, queue=False)
    clock.move(20 * HOUR)
    assert labeling.get(numbered, run.id).state is RunState.QUEUED
    assert labeling.generate(numbered, run.id).state is RunState.IN_REVIEW


def test_a_run_whose_operation_was_deleted_says_so(numbered, config):
    run = labeling.start(numbered, config)
    DelegatedOperationService().delete_operation(ObjectId(run.operation_id))
    run = labeling.get(numbered, run.id)
    assert run.reason is StopReason.NEVER_BEGAN and "deleted before a worker" in run.error


def test_a_start_that_is_slow_is_not_judged_and_one_that_died_is(numbered, config, monkeypatch):
    looks = []

    def slow(*_):
        clock.move(HOUR)  # as if freezing the targets took so long
        moved, store = clock.stamp(), RunStore(numbered)
        (run,) = store.list()
        wait_until(lambda: store.progress(run).beat_at >= moved, "a sign of life")
        looks.append(labeling.runs(numbered)[0].state)
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, "queue", slow)
    with pytest.raises(KeyboardInterrupt):
        labeling.start(numbered, config)
    assert looks == [RunState.QUEUED]
    clock.move(LEASE_SECONDS + 1)
    (run,) = labeling.runs(numbered)
    assert (run.state, run.reason) == (RunState.FAILED, StopReason.START_INTERRUPTED)


# --- a worker that labels -----------------------------------------------------------------------


def test_signs_of_life_that_stop_are_looked_at_twice(numbered, config):
    run = generating(numbered, config)
    assert labeling.get(numbered, run.id).state is RunState.GENERATING
    clock.move(LEASE_SECONDS + 1)
    assert labeling.get(numbered, run.id, confirm=False).state is RunState.GENERATING
    clock.move(liveness.CONFIRM_SECONDS)
    run = labeling.get(numbered, run.id, confirm=False)
    assert (run.state, run.reason) == (RunState.FAILED, StopReason.WORKER_VANISHED)


def test_a_single_look_waits_for_its_second(numbered, config):
    first = generating(numbered, config)
    second = generating(numbered, config.model_copy(update={"label_field": "others"}))
    clock.move(LEASE_SECONDS + 1)
    began = time.monotonic()
    states = {r.id: r.state for r in labeling.runs(numbered)}
    assert states == {first.id: RunState.FAILED, second.id: RunState.FAILED}
    assert time.monotonic() - began < 2 * liveness.CONFIRM_SECONDS, "they waited one by one"


def test_a_worker_that_comes_back_between_the_two_looks_goes_on(numbered, config):
    run = generating(numbered, config)
    clock.move(HOUR)
    assert labeling.get(numbered, run.id, confirm=False).is_active
    RunStore(numbered).beat(run, Progress(token="t", beat_at=clock.stamp()))
    clock.move(liveness.CONFIRM_SECONDS)
    assert labeling.get(numbered, run.id).is_active


@pytest.mark.parametrize("known_by", ["this process", "the server's uptime"])
def test_after_an_absence_of_the_database_the_worker_has_a_lease(
    numbered, config, monkeypatch, known_by
):
    run = generating(numbered, config)
    clock.move(HOUR)
    if known_by == "this process":
        outages.note()
    else:
        back = clock.monotonic()
        monkeypatch.setattr(outages, "_uptime", lambda: clock.monotonic() - back)
    assert labeling.get(numbered, run.id).is_active
    clock.move(LEASE_SECONDS - 1)
    assert labeling.get(numbered, run.id).is_active
    clock.move(2)
    assert labeling.get(numbered, run.id).reason is StopReason.WORKER_VANISHED


def test_a_machine_that_slept_tells_the_right_time_again(monkeypatch):
    before = clock.now()
    anchor = clock._current_anchor()
    # While a machine sleeps, its monotonic clock stands still and its wall clock continues.
    slept = anchor._replace(server=anchor.server - (clock.now() - before), wall=anchor.wall - HOUR)
    monkeypatch.setattr(clock, "_anchor", slept._replace(local=slept.local + HOUR))
    assert abs((clock.now() - before).total_seconds()) < 5


@pytest.mark.parametrize("alive", [True, False])
def test_an_approval_is_taken_over_only_from_the_dead(numbered, run, alive):
    promotion.promote(numbered, run.id, selection.choose(numbered), None)
    store = RunStore(numbered)
    closing = store.move(run.id, RunState.APPROVING, new_token="t", attempt=run.attempt + 1)
    store.beat(closing, Progress(token="t", beat_at=clock.stamp()))
    clock.move(HOUR)
    if alive:
        store.beat(closing, Progress(token="t", beat_at=clock.stamp()))
        with pytest.raises(AutoLabelingError, match="already being approved"):
            approval.approve(numbered, run.id)
    else:
        assert approval.approve(numbered, run.id).state is RunState.APPROVED


def test_a_claim_on_a_label_field_needs_no_time_to_be_judged(numbered, config):
    store = RunStore(numbered)
    store._store.set("field:predictions", {"run": "gone", "at": iso(clock.now())})
    assert store.claimed_by("predictions") is None
    assert labeling.start(numbered, config).state is RunState.QUEUED


# --- with real workers --------------------------------------------------------------------------


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", [Worker, StockWorker])
def test_a_queue_of_three_is_done_days_later_while_somebody_looks(
    tmp_path, monkeypatch, red_things, kind
):
    ahead = tmp_path / "clock"
    ahead.write_text("0")
    monkeypatch.setenv(clock.FILE, str(ahead))
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    runs = [labeling.start(red_things, red_config(n)) for n in range(3)]
    ahead.write_text(str(50 * HOUR))
    end, seen = threading.Event(), []

    def look():
        while not end.wait(0.05):
            seen.append(tuple(r.state for r in labeling.runs(red_things, confirm=False)))

    poller = threading.Thread(target=look)
    poller.start()
    try:
        with kind(tmp_path / "worker.log"):

            def settled():
                if seen and RunState.IN_REVIEW in seen[-1]:
                    ahead.write_text(str(60 * HOUR))  # the others have waited all the longer
                return not any(r.is_active for r in labeling.runs(red_things))

            try:
                wait_until(settled, "all runs are over", seconds=200)
            except AssertionError:
                print((tmp_path / "worker.log").read_text()[-3000:])
                raise
    finally:
        end.set()
        poller.join()
    ended = {labeling.get(red_things, run.id).state for run in runs}
    assert ended == {RunState.IN_REVIEW}, seen[-1]
    assert not any(RunState.FAILED in states for states in seen)


@pytest.fixture
def red_things(tmp_path):
    import fiftyone as fo

    dataset = fo.Dataset(persistent=True)
    dataset.add_samples(
        [fo.Sample(p) for p in red_rectangles.write(tmp_path / "red", 8)], progress=False
    )
    yield dataset
    dataset.delete()


def red_config(number) -> RunConfig:
    return RunConfig(
        task="detection",
        model="custom-python-detection",
        checkpoint="tests.support.red_rectangles:detector",
        label_field=f"found_{number}",
    )
