"""Labels the samples of a run that still wait, chunk by chunk."""

import time

from auto_labeling.engine.documents import to_document
from auto_labeling.engine.prediction import Predictor
from auto_labeling.errors import AttemptRevoked, AutoLabelingError
from auto_labeling.models import catalog, zoo
from auto_labeling.run import Run
from auto_labeling.storage import staging
from auto_labeling.storage.runs import ChunkStore, RunStore

#: A model that fails on this many samples, and on every one so far, is not tried further.
HOPELESS_AFTER = 50

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
        self._heartbeat = heartbeat
        self._report = report or (lambda fraction, text: None)
        self._counts = {"done": 0, "failed": 0, "labels": 0}
        self._tried_now = self._failed_now = 0
        self._first_error = ""
        self._began = None
        self._reported = 0.0

    def run(self) -> int:
        """Labels what still waits.

        Returns:
            the number of samples that failed, over all attempts

        Raises:
            AttemptRevoked: if the run was cancelled, approved or deleted meanwhile
            AutoLabelingError: if the model fails on every sample
        """
        open_chunks = self._survey()
        if open_chunks:
            self._tell("Loading the model", force=True)
            config = self._run.config
            model = zoo.load(catalog.get_model(config.model), config)
            with Predictor(model) as predictor:
                self._heartbeat.update(device=predictor.device)
                self._began = time.monotonic()
                for index, waiting in open_chunks:
                    self._label_chunk(predictor, index, waiting)
        return self._counts["failed"]

    def _survey(self):
        """Counts what is done and returns ``(chunk, samples that wait)`` of what is not."""
        open_chunks = []
        for index in range(self._run.chunks):
            known = self._chunks.failures(self._run.id, index)
            ids = self._chunks.sample_ids(self._run.id, index)
            if known is None:
                waiting = staging.waiting(self._dataset, self._run, ids)
                open_chunks.append((index, waiting))
                self._counts["done"] += len(ids) - len(waiting)
            else:
                self._counts["done"] += len(ids)
                self._counts["failed"] += len(known)
        self._counts["labels"] = staging.count(self._dataset, self._run)
        self._heartbeat.update(**self._counts)
        return open_chunks

    def _label_chunk(self, predictor, index, waiting):
        size = predictor.batch_size
        batches = [waiting[first : first + size] for first in range(0, len(waiting), size)]
        failures = []
        outputs = predictor.predict([path for _, path in batch] for batch in batches)
        for batch, results in zip(batches, outputs, strict=True):
            self._check_current()
            failures += self._write(batch, results)
        self._check_current()
        self._chunks.mark_done(self._run.id, index, failures)

    def _write(self, batch, results):
        documents, failures = [], []
        for (sample_id, path), result in zip(batch, results, strict=True):
            try:
                if isinstance(result, Exception):
                    raise result
                documents.append((sample_id, to_document(result, self._run, sample_id)))
            except Exception as error:  # noqa: BLE001 - a sample may fail in any way
                text = f"{type(error).__name__}: {error}"[:500]
                failures.append({"sample_id": sample_id, "filepath": path, "error": text})
        staging.write(self._dataset, self._run, documents)
        self._count(len(batch), documents, failures)
        return failures

    def _count(self, tried, documents, failures):
        self._counts["done"] += tried
        self._counts["failed"] += len(failures)
        self._counts["labels"] += sum(_size(document) for _, document in documents)
        self._tried_now += tried
        self._failed_now += len(failures)
        if failures and not self._first_error:
            self._first_error = failures[0]["error"]
        self._stop_if_hopeless()
        rate = self._tried_now / max(time.monotonic() - self._began, 1e-6)
        self._heartbeat.update(**self._counts, rate=rate)
        self._tell(f"{self._counts['done']:,} of {self._run.samples:,} samples, {rate:.1f}/s")

    def _stop_if_hopeless(self):
        tried = self._tried_now
        if self._failed_now < tried or (tried < HOPELESS_AFTER and tried < self._run.samples):
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
            self._report(self._counts["done"] / max(self._run.samples, 1), text)


def _size(document):
    if document is None:
        return 0
    return len(document["detections"]) if "detections" in document else 1
