"""All staged labels of a run as columns in memory, for instant counts while a slider moves.

A snapshot knows the change stamp of the samples that it was read from (``storage/write_stamp.py``),
and no number is taken from it before the server has said that the stamp still holds. Where samples
have changed, those alone are read again, provided that they account for every write there was; else
everything is. So the numbers are exact, whichever process writes, and in whichever way.
"""

import contextlib
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping

import numpy as np
from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run
from auto_labeling.review import columns
from auto_labeling.review.columns import BINS as BINS
from auto_labeling.review.columns import Columns, bins
from auto_labeling.review.label_counts import Group as Group
from auto_labeling.review.label_counts import LabelCounts
from auto_labeling.review.remembered import Before, Remembered
from auto_labeling.storage import added_labels, write_stamp
from auto_labeling.storage.write_stamp import Stamp

#: Labels of all runs together that are kept in memory; about 20 bytes each.
MAX_LABELS = 20_000_000

#: How often the labels are read again, should people add some all the while.
_MAX_READS = 4

#: If more samples than this share have changed, reading all again is faster.
_PATCHED_SHARE = 0.1


class Snapshot(LabelCounts):
    """The staged labels of one run. Get one from :func:`current`, in its ``with`` block."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._unmarked: list[ObjectId] = []  # samples with labels that people have added since
        self._remembered = Remembered()
        self.marked = 0  # samples whose added labels it has marked so far

    def __len__(self) -> int:
        return 0 if self._stamp is None else len(self._code)

    # --- keeping up ---------------------------------------------------------------------------

    def catch_up(self, dataset: Dataset) -> bool:
        """Makes the snapshot as new as the database; False if the server cannot tell changes.

        Labels that people have added since are marked as such on the way.
        """
        for _ in range(_MAX_READS):
            now = write_stamp.stamp(dataset)
            if now is None:
                return False
            if now != self._stamp and not (self._stamp and self._patch(dataset, self._stamp, now)):
                self._load(dataset, now)
            if not self._unmarked:
                added_labels.note(dataset, self._run, now)
                return True
            self.marked += added_labels.mark(dataset, self._run, self._unmarked)
        return True

    def forget(self) -> None:
        """Makes the next look read everything again."""
        self._remembered.clear()
        self._stamp = None
        self._known = {}

    def _load(self, dataset: Dataset, now: Stamp) -> None:
        self._newest = write_stamp.newest(dataset)
        read = columns.read(dataset, self._run, {})
        self._codes: defaultdict[str, int] = defaultdict()
        self._codes.default_factory = self._codes.__len__
        order = np.argsort(read.ids, kind="stable")
        self._ids, self._row = read.ids[order], order
        self._sizes = read.sizes
        self._starts = np.concatenate([[0], np.cumsum(read.sizes)[:-1]]).astype(np.int64)
        self._code = self._encoded(read.labels)
        self._confidence = read.confidence
        self._state = read.states
        self._added = read.added
        self._unmarked = read.unmarked
        self._bin = bins(read.confidence)
        self._there = read.there
        self._gone = 0
        self._remembered.clear()
        self._known = {}
        self._stamp = now

    def _encoded(self, labels: list[str]) -> np.ndarray:
        return np.fromiter(map(self._codes.__getitem__, labels), np.int32, len(labels))

    def _patch(self, dataset: Dataset, old: Stamp, now: Stamp) -> bool:
        """Reads the changed samples again; False if they do not explain every write."""
        written = now.written - old.written
        if now.removed != old.removed or not 0 < written <= max(
            500, len(self._ids) * _PATCHED_SHARE
        ):
            return False
        query = {"last_modified_at": {"$gt": self._newest}} if self._newest else {}
        read = columns.read(dataset, self._run, query, everything=True)
        # More writes than samples: one was written twice, or without telling its time.
        if len(read.ids) != written or not self._replace(read):
            return False
        self._newest = read.newest
        self._known = {}
        self._unmarked = read.unmarked
        self._stamp = now
        return True

    def _replace(self, read: Columns) -> bool:
        """Puts new values in the place of a sample's old ones."""
        self._remembered.clear()
        at = np.searchsorted(self._ids, read.ids)
        known = at < len(self._ids)
        known[known] = self._ids[at[known]] == read.ids[known]
        if read.sizes[~known].any() or self._gone > len(self._code) // 4:
            return False
        rows = self._row[at[known]]
        firsts = np.concatenate([[0], np.cumsum(read.sizes)[:-1]]).astype(np.int64)[known]
        sizes = read.sizes[known]
        codes = self._encoded(read.labels)
        self._there[rows] = read.there[known]
        if (sizes != self._sizes[rows]).any():
            return self._grow(rows, firsts, sizes, codes, read)
        new = columns.indices(firsts, sizes)
        old = columns.indices(self._starts[rows], sizes)
        self._code[old] = codes[new]
        self._confidence[old] = read.confidence[new]
        self._bin[old] = bins(read.confidence[new])
        self._state[old] = read.states[new]
        self._added[old] = read.added[new]
        return True

    def _grow(
        self,
        rows: np.ndarray,
        firsts: np.ndarray,
        sizes: np.ndarray,
        codes: np.ndarray,
        read: Columns,
    ) -> bool:
        """Samples with more or fewer labels than before go to the end of the columns."""
        old = columns.indices(self._starts[rows], self._sizes[rows])
        new = columns.indices(firsts, sizes)
        self._state[old] = columns.NONE
        self._gone += len(old)
        end = len(self._code)
        self._starts[rows] = end + np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._sizes[rows] = sizes
        self._code = np.concatenate([self._code, codes[new]])
        self._confidence = np.concatenate([self._confidence, read.confidence[new]])
        self._bin = np.concatenate([self._bin, bins(read.confidence[new])])
        self._state = np.concatenate([self._state, read.states[new]])
        self._added = np.concatenate([self._added, read.added[new]])
        return True

    def changed(
        self,
        dataset: Dataset,
        number: int,
        at: np.ndarray,
        modified: int,
        state: str | None = None,
        classes: Mapping[str, str] | None = None,
    ) -> bool:
        """Does in memory what an action has just done, if no one else wrote since.

        Args:
            dataset: the dataset
            number: the number of the action
            at: the places of the labels that it changed
            modified: the number of samples that it modified
            state (None): the review state that they have now, if it changed
            classes (None): what labels of each class are called now, if it changed

        Returns:
            whether exactly the labels that the snapshot knew were changed
        """
        if not self._keeps_up(dataset, modified):
            return False
        self._remembered.keep(number, Before(at, self._state[at], self._code[at]))
        if state is not None:
            self._state[at] = columns.CODES[state]
        if classes is not None:
            new = {self._codes[old]: self._codes[name] for old, name in classes.items()}
            table = np.arange(len(self._codes), dtype=np.int32)
            table[list(new)] = list(new.values())
            self._code[at] = table[self._code[at]]
        return True

    def remembers(self, number: int) -> int | None:
        """How many labels an action changed, of which no one has changed any since; or None."""
        return self._remembered.labels(number)

    def undone(self, dataset: Dataset, number: int, modified: int) -> bool:
        """Undoes an action in memory that was just undone, if no one else wrote since.

        Args:
            dataset: the dataset
            number: the number of the action
            modified: the number of samples that undoing it modified

        Returns:
            whether exactly the labels that the snapshot knew were changed
        """
        before = self._remembered.take(number)
        if before is None or not self._keeps_up(dataset, modified):
            return False
        self._state[before.at] = before.states
        self._code[before.at] = before.codes
        return True

    def _keeps_up(self, dataset: Dataset, modified: int) -> bool:
        """Takes the stamp of a write that the snapshot repeats in memory; False if others wrote."""
        now, old = write_stamp.stamp(dataset), self._stamp
        if now is None or old is None or now.removed != old.removed:
            return False
        if now.written - old.written != modified:
            return False
        self._known = {}
        self._newest = write_stamp.newest(dataset)
        self._stamp = now
        return True

    def __enter__(self) -> "Snapshot":
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_snapshots: OrderedDict[tuple[ObjectId, str], Snapshot] = OrderedDict()
_lock = threading.Lock()


def of(dataset: Dataset, run: Run) -> contextlib.AbstractContextManager[Snapshot | None, None]:
    """Returns a context manager that gives the snapshot of a run, or None where none is kept.

    In the block the snapshot is the caller's alone. Call ``catch_up`` first.

    Args:
        dataset: the run's dataset
        run: the run
    """
    if run.labels > MAX_LABELS:
        return contextlib.nullcontext()
    key = (dataset._doc.id, run.id)
    with _lock:
        snapshot = _snapshots.setdefault(key, Snapshot(run))
        _snapshots.move_to_end(key)
        while len(_snapshots) > 1 and sum(map(len, _snapshots.values())) > MAX_LABELS:
            _snapshots.popitem(last=False)
        return snapshot


def clear() -> None:
    """Forgets all snapshots."""
    with _lock:
        _snapshots.clear()
