"""One attempt at a run: labels the remaining samples of its fixed IDs.

Who labels them is decided here, in this process or in others; what it comes to is counted here.
"""

import contextlib
import itertools
import os
import time

from fiftyone.core.dataset import Dataset

from auto_labeling.core.account import LeftOut
from auto_labeling.core.errors import AttemptRevoked, AutoLabelingError
from auto_labeling.core.run import Run
from auto_labeling.engine import memory
from auto_labeling.engine.labeler import FEW, HOPELESS_AFTER, Labeler, loader_processes
from auto_labeling.engine.masks import MaskStore
from auto_labeling.engine.ray.driver import crew
from auto_labeling.engine.writing import Written
from auto_labeling.models import catalog, label_filter, zoo
from auto_labeling.storage import fields, staging
from auto_labeling.storage.chunks import ChunkStore, left_out_in
from auto_labeling.storage.retrying import patiently
from auto_labeling.storage.runs import RunStore

#: How often labels that a killed database has lost are made again.
_ROUNDS = 5

_REPORT_EVERY_SECONDS = 1.0


class Generation:
    """One attempt at a run. It listens to the :class:`auto_labeling.engine.labeler.Labeler`.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, as it is in this attempt
        store: the dataset's :class:`auto_labeling.storage.runs.RunStore`
        heartbeat: the attempt's :class:`auto_labeling.storage.heartbeat.Heartbeat`
        report: a callable that takes the fraction done and a line of text, or None
    """

    def __init__(self, dataset: Dataset, run: Run, store: RunStore, heartbeat, report) -> None:
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
        self._began = None
        self._reported = 0.0

    def run(self) -> dict:
        """Labels what still waits.

        Returns:
            ``failed``, the number of samples that failed over all attempts, and ``tried``, the
            number of samples of this one

        Raises:
            AttemptRevoked: if the run was cancelled, approved or deleted since
            CannotWrite: if there is no room for masks, or no permission to write them
            AutoLabelingError: if the model fails on every sample
        """
        self.check()
        open_chunks = self._survey()
        if open_chunks:
            masks = MaskStore(self._run)
            masks.prepare()
            self._tell("Loading the model", force=True)
            try:
                with self._workers(len(open_chunks)) as label:
                    self._label_all(label, open_chunks)
            finally:
                masks.tidy()
        return {"failed": self._counts["failed"], "tried": self._tried}

    # --- what a labeler tells ---------------------------------------------------------------

    def check(self) -> None:
        """Raises an error if this attempt no longer stands, or its field is gone."""
        if self._store.get(self._run.id).token != self._run.token:
            raise AttemptRevoked(f"'{self._run.name}' was cancelled or taken over")
        fields.require(self._dataset, self._run)

    def began(self, **facts) -> None:
        """A model is ready; ``facts`` are fields of :class:`auto_labeling.core.run.Progress`."""
        self._began = self._began or time.monotonic()
        self._heartbeat.update(**{"workers": 1, **facts})

    def ended(self, index: int) -> None:
        """A chunk is over; which ones are done is for the database to say."""

    def wrote(self, written: Written, batch_size: int) -> None:
        """Labels have been written."""
        self.count(
            samples=written.samples,
            labels=written.labels,
            left_out=written.left_out,
            failed=len(written.failures),
            error=written.failures[0][1] if written.failures else "",
            batch_size=batch_size,
        )

    def count(self, *, samples, labels, left_out, failed, error: BaseException, **facts) -> None:
        """Adds to the counts of the attempt.

        Args:
            samples: how many samples have got labels
            labels: how many labels that is
            left_out: how many labels were left out, by reason
            failed: how many samples failed
            error: what was wrong with one of them
            **facts: further fields of :class:`auto_labeling.core.run.Progress`

        Raises:
            AutoLabelingError: if there is no hope
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
        rate = self._tried / max(time.monotonic() - self._began, 1e-6)
        self._heartbeat.update(**self._facts(), rate=rate, **facts)
        self._tell(f"{self._counts['done']:,} of {self._run.samples:,} samples, {rate:.1f}/s")

    # ----------------------------------------------------------------------------------------

    def _workers(self, chunks):
        """Who labels: others if there is work for several, or they are elsewhere; else we here."""
        workers = min(self._run.config.workers, chunks)
        elsewhere = self._run.config.workers > 1 and os.environ.get("RAY_ADDRESS")
        if workers > 1 or elsewhere:
            return crew(self._dataset, self._run, self, workers)
        return _here(self._dataset, self._run, self)

    def _label_all(self, label, open_chunks) -> None:
        """Labels chunks until the database says that all are done, which is once, as a rule."""
        turns = itertools.count()
        for _ in range(_ROUNDS):
            few = self._run.samples - self._counts["done"] < FEW
            label(open_chunks, turns, few)
            open_chunks = patiently(self._survey)()
            if not open_chunks:
                return
        raise AutoLabelingError("The database keeps losing labels that it had confirmed")

    def _survey(self):
        """Counts what is done and returns the indices of the chunks that are not."""
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

    def _facts(self):
        over = self._left_out.get(LeftOut.OVER_LIMIT.value, 0)
        return {**self._counts, "dropped": over, "left_out": dict(self._left_out)}

    def _stop_if_hopeless(self) -> None:
        tried = self._tried
        if self._failed < tried or (tried < HOPELESS_AFTER and tried < self._run.samples):
            return
        raise AutoLabelingError(
            f"The model failed on each of the {tried:,} samples tried. "
            f"The first error: {self._first_error}"
        )

    def _tell(self, text: str, force=False) -> None:
        now = time.monotonic()
        if force or now - self._reported >= _REPORT_EVERY_SECONDS:
            self._reported = now
            patiently(self._report)(self._counts["done"] / max(self._run.samples, 1), text)


@contextlib.contextmanager
def _here(dataset: Dataset, run: Run, listener):
    """Labels in this process: gives a function that labels chunks."""
    with memory.steady():
        labelers = [Labeler(dataset, run, _load(run), listener)]  # let go of before the release

        def label(chunks, turns, few) -> None:
            handed_out = ([(index, next(turns))] for index in chunks)
            labelers[0].label(handed_out, 0 if few else loader_processes())

        yield label
        labelers.clear()
        zoo.release()


def _load(run: Run):
    return zoo.load(catalog.get_model(run.config.model), run.config)
