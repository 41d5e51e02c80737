"""What happens when a handler of the panel goes wrong."""

import contextlib
import functools
import logging
from collections import OrderedDict

from auto_labeling.errors import AutoLabelingError
from auto_labeling.panels.state import PanelState

logger = logging.getLogger(__name__)

_MOST_PANELS = 1000
_latest: OrderedDict[str, tuple[int, str]] = OrderedDict()


@contextlib.contextmanager
def move(panel_id: str, state: PanelState):
    """Counts what a person does in a panel, and notes to which page it leads.

    What a person does in a review, and stays there, is not counted: the App drops the sidebar's
    filters whenever the panel's state changes.

    Args:
        panel_id: the panel's id
        state: its state
    """
    if state.page == "review":
        yield
        if state.page != "review":
            state.moves += 1
            _note(panel_id, state.moves, state.page)
        return
    state.moves += 1
    number = state.moves
    _note(panel_id, number, "")
    yield
    if _latest.get(panel_id, (number, ""))[0] == number:
        _note(panel_id, number, state.page)


def _note(panel_id, number, page):
    _latest[panel_id] = (number, page)
    _latest.move_to_end(panel_id)
    while len(_latest) > _MOST_PANELS:
        _latest.popitem(last=False)


def is_late(panel_id: str, state: PanelState) -> bool:
    """Whether an event was sent from a page that the person has left since.

    The App sends events of its own at any time, with the panel's state of that moment; to draw a
    page from such a state would bring back the page that was just left. While a move is being
    answered, only a review goes on to follow the grid.
    """
    number, page = _latest.get(panel_id, (0, ""))
    if state.moves >= number:
        return False
    return state.page != page if page else state.page != "review"


def event(handler):
    """Turns what goes wrong into a sentence: the App's error screen would end the panel.

    Args:
        handler: a method of the panel that takes ``(ctx, state)``
    """

    @functools.wraps(handler)
    def handle(self, ctx):
        try:
            handler(self, ctx, PanelState(ctx))
        except Exception as error:  # noqa: BLE001
            ctx.ops.notify(sentence(error), variant="error")

    return handle


def sentence(error: Exception) -> str:
    """What to tell a person about an error; a bug is logged with its traceback."""
    if isinstance(error, AutoLabelingError):
        return str(error)
    logger.error("Unexpected error in the Auto Labeling panel", exc_info=error)
    kind = type(error).__name__
    return f"Something unexpected went wrong ({kind}). The App's log has the details"


def person(ctx) -> str:
    """Who is at the App; open-source FiftyOne does not know."""
    return getattr(ctx.user, "name", None) or ""
