"""One model that labels chunks of a run in any process: from sample IDs to written labels.

Three things overlap: loader processes decode, the calling thread runs the model, and a thread
behind it turns outputs into documents and writes them.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import fiftyone.core.models as fom
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run
from auto_labeling.engine import loading
from auto_labeling.engine.batches import Waiting
from auto_labeling.engine.camera_views import CameraViews
from auto_labeling.engine.masks import MaskStore
from auto_labeling.engine.pipeline import Ahead, Behind
from auto_labeling.engine.prediction import Predicted, Predictor
from auto_labeling.engine.reading import Reader
from auto_labeling.engine.writing import Ledger, Writer, Written
from auto_labeling.models import zoo
from auto_labeling.storage.retrying import patiently

#: For fewer samples, loader processes are not worth their start.
MIN_SAMPLES_FOR_LOADERS = 32

#: A model that fails on this many samples, and on every one so far, is given up.
HOPELESS_AFTER = 50

_MAX_LOADERS = 8

#: How long the model's thread waits, at each operation, for a thread that is in its way. It was
#: a twentieth of a small model's time at 200 us, and is half of that at this.
_SWITCH_SECONDS = 1e-5

#: The interval of checks that the attempt still stands, during a wait for a service.
_CHECK_EVERY_SECONDS = 2.0

_AHEAD = 2
_BEHIND = 4

#: Labels chunks: their indices, numbers for hand-outs, and whether only few samples wait.
LabelChunks = Callable[[Sequence[int], Iterator[int], bool], None]


class Listener(Protocol):
    """Receives the progress of a labeler, from any thread."""

    def check(self) -> None:
        """Called before each write; raises if the attempt no longer stands."""

    def began(self, **facts: Any) -> None:
        """The model is ready; ``facts`` are fields of :class:`auto_labeling.core.run.Progress`."""

    def wrote(self, written: Written, batch_size: int) -> None:
        """Labels have been written.

        Args:
            written: the outcome of the write
            batch_size: the samples in a batch of the model
        """

    def ended(self, index: int) -> None:
        """There is nothing more to do here with a chunk."""


class Labeler:
    """A model that labels chunks. It may be given more when it is done.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, in its current attempt
        model: a :class:`fiftyone.core.models.Model`
        listener: a :class:`Listener`
    """

    def __init__(self, dataset: Dataset, run: Run, model: fom.Model, listener: Listener) -> None:
        self._mapping = zoo.field_mapping(run.config)
        self._reader = Reader(model, self._mapping)
        self._predictor = Predictor(model, run, self._reader, self._pause)
        self._masks = MaskStore(run)
        self._ledger = Ledger(dataset, run, listener.ended)
        self._writer = Writer(dataset, run, self._masks, self._ledger, listener.check)
        self._listener = listener
        lifts = run.config.method.lifts
        self._cameras = CameraViews(dataset, run.config) if lifts else None

    def label(self, chunks: Iterable[Sequence[tuple[int, int]]], loaders: int) -> None:
        """Labels chunks until there are no more.

        Args:
            chunks: lists of ``(index, turn)``: the chunk, and the number of its hand-out. The
                iterator runs ahead of all else, in the loading thread
            loaders: how many loader processes; 0 reads in this one
        """
        loaded = loading.load(self._reader, self._batches(chunks), loaders)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        behind: Behind[Predicted] = Behind(self._finish, self._finish_all, _BEHIND)
        try:
            with self._predictor as predictor, Ahead(loaded, _AHEAD) as ahead, behind:
                self._listener.began(
                    device=predictor.device,
                    half=predictor.half,
                    batch_size=predictor.batch_size,
                )
                for batch in ahead:
                    predicted = predictor.forward(batch)
                    if batch.release is not None:
                        batch.release()
                    behind.put(predicted)
        finally:
            sys.setswitchinterval(interval)

    def _pause(self, seconds: float) -> None:
        """Waits, unless the attempt is over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            patiently(self._listener.check)()
            time.sleep(min(left, _CHECK_EVERY_SECONDS))

    def _batches(self, chunks: Iterable[Sequence[tuple[int, int]]]) -> Iterator[list[Waiting]]:
        for together in chunks:
            self._ledger.claim(together)
            for index, _ in together:
                waiting = self._ledger.open(index, self._mapping)
                if self._cameras is not None:
                    patiently(self._cameras.add)(waiting)
                self._masks.forget(sample_id for sample_id, _ in waiting)
                yield from self._cut(index, waiting)

    def _cut(
        self, index: int, waiting: Sequence[tuple[str, dict[str, Any]]]
    ) -> Iterator[list[Waiting]]:
        first = 0
        while first < len(waiting):
            size = self._predictor.batch_size
            part = waiting[first : first + size]
            yield [Waiting(sample_id, values, index) for sample_id, values in part]
            first += size

    def _finish(self, predicted: Predicted) -> None:
        """Turns one batch's outputs into documents and writes them. Runs behind the model."""
        documents, failures = self._predictor.finish(predicted)
        self._report(self._writer.add(documents, failures, predicted.guessed))

    def _finish_all(self) -> None:
        self._report(self._writer.flush())

    def _report(self, written: Written | None) -> None:
        if written is not None:
            self._listener.wrote(written, self._predictor.batch_size)


def loader_processes() -> int:
    """How many loader processes this machine and process may have; 0 reads in this one."""
    # Forking is safe for what loaders do on Linux alone; daemonic processes may not have children.
    if sys.platform != "linux" or multiprocessing.current_process().daemon:
        return 0
    return min(len(os.sched_getaffinity(0)), _MAX_LOADERS)
