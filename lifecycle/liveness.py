"""Whether the process that works on an active run is alive; if not, why the run stopped.

Nothing here judges by one look. A sign of life that is too old is looked at again a moment later,
since the database, this machine or the worker's may just have been away; and while the database
is known to have been away, the worker has a full lease from its return.
"""

import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from auto_labeling.core.run import Progress, Run, RunState, StopReason
from auto_labeling.storage import availability, clock, live_workers, operations
from auto_labeling.storage.heartbeat import LEASE_SECONDS
from auto_labeling.storage.operations import Operation
from auto_labeling.storage.runs import RunStore

#: Seconds from the moment a worker began to execute an operation to its run's first sign of life.
START_UP_SECONDS = max(60.0, LEASE_SECONDS)

#: Seconds between the two looks at a sign of life that is too old: a few beats of a live worker.
CONFIRM_SECONDS = min(2.5, LEASE_SECONDS / 2)

_LOOK_EVERY_SECONDS = 0.1
_MAX_REMEMBERED = 10_000


class Stopped(NamedTuple):
    """Why a run stopped.

    Args:
        reason: for programs
        sentence: for people
    """

    reason: StopReason
    sentence: str


class Judgement(NamedTuple):
    """What a look at a run has found.

    Args:
        stopped: why it stopped, if it did
        is_certain: whether that is so; if not, look again in :data:`CONFIRM_SECONDS`
    """

    stopped: Stopped | None
    is_certain: bool = True


class _Facts(NamedTuple):
    progress: Progress | None
    operation: Operation | None
    has_live_worker: bool  # a worker of ours that is alive has the operation


ALIVE = Judgement(None)
_DOUBTFUL = Judgement(None, is_certain=False)


def judge(store: RunStore, run: Run, confirm: bool = False) -> Judgement:
    """Judges whether an active run goes on. Changes nothing.

    Args:
        store: the store of the run's dataset
        run: an active run, as its record stands
        confirm (False): whether to wait for a second look where one is needed
    """
    while True:
        judgement = _judge_now(store, run)
        if judgement.is_certain or not confirm or availability.steady_for() < LEASE_SECONDS:
            return judgement
        time.sleep(_LOOK_EVERY_SECONDS)


def is_silent(store: RunStore, run: Run, confirm: bool = False) -> bool:
    """Whether the process that works on a run is gone, whatever the run's state.

    Args:
        store: the store of the run's dataset
        run: the run
        confirm (False): whether to wait for a second look where one is needed
    """
    while True:
        with availability.noticing():
            progress = store.progress(run)
        judgement = _judge_silence(run, progress)
        doubtful = not judgement.is_certain and availability.steady_for() >= LEASE_SECONDS
        if not (confirm and doubtful):
            return judgement.stopped is not None
        time.sleep(_LOOK_EVERY_SECONDS)


def _judge_now(store, run) -> Judgement:
    facts = _look(store, run)
    operation = facts.operation
    if operation and operation.state == "failed" and run.state is not RunState.IMPORTING:
        sentence = operation.error or "The delegated operation was marked as failed"
        reason = StopReason.WORKER_LOST if operation.lost else StopReason.ERROR
        return Judgement(Stopped(reason, sentence))
    if run.state is RunState.QUEUED:
        return _judge_queued(store, run, facts)
    return _judge_silence(run, facts.progress)


def _look(store, run) -> _Facts:
    with availability.noticing():
        progress = store.progress(run)
        operation = operations.look_up(run.operation_id) if run.operation_id else None
        worker = operation.worker if operation and run.state is RunState.QUEUED else ""
        live = bool(worker) and any(worker == other.id for other in live_workers.live())
    return _Facts(progress, operation, live)


def _judge_queued(store, run, facts) -> Judgement:
    """A run may wait for days, as long as there is an operation that a worker can take."""
    operation = facts.operation
    if operation is not None and not operation.is_over and operation.state != "running":
        return ALIVE
    if operation is not None:
        if facts.has_live_worker:  # which sees to its process itself
            return ALIVE
        began = clock.age(store.first_seen_started(run))
        if began < START_UP_SECONDS or availability.steady_for() < START_UP_SECONDS:
            return ALIVE
        why = operation.error or "The worker stopped before it started to label"
        return Judgement(Stopped(StopReason.NEVER_BEGAN, why))
    if not run.delegated:  # whoever started it calls `generate` when it suits them
        return ALIVE
    if run.operation_id:
        why = "Its delegated operation was deleted before a worker picked it up"
        return Judgement(Stopped(StopReason.NEVER_BEGAN, why))
    # Its start, or its resume, is under way: in a process that gives signs of life.
    stopped = Stopped(
        StopReason.START_INTERRUPTED, "The run was interrupted while it was being started"
    )
    return _judge_silence(run, facts.progress, stopped)


def _judge_silence(run, progress, stopped: Stopped | None = None) -> Judgement:
    key = run.id, run.attempt
    beat = max(run.changed_at, progress.beat_at if progress else "")
    if clock.age(beat) <= LEASE_SECONDS:
        _suspicions.forget(key)
        return ALIVE
    if availability.steady_for() < LEASE_SECONDS:
        _suspicions.forget(key)
        return _DOUBTFUL
    if _suspicions.seconds_since(key, beat) < CONFIRM_SECONDS:
        return _DOUBTFUL
    return Judgement(stopped or _why_silent(run))


def _why_silent(run) -> Stopped:
    if run.state is RunState.IMPORTING:
        why = "The App stopped while labels were being copied. Resume to continue"
        return Stopped(StopReason.APP_STOPPED, why)
    return Stopped(
        StopReason.WORKER_VANISHED,
        "The worker stopped unexpectedly: it was killed, ran out of memory, or its machine went "
        "away. Labels so far are kept; resume to label the rest",
    )


class _Suspicions:
    """Since when this process has seen which sign of life that is too old."""

    def __init__(self):
        self._since: OrderedDict = OrderedDict()
        self._lock = threading.Lock()

    def seconds_since(self, key, beat: str) -> float:
        """Seconds since this very sign of life was first seen to be too old."""
        with self._lock:
            seen, since = self._since.get(key, (None, 0.0))
            if seen != beat:
                since = clock.monotonic()
            self._since[key] = beat, since
            self._since.move_to_end(key)
            while len(self._since) > _MAX_REMEMBERED:
                self._since.popitem(last=False)
            return clock.monotonic() - since

    def forget(self, key) -> None:
        with self._lock:
            self._since.pop(key, None)


_suspicions = _Suspicions()
