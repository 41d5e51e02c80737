"""What happens when a handler of the panel goes wrong."""

import functools
import logging

from auto_labeling.errors import AutoLabelingError
from auto_labeling.panels.state import PanelState

logger = logging.getLogger(__name__)


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
