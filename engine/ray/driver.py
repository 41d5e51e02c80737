"""A run with several workers: Ray actors label, this process hands out chunks and counts.

Chunks are handed out by number. A worker claims its chunk in the database, with the number of the
hand-out, so that a chunk which had to be handed out again belongs to the last one who got it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, CannotWrite, FailureReason
from auto_labeling.core.run import Run
from auto_labeling.engine.labeler import HOPELESS_AFTER, LabelChunks
from auto_labeling.engine.ray import actor_deaths, nodes, shipping
from auto_labeling.engine.ray.actors import Report, Worker
from auto_labeling.engine.ray.chunk_queue import MAX_DEATHS, ChunkQueue
from auto_labeling.engine.ray.cluster import connected, needs_of
from auto_labeling.engine.ray.worker_handle import WorkerHandle
from auto_labeling.storage.retrying import patiently

if TYPE_CHECKING:  # generation imports this module
    from auto_labeling.engine.generation import Generation

logger = logging.getLogger(__name__)

#: The run stops if Ray has had no resources for any worker for so long.
MAX_SECONDS_WITHOUT_RESOURCES = 120

#: Once a worker has come up, the first chunk waits so long for the others.
STARTUP_SECONDS = 30

_CHECK_EVERY_SECONDS = 1.0


@contextlib.contextmanager
def in_actors(
    dataset: Dataset, run: Run, generation: Generation, count: int
) -> Iterator[LabelChunks]:
    """Labels in Ray actors.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, in its current attempt
        generation: the :class:`auto_labeling.engine.generation.Generation`, which counts
        count: how many actors

    Returns:
        a context manager that gives a function, which labels chunks

    Raises:
        AutoLabelingError: if there is no Ray, no room, or a machine cannot do it, with the reason
    """
    with connected() as ray, needs_of(dataset, run) as needs:
        workers = Workers(ray, dataset, run, generation, needs)
        try:
            workers.start(count)
            yield workers.label
        except BaseException:
            workers.stop(gently=True)
            raise
        workers.stop()


class Workers:
    """The workers of a run.

    Args:
        ray: the module, connected
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, in its current attempt
        generation: see :func:`in_actors`
        needs: the requirements of the run on each machine
    """

    def __init__(
        self,
        ray: ModuleType,
        dataset: Dataset,
        run: Run,
        generation: Generation,
        needs: nodes.Needs,
    ) -> None:
        self._ray: Any = ray
        self._dataset_id = dataset._doc.id
        self._run = run
        self._generation = generation
        self._needs = needs
        self._workers: list[WorkerHandle] = []
        self._queue = ChunkQueue()
        self._deaths_without_progress = 0  # since a chunk was last ended
        self._is_complete = False
        self._problems: dict[str, str] = {}
        self._checked_at = self._had_resources_at = time.monotonic()

    def start(self, count: int) -> None:
        """Starts the workers, and waits until the machines that are up have been checked.

        Args:
            count: how many workers

        Raises:
            AutoLabelingError: if a machine cannot do it, with the reason
        """
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        config = self._run.config
        resources = nodes.resources_per_worker(machines, count, config.device)
        if resources is None:
            raise AutoLabelingError(
                f"No machine has a GPU, which device {config.device} needs",
                reason=FailureReason.DEVICE_MISSING,
            )
        if resources.gpus and config.device.startswith("cuda:"):
            # Each actor sees one GPU, and that is its first.
            config = config.model_copy(update={"device": "cuda"})
        self._resources = resources
        self._run_record = self._run.model_copy(update={"config": config}).model_dump(mode="json")
        self._report_seconds = max(0.5, count / 200)
        for _ in range(count):
            self._add_worker()
        first_at = None
        while first_at is None or time.monotonic() - first_at < STARTUP_SECONDS:
            self._listen()
            if any(worker.machine for worker in self._workers):
                first_at = first_at or time.monotonic()
            if all(worker.machine for worker in self._workers):
                break
        if self._problems:
            problems = (f"{machine}: {problem}" for machine, problem in self._problems.items())
            raise AutoLabelingError("; ".join(problems), reason=FailureReason.MACHINE_UNSUITABLE)
        self._is_complete = True
        for worker in self._workers:
            if worker.machine:
                self._load_model(worker)

    def label(self, chunks: Iterable[int], turns: Iterator[int], few: bool) -> None:
        """Labels chunks.

        Args:
            chunks: their indices
            turns: an iterator of numbers, each greater than the last
            few: whether only few samples wait

        Raises:
            AutoLabelingError: if no workers are left, or a problem stopped all of them
            CannotWrite: if the disk or the database takes no more labels
        """
        self._queue.add(chunks, turns)
        while self._queue or any(worker.chunks for worker in self._workers):
            if not self._workers:
                raise AutoLabelingError("No workers are left")
            for worker in self._workers:
                if worker.wants_chunks:
                    self._hand_out(worker)
            self._listen()

    def stop(self, gently: bool = False) -> None:
        """Ends all workers.

        Args:
            gently (False): whether they may finish the batch that they are at
        """
        if gently:
            stopping = [worker.actor.stop.remote() for worker in self._workers if worker.is_started]
            if stopping:
                self._ray.wait(stopping, num_returns=len(stopping), timeout=5.0)
        for worker in self._workers:
            self._ray.kill(worker.actor)
        self._workers.clear()

    # --- handing out ------------------------------------------------------------------------

    def _hand_out(self, worker: WorkerHandle) -> None:
        if self._queue:
            chunks = list(self._queue.take(len(self._workers)))
            worker.chunks += [index for index, _ in chunks]
            worker.actor.add_chunks.remote(chunks, False)
            worker.wants_chunks = False
        elif worker.chunks:
            worker.actor.add_chunks.remote([], True)  # its open chunks would else wait for more
            worker.wants_chunks = False

    # --- listening --------------------------------------------------------------------------

    def _listen(self) -> None:
        """Takes the workers' answers, and checks on the attempt now and then."""
        calls = {worker.call: worker for worker in self._workers if worker.call is not None}
        if calls:
            ready, _ = self._ray.wait(list(calls), timeout=_CHECK_EVERY_SECONDS)
            if ready:
                ready, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
            for call in ready:
                self._take_answer(calls[call])
        now = time.monotonic()
        if not calls or now - self._checked_at >= _CHECK_EVERY_SECONDS:
            self._checked_at = now
            self._check(now)

    def _take_answer(self, worker: WorkerHandle) -> None:
        try:
            answer = self._ray.get(worker.call)
        except self._ray.exceptions.RayTaskError as error:
            self._release(worker, str(error.cause or error))
        except self._ray.exceptions.RayError as error:
            self._replace_dead(worker, error)
        else:
            if isinstance(answer, Report):
                self._take_report(worker, answer)
            else:
                self._take_preflight(worker, *answer)

    def _take_preflight(self, worker: WorkerHandle, machine: str, problems: list[str]) -> None:
        """A worker is up, and its machine has been checked."""
        worker.machine = machine
        if problems:
            self._release(worker, ". ".join(problems))
        elif self._is_complete:
            self._load_model(worker)
        else:
            worker.call = None

    def _load_model(self, worker: WorkerHandle) -> None:
        worker.is_started = True
        worker.actor.start.remote(self._dataset_id)
        worker.call = worker.actor.report.remote(self._report_seconds)

    def _take_report(self, worker: WorkerHandle, report: Report) -> None:
        worker.call = worker.actor.report.remote(self._report_seconds)
        worker.wants_chunks = worker.wants_chunks or report.wants_chunks
        if report.ended:
            self._deaths_without_progress = 0
            worker.chunks = [index for index in worker.chunks if index not in report.ended]
        if report.facts != worker.facts:
            worker.facts = report.facts
            self._generation.began(**self._facts())
        if report.samples or report.failed:
            worker.tried += report.samples + report.failed
            worker.failed += report.failed
            self._generation.count(
                samples=report.samples,
                labels=report.labels,
                left_out=report.left_out,
                failed=report.failed,
                error=report.error,
            )
        if report.problem:
            patiently(self._generation.check)()
            if report.is_final:
                raise CannotWrite(report.problem, reason=report.reason)
            self._release(worker, report.problem, report.reason)
        elif worker.failed == worker.tried >= HOPELESS_AFTER:
            problem = f"It failed on each of {worker.tried:,} samples: {report.error}"
            self._release(worker, problem, FailureReason.MODEL_FAILS)

    def _facts(self) -> dict[str, Any]:
        """The facts of all workers together."""
        ready = [worker.facts for worker in self._workers if worker.facts]
        return {
            "workers": len(ready),
            "device": ", ".join(sorted({facts["device"] for facts in ready})),
            "half": bool(ready) and all(facts["half"] for facts in ready),
            "batch_size": min((facts["batch_size"] for facts in ready), default=0),
        }

    # --- losing workers ---------------------------------------------------------------------

    def _replace_dead(self, worker: WorkerHandle, error: Exception) -> None:
        """A worker has died: others take its chunks, and a new one its place."""
        chunks = self._remove(worker)
        cause = actor_deaths.cause(error)
        logger.warning("A worker on %s died: %s", worker.machine or "a machine", cause)
        logger.debug("Ray's error: %s", error)
        self._ray.kill(worker.actor)  # it may only be out of reach
        self._deaths_without_progress += 1
        given_up = self._queue.count_death(chunks)
        if given_up is not None:
            raise AutoLabelingError(
                f"{MAX_DEATHS} workers died in a row while labeling the same "
                f"samples (part {given_up + 1:,} of {self._run.chunks:,}): {cause}",
                reason=FailureReason.WORKERS_DIE,
            )
        if self._deaths_without_progress > MAX_DEATHS + len(self._workers):
            raise AutoLabelingError(
                f"Workers keep dying before they start to label: {cause}",
                reason=FailureReason.WORKERS_DIE,
            )
        self._add_worker()

    def _release(
        self,
        worker: WorkerHandle,
        problem: str,
        reason: FailureReason = FailureReason.MACHINE_UNSUITABLE,
    ) -> None:
        """Ends a worker that cannot continue; others may."""
        logger.warning("Released the worker on %s: %s", worker.machine, problem)
        self._remove(worker)
        self._ray.kill(worker.actor)
        if not self._is_complete:
            self._problems.setdefault(worker.machine, problem)
        if not self._workers and self._is_complete:
            raise AutoLabelingError(f"{worker.machine}: {problem}", reason=reason)

    def _remove(self, worker: WorkerHandle) -> list[int]:
        """Takes a worker off the list; returns its chunks, which wait again."""
        self._workers.remove(worker)
        self._queue.give_back(worker.chunks)
        if worker.facts:
            self._generation.began(**self._facts())
        return worker.chunks

    def _add_worker(self) -> None:
        actor = self._ray.remote(Worker).options(
            num_cpus=self._resources.cpus,
            num_gpus=self._resources.gpus,
            max_concurrency=4,
            max_restarts=0,
            max_task_retries=0,
        )
        actor = actor.remote(shipping.environment(), self._run_record, self._resources.loaders)
        self._workers.append(WorkerHandle(actor, actor.preflight.remote(self._needs)))

    def _check(self, now: float) -> None:
        """Checks that the attempt still stands, and that Ray has resources for it."""
        patiently(self._generation.check)()
        if any(worker.machine for worker in self._workers) or not self._workers:
            self._had_resources_at = now
        elif now - self._had_resources_at > MAX_SECONDS_WITHOUT_RESOURCES:
            raise AutoLabelingError(
                f"Ray has had no resources for a worker ({self._resources}) for "
                f"{MAX_SECONDS_WITHOUT_RESOURCES:,} seconds",
                reason=FailureReason.NO_RESOURCES,
            )
