"""The service: takes queued operations, oldest first, and watches the process that runs them."""

from pymongo.errors import ConnectionFailure

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.text import duration
from auto_labeling.lifecycle import labeling
from auto_labeling.serving import log_file
from auto_labeling.serving.answering import Answering
from auto_labeling.serving.event_log import Teller
from auto_labeling.serving.options import Options
from auto_labeling.serving.presence import Presence
from auto_labeling.serving.process import Process
from auto_labeling.serving.signals import Signals
from auto_labeling.serving.work import Work, dataset_of, run_of, settled_run_of
from auto_labeling.storage import availability, clock, live_workers, operations
from auto_labeling.storage.heartbeat import LEASE_SECONDS
from auto_labeling.storage.retrying import patiently

_TICK = 0.5

#: Seconds for an operation to notice that its run was cancelled, or itself marked as failed.
NOTICE_SECONDS = LEASE_SECONDS / 2

#: Operations that one process executes, so that what libraries leave behind does not pile up.
_MOST_OPERATIONS = 20

_LONGEST_PAUSE = 60.0


class Server:
    """Serves until it is asked to stop.

    Args:
        options: how
        tell: takes what happens
    """

    def __init__(self, options: Options, tell: Teller) -> None:
        self._options = options
        self._tell = tell
        self._signals = Signals()
        self._presence = Presence()
        self._process = None
        self._executed = 0  # by that process
        self._starts_failed = 0
        self._was_ready = False
        self._start_at = 0.0
        self._over = self._away = self._draining = False
        self._swept = clock.monotonic()
        self._tally = {"completed": 0, "failed": 0}

    def serve(self) -> dict:
        """Serves.

        Returns:
            how many operations ``completed`` and ``failed``

        Raises:
            AutoLabelingError: if operations cannot be executed here, and why
        """
        answering = Answering(self._presence.id, self._presence.host)
        with self._signals, self._presence, answering:
            self._tell("starting", logs=str(self._options.log_dir))
            try:
                while not self._over and not self._signals.count:
                    self._go_on()
            finally:
                if self._process is not None:
                    self._process.close()
            self._tell("stopped", **self._tally)
        return self._tally

    def _go_on(self) -> None:
        job = self._attempt(operations.oldest_queued, self._options.everything)
        if job is None and self._options.drain and not self._away:
            self._over = True
        elif self._has_process() and job is not None:
            # Another worker may have been faster: then there was nothing to execute.
            self._over = self._execute(job) and self._options.once
        else:
            self._attempt(self._sweep)
            self._rest(self._options.poll)

    def _rest(self, seconds) -> None:
        others = [self._process.fileno()] if self._process is not None else []
        self._signals.wait(seconds, *others)

    def _attempt(self, function, *args):
        """Calls a function of the database, which may be away; None if it is."""
        try:
            with availability.noticing(LEASE_SECONDS / 4):
                result = function(*args)
        except ConnectionFailure as error:
            if not self._away:
                self._tell("away", why=str(error).partition(" (configured timeouts")[0])
            self._away = True
            return None
        if self._away:
            availability.notice()
            self._tell("back")
        self._away = False
        return result

    # --- the process ---------------------------------------------------------------------------

    def _has_process(self) -> bool:
        """Whether there is a process that can execute operations; begins one if needed."""
        if self._process is None:
            if clock.monotonic() < self._start_at:
                return False
            self._process, self._executed = Process(), 0
        self._process.answers()
        if self._process.broken or self._process.status is not None:
            self._begin_again(self._process.broken or f"exit status {self._process.status}")
            return False
        ready = self._process.device is not None
        if ready and not self._was_ready:
            self._was_ready = True
            self._presence.update(device=self._process.device)
            self._tell(
                "ready",
                host=self._presence.host,
                worker=self._presence.id,
                device=self._process.device or "no torch",
                served="all operations" if self._options.everything else "Auto-Labeling",
            )
        return ready

    def _begin_again(self, why) -> None:
        """Waits before the next process, the longer the more of them have ended by themselves."""
        self._end_process()
        if not self._was_ready or self._options.drain or self._options.once:
            raise AutoLabelingError(f"Cannot run operations here: {why}")
        pause = min(2.0**self._starts_failed, _LONGEST_PAUSE)
        self._starts_failed += 1
        self._start_at = clock.monotonic() + pause
        self._tell("restarting", why=why, seconds=pause)

    def _end_process(self) -> None:
        self._process.close()
        self._process = None

    # --- an operation --------------------------------------------------------------------------

    def _execute(self, job) -> bool:
        """Executes an operation; whether it was this worker's."""
        work = Work.on(job, self._options.log_dir)
        log_file.prune(self._options.log_dir)
        try:
            self._process.order(job.id, operations.link(self._presence.id), work.tail.path)
        except BrokenPipeError:
            return False  # it has just died; the next look at it says so
        executed = None
        while executed is None and self._process.status is None:
            self._rest(_TICK)
            told = [a["executed"] for a in self._process.answers() if "executed" in a]
            executed = told[0] if told else None
            self._attempt(self._watch, work)
            self._hear_signals(work)
        self._executed += 1
        failed = patiently(self._settle)(work, executed)
        self._presence.update(
            state="idle", dataset="", run_id="", run_name="", operation_id="", log_path=""
        )
        if self._process.status is not None and not work.claimed:
            self._begin_again(f"exit status {self._process.status}")
        elif failed or self._process.status is not None or self._executed >= _MOST_OPERATIONS:
            self._end_process()
        return work.claimed

    def _watch(self, work) -> None:
        """Looks after an operation that is being executed."""
        job = operations.job(work.job.id)
        if not work.claimed:
            work.claimed = job is not None and job.worker == self._presence.id
            if not work.claimed:
                return
            self._starts_failed = 0
            self._presence.update(
                state="working",
                dataset=job.dataset,
                run_id=job.run_id,
                run_name=job.run_name,
                operation_id=job.id,
                log_path=str(work.tail.path),
            )
            self._tell("started", **work.facts)
        self._pass_on(work)
        if work.unwanted_for(_is_unwanted(job)) > NOTICE_SECONDS:
            self._kill(work, "The run was cancelled, deleted or taken over")

    def _pass_on(self, work, at_once=False) -> None:
        work.keep_log(at_once)
        if self._options.verbose:
            for line in work.tail.new_lines():
                self._tell("output", line=line)

    def _hear_signals(self, work) -> None:
        if not self._signals.count:
            return
        if not self._draining:
            self._draining = True
            self._presence.update(state="draining")
            self._tell("draining", name=work.name)
        grace = self._options.grace
        if self._signals.count > 1 or (grace is not None and self._signals.since > grace):
            self._tell("stopping", name=work.name)
            self._kill(work, f"The worker on {self._presence.host} was stopped")

    def _kill(self, work, why) -> None:
        work.why = why
        self._process.kill()

    def _settle(self, work, executed) -> bool:
        """Sees to it that an operation has an end, and its run too. Returns whether it failed."""
        job = operations.job(work.job.id)
        if job is None or job.worker != self._presence.id:
            return False  # another worker was faster, or it was deleted
        work.claimed = True
        if job.state == "running":
            operations.fail(job.id, work.why_lost(self._process.status, self._presence.host))
        operation = operations.look_up(job.id)
        failed = operation is not None and operation.state == "failed"
        settled_run_of(job)
        self._pass_on(work, at_once=True)
        facts = {**work.facts, "took": duration(work.seconds), "seconds": round(work.seconds, 1)}
        if failed:
            self._tell("failed", **facts, error=operation.error)
        else:
            self._tell("completed", **facts)
        self._tally["failed" if failed else "completed"] += 1
        return failed

    # --- others' operations --------------------------------------------------------------------

    def _sweep(self) -> None:
        """Marks operations as failed whose workers were killed together with their services."""
        now = clock.monotonic()
        # After the database was away, all workers look dead for a moment.
        if now - self._swept < LEASE_SECONDS or availability.steady_for() < LEASE_SECONDS:
            return
        self._swept = now
        live = {worker.id for worker in live_workers.live()}
        for job in operations.claimed():
            if job.worker in live or _is_worked_on(job):
                continue
            host = job.worker.rsplit("-", 2)[0]
            work = Work.on(job, self._options.log_dir)
            work.why = f"The worker on {host} disappeared: it was killed, or its machine went down"
            run = run_of(job)
            is_current = run is not None and run.operation_id == job.id
            if operations.fail(job.id, work.why_lost(None, host)):
                settled_run_of(job)
                # After a resume, the run has an operation of its own that may be done by now.
                event = "swept" if is_current or not job.run_id else "closed"
                self._tell(event, **work.facts, host=host)
        for worker in live_workers.expired():
            live_workers.leave(worker.id)


def _is_unwanted(job) -> bool:
    """Whether an operation that is being executed should have come to its end."""
    if job is None or job.state != "running":
        return True
    if not job.run_id:
        return False
    run = run_of(job)
    return run is None or not run.is_active or run.operation_id != job.id


def _is_worked_on(job) -> bool:
    dataset, run = dataset_of(job), run_of(job)
    return run is not None and run.is_active and labeling.is_worked_on(dataset, run)
