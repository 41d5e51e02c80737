"""A Ray actor: one model that labels the chunks which the driver hands out.

It writes labels itself, with the same checks as any worker, and reports the counts to the driver.
Nothing here imports FiftyOne before :mod:`auto_labeling.engine.ray.nodes` has checked the machine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auto_labeling.core import failure_reasons
from auto_labeling.core.errors import (
    AttemptRevoked,
    AutoLabelingError,
    CannotWrite,
    FailureReason,
    RunNotFound,
    first_line,
)
from auto_labeling.core.names import PACKAGE
from auto_labeling.core.run import Run
from auto_labeling.engine.ray import nodes, shipping
from auto_labeling.models import label_filter

if TYPE_CHECKING:  # see above
    from bson import ObjectId

    from auto_labeling.engine.writing import Written

logger = logging.getLogger(__name__)

#: The interval at which an actor checks that its attempt still stands: its driver may be gone.
_WATCH_SECONDS = 5.0

#: An actor waits so long for its model's thread to end.
_STOP_SECONDS = 5.0


@dataclass
class Report:
    """The progress of an actor since its last report.

    Args:
        samples: how many samples got labels
        labels: how many labels that is
        left_out: how many labels were left out, by :class:`auto_labeling.core.account.LeftOut`
        failed: how many samples failed
        error: the text of one of their errors
        ended: the chunks with which it has nothing more to do
        facts: fields of :class:`auto_labeling.core.run.Progress`; empty until its model is loaded
        wants_chunks: whether it waits for more chunks
        problem: why it cannot continue, for people; empty if it can
        reason: the same for programs
        is_final: whether no other worker could continue either
    """

    samples: int = 0
    labels: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    error: str = ""
    ended: list[int] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    wants_chunks: bool = False
    problem: str = ""
    reason: FailureReason = FailureReason.OTHER
    is_final: bool = False


class Worker:
    """A worker of a run. The driver calls its methods, several at a time.

    Args:
        settings: those of :func:`auto_labeling.engine.ray.shipping.environment`
        run: the run, as JSON
        loaders: how many loader processes it may have
    """

    def __init__(self, settings: dict[str, str], run: dict[str, Any], loaders: int) -> None:
        shipping.adopt(settings)
        self._run = Run.model_validate(run)
        self._loaders = loaders
        self._changed = threading.Condition()
        self._chunks: deque[tuple[int, int]] = deque()
        self._report = Report()
        self._is_urgent = self._is_drained = self._is_stopped = False
        self._threads: list[threading.Thread] = []

    def preflight(self, needs: nodes.Needs) -> tuple[str, list[str]]:
        """Checks this machine.

        Returns:
            its name, and a sentence for each problem
        """
        return socket.gethostname(), nodes.problems(needs)

    def start(self, dataset_id: ObjectId) -> None:
        """Loads the model and begins to ask for chunks.

        Args:
            dataset_id: the id of the run's dataset
        """
        self._threads = [
            threading.Thread(target=self._work, args=(dataset_id,), daemon=True),
            threading.Thread(target=self._watch, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def add_chunks(self, chunks: Sequence[tuple[int, int]], is_last: bool) -> None:
        """Takes chunks to label.

        Args:
            chunks: ``(index, turn)``: the chunk, and the number of its hand-out
            is_last: whether to finish the chunks that are here without waiting for more
        """
        with self._changed:
            self._chunks += chunks
            self._is_drained = is_last
            self._changed.notify_all()

    def report(self, seconds: float) -> Report:
        """Reports the progress, after so many seconds or when the driver must know at once."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_urgent, seconds)
            report, self._report = self._report, Report(facts=self._report.facts)
            self._is_urgent = False
            return report

    def stop(self) -> None:
        """Ends the work at the next write, and waits for that."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        for thread in self._threads[:1]:
            thread.join(_STOP_SECONDS)

    # --- as the labeler's listener ----------------------------------------------------------

    def check(self) -> None:
        """Raises an error if the work is to end, or the run's field is gone."""
        from auto_labeling.storage import fields

        self._require_attempt()
        fields.require_staging_field(self._dataset, self._run)

    def _require_attempt(self) -> None:
        if self._is_stopped or self._store.get(self._run.id).token != self._run.token:
            raise AttemptRevoked(f"'{self._run.name}' was canceled or taken over")

    def began(self, **facts: Any) -> None:
        """The model is ready; ``facts`` are fields of :class:`auto_labeling.core.run.Progress`."""
        with self._changed:
            self._is_urgent = self._is_urgent or not self._report.facts
            self._report.facts = facts

    def wrote(self, written: Written, batch_size: int) -> None:
        """Counts labels that have been written.

        Args:
            written: the outcome of the write
            batch_size: the samples in a batch of the model
        """
        with self._changed:
            report = self._report
            report.samples += written.samples
            report.labels += written.labels
            label_filter.add_all(report.left_out, written.left_out)
            report.failed += len(written.failures)
            if written.failures:
                report.error = report.error or written.failures[0][1]
            report.facts = {**report.facts, "batch_size": batch_size}

    def ended(self, index: int) -> None:
        """There is nothing more to do here with a chunk."""
        with self._changed:
            self._report.ended.append(index)

    # --- threads ----------------------------------------------------------------------------

    def _work(self, dataset_id: ObjectId) -> None:
        try:
            self._label(dataset_id)
        except AutoLabelingError as error:
            self._give_up(str(error), error.reason, isinstance(error, CannotWrite))
        except BaseException as error:  # noqa: BLE001 - reported to the driver
            logger.error(traceback.format_exc())
            first_sentence = first_line(error).partition(". ")[0]  # the log has the rest
            self._give_up(first_sentence, failure_reasons.of_error(error))

    def _label(self, dataset_id: ObjectId) -> None:
        import fiftyone.core.odm as foo
        from fiftyone import load_dataset

        from auto_labeling.engine import lifting_model, memory
        from auto_labeling.engine.labeler import Labeler, loader_processes
        from auto_labeling.models import catalog
        from auto_labeling.storage.runs import RunStore

        name = foo.get_db_conn().datasets.find_one({"_id": dataset_id}, {"name": 1})["name"]
        dataset = load_dataset(name)
        self._dataset, self._store = dataset, RunStore(dataset)
        config = self._run.config
        with _one_download(not catalog.missing_weights(config)):
            model = lifting_model.load(config)
        labeler = Labeler(dataset, self._run, model, self)
        with memory.steady():
            while not self._is_stopped:
                labeler.label(self._handed_out(), min(self._loaders, loader_processes()))

    def _handed_out(self) -> Iterator[list[tuple[int, int]]]:
        """The chunks, as they come, until no more will come."""
        while True:
            with self._changed:
                if not self._chunks and not self._is_drained:
                    self._report.wants_chunks = self._is_urgent = True
                    self._changed.notify_all()
                    self._changed.wait_for(
                        lambda: bool(self._chunks) or self._is_drained or self._is_stopped
                    )
                if self._is_stopped or not self._chunks:
                    self._is_drained = False
                    return
                chunks = list(self._chunks)
                self._chunks.clear()
            yield chunks

    def _give_up(
        self,
        problem: str,
        reason: FailureReason = FailureReason.OTHER,
        is_final: bool = False,
    ) -> None:
        with self._changed:
            self._report.problem, self._report.reason = problem, reason
            self._report.is_final = is_final
            self._is_urgent = True
            self._changed.notify_all()

    def _watch(self) -> None:
        """Ends this process when its attempt is over: then no one waits for it."""
        while not self._is_stopped:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped, _WATCH_SECONDS)
            if not self._is_stopped and self._is_over():
                os._exit(0)

    def _is_over(self) -> bool:
        from pymongo.errors import PyMongoError

        if not hasattr(self, "_store"):
            return False
        with contextlib.suppress(PyMongoError):
            try:
                self._require_attempt()
            except (AttemptRevoked, RunNotFound):
                return not self._is_stopped
        return False


@contextlib.contextmanager
def _one_download(is_done: bool) -> Iterator[None]:
    """Keeps the workers of a machine from downloading the same weights at the same time."""
    if is_done or os.name != "posix":
        yield
        return
    import fcntl

    with open(os.path.join(tempfile.gettempdir(), f"{PACKAGE}-{os.getuid()}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
