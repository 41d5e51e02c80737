"""All staged labels of a run as columns in memory, for instant counts while a slider moves.

A snapshot knows the change stamp of the samples that it was read from (``storage/write_stamp.py``),
and no number is taken from it before the server has said that the stamp still holds. Where samples
have changed, those alone are read again, provided that they account for every write there was; else
everything is. So the numbers are exact, whichever process writes, and in whichever way.
"""

import contextlib
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.account import Decision
from auto_labeling.core.run import Run
from auto_labeling.review import columns
from auto_labeling.review.columns import BINS as BINS
from auto_labeling.review.columns import Columns, bins
from auto_labeling.review.criteria import Criteria
from auto_labeling.storage import added_labels, write_stamp
from auto_labeling.storage.review_states import PROMOTED, REJECTED, UNPROMOTED
from auto_labeling.storage.write_stamp import Stamp

#: Labels of all runs together that are kept in memory; about 20 bytes each.
MAX_LABELS = 20_000_000

#: Answers that are kept while the labels do not change.
_MAX_KNOWN = 16

#: How often the labels are read again, should people add some all the while.
_MAX_READS = 4

#: If more samples than this share have changed, reading all again is faster.
_PATCHED_SHARE = 0.1


@dataclass(frozen=True)
class Group:
    """The labels of one class: how many, how many with a confidence, and the sum of those."""

    count: int = 0
    confident: int = 0
    total: float = 0.0


class Snapshot:
    """The staged labels of one run. Get one from :func:`current`, in its ``with`` block."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._known: dict[Hashable, Any] = {}  # answers that hold as long as the stamp does
        self._unmarked: list[ObjectId] = []  # samples with labels that people have added since
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

    def moved(
        self, dataset: Dataset, criteria: Criteria, before: str, after: str, modified: int
    ) -> bool:
        """Does in memory what an update has just done, if no one else wrote since.

        Args:
            dataset: the dataset
            criteria: which labels were updated
            before: the review state that they had
            after: the review state that they have now
            modified: the number of samples that the update modified

        Returns:
            whether exactly the labels that the snapshot knew were updated
        """
        now, old = write_stamp.stamp(dataset), self._stamp
        if now is None or old is None or now.removed != old.removed:
            return False
        if now.written - old.written != modified:
            return False
        self._state[self._matching(before, criteria)] = columns.CODES[after]
        self._known = {}
        self._newest = write_stamp.newest(dataset)
        self._stamp = now
        return True

    # --- asking -------------------------------------------------------------------------------

    def count(self, state: str, criteria: Criteria = Criteria()) -> int:  # noqa: B008 - frozen
        """How many labels of a review state meet the criteria.

        Args:
            state: the review state
            criteria (Criteria()): the criteria
        """
        return int(np.count_nonzero(self._matching(state, criteria)))

    def table(self, state: str, criteria: Criteria = Criteria()) -> dict[str, Group]:  # noqa: B008 - frozen
        """The labels of a review state that meet the criteria, counted by class.

        Args:
            state: the review state
            criteria (Criteria()): the criteria
        """
        return self._once(("table", state, criteria), self._table, state, criteria)

    def _table(self, state: str, criteria: Criteria) -> dict[str, Group]:
        matching = self._matching(state, criteria)
        code, confidence = self._code[matching], self._confidence[matching]
        size = len(self._codes)
        counts = confident = np.bincount(code, minlength=size)
        totals = np.bincount(code, weights=confidence, minlength=size)
        known: np.ndarray = ~np.isnan(confidence)
        if not known.all():
            confident = np.bincount(code[known], minlength=size)
            totals = np.bincount(code[known], weights=confidence[known], minlength=size)
        return {
            label: Group(int(counts[i]), int(confident[i]), float(totals[i]))
            for label, i in self._codes.items()
            if counts[i]
        }

    def spread(self, state: str, criteria: Criteria) -> dict[str, np.ndarray]:
        """Counts labels by class and by confidence, in :data:`BINS` parts of [0, 1].

        Args:
            state: the review state
            criteria: which labels

        Returns:
            a dict from class to an array of :data:`BINS` counts; classes without any such label are
            left out
        """
        return self._once(("spread", state, criteria), self._spread, state, criteria)

    def _spread(self, state: str, criteria: Criteria) -> dict[str, np.ndarray]:
        matching = self._matching(state, criteria) & (self._bin < BINS)
        cells = self._code[matching] * np.int64(BINS) + self._bin[matching]
        counts = np.bincount(cells, minlength=len(self._codes) * BINS).reshape(-1, BINS)
        return {label: counts[i] for label, i in self._codes.items() if counts[i].any()}

    def decision(self) -> Decision:
        """What an approval would do with the labels."""
        promoted = self._state == columns.CODES[PROMOTED]
        unpromoted = self._state == columns.CODES[UNPROMOTED]
        rejected = int(np.count_nonzero(self._state == columns.CODES[REJECTED]))
        added = unpromoted & self._added
        before = np.concatenate([[0], np.cumsum(promoted | added)])
        kept = before[self._starts + self._sizes] - before[self._starts]
        return Decision(
            promoted=int(promoted.sum()),
            added=int(added.sum()),
            left=int(unpromoted.sum() - added.sum()) + rejected,
            rejected=rejected,
            empty=self.without_labels(),
            bare=int(np.count_nonzero((self._sizes > 0) & (kept == 0))),
        )

    def without_labels(self) -> int:
        """How many samples were tried and have no label."""
        return int(np.count_nonzero(self._there & (self._sizes == 0)))

    def _once(self, key: Hashable, answer: Callable[..., Any], *question: object) -> Any:
        """An answer that was given since the labels last changed, or the answer now."""
        if key not in self._known:
            while len(self._known) >= _MAX_KNOWN:
                self._known.pop(next(iter(self._known)))
            self._known[key] = answer(*question)
        else:
            self._known[key] = self._known.pop(key)
        return self._known[key]

    def _matching(self, state: str, criteria: Criteria) -> np.ndarray:
        if not criteria.allows(state):
            return np.zeros(len(self._code), dtype=bool)
        matching = self._state == columns.CODES[state]
        if criteria.span is not None:
            low, high = criteria.span
            matching &= (self._confidence >= low) & (self._confidence <= high)
        if criteria.labels is not None:
            codes = [self._codes[name] for name in criteria.labels if name in self._codes]
            matching &= self._code == codes[0] if len(codes) == 1 else np.isin(self._code, codes)
        if criteria.sample_ids is not None:
            packed = columns.packed(criteria.sample_ids)
            rows = self._row[np.isin(self._ids, packed)]
            there = np.zeros(len(self._code), dtype=bool)
            there[columns.indices(self._starts[rows], self._sizes[rows])] = True
            matching &= there
        return matching

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
