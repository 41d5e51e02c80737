"""The service: takes queued operations, oldest first, and watches the process that runs them."""

from collections.abc import Callable
from typing import TypeVar

from pymongo.errors import ConnectionFailure

from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.core.text import duration
from auto_labeling.lifecycle import labeling
from auto_labeling.serving import log_file
from auto_labeling.serving.answering import Answering
from auto_labeling.serving.event_log import EventLog
from auto_labeling.serving.options import Options
from auto_labeling.serving.presence import Presence
from auto_labeling.serving.process import Process
from auto_labeling.serving.signals import Signals
from auto_labeling.serving.work import Work, dataset_of, run_of, settled_run_of
from auto_labeling.storage import clock, live_workers, operations, outages
from auto_labeling.storage.heartbeat import LEASE_SECONDS
from auto_labeling.storage.operations import Job
from auto_labeling.storage.retrying import patiently

_T = TypeVar("_T")

#: Seconds between two looks at an operation that is being executed.
_WATCH_EVERY_SECONDS = 0.5

#: Seconds in which an operation notices by itself that it is no longer wanted.
NOTICE_SECONDS = LEASE_SECONDS / 2

#: The most operations of one process, so that leaks of libraries do not accumulate.
_MAX_OPERATIONS = 20

_MAX_PAUSE_SECONDS = 60.0


class Server:
    """Serves until it is asked to stop.

    Args:
        options: the options of the worker
        log_event: prints the events
    """

    def __init__(self, options: Options, log_event: EventLog) -> None:
        self._options = options
        self._log_event = log_event
        self._signals = Signals()
        self._presence = Presence()
        self._process: Process | None = None
        self._executed = 0  # by that process
        self._starts_failed = 0
        self._was_ready = False
        self._start_at = 0.0
        self._over = self._away = self._draining = False
        self._swept_at = clock.monotonic()
        self._tally = {"completed": 0, "failed": 0}

    def serve(self) -> dict[str, int]:
        """Serves until it is asked to stop, or until an option ends it.

        Returns:
            the number of operations that ``completed`` and ``failed``

        Raises:
            AutoLabelingError: if operations cannot be executed here, with the reason
        """
        answering = Answering(self._presence.id, self._presence.host)
        with self._signals, self._presence, answering:
            self._log_event("starting", logs=str(self._options.log_dir))
            try:
                while not self._over and not self._signals.count:
                    self._step()
            finally:
                if self._process is not None:
                    self._process.close()
            self._log_event("stopped", **self._tally)
        return self._tally

    def _step(self) -> None:
        job = self._attempt(operations.oldest_queued, self._options.everything)
        if job is None and self._options.drain and not self._away:
            self._over = True
        elif (process := self._ready_process()) is not None and job is not None:
            # Another worker may take the operation first: then this one executes nothing.
            self._over = self._execute(process, job) and self._options.once
        else:
            self._attempt(self._sweep)
            self._rest(self._options.poll)

    def _rest(self, seconds: float) -> None:
        others = [self._process.fileno()] if self._process is not None else []
        self._signals.wait(seconds, *others)

    def _attempt(self, function: Callable[..., _T], *args: object) -> _T | None:
        """Calls a function that needs the database; None if the database is away."""
        try:
            with outages.watch(LEASE_SECONDS / 4):
                result = function(*args)
        except ConnectionFailure as error:
            if not self._away:
                self._log_event("away", why=str(error).partition(" (configured timeouts")[0])
            self._away = True
            return None
        if self._away:
            outages.note()
            self._log_event("back")
        self._away = False
        return result

    # --- the process ---------------------------------------------------------------------------

    def _ready_process(self) -> Process | None:
        """Returns the process if it can execute operations; starts one if needed."""
        if self._process is None:
            if clock.monotonic() < self._start_at:
                return None
            self._process, self._executed = Process(), 0
        process = self._process
        process.answers()
        if process.broken or process.status is not None:
            self._restart_later(process.broken or f"exit status {process.status}")
            return None
        ready = process.device is not None
        if ready and not self._was_ready:
            self._was_ready = True
            self._presence.update(device=process.device)
            self._log_event(
                "ready",
                host=self._presence.host,
                worker=self._presence.id,
                device=process.device or "no torch",
                served="all operations" if self._options.everything else "Auto-Labeling",
            )
        return process if ready else None

    def _restart_later(self, reason: str) -> None:
        """Lets the next process wait, longer with each one that has ended by itself."""
        self._end_process()
        if not self._was_ready or self._options.drain or self._options.once:
            raise AutoLabelingError(f"Cannot run operations here: {reason}")
        pause = min(2.0**self._starts_failed, _MAX_PAUSE_SECONDS)
        self._starts_failed += 1
        self._start_at = clock.monotonic() + pause
        self._log_event("restarting", why=reason, seconds=pause)

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    # --- an operation --------------------------------------------------------------------------

    def _execute(self, process: Process, job: Job) -> bool:
        """Executes an operation; returns whether this worker had it."""
        work = Work.on(job, self._options.log_dir)
        log_file.prune(self._options.log_dir)
        try:
            process.order(job.id, operations.link(self._presence.id), work.tail.path)
        except BrokenPipeError:
            return False  # the process has just died; the next step restarts it
        executed = False
        while not executed and process.status is None:
            self._rest(_WATCH_EVERY_SECONDS)
            executed = any("executed" in answer for answer in process.answers())
            self._attempt(self._watch, process, work)
            self._hear_signals(process, work)
        self._executed += 1
        failed = patiently(self._settle)(process, work)
        self._presence.update(
            state="idle", dataset="", run_id="", run_name="", operation_id="", log_path=""
        )
        if process.status is not None and not work.claimed:
            self._restart_later(f"exit status {process.status}")
        elif failed or process.status is not None or self._executed >= _MAX_OPERATIONS:
            self._end_process()
        return work.claimed

    def _watch(self, process: Process, work: Work) -> None:
        """Reports on an operation that is being executed, and kills it if it is unwanted."""
        job = operations.job(work.job.id)
        if not work.claimed:
            if job is None or job.worker != self._presence.id:
                return
            work.claimed = True
            self._starts_failed = 0
            self._presence.update(
                state="working",
                dataset=job.dataset,
                run_id=job.run_id,
                run_name=job.run_name,
                operation_id=job.id,
                log_path=str(work.tail.path),
            )
            self._log_event("started", **work.facts)
        self._pass_on(work)
        if work.unwanted_for(_is_unwanted(job)) > NOTICE_SECONDS:
            self._kill(process, work, FailureReason.UNWANTED)

    def _pass_on(self, work: Work, at_once: bool = False) -> None:
        work.keep_log(at_once)
        if self._options.verbose:
            for line in work.tail.new_lines():
                self._log_event("output", line=line)

    def _hear_signals(self, process: Process, work: Work) -> None:
        if not self._signals.count:
            return
        if not self._draining:
            self._draining = True
            self._presence.update(state="draining")
            self._log_event("draining", name=work.name)
        grace = self._options.grace
        if self._signals.count > 1 or (grace is not None and self._signals.since > grace):
            self._log_event("stopping", name=work.name)
            self._kill(process, work, FailureReason.WORKER_STOPPED)

    def _kill(self, process: Process, work: Work, reason: FailureReason) -> None:
        work.lost = reason
        process.kill()

    def _settle(self, process: Process, work: Work) -> bool:
        """Makes sure that an operation and its run have ended. Returns whether it failed."""
        job = operations.job(work.job.id)
        if job is None or job.worker != self._presence.id:
            return False  # another worker took it first, or it was deleted
        work.claimed = True
        if job.state == "running":
            operations.fail(job.id, *work.lose(process.status, self._presence.host))
        operation = operations.look_up(job.id)
        error = operation.error if operation and operation.state == "failed" else None
        settled_run_of(job)
        self._pass_on(work, at_once=True)
        facts = {**work.facts, "took": duration(work.seconds), "seconds": round(work.seconds, 1)}
        if error is not None:
            reason = work.lost.value if work.lost else ""
            self._log_event("failed", **facts, error=error, reason=reason)
        else:
            self._log_event("completed", **facts)
        self._tally["completed" if error is None else "failed"] += 1
        return error is not None

    # --- others' operations --------------------------------------------------------------------

    def _sweep(self) -> None:
        """Marks operations as failed whose worker was killed together with its service."""
        now = clock.monotonic()
        # After the database was away, all workers look dead for a moment.
        if now - self._swept_at < LEASE_SECONDS or outages.seconds_since_last() < LEASE_SECONDS:
            return
        self._swept_at = now
        live = {worker.id for worker in live_workers.live()}
        for job in operations.claimed():
            if job.worker in live or _is_worked_on(job):
                continue
            host = job.worker.rsplit("-", 2)[0]
            work = Work.on(job, self._options.log_dir)
            work.lost = FailureReason.WORKER_DISAPPEARED
            run = run_of(job)
            is_current = run is not None and run.operation_id == job.id
            if operations.fail(job.id, *work.lose(None, host)):
                settled_run_of(job)
                # After a resume, the run has another operation, which may be done by now.
                event = "swept" if is_current or not job.run_id else "closed"
                self._log_event(event, **work.facts, host=host, reason=work.lost.value)
        for worker in live_workers.expired():
            live_workers.remove(worker.id)


def _is_unwanted(job: Job | None) -> bool:
    """Whether an operation that is being executed should end."""
    if job is None or job.state != "running":
        return True
    if not job.run_id:
        return False
    run = run_of(job)
    return run is None or not run.is_active or run.operation_id != job.id


def _is_worked_on(job: Job) -> bool:
    dataset, run = dataset_of(job), run_of(job)
    if dataset is None or run is None:
        return False
    return run.is_active and labeling.is_worked_on(dataset, run)
