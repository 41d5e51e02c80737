"""Exact probabilities of where a plan stops, from counts of sequences.

All sequences of right and wrong labels with ``w`` wrong among ``n`` are equally probable, so
``P(sequence) = falling(K, w) * falling(N - K, n - w) / falling(N, n)`` for ``K`` wrong labels of
``N``. What remains is to count, look by look, the sequences that have not stopped before. These
counts hold for every ``N`` and ``K``. Look ``c`` allows ``c`` errors: all sequences with fewer
have passed before it, so those that pass there have exactly ``c``. An audit fails at the first
error beyond the last look's.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np


class Sequences:
    """Counts of the sequences of right and wrong labels that reach each stop of a plan.

    Args:
        looks: after how many labels each look is; the look of index ``c`` allows ``c`` errors
    """

    def __init__(self, looks: Sequence[int]) -> None:
        self._looks = [0, *looks]
        self._width = len(looks)  # one for each number of errors that some look still allows
        self.passing: list[float] = []
        self._after: list[np.ndarray] = [np.eye(1, self._width)[0]]
        for index, labels in enumerate(looks):
            going = self._extended(self._after[-1], labels - self._looks[index])
            self.passing.append(float(going[index]))
            going[: index + 1] = 0
            self._after.append(going)

    def pass_probabilities(self, size: int, wrong: int) -> np.ndarray:
        """Returns the probability of passing, for each look.

        Args:
            size: the number of labels
            wrong: how many of them are wrong
        """
        errors = np.arange(self._width)
        return np.array(self.passing) * _each(size, wrong, np.array(self._looks[1:]), errors)

    def failing(self, size: int, wrong: int) -> np.ndarray:
        """The probability of failing after ``n`` labels, at index ``n``.

        Args:
            size: the number of labels
            wrong: how many of them are wrong

        Returns:
            an array of one more element than the last look has labels
        """
        fatal = self._width
        # The label before the last was reached with one error fewer, and was not yet the end.
        paths = np.concatenate([[0.0], self.going[:-1, -1]])
        return paths * _each(size, wrong, np.arange(len(paths)), np.full(len(paths), fatal))

    @cached_property
    def going(self) -> np.ndarray:
        """How many sequences of ``n`` labels have not stopped; at a look, without those that pass.

        Its shape is ``(last look + 1, errors)``.
        """
        rows = [self._after[0][None]]
        for index in range(self._width):
            steps = np.arange(1, self._looks[index + 1] - self._looks[index])
            before = np.concatenate([np.zeros(self._width - 1), self._after[index]])
            shifted = np.lib.stride_tricks.sliding_window_view(before, self._width)[::-1]
            rows += [binomials(steps, self._width) @ shifted, self._after[index + 1][None]]
        return np.concatenate(rows)

    def mean(self, size: int, wrong: int) -> float:
        """The mean number of labels until the audit stops.

        Args:
            size: the number of labels
            wrong: how many of them are wrong

        Returns:
            the mean, which is the sum over ``n`` of P(not stopped after ``n`` labels)
        """
        going = self.going
        n = np.repeat(np.arange(len(going))[:, None], self._width, axis=1)
        errors = np.broadcast_to(np.arange(self._width), going.shape)
        return float((going * _each(size, wrong, n, errors)).sum())

    def _extended(self, going: np.ndarray, steps: int) -> np.ndarray:
        ways = binomials(np.array([steps]), self._width)[0]
        return np.convolve(going, ways)[: self._width]


def binomials(labels: np.ndarray, width: int) -> np.ndarray:
    """Returns binomial coefficients: in how many ways ``k`` of ``n`` labels can be wrong.

    Args:
        labels: the ``n``, a row each
        width: the number of ``k``, from 0, a column each
    """
    k = np.arange(1, width)
    factors = np.maximum(labels[:, None] - k + 1.0, 0) / k
    return np.cumprod(np.hstack([np.ones((len(labels), 1)), factors]), axis=1)


def log_falling(number: int, most: int) -> np.ndarray:
    """Returns the logarithms of ``number * (number - 1) * …``, for 0 … ``most`` factors.

    Args:
        number: the first factor
        most: the largest number of factors
    """
    factors = np.maximum(number - np.arange(most, dtype=float), 0)
    with np.errstate(divide="ignore"):
        return np.concatenate([[0.0], np.cumsum(np.log(factors))])


def _each(size: int, wrong: int, n: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The probability of each single sequence of ``n`` labels with so many errors."""
    right = n - errors
    most = int(n.max())
    log = (
        log_falling(wrong, int(errors.max()))[errors]
        + log_falling(size - wrong, most)[np.maximum(right, 0)]
        - log_falling(size, most)[n]
    )
    return np.where(right < 0, 0.0, np.exp(log))
