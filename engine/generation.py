"""One attempt at a run: labels the remaining samples of its fixed IDs.

It decides which processes label them, this one or others, and counts the results.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import fiftyone.core.models as fom
from fiftyone.core.dataset import Dataset

from auto_labeling.core.account import LeftOut
from auto_labeling.core.errors import AttemptRevoked, AutoLabelingError, FailureReason
from auto_labeling.core.run import Run
from auto_labeling.engine import lifting_model, memory
from auto_labeling.engine.labeler import (
    HOPELESS_AFTER,
    MIN_SAMPLES_FOR_LOADERS,
    LabelChunks,
    Labeler,
    Listener,
    loader_processes,
)
from auto_labeling.engine.masks import MaskStore
from auto_labeling.engine.ray.driver import in_actors
from auto_labeling.engine.writing import Written
from auto_labeling.models import label_filter, zoo
from auto_labeling.storage import fields, staging
from auto_labeling.storage.chunk_work import left_out_in
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.heartbeat import Heartbeat
from auto_labeling.storage.retrying import patiently
from auto_labeling.storage.runs import RunStore

#: How often labels that a killed database has lost are made again.
_MAX_ROUNDS = 5

_REPORT_EVERY_SECONDS = 1.0


class Generation:
    """One attempt at a run. It listens to the :class:`auto_labeling.engine.labeler.Labeler`.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, in its current attempt
        store: the dataset's :class:`auto_labeling.storage.runs.RunStore`
        heartbeat: the attempt's :class:`auto_labeling.storage.heartbeat.Heartbeat`
        report: a callable that takes the fraction done and a line of text, or None
    """

    def __init__(
        self,
        dataset: Dataset,
        run: Run,
        store: RunStore,
        heartbeat: Heartbeat,
        report: Callable[[float, str], None] | None,
    ) -> None:
        self._dataset = dataset
        self._run = run
        self._store = store
        self._chunks = ChunkStore(dataset)
        self._heartbeat = heartbeat
        self._report = report or (lambda fraction, text: None)
        self._counts = {"done": 0, "failed": 0, "labels": 0}
        self._left_out: dict[str, int] = {}
        self._tried = self._failed = 0
        self._first_error = ""
        self._began_at: float | None = None
        self._reported_at = 0.0

    def run(self) -> dict[str, int]:
        """Labels the samples that still wait.

        Returns:
            ``failed``, the number of samples that failed over all attempts, and ``tried``, the
            number of samples of this one

        Raises:
            AttemptRevoked: if the run was canceled, approved or deleted since
            CannotWrite: if there is no room for masks, or no permission to write them
            AutoLabelingError: if the model fails on every sample
        """
        self.check()
        open_chunks = self._count_again()
        if open_chunks:
            masks = MaskStore(self._run)
            masks.prepare()
            self._report_line("Loading the model", force=True)
            try:
                with self._processes(len(open_chunks)) as label:
                    self._label_all(label, open_chunks)
            finally:
                masks.tidy()
        return {"failed": self._counts["failed"], "tried": self._tried}

    # --- as a listener ----------------------------------------------------------------------

    def check(self) -> None:
        """Raises an error if this attempt no longer stands, or its field is gone."""
        if self._store.get(self._run.id).token != self._run.token:
            raise AttemptRevoked(f"'{self._run.name}' was canceled or taken over")
        fields.require_staging_field(self._dataset, self._run)

    def began(self, **facts: Any) -> None:
        """A model is ready; ``facts`` are fields of :class:`auto_labeling.core.run.Progress`."""
        self._began_at = self._began_at or time.monotonic()
        self._heartbeat.update(**{"workers": 1, **facts})

    def ended(self, index: int) -> None:
        """Does nothing: the database knows which chunks are done."""

    def wrote(self, written: Written, batch_size: int) -> None:
        """Counts labels that have been written.

        Args:
            written: the outcome of the write
            batch_size: the samples in a batch of the model
        """
        self.count(
            samples=written.samples,
            labels=written.labels,
            left_out=written.left_out,
            failed=len(written.failures),
            error=written.failures[0][1] if written.failures else "",
            batch_size=batch_size,
        )

    def count(
        self,
        *,
        samples: int,
        labels: int,
        left_out: Mapping[str, int],
        failed: int,
        error: str,
        **facts: Any,
    ) -> None:
        """Adds to the counts of the attempt.

        Args:
            samples: how many samples got labels
            labels: how many labels that is
            left_out: how many labels were left out, by reason
            failed: how many samples failed
            error: the text of one of their errors; empty if none failed
            **facts: further fields of :class:`auto_labeling.core.run.Progress`

        Raises:
            AutoLabelingError: if the model fails on every sample
        """
        tried = samples + failed
        self._counts["done"] += tried
        self._counts["failed"] += failed
        self._counts["labels"] += labels
        label_filter.add_all(self._left_out, left_out)
        self._tried += tried
        self._failed += failed
        self._first_error = self._first_error or error
        self._stop_if_hopeless()
        now = time.monotonic()
        rate = self._tried / max(now - (self._began_at or now), 1e-6)
        self._heartbeat.update(**self._facts(), rate=rate, **facts)
        self._report_line(
            f"{self._counts['done']:,} of {self._run.samples:,} samples, {rate:.1f}/s"
        )

    # ----------------------------------------------------------------------------------------

    def _processes(self, chunks: int) -> AbstractContextManager[LabelChunks]:
        """Actors, if there is work for several or a cluster is named; else this process."""
        workers = min(self._run.config.workers, chunks)
        has_cluster = self._run.config.workers > 1 and os.environ.get("RAY_ADDRESS")
        if workers > 1 or has_cluster:
            return in_actors(self._dataset, self._run, self, workers)
        return _in_this_process(self._dataset, self._run, self)

    def _label_all(self, label: LabelChunks, open_chunks: list[int]) -> None:
        """Labels chunks until the database has all as done, which normally takes one round."""
        turns = itertools.count()
        for _ in range(_MAX_ROUNDS):
            few = self._run.samples - self._counts["done"] < MIN_SAMPLES_FOR_LOADERS
            label(open_chunks, turns, few)
            open_chunks = patiently(self._count_again)()
            if not open_chunks:
                return
        raise AutoLabelingError(
            "The database keeps losing labels that it had confirmed",
            reason=FailureReason.WRITES_LOST,
        )

    def _count_again(self) -> list[int]:
        """Counts what is stored, and returns the indices of the chunks that are not done."""
        waiting = staging.count_waiting(self._dataset, self._run)
        open_chunks = []
        self._counts["failed"] = 0
        self._left_out = {}
        for index, work in self._chunks.works(self._run):
            if "failures" in work:
                self._counts["failed"] += len(work["failures"])
            else:
                open_chunks.append(index)
            for counts in left_out_in(work):
                label_filter.add_all(self._left_out, counts)
        self._counts["done"] = self._run.samples - waiting + self._counts["failed"]
        self._counts["labels"] = staging.count(self._dataset, self._run)
        self._heartbeat.update(**self._facts())
        return open_chunks

    def _facts(self) -> dict[str, Any]:
        over = self._left_out.get(LeftOut.OVER_LIMIT.value, 0)
        return {**self._counts, "dropped": over, "left_out": dict(self._left_out)}

    def _stop_if_hopeless(self) -> None:
        tried = self._tried
        if self._failed < tried or (tried < HOPELESS_AFTER and tried < self._run.samples):
            return
        raise AutoLabelingError(
            f"The model failed on each of the {tried:,} samples tried. "
            f"The first error: {self._first_error}",
            reason=FailureReason.MODEL_FAILS,
        )

    def _report_line(self, text: str, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self._reported_at >= _REPORT_EVERY_SECONDS:
            self._reported_at = now
            patiently(self._report)(self._counts["done"] / max(self._run.samples, 1), text)


@contextlib.contextmanager
def _in_this_process(dataset: Dataset, run: Run, listener: Listener) -> Iterator[LabelChunks]:
    """Labels in this process: gives a function that labels chunks."""
    labelers = [Labeler(dataset, run, _load(run), listener)]  # emptied before the release

    def label(chunks: Sequence[int], turns: Iterator[int], few: bool) -> None:
        handed_out = ([(index, next(turns))] for index in chunks)
        labelers[0].label(handed_out, 0 if few else loader_processes())

    try:
        with memory.steady():  # the model is there, so that its objects are frozen too
            yield label
    finally:
        labelers.clear()
        zoo.release()


def _load(run: Run) -> fom.Model:
    return lifting_model.load(run.config)
