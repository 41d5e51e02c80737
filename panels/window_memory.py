"""What is kept in memory for the windows of browsers, each by its name (``PanelState.window``)."""

from collections import OrderedDict
from typing import TypeVar

T = TypeVar("T")


class ByWindow(OrderedDict[str, T]):
    """Something for each window; those without a request for the longest time are forgotten.

    Args:
        limit: how many windows are remembered
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def note(self, window: str, value: T) -> None:
        """Keeps something for a window, in place of what was there.

        Args:
            window: the window's name
            value: what is kept
        """
        self[window] = value
        self.move_to_end(window)
        while len(self) > self._limit:
            self.popitem(last=False)
