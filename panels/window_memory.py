"""What is kept in memory for the windows of browsers, each by its name (``PanelState.window``)."""

from collections import OrderedDict


class ByWindow(OrderedDict):
    """Something for each window; those that were not heard of for longest are forgotten.

    Args:
        most: how many windows are remembered
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def note(self, window: str, value) -> None:
        """Keeps something for a window, in place of what was there."""
        self[window] = value
        self.move_to_end(window)
        while len(self) > self._most:
            self.popitem(last=False)
