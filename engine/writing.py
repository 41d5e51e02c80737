"""From label documents to acknowledged writes, and to chunks that are done."""

import threading
import time
from dataclasses import dataclass, field

from auto_labeling.engine.documents import take_dropped
from auto_labeling.engine.masks import MaskStore
from auto_labeling.errors import RunNotFound
from auto_labeling.run import Run, Task
from auto_labeling.storage import staging
from auto_labeling.storage.chunks import ChunkStore, Claim
from auto_labeling.storage.guesses import GuessStore
from auto_labeling.storage.patience import patiently

#: A write is made at most this often, unless so many samples wait for it. Each one costs a round
#: trip to ask whether the attempt still stands.
_EVERY_SECONDS = 0.3
_MOST_SAMPLES = 256


@dataclass
class Written:
    """What a write came to.

    Args:
        samples: how many samples have their labels
        labels: how many labels that is
        dropped: how many labels the run's cap left out
        failures: ``(target, error text)`` of the samples that failed
    """

    samples: int = 0
    labels: int = 0
    dropped: int = 0
    failures: list = field(default_factory=list)


class Writer:
    """Writes documents, several batches at once where they come fast.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, as it is in this attempt
        masks: its :class:`auto_labeling.engine.masks.MaskStore`
        ledger: its :class:`Ledger`
        check: called before each write; raises if the attempt no longer stands
    """

    def __init__(self, dataset, run: Run, masks: MaskStore, ledger: "Ledger", check):
        self._dataset = dataset
        self._run = run
        self._masks = masks
        self._ledger = ledger
        self._check = check
        # Masks take much memory, and much longer to write than to ask.
        self._most = 1 if run.config.task is Task.INSTANCE_SEGMENTATION else _MOST_SAMPLES
        self._documents, self._failures = [], []
        self._guesses, self._guessed = GuessStore(dataset), []
        self._wrote = float("-inf")

    def add(self, documents, failures, guessed=()) -> Written | None:
        """Takes the ``(target, document)`` pairs and the failures of a batch.

        Args:
            documents: those pairs
            failures: ``(target, error text)`` of the samples that failed
            guessed (()): ``(target, guess)`` of images whose range of values was guessed

        Returns:
            what has been written, if this was the time for it
        """
        self._documents += documents
        self._failures += failures
        self._guessed += [(target.chunk, target.sample_id, guess) for target, guess in guessed]
        waiting = len(self._documents) + len(self._failures)
        if waiting < self._most and time.monotonic() - self._wrote < _EVERY_SECONDS:
            return None
        return self.flush()

    def flush(self) -> Written | None:
        """Writes what waits.

        Raises:
            CannotWrite: if no further labels or masks could be written either
        """
        documents, failures = self._documents, self._failures
        self._documents, self._failures = [], []
        if not documents and not failures:
            return None
        written = Written(dropped=sum(take_dropped(document) for _, document in documents))
        patiently(self._check)()
        guessed, self._guessed = self._guessed, []
        patiently(self._guesses.note)(self._run.id, guessed)
        saved, unsaved, refusal = self._masks.save(documents)
        written.failures = failures + unsaved
        pairs = [(target.sample_id, document) for target, document in saved]
        if patiently(staging.write)(self._dataset, self._run, pairs) < len(pairs):
            patiently(self._check)()  # they may have been done or deleted; their field may be gone
        self._ledger.close([t for t, _ in saved], written.failures)
        if refusal is not None:
            raise refusal
        written.samples = len(saved)
        written.labels = sum(_size(document) for _, document in saved)
        self._wrote = time.monotonic()
        return written


class Ledger:
    """Which chunks are under way here, and how many of their samples are still to come.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, as it is in this attempt
        ended: called with the index of each chunk with which there is nothing more to do here
    """

    def __init__(self, dataset, run: Run, ended):
        self._dataset = dataset
        self._run = run
        self._chunks = ChunkStore(dataset)
        self._ended = ended
        self._lock = threading.Lock()
        self._open = {}
        self._claimed = {}

    def claim(self, handed_out):
        """Claims chunks, and reads what is in them: two messages, however many they are.

        Args:
            handed_out: a list of ``(index, turn)``: the chunk, and the number of its hand-out
        """
        claims = {index: Claim(self._run.attempt, turn) for index, turn in handed_out}
        ours = patiently(self._chunks.claim_all)(self._run.id, claims)
        ids = patiently(self._chunks.all_sample_ids)(self._run.id, ours)
        if len(ids) < len(ours):
            raise RunNotFound(self._run.id)
        self._claimed = {i: _OpenChunk(i, claims[i], ids[i]) for i in ours}

    def open(self, index, fields) -> list:
        """Begins a chunk that was claimed; one without waiting samples is done.

        Args:
            index: the chunk's index
            fields: the fields that are wanted beside the file path

        Returns:
            what :func:`auto_labeling.storage.staging.waiting` says of the chunk; nothing if it is
            done, or has been handed out again meanwhile
        """
        chunk = self._claimed.pop(index, None)
        if chunk is None:
            self._ended(index)
            return []
        return patiently(self._begin)(chunk, fields)

    def _begin(self, chunk, fields):
        waiting = staging.waiting(self._dataset, self._run, chunk.ids, fields)
        if waiting:
            chunk.left = len(waiting)
            with self._lock:
                self._open[chunk.index] = chunk
        else:  # asked and marked in one breath, as in _end
            self._chunks.mark_done(self._run.id, chunk.index, chunk.claim, [])
            self._ended(chunk.index)
        return waiting

    def close(self, targets, failures):
        """Samples are written or have failed; a chunk without others is done."""
        for target, error in failures:
            self._open[target.chunk].failures.append(
                {
                    "sample_id": target.sample_id,
                    "filepath": target.values["filepath"],
                    "error": error,
                }
            )
        with self._lock:
            for target in [*targets, *(target for target, _ in failures)]:
                self._open[target.chunk].left -= 1
            over = [chunk for chunk in self._open.values() if not chunk.left]
            for chunk in over:
                del self._open[chunk.index]
        for chunk in over:
            patiently(self._end)(chunk)

    def _end(self, chunk):
        """Marks a chunk as done if the database says so; asked and marked in one breath.

        A database that was killed may have lost what it had acknowledged in its last moments,
        even between the two. The next round finds those samples.
        """
        if staging.count_waiting(self._dataset, self._run, chunk.ids) <= len(chunk.failures):
            self._chunks.mark_done(self._run.id, chunk.index, chunk.claim, chunk.failures)
        self._ended(chunk.index)


@dataclass
class _OpenChunk:
    index: int
    claim: Claim
    ids: list
    left: int = 0
    failures: list = field(default_factory=list)


def _size(document):
    if document is None:
        return 0
    return len(document["detections"]) if "detections" in document else 1
