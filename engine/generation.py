"""Labels the samples of a run that still wait: one attempt, from the frozen ids to the end.

Three things overlap: loader processes decode, the calling thread runs the model, and a thread
behind it turns outputs into documents and writes them.
"""

import contextlib
import gc
import multiprocessing
import os
import sys
import time

from auto_labeling.engine import loading
from auto_labeling.engine.loading import Reader, Waiting
from auto_labeling.engine.masks import MaskStore
from auto_labeling.engine.pipeline import Ahead, Behind
from auto_labeling.engine.prediction import Predictor
from auto_labeling.engine.writing import Ledger, Writer
from auto_labeling.errors import AttemptRevoked, AutoLabelingError
from auto_labeling.models import catalog, zoo
from auto_labeling.run import Run
from auto_labeling.storage import staging
from auto_labeling.storage.patience import patiently
from auto_labeling.storage.runs import ChunkStore, RunStore

#: A model that fails on this many samples, and on every one so far, is not tried further.
HOPELESS_AFTER = 50

#: Fewer samples than this are not worth starting loader processes for.
_FEW = 32

#: How often labels that a killed database has lost are made again.
_ROUNDS = 5

_MOST_LOADERS = 8
_AHEAD = 2
_BEHIND = 4
_REPORT_EVERY_SECONDS = 1.0


class Generation:
    """One attempt at a run.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, as it is in this attempt
        store: the dataset's :class:`auto_labeling.storage.runs.RunStore`
        heartbeat: the attempt's :class:`auto_labeling.storage.heartbeat.Heartbeat`
        report: a callable that takes the fraction done and a line of text, or None
    """

    def __init__(self, dataset, run: Run, store: RunStore, heartbeat, report):
        self._dataset = dataset
        self._run = run
        self._store = store
        self._chunks = ChunkStore(dataset)
        self._masks = MaskStore(run)
        self._ledger = Ledger(dataset, self._chunks, run)
        self._writer = Writer(dataset, run, self._masks, self._ledger, self._check_current)
        self._heartbeat = heartbeat
        self._report = report or (lambda fraction, text: None)
        self._counts = {"done": 0, "failed": 0, "labels": 0, "dropped": 0}
        self._tried = self._failed = 0
        self._first_error = ""
        self._began = None
        self._reported = 0.0

    def run(self) -> dict:
        """Labels what still waits.

        Returns:
            ``failed``, the number of samples that failed over all attempts; and for this one
            ``dropped``, the number of labels that the run's cap left out, and ``tried``, the
            number of samples

        Raises:
            AttemptRevoked: if the run was cancelled, approved or deleted meanwhile
            AutoLabelingError: if the model fails on every sample
        """
        open_chunks = self._survey()
        if open_chunks:
            self._tell("Loading the model", force=True)
            config = self._run.config
            with _frozen_heap():
                model = zoo.load(catalog.get_model(config.model), config)
                self._label_all(model, open_chunks)
                self._predictor = model = None
                zoo.release()
        kept = {name: self._counts[name] for name in ("failed", "dropped")}
        return {**kept, "tried": self._tried}

    def _label_all(self, model, open_chunks):
        """Labels chunks until the database says that all are done, which is once, as a rule."""
        for _ in range(_ROUNDS):
            self._label(model, open_chunks)
            open_chunks = patiently(self._survey)()
            if not open_chunks:
                return
        raise AutoLabelingError("The database keeps losing labels that it has acknowledged")

    def _survey(self):
        """Counts what is done and returns the indices of the chunks that are not."""
        waiting = staging.count_waiting(self._dataset, self._run)
        open_chunks = []
        self._counts["failed"] = 0
        for index in range(self._run.chunks):
            known = self._chunks.failures(self._run.id, index)
            if known is None:
                open_chunks.append(index)
            else:
                self._counts["failed"] += len(known)
        self._counts["done"] = self._run.samples - waiting + self._counts["failed"]
        self._counts["labels"] = staging.count(self._dataset, self._run)
        self._heartbeat.update(**self._counts)
        return open_chunks

    def _label(self, model, open_chunks):
        mapping = zoo.field_mapping(self._run.config)
        reader = Reader(model, mapping)
        predictor = Predictor(model, self._run, reader)
        batches = self._batches(predictor, open_chunks, mapping)
        few = self._run.samples - self._counts["done"] < _FEW
        loaded = loading.load(reader, batches, 0 if few else _loader_processes())
        interval = sys.getswitchinterval()
        sys.setswitchinterval(0.0002)  # or the model's thread waits 5 ms for each turn
        behind = Behind(self._finish, self._finish_all, _BEHIND)
        try:
            with predictor, Ahead(loaded, _AHEAD) as ahead, behind:
                self._heartbeat.update(
                    device=predictor.device,
                    half=predictor.half,
                    batch_size=predictor.batch_size,
                )
                self._predictor = predictor
                self._began = time.monotonic()
                for batch in ahead:
                    predicted = predictor.forward(batch)
                    if batch.release is not None:
                        batch.release()
                    behind.put(predicted)
        finally:
            sys.setswitchinterval(interval)

    def _batches(self, predictor, open_chunks, mapping):
        """The batches to load. Runs ahead of all else, in the loading thread."""
        for index in open_chunks:
            ids = patiently(self._chunks.sample_ids)(self._run.id, index)
            waiting = patiently(staging.waiting)(self._dataset, self._run, ids, mapping)
            self._masks.forget(sample_id for sample_id, _ in waiting)
            self._ledger.open(index, len(waiting))
            first = 0
            while first < len(waiting):
                size = predictor.batch_size
                part = waiting[first : first + size]
                yield [Waiting(sample_id, values, index) for sample_id, values in part]
                first += size

    def _finish(self, predicted):
        """Turns one batch's outputs into documents and writes them. Runs behind the model."""
        documents, failures = self._predictor.finish(predicted)
        self._count(self._writer.add(documents, failures))

    def _finish_all(self):
        self._count(self._writer.flush())

    def _count(self, written):
        if written is None:
            return
        tried = written.samples + len(written.failures)
        self._counts["done"] += tried
        self._counts["failed"] += len(written.failures)
        self._counts["labels"] += written.labels
        self._counts["dropped"] += written.dropped
        self._tried += tried
        self._failed += len(written.failures)
        if written.failures and not self._first_error:
            self._first_error = written.failures[0][1]
        self._stop_if_hopeless()
        rate = self._tried / max(time.monotonic() - self._began, 1e-6)
        self._heartbeat.update(**self._counts, rate=rate, batch_size=self._predictor.batch_size)
        self._tell(f"{self._counts['done']:,} of {self._run.samples:,} samples, {rate:.1f}/s")

    def _stop_if_hopeless(self):
        tried = self._tried
        if self._failed < tried or (tried < HOPELESS_AFTER and tried < self._run.samples):
            return
        raise AutoLabelingError(
            f"The model failed on each of the {tried:,} samples tried. "
            f"The first error: {self._first_error}"
        )

    def _check_current(self):
        if self._store.get(self._run.id).token != self._run.token:
            raise AttemptRevoked(f"'{self._run.name}' was cancelled or taken over")

    def _tell(self, text, force=False):
        now = time.monotonic()
        if force or now - self._reported >= _REPORT_EVERY_SECONDS:
            self._reported = now
            patiently(self._report)(self._counts["done"] / max(self._run.samples, 1), text)


@contextlib.contextmanager
def _frozen_heap():
    """Keeps the garbage collector off what was there before.

    A collection would otherwise look at all the libraries' objects each time, and make loader
    processes copy the memory that they share with this one.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _loader_processes() -> int:
    """How many loader processes this machine and process may have; 0 reads in this one."""
    # Forking is safe for what loaders do on Linux alone; daemonic processes may not have children.
    if sys.platform != "linux" or multiprocessing.current_process().daemon:
        return 0
    return min(len(os.sched_getaffinity(0)), _MOST_LOADERS)
