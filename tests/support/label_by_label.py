"""An audit as a chain, one label after the other: to check plans independently of their solver."""

from collections.abc import Callable

import numpy as np


def certified(size: int, wrong: int, allowed: Callable[[int], int], last: int) -> float:
    """Computes how probable it is that an audit passes.

    Args:
        size: the number of labels
        wrong: how many of them are wrong
        allowed: from a number of labels, how many errors among them let the audit pass; -1 if it
            does not look then
        last: the number of labels after which it fails

    Returns:
        the probability
    """
    states = np.zeros(min(wrong, last) + 1)  # by the number of errors so far
    states[0], passed = 1.0, 0.0
    errors = np.arange(len(states))
    for seen in range(last):
        is_wrong = np.clip((wrong - errors) / (size - seen), 0, 1)
        moved = states * is_wrong
        states -= moved
        states[1:] += moved[:-1]
        limit = allowed(seen + 1)
        passed += states[: limit + 1].sum()
        states[: limit + 1] = 0
    return float(passed)
