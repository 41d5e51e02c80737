"""What happens when a handler of the panel goes wrong."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fiftyone.core.dataset import DatasetNotFoundError
from fiftyone.operators import ExecutionContext
from pymongo.errors import ConnectionFailure

from auto_labeling.app import request
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.window_memory import ByWindow

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: A method of the panel, as it is written.
Handler = Callable[[Any, ExecutionContext, PanelState], None]

logger = logging.getLogger(__name__)

_MAX_WINDOWS = 1000
#: Pages that say how many samples or labels the grid shows.
_FOLLOW_THE_GRID = ("configure", "review")
_latest: ByWindow[tuple[int, str]] = ByWindow(_MAX_WINDOWS)  # ``(moves, page)``


@contextlib.contextmanager
def move(state: PanelState) -> Iterator[None]:
    """Counts what a person does in a panel, and notes to which page it leads.

    What a person does in a review, and stays there, is not counted: the App drops the sidebar's
    filters whenever the panel's state changes.

    Args:
        state: the panel's state
    """
    window = state.window
    if state.page == "review":
        yield
        if state.page != "review":
            state.moves = _next(state)
            _latest.note(window, (state.moves, state.page))
        return
    number = state.moves = _next(state)
    _latest.note(window, (number, ""))
    yield
    if _latest.get(window, (number, ""))[0] == number:
        _latest.note(window, (number, state.page))


def _next(state: PanelState) -> int:
    # Two windows of one session share a state, of which each may know an older version.
    return max(state.moves, _latest.get(state.window, (0, ""))[0]) + 1


def is_late(state: PanelState, about_grid: bool) -> bool:
    """Whether an event was sent from a page that the person has left since.

    The App sends events of its own at any time, with the panel's state of that moment; to draw a
    page from such a state would bring back the page that was just left. While a move is being
    answered, only a review still follows the grid.

    Args:
        state: the panel's state, as it came with the event
        about_grid: whether the event tells of the grid alone
    """
    number, page = _latest.get(state.window, (0, ""))
    if state.moves >= number:
        return False
    if not page:
        return state.page != "review"
    # What such a state says of the answers, and of what is wrong with them, is older than the page.
    return state.page != page or (about_grid and page not in _FOLLOW_THE_GRID)


def event(handler: Handler) -> Any:
    """Makes a method an event: one that a browser may call, also with view-only access.

    What goes wrong becomes a sentence: the App's error screen would end the panel.

    Args:
        handler: a method of the panel that takes ``(ctx, state)`` and changes no dataset
    """

    @functools.wraps(handler)
    def handle(self: AutoLabelingPanel, ctx: ExecutionContext) -> None:
        try:
            if is_change(handle):
                request.require_edit(ctx)
            handler(self, ctx, PanelState(ctx))
        except Exception as error:  # noqa: BLE001
            ctx.ops.notify(sentence(error), variant="error")

    handle.__dict__.update(is_event=True, changes=False)
    return handle


def change(handler: Handler) -> Any:
    """Makes a method an event that changes a dataset, or leads to a page where one is changed.

    It is refused to view-only users, and controls that call it are not drawn for them.

    Args:
        handler: a method of the panel that takes ``(ctx, state)``
    """
    handle = event(handler)
    handle.__dict__.update(changes=True)
    return handle


def is_event(handler: object) -> bool:
    """Whether a browser may call a method of the panel."""
    return getattr(handler, "is_event", False)


def is_change(handler: object) -> bool:
    """Whether a callable is an event that changes a dataset."""
    return getattr(handler, "changes", False)


def sentence(error: Exception) -> str:
    """What to tell a person about an error; a bug is logged with its traceback."""
    if isinstance(error, AutoLabelingError):
        return str(error)
    if isinstance(error, DatasetNotFoundError):
        return "This dataset was deleted or renamed. Open another one"
    if isinstance(error, ConnectionFailure):
        logger.warning("Lost the database during an event: %s", error)
        return (
            "Lost the database during this action; it may be partly done. "
            "Check the run and retry: nothing is applied twice"
        )
    logger.error("Unexpected error in the Auto Labeling panel", exc_info=error)
    kind = type(error).__name__
    return f"Something unexpected went wrong ({kind}). See the App's log for details"
