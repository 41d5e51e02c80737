"""What a plan will cost, and what can be said of the labels when it has stopped."""

from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import betaincinv

from auto_labeling.audits.plan import Plan
from auto_labeling.audits.recursion import Sequences

#: Of the wrong labels that the target allows, the parts between which the true share most often is.
_LIKELY_PARTS = (0.1, 0.4)


@dataclass(frozen=True)
class Interval:
    """An interval for the share of labels that are right.

    Args:
        low: the lower end, 0 to 1
        high: the upper end, 0 to 1
        confidence: how often such an interval covers the true share, at least
    """

    low: float
    high: float
    confidence: float


def likely_labels(plan: Plan) -> tuple[int, int]:
    """How many labels an audit takes, most likely.

    Args:
        plan: the plan

    Returns:
        the mean numbers of labels where 10 % and 40 % of the wrong labels that the target allows
        are there: for a target of 95 %, where 99.5 % and 98 % of the labels are right
    """
    low, high = (mean_labels(plan, 1 - part * (100 - plan.target) / 100) for part in _LIKELY_PARTS)
    return round(low), round(high)


def mean_labels(plan: Plan, right: float) -> float:
    """Computes the mean number of labels until the audit stops.

    Args:
        plan: the plan
        right: the true share of labels that are right, 0 to 1

    Returns:
        the mean
    """
    if plan.is_census:
        return float(plan.size)
    return _sequences(plan).mean(plan.size, _wrong(plan, right))


def pass_probability(plan: Plan, right: float) -> float:
    """Computes the probability that the audit passes.

    Args:
        plan: the plan
        right: the true share of labels that are right, 0 to 1

    Returns:
        the probability
    """
    wrong = _wrong(plan, right)
    if plan.is_census:
        return 1.0
    return float(_sequences(plan).pass_probabilities(plan.size, wrong).sum())


def interval(plan: Plan, seen: int, wrong: int, confidence: float = 0.95) -> Interval:
    """Computes an exact interval for the share of right labels, after an audit has stopped.

    An interval for a sample of fixed size would be wrong, since the errors decided when to stop.
    This one inverts the exact distribution of the stop, in the order from the first look to the
    last, and then from the latest failure to the earliest (stage-wise ordering). More wrong labels
    never lead to a better stop, so both tails are monotone.

    Args:
        plan: the plan
        seen: after how many labels it stopped
        wrong: how many of them were wrong
        confidence (0.95): the least coverage, 0 to 1

    Returns:
        the interval
    """
    size = plan.size
    if seen >= size:
        return Interval(1 - wrong / size, 1 - wrong / size, 1.0)
    sequences, tail = _sequences(plan), (1 - confidence) / 2
    passed = wrong < len(plan.looks)

    def as_good(count: int) -> float:
        if passed:
            return float(sequences.pass_probabilities(size, count)[: wrong + 1].sum())
        return 1 - float(sequences.failing(size, count)[:seen].sum())

    def as_bad(count: int) -> float:
        if passed:
            return 1 - float(sequences.pass_probabilities(size, count)[:wrong].sum())
        return float(sequences.failing(size, count)[: seen + 1].sum())

    least, most = wrong, size - (seen - wrong)
    fewest = _first(lambda count: as_bad(count) > tail, least, most)
    too_many = _first(lambda count: as_good(count) <= tail, fewest, most + 1)
    return Interval(1 - max(too_many - 1, fewest) / size, 1 - fewest / size, confidence)


def agreeing(plan: Plan) -> float:
    """The confidence of the interval that agrees with a plan: each of its tails has its risk.

    Wherever an audit passes, the lower end of this interval meets the target.
    """
    return 1 - 2 * plan.risk


def clopper_pearson(seen: int, wrong: int, confidence: float = 0.95) -> Interval:
    """Computes the interval of Clopper and Pearson (1934) for the share of right labels.

    Args:
        seen: the number of labels looked at, of a class for example
        wrong: how many of them were wrong
        confidence (0.95): the least coverage, 0 to 1

    Returns:
        the interval: information, not a promise, since the audit decided how many were looked at
    """
    right, tail = seen - wrong, (1 - confidence) / 2
    low = 0.0 if not right else float(betaincinv(right, wrong + 1, tail))
    high = 1.0 if not wrong else float(betaincinv(right + 1, wrong, 1 - tail))
    return Interval(low, high, confidence)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first number from ``low`` for which a monotone condition holds, or ``high``."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _sequences(plan: Plan) -> Sequences:
    return Sequences([look.labels for look in plan.looks])


def _wrong(plan: Plan, right: float) -> int:
    return round((1 - right) * plan.size)
