"""Speed and performance, 1 to 3, among models that a person might choose between.

Estimated from the size of the weights and the architecture, and marked as such: no published
number has been read for them, and none is repeated from memory.
"""

from bisect import bisect_left

from auto_labeling.models import curated

_TYPICAL_BYTES = 200e6


def estimate(models: list[tuple]) -> dict[str, tuple[int, int]]:
    """Rates the models of one kind against each other, by thirds.

    Args:
        models: ``(name, family, version, size_bytes or None)`` of each

    Returns:
        ``{name: (speed, performance)}``
    """
    costs, grades = {}, {}
    for name, family_name, version, size in models:
        family = curated.family(family_name)
        costs[name] = (size or _TYPICAL_BYTES) * family.cost
        better = family.grade * curated.generation(version)
        grades[name] = (size or _TYPICAL_BYTES) ** 0.5 * better
    slow, good = sorted(costs.values()), sorted(grades.values())
    return {
        name: (4 - _third(slow, costs[name]), _third(good, grades[name])) for name, *_ in models
    }


def _third(ordered, value) -> int:
    if len(ordered) == 1:
        return 2
    return 1 + min(2, 3 * bisect_left(ordered, value) // len(ordered))
