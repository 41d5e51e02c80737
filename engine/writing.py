"""Writes label documents with acknowledgment, and marks chunks as done."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import RunNotFound
from auto_labeling.core.run import Run, Task
from auto_labeling.engine.batches import Failure, Waiting
from auto_labeling.engine.documents import Document, SampleLabels
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
_MAX_SAMPLES = 256


@dataclass
class Written:
    """The outcome of a write.

    Args:
        samples: how many samples have their labels
        labels: how many labels that is
        left_out: how many labels were left out, by :class:`auto_labeling.core.account.LeftOut`
        failures: ``(target, error text)`` of the samples that failed
    """

    samples: int = 0
    labels: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


class Writer:
    """Writes documents, several batches at once where they come fast.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, in its current attempt
        masks: its :class:`auto_labeling.engine.masks.MaskStore`
        ledger: its :class:`Ledger`
        check: called before each write; raises if the attempt no longer stands
    """

    def __init__(
        self,
        dataset: Dataset,
        run: Run,
        masks: MaskStore,
        ledger: "Ledger",
        check: Callable[[], None],
    ) -> None:
        self._dataset = dataset
        self._run = run
        self._masks = masks
        self._ledger = ledger
        self._check = check
        # Masks take much memory, and much longer to write than to ask.
        self._max_samples = 1 if run.config.task is Task.INSTANCE_SEGMENTATION else _MAX_SAMPLES
        self._documents: list[tuple[Waiting, SampleLabels]] = []
        self._failures: list[Failure] = []
        self._attributes = Attributes(dataset, run)
        self._guesses = GuessStore(dataset)
        self._guessed: list[tuple[int, str, str]] = []
        self._written_at = float("-inf")

    def add(
        self,
        documents: Iterable[tuple[Waiting, SampleLabels]],
        failures: Iterable[Failure],
        guessed: Iterable[tuple[Waiting, str]] = (),
    ) -> Written | None:
        """Takes the labels and the failures of a batch.

        Args:
            documents: ``(target, labels)`` of the others
            failures: ``(target, error text)`` of the samples that failed
            guessed (()): ``(target, guess)`` of images whose range of values was guessed

        Returns:
            the outcome, if this was the time for a write
        """
        self._documents += documents
        self._failures += failures
        self._guessed += [(target.chunk, target.sample_id, guess) for target, guess in guessed]
        waiting = len(self._documents) + len(self._failures)
        is_recent = time.monotonic() - self._written_at < _EVERY_SECONDS
        if waiting < self._max_samples and is_recent:
            return None
        return self.flush()

    def flush(self) -> Written | None:
        """Writes all that waits.

        Returns:
            the outcome; None if nothing waits

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
        left_out = {target.sample_id: labels.left_out for target, labels in documents}
        saved, unsaved, refusal = self._masks.save((t, labels.document) for t, labels in documents)
        written = Written(failures=failures + unsaved)
        # First the counts of what was left out: where there are labels, there are their counts.
        overtaken = self._ledger.note([(t, left_out[t.sample_id], d) for t, d in saved])
        ours = [pair for pair in saved if pair[0].chunk not in overtaken]
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
        self._written_at = time.monotonic()
        return written


class Ledger:
    """The chunks that are open here, and how many of their samples still wait.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, in its current attempt
        ended: called with the index of each chunk with which there is nothing more to do here
    """

    def __init__(self, dataset: Dataset, run: Run, ended: Callable[[int], None]) -> None:
        self._dataset = dataset
        self._run = run
        self._chunks = ChunkStore(dataset)
        self._ended = ended
        self._lock = threading.Lock()
        self._open: dict[int, _OpenChunk] = {}
        self._claimed: dict[int, _OpenChunk] = {}

    def claim(self, handed_out: Iterable[tuple[int, int]]) -> None:
        """Claims chunks, and reads them: two messages, however many they are.

        Args:
            handed_out: ``(index, turn)``: the chunk, and the number of its hand-out

        Raises:
            RunNotFound: if the run has been deleted
        """
        claims = {index: Claim(self._run.attempt, turn) for index, turn in handed_out}
        ours = patiently(self._chunks.claim_all)(self._run.id, claims)
        chunks = patiently(self._chunks.read)(self._run.id, ours)
        if len(chunks) < len(ours):
            raise RunNotFound(self._run.id)
        self._claimed = {i: _OpenChunk(i, claims[i], *chunks[i]) for i in ours}

    def open(self, index: int, fields: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
        """Begins a chunk that was claimed; one without waiting samples is done.

        Args:
            index: the chunk's index
            fields: the fields to read beside the file path, by key

        Returns:
            ``(sample id, values)`` of :func:`auto_labeling.storage.staging.waiting`; nothing if
            the chunk is done, or has been handed out again since
        """
        chunk = self._claimed.pop(index, None)
        if chunk is None:
            self._ended(index)
            return []
        return patiently(self._begin)(chunk, fields)

    def _begin(
        self, chunk: "_OpenChunk", fields: Mapping[str, str]
    ) -> list[tuple[str, dict[str, Any]]]:
        waiting = staging.waiting(self._dataset, self._run, chunk.ids, fields)
        if waiting:
            chunk.left = len(waiting)
            with self._lock:
                self._open[chunk.index] = chunk
        else:  # asked and marked in one breath
            self._end(chunk)
        return waiting

    def note(self, samples: Iterable[tuple[Waiting, dict[str, int], Document | None]]) -> set[int]:
        """Records the labels left out of samples that are about to get theirs.

        Args:
            samples: ``(target, counts by reason, document)`` of each

        Returns:
            the indices of chunks that others have taken over: their labels must not be written
        """
        by_chunk: dict[int, dict[str, dict[str, int] | None]] = {}
        for target, left_out, document in samples:
            noted = self._open[target.chunk].left_out
            # For a sample without a list, nothing else shows that the model has seen it.
            if left_out or document is None or target.sample_id in noted:
                counts = left_out if left_out or document is None else None
                by_chunk.setdefault(target.chunk, {})[target.sample_id] = counts
        overtaken = set()
        for index, by_sample in by_chunk.items():
            chunk = self._open[index]
            if patiently(self._chunks.note)(self._run.id, index, chunk.claim, by_sample):
                chunk.left_out.update(by_sample)
            else:
                overtaken.add(index)
        return overtaken

    def close(self, targets: Iterable[Waiting], failures: Sequence[Failure]) -> None:
        """Takes samples off their chunks; a chunk without others is done.

        Args:
            targets: the samples that are written
            failures: ``(target, error text)`` of those that have failed
        """
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

    def _end(self, chunk: "_OpenChunk") -> None:
        """Marks a chunk as done if the database confirms it.

        A database that was killed may have lost writes that it had acknowledged in its last
        moments, even between the question and the mark. The next round finds those samples.
        """
        waiting, labels = account.count_waiting_and_labels(self._dataset, self._run, chunk.ids)
        if waiting <= len(chunk.failures):
            self._chunks.mark_done(
                self._run.id, chunk.index, chunk.claim, chunk.failures, self._account(chunk, labels)
            )
        self._ended(chunk.index)

    def _account(self, chunk: "_OpenChunk", labels: int) -> dict[str, Any]:
        """The counts of a chunk: those stored now, and those from before it was opened again."""
        before = chunk.work.get("account")
        if before is not None:
            _, labels = account.count_waiting_and_labels(
                self._dataset, self._run, chunk.work["again"]
            )
            labels += before["labels"]
        failed = {failure["sample_id"] for failure in chunk.failures}
        total = dict(before["left_out"]) if before else {}
        for sample_id, counts in chunk.left_out.items():
            if counts and sample_id not in failed:
                label_filter.add_all(total, counts)
        return {"labels": labels, "left_out": total}


class _OpenChunk:
    """A chunk that is open here.

    Args:
        index: its index
        claim: the claim by which it is ours
        ids: the ids of its samples
        work: its record, as :meth:`auto_labeling.storage.chunks.ChunkStore.read` returns it
    """

    def __init__(self, index: int, claim: Claim, ids: list[str], work: dict[str, Any]) -> None:
        self.index = index
        self.claim = claim
        self.ids = ids
        self.work = work
        self.left_out: dict[str, dict[str, int] | None] = dict(work.get("left_out") or {})
        self.left = 0
        self.failures: list[dict[str, Any]] = []


def _size(document: Document | None) -> int:
    if document is None:
        return 0
    return len(document["detections"]) if "detections" in document else 1
