"""The sequential acceptance plan of an audit: when to stop, and what may be claimed then.

A frozen set has ``size`` labels, some of which are wrong. They are looked at in a random order,
without replacement. The plan is a list of looks: after ``n_c`` labels, at most ``c`` may be wrong.
The audit passes at the first look that allows it, and fails at the first error that no look
allows. :func:`solve` chooses the smallest looks for which a false certificate is no more probable
than the risk, computed exactly for the least favorable number of wrong labels.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from auto_labeling.audits.recursion import Sequences, binomials, log_falling
from auto_labeling.core.errors import AutoLabelingError

#: The targets on offer, in percent.
TARGETS = (90, 95, 98)

#: The risk of a false certificate of each audit, by the number of attempts chosen beforehand.
RISKS = {1: 0.05, 2: 0.025}

#: Up to this size, all labels are looked at.
MAX_CENSUS = 60

#: Looks of a plan: the audit fails at the tenth error.
MAX_LOOKS = 10

#: Errors expected by the last look, under the least favorable count, are fewer than this.
_MAX_EXPECTED = 30

_BISECTIONS = 30

#: Kept free of the risk, since the probabilities are sums of floating-point numbers.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Look:
    """One look of a plan.

    Args:
        labels: after how many labels
        allowed: how many of them may be wrong for the audit to pass
    """

    labels: int
    allowed: int


@dataclass(frozen=True)
class Plan:
    """When an audit passes.

    Args:
        size: the number of labels that the claim is about
        target: the share of them that must be right, in percent
        risk: the largest probability of a false certificate
        looks: the looks, from the first to the last
    """

    size: int
    target: int
    risk: float
    looks: tuple[Look, ...]

    @property
    def most_wrong(self) -> int:
        """How many of the labels may be wrong for the claim to be true."""
        return most_wrong(self.size, self.target)

    @property
    def is_census(self) -> bool:
        """Whether all labels are looked at, so that nothing is inferred."""
        return self.size <= MAX_CENSUS

    @property
    def first(self) -> int:
        """How many labels are looked at if none of them is wrong."""
        return self.looks[0].labels

    @property
    def last(self) -> int:
        """The number of labels that are looked at, at most."""
        return self.looks[-1].labels

    def next_look(self, seen: int) -> Look | None:
        """The first look after a number of labels; None if there is none."""
        return next((look for look in self.looks if look.labels > seen), None)

    def more_without_error(self, seen: int, wrong: int) -> int | None:
        """How many more labels would pass the audit, if none of them were wrong.

        Args:
            seen: the number of labels looked at
            wrong: how many of them are wrong

        Returns:
            the number; None if the audit can no longer pass
        """
        looks = (one for one in self.looks if one.labels > seen and one.allowed >= wrong)
        look = next(looks, None)
        return None if look is None else look.labels - seen


def most_wrong(size: int, target: int) -> int:
    """How many of a set's labels may be wrong so that the target is met.

    Args:
        size: the number of labels
        target: the share that must be right, in percent

    Returns:
        the number, in whole labels
    """
    return (100 - target) * size // 100


@lru_cache(maxsize=256)
def solve(size: int, target: int = 95, attempts: int = 1) -> Plan:
    """Solves the plan for a set of labels.

    Args:
        size: the number of labels
        target (95): the share of them that must be right, in percent; one of :data:`TARGETS`
        attempts (1): how many audits share the risk of 5 %, 1 or 2

    Returns:
        the plan

    Raises:
        AutoLabelingError: with a sentence for each wrong argument
    """
    _check(size, target, attempts)
    risk = RISKS[attempts]
    if size <= MAX_CENSUS:
        return Plan(size, target, risk, (Look(size, size),))
    least_favorable = most_wrong(size, target) + 1
    looks = min(MAX_LOOKS, least_favorable)
    tails = _tails(size, target, least_favorable, looks)
    # With risk / looks at each look the plan holds by Bonferroni's inequality, so a level exists.
    low, high = risk / looks, risk
    chosen = _smallest(tails, low)
    for _ in range(_BISECTIONS):
        level = (low + high) / 2
        tried = _smallest(tails, level)
        if tried == chosen:
            low = level
        elif _false_certificate(size, least_favorable, tried) <= risk - _ROUNDING:
            low, chosen = level, tried
        else:
            high = level
    return Plan(size, target, risk, tuple(Look(int(n), c) for c, n in enumerate(chosen)))


def false_certificate(plan: Plan, wrong: int | None = None) -> float:
    """Computes the exact probability that an audit passes.

    Args:
        plan: the plan
        wrong (None): how many of the labels are wrong; None means one more than the target allows,
            the least favorable count of a false certificate

    Returns:
        the probability
    """
    wrong = plan.most_wrong + 1 if wrong is None else wrong
    if plan.is_census:  # the claim is about labels that were all looked at
        return 0.0
    return _false_certificate(plan.size, wrong, [look.labels for look in plan.looks])


def holds(plan: Plan) -> bool:
    """Whether a plan is one, and keeps its promise."""
    if plan.size < 1 or plan.target not in TARGETS:
        return False
    if plan.is_census:
        return plan.looks == (Look(plan.size, plan.size),)
    labels = [look.labels for look in plan.looks]
    return (
        1 <= len(labels) <= min(MAX_LOOKS, plan.most_wrong + 1)
        and [look.allowed for look in plan.looks] == list(range(len(labels)))
        and labels == sorted(set(labels))
        and 1 <= labels[0] <= labels[-1] <= plan.size
        and false_certificate(plan) <= plan.risk
    )


def _check(size: int, target: int, attempts: int) -> None:
    problems = []
    if size < 1:
        problems.append("There are no labels to check")
    if target not in TARGETS:
        problems.append(f"target: choose from {', '.join(map(str, TARGETS))} percent")
    if attempts not in RISKS:
        problems.append("attempts: choose 1 or 2")
    if problems:
        raise AutoLabelingError(". ".join(problems))


def _tails(size: int, target: int, wrong: int, looks: int) -> np.ndarray:
    """P(at most ``c`` of ``n`` labels are wrong): a row for each ``c``, a column for each ``n``."""
    columns = min(size, _MAX_EXPECTED * 100 // (100 - target))
    n = np.arange(columns + 1)
    counts = np.arange(looks)
    right = log_falling(size - wrong, columns)
    log_path = log_falling(wrong, looks)[counts][:, None] - log_falling(size, columns)[n]
    taken = n - counts[:, None]
    log_path = np.where(taken < 0, -np.inf, log_path + right[np.maximum(taken, 0)])
    return np.cumsum(binomials(n, looks).T * np.exp(log_path), axis=0)


def _smallest(tails: np.ndarray, level: float) -> list[int]:
    """For each number of errors, the fewest labels whose tail is at most ``level``."""
    return [int(n) for n in (tails <= level).argmax(axis=1)]


def _false_certificate(size: int, wrong: int, looks: list[int]) -> float:
    return float(sum(Sequences(looks).pass_probabilities(size, wrong)))
