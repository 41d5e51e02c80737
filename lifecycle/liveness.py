"""Whether the process that works on an active run is alive; if not, why the run stopped.

Nothing here judges by one look. A sign of life that is too old is looked at again a moment later,
since the database, this machine or the worker's may just have been away; and while the database
is known to have been away, the worker has a full lease from its return.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from auto_labeling.core.errors import FailureReason
from auto_labeling.core.run import Progress, Run, RunState, StopReason
from auto_labeling.storage import clock, live_workers, operations, outages
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
        reason: how
        sentence: why, for people
        failure_reason: why, for programs, as far as that is known
    """

    reason: StopReason
    sentence: str
    failure_reason: FailureReason = FailureReason.OTHER


class _Facts(NamedTuple):
    progress: Progress | None
    operation: Operation | None
    has_live_worker: bool  # a worker of ours that is alive has the operation


#: A sign of life that is too old, seen for the first time: look again in :data:`CONFIRM_SECONDS`.
_DOUBTFUL = Stopped(StopReason.NONE, "")


def judge(store: RunStore, run: Run, confirm: bool = False) -> Stopped | None:
    """Judges whether an active run is still at work. Changes nothing.

    Args:
        store: the store of the run's dataset
        run: an active run, as its record stands
        confirm (False): whether to wait for a second look where one is needed

    Returns:
        why the run has stopped; None if it is at work, or may be
    """
    return _confirmed(lambda: _judge_now(store, run), confirm)


def is_silent(store: RunStore, run: Run) -> bool:
    """Whether the process that works on a run is gone, whatever the run's state.

    Waits for a second look where one is needed.

    Args:
        store: the :class:`auto_labeling.storage.runs.RunStore` of the run's dataset
        run: the run

    Returns:
        True if it gave no sign of life for too long
    """

    def look() -> Stopped | None:
        with outages.watch():
            progress = store.progress(run)
        return _judge_silence(run, progress)

    return _confirmed(look, confirm=True) is not None


def _confirmed(look: Callable[[], Stopped | None], confirm: bool) -> Stopped | None:
    """What a look finds, where a doubtful one counts for nothing; repeated first if asked for."""
    while (verdict := look()) is _DOUBTFUL and confirm:
        time.sleep(_LOOK_EVERY_SECONDS)
    return None if verdict is _DOUBTFUL else verdict


def _judge_now(store: RunStore, run: Run) -> Stopped | None:
    facts = _look(store, run)
    operation = facts.operation
    if operation and operation.state == "failed" and run.state is not RunState.IMPORTING:
        sentence = operation.error or "The delegated operation was marked as failed"
        reason = StopReason.WORKER_LOST if operation.lost else StopReason.ERROR
        return Stopped(reason, sentence, operation.reason)
    if run.state is RunState.QUEUED:
        return _judge_queued(store, run, facts)
    return _judge_silence(run, facts.progress)


def _look(store: RunStore, run: Run) -> _Facts:
    with outages.watch():
        progress = store.progress(run)
        operation = operations.look_up(run.operation_id) if run.operation_id else None
        worker = operation.worker if operation and run.state is RunState.QUEUED else ""
        live = bool(worker) and any(worker == other.id for other in live_workers.live())
    return _Facts(progress, operation, live)


def _judge_queued(store: RunStore, run: Run, facts: _Facts) -> Stopped | None:
    """A run may wait for days, as long as there is an operation that a worker can take."""
    operation = facts.operation
    if operation is not None and not operation.is_over and operation.state != "running":
        return None
    if operation is not None:
        if facts.has_live_worker:  # which sees to its process itself
            return None
        began = clock.age(store.first_seen_started(run))
        if began < START_UP_SECONDS or outages.seconds_since_last() < START_UP_SECONDS:
            return None
        sentence = operation.error or "The worker stopped before it started to label"
        return Stopped(StopReason.NEVER_BEGAN, sentence)
    if not run.delegated:  # the script that started it calls `generate` at any time
        return None
    if run.operation_id:
        sentence = "Its delegated operation was deleted before a worker picked it up"
        return Stopped(StopReason.NEVER_BEGAN, sentence)
    # Its start, or its resume, is under way: in a process that gives signs of life.
    stopped = Stopped(
        StopReason.START_INTERRUPTED, "The run was interrupted while it was being started"
    )
    return _judge_silence(run, facts.progress, stopped)


def _judge_silence(
    run: Run, progress: Progress | None, stopped: Stopped | None = None
) -> Stopped | None:
    key = run.id, run.attempt
    beat = max(run.changed_at, progress.beat_at if progress else "")
    if clock.age(beat) <= LEASE_SECONDS:
        _overdue.forget(key)
        return None
    if outages.seconds_since_last() < LEASE_SECONDS:  # no process could give a sign of life
        _overdue.forget(key)
        return None
    if _overdue.seconds_since(key, beat) < CONFIRM_SECONDS:
        return _DOUBTFUL
    return stopped or _reason_for_silence(run)


def _reason_for_silence(run: Run) -> Stopped:
    if run.state is RunState.IMPORTING:
        sentence = "The App stopped while labels were being copied. Resume to continue"
        return Stopped(StopReason.APP_STOPPED, sentence)
    return Stopped(
        StopReason.WORKER_VANISHED,
        "The worker stopped unexpectedly: it was killed, ran out of memory, or its machine went "
        "away. Labels so far are kept; resume to label the rest",
    )


class _OverdueSigns:
    """Since when this process has seen which sign of life that is too old."""

    def __init__(self) -> None:
        self._since: OrderedDict[tuple[str, int], tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def seconds_since(self, key: tuple[str, int], beat: str) -> float:
        """Seconds since this very sign of life was first seen to be too old."""
        with self._lock:
            seen, since = self._since.get(key, ("", 0.0))
            if seen != beat:
                since = clock.monotonic()
            self._since[key] = beat, since
            self._since.move_to_end(key)
            while len(self._since) > _MAX_REMEMBERED:
                self._since.popitem(last=False)
            return clock.monotonic() - since

    def forget(self, key: tuple[str, int]) -> None:
        with self._lock:
            self._since.pop(key, None)


_overdue = _OverdueSigns()
