"""What each window shows of a review, and last asked its grid to show: in memory."""

import time
from dataclasses import dataclass, field
from typing import Any

from fiftyone.operators import ExecutionContext

from auto_labeling.panels.state import PanelState
from auto_labeling.panels.window_memory import ByWindow

#: Seconds in which the App may still tell, in several events at once, of what was before.
SETTLED = 2.0

#: The range that holds every confidence.
FULL = (0.0, 1.0)

_MAX_MEMORIES = 256


@dataclass
class GridMemory:
    """What a panel shows, and what it last made the grid show.

    Args:
        tab: the tab whose labels are shown
        span: a ``(low, high)`` range of confidence; None for all
        label: one class; None for all
        question: the question on the page: ``"approve"`` or nothing
        marks_empty: whether approval marks samples as empty whose labels all go
        search: what the names of the classes in the table contain
        order: the column by which the classes are sorted
        is_reversed: whether the other way round
        page: the page of the table, from 0
        rows: the class of each row of the table on the page
        rejected: the class of each row of the table of rejected labels
        slider: counts the sliders; another number is another slider
        slid: what the slider shows
        requested_at: when the grid was last asked for something
        asking: whether something is asked with the event that is being answered
        known_state: the view, and the panel's state and width, when the App last dropped the
            filters because one of them had changed
        saved_view: the name of the saved view that the grid showed before we narrowed it
        names: our stages in the view that was asked for; None once the App shows it
        view: that view
        asks_again: whether the filters are written in another way than is usual
        others: the filters that a person has set on other fields
        aside: the App's lasso and selected samples, while the grid shows patches
    """

    tab: str = "review"
    span: tuple[float, float] | None = None
    label: str | None = None
    question: str = ""
    marks_empty: bool = False
    search: str = ""
    order: str = "instances"
    is_reversed: bool = False
    page: int = 0
    rows: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    slider: int = 0
    slid: tuple[float, float] = FULL
    requested_at: float = 0.0
    asking: bool = False
    known_state: str = ""
    saved_view: str = ""
    names: tuple[str, ...] | None = None
    view: list[dict] = field(default_factory=list)
    asks_again: bool = False
    others: dict[str, Any] = field(default_factory=dict)
    aside: dict[str, Any] = field(default_factory=dict)

    def touched(self) -> None:
        """Notes that something is asked of the grid with this event."""
        self.requested_at = time.monotonic()
        self.asking = True

    def answered(self) -> None:
        """Notes that an event is answered: the App hears only now what is asked of the grid."""
        if self.asking:
            self.requested_at = time.monotonic()
            self.asking = False

    @property
    def settled(self) -> bool:
        return time.monotonic() - self.requested_at > SETTLED


_memories: ByWindow[GridMemory] = ByWindow(_MAX_MEMORIES)


def of(ctx: ExecutionContext) -> GridMemory:
    """The memory of the window that an event is from."""
    window = PanelState(ctx).window
    memory = _memories.setdefault(window, GridMemory())
    _memories.note(window, memory)
    return memory


def forget(state: PanelState) -> None:
    """Forgets a grid that is gone: another dataset is open now."""
    _memories.pop(state.window, None)
