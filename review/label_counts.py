"""Counts of labels that are in memory as columns, by class, review state and confidence."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from auto_labeling.core.account import Decision
from auto_labeling.review import columns
from auto_labeling.review.columns import BINS
from auto_labeling.review.criteria import Criteria
from auto_labeling.storage.review_states import PROMOTED, REJECTED, UNPROMOTED

#: Answers that are kept while the labels do not change.
_MAX_KNOWN = 16


@dataclass(frozen=True)
class Group:
    """The labels of one class: how many, how many with a confidence, and the sum of those."""

    count: int = 0
    confident: int = 0
    total: float = 0.0


@dataclass(frozen=True)
class Hundredths:
    """How many labels there are at each hundredth of confidence, from 0 to 1.

    Args:
        below: 101 numbers: how many have a confidence below it
        up_to: 101 numbers: how many have it or less
        all: how many there are, with those without confidence
    """

    below: list[int]
    up_to: list[int]
    all: int


class LabelCounts:
    """The columns of a run's labels, and the questions that they answer."""

    _ids: np.ndarray  # of the samples, sorted
    _row: np.ndarray  # the place of each of them in the next three
    _starts: np.ndarray  # the place of a sample's first label
    _sizes: np.ndarray  # how many labels it has
    _there: np.ndarray  # whether it has the staging field
    _codes: defaultdict[str, int]  # the number of each class
    _code: np.ndarray  # of each label, as the next four
    _confidence: np.ndarray
    _bin: np.ndarray
    _state: np.ndarray
    _added: np.ndarray

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}  # answers that hold while the columns do

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

    def hundredths(self, state: str, criteria: Criteria) -> Hundredths:
        """Counts labels by each hundredth of confidence.

        Args:
            state: the review state
            criteria: which labels

        Returns:
            the counts
        """
        return self._once(("hundredths", state, criteria), self._hundredths, state, criteria)

    def _hundredths(self, state: str, criteria: Criteria) -> Hundredths:
        confidence = self._confidence[self._matching(state, criteria)]
        known = confidence[~np.isnan(confidence)]
        edges = np.arange(101) / 100
        sides = [np.searchsorted(edges, known, side) for side in ("right", "left")]
        below, up_to = (np.bincount(at, minlength=102)[:101].cumsum().tolist() for at in sides)
        return Hundredths(below, up_to, len(confidence))

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

    def _matching(self, state: str | None, criteria: Criteria) -> np.ndarray:
        if state is None:
            codes = [columns.CODES[name] for name in criteria.states or columns.CODES]
            matching = np.isin(self._state, codes)
        elif not criteria.allows(state):
            return np.zeros(len(self._code), dtype=bool)
        else:
            matching = self._state == columns.CODES[state]
        if criteria.span is not None:
            low, high = criteria.span
            matching &= (self._confidence >= low) & (self._confidence <= high)
        if criteria.minimums is not None:
            least = np.full(len(self._codes) + 1, np.inf)
            for name, minimum in criteria.minimums:
                if name in self._codes:
                    least[self._codes[name]] = minimum
            matching &= self._confidence >= least[self._code]
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

    def find(self, state: str | None, criteria: Criteria) -> np.ndarray:
        """Finds labels of a review state that meet the criteria.

        Args:
            state: the review state; None for any
            criteria: the criteria

        Returns:
            their places in the columns
        """
        return np.flatnonzero(self._matching(state, criteria))
