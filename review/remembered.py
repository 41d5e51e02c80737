"""What recent actions changed, kept in memory so that undoing one needs no new reading."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

#: Labels of all remembered actions of a run together; 9 bytes each.
_MAX_LABELS = 4_000_000


@dataclass(frozen=True)
class Before:
    """Labels as they were before an action.

    Args:
        at: ``(N,)``, their places in the columns
        states: ``(N,)``, their review states
        codes: ``(N,)``, their classes
    """

    at: np.ndarray
    states: np.ndarray
    codes: np.ndarray


class Remembered:
    """Recent actions by their numbers, as long as no one else has changed a label."""

    def __init__(self) -> None:
        self._actions: OrderedDict[int, Before] = OrderedDict()

    def keep(self, number: int, before: Before) -> None:
        """Remembers an action; older ones are forgotten where there is no room.

        Args:
            number: the action's number
            before: what it is about to change
        """
        self._actions[number] = before
        while sum(len(b.at) for b in self._actions.values()) > _MAX_LABELS:
            self._actions.popitem(last=False)

    def labels(self, number: int) -> int | None:
        """How many labels an action changed; None if it is not remembered."""
        before = self._actions.get(number)
        return None if before is None else len(before.at)

    def take(self, number: int) -> Before | None:
        """Returns what an action changed, and forgets it."""
        return self._actions.pop(number, None)

    def clear(self) -> None:
        """Forgets all actions."""
        self._actions.clear()
