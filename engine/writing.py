"""Writes label documents with acknowledgment, and marks chunks as done."""

import threading
import time
from dataclasses import dataclass, field

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import RunNotFound
from auto_labeling.core.run import Run, Task
from auto_labeling.engine.masks import MaskStore
from auto_labeling.models import label_filter
from auto_labeling.storage import account, staging
from auto_labeling.storage.attributes import Attributes
from auto_labeling.storage.chunks import ChunkStore, Claim
from auto_labeling.storage.guessed_ranges import GuessStore
from auto_labeling.storage.retrying import patiently

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
        left_out: how many labels were left out, by :class:`auto_labeling.core.account.LeftOut`
        failures: ``(target, error text)`` of the samples that failed
    """

    samples: int = 0
    labels: int = 0
    left_out: dict = field(default_factory=dict)
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

    def __init__(
        self, dataset: Dataset, run: Run, masks: MaskStore, ledger: "Ledger", check
    ) -> None:
        self._dataset = dataset
        self._run = run
        self._masks = masks
        self._ledger = ledger
        self._check = check
        # Masks take much memory, and much longer to write than to ask.
        self._most = 1 if run.config.task is Task.INSTANCE_SEGMENTATION else _MOST_SAMPLES
        self._documents, self._failures = [], []
        self._attributes = Attributes(dataset, run)
        self._guesses, self._guessed = GuessStore(dataset), []
        self._wrote = float("-inf")

    def add(self, documents, failures, guessed=()) -> Written | None:
        """Takes the ``(target, made)`` pairs and the failures of a batch.

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
        patiently(self._check)()
        guessed, self._guessed = self._guessed, []
        patiently(self._guesses.note)(self._run.id, guessed)
        pairs = [(target, made.document) for target, made in documents]
        left_out = {target.sample_id: made.left_out for target, made in documents}
        saved, unsaved, refusal = self._masks.save(pairs)
        written = Written(failures=failures + unsaved)
        # First what was left out of them: whoever finds their labels finds that, too.
        lost = self._ledger.note([(target, left_out[target.sample_id], d) for target, d in saved])
        ours = [pair for pair in saved if pair[0].chunk not in lost]
        patiently(self._attributes.declare)([document for _, document in ours])
        pairs = [(target.sample_id, document) for target, document in ours]
        if patiently(staging.write)(self._dataset, self._run, pairs) < len(pairs):
            patiently(self._check)()  # they may have been done or deleted; their field may be gone
        self._ledger.close([target for target, _ in saved], written.failures)
        if refusal is not None:
            raise refusal
        written.samples = len(ours)
        written.labels = sum(_size(document) for _, document in ours)
        for target, _ in ours:
            label_filter.add_all(written.left_out, left_out[target.sample_id])
        self._wrote = time.monotonic()
        return written


class Ledger:
    """Which chunks are under way here, and how many of their samples are still to come.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, as it is in this attempt
        ended: called with the index of each chunk with which there is nothing more to do here
    """

    def __init__(self, dataset: Dataset, run: Run, ended) -> None:
        self._dataset = dataset
        self._run = run
        self._chunks = ChunkStore(dataset)
        self._ended = ended
        self._lock = threading.Lock()
        self._open = {}
        self._claimed = {}

    def claim(self, handed_out) -> None:
        """Claims chunks, and reads what is in them: two messages, however many they are.

        Args:
            handed_out: a list of ``(index, turn)``: the chunk, and the number of its hand-out
        """
        claims = {index: Claim(self._run.attempt, turn) for index, turn in handed_out}
        ours = patiently(self._chunks.claim_all)(self._run.id, claims)
        found = patiently(self._chunks.read)(self._run.id, ours)
        if len(found) < len(ours):
            raise RunNotFound(self._run.id)
        self._claimed = {i: _OpenChunk(i, claims[i], *found[i]) for i in ours}

    def open(self, index, fields) -> list:
        """Begins a chunk that was claimed; one without waiting samples is done.

        Args:
            index: the chunk's index
            fields: the fields that are wanted beside the file path

        Returns:
            what :func:`auto_labeling.storage.staging.waiting` says of the chunk; nothing if it is
            done, or has been handed out again since
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
        else:  # asked and marked in one breath
            self._end(chunk)
        return waiting

    def note(self, samples) -> set[int]:
        """Records what was left out of samples that are about to get their labels.

        Args:
            samples: ``(target, counts by reason, document)`` of each

        Returns:
            the indices of chunks that are others' by now: their labels must not be written
        """
        by_chunk = {}
        for target, left_out, document in samples:
            noted = self._open[target.chunk].left_out
            # A sample without a list says nowhere else that the model was asked about it.
            if left_out or document is None or target.sample_id in noted:
                counts = left_out if left_out or document is None else None
                by_chunk.setdefault(target.chunk, {})[target.sample_id] = counts
        lost = set()
        for index, counts in by_chunk.items():
            chunk = self._open[index]
            if patiently(self._chunks.note)(self._run.id, index, chunk.claim, counts):
                chunk.left_out.update(counts)
            else:
                lost.add(index)
        return lost

    def close(self, targets, failures) -> None:
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

    def _end(self, chunk) -> None:
        """Marks a chunk as done if the database says so; asked and marked in one breath.

        A database that was killed may have lost what it had acknowledged in its last moments,
        even between the two. The next round finds those samples.
        """
        waiting, labels = account.tally(self._dataset, self._run, chunk.ids)
        if waiting <= len(chunk.failures):
            self._chunks.mark_done(
                self._run.id, chunk.index, chunk.claim, chunk.failures, self._account(chunk, labels)
            )
        self._ended(chunk.index)

    def _account(self, chunk, labels):
        """What the chunk came to: what is stored now, and what was before it was opened again."""
        before = chunk.work.get("account")
        if before is not None:
            _, labels = account.tally(self._dataset, self._run, chunk.work["again"])
            labels += before["labels"]
        failed = {failure["sample_id"] for failure in chunk.failures}
        total = dict(before["left_out"]) if before else {}
        for sample_id, counts in chunk.left_out.items():
            if counts and sample_id not in failed:
                label_filter.add_all(total, counts)
        return {"labels": labels, "left_out": total}


class _OpenChunk:
    """A chunk under way here.

    Args:
        index: its index
        claim: the claim by which it is ours
        ids: the ids of its samples
        work: what :meth:`auto_labeling.storage.chunks.ChunkStore.read` says of it
    """

    def __init__(self, index, claim: Claim, ids: list, work: dict) -> None:
        self.index = index
        self.claim = claim
        self.ids = ids
        self.work = work
        self.left_out = dict(work.get("left_out") or {})
        self.left = 0
        self.failures = []


def _size(document):
    if document is None:
        return 0
    return len(document["detections"]) if "detections" in document else 1
