"""How pages come to a window of a browser: drawn there by our script, or else by the App alone.

FiftyOne saves the state of a panel with the workspace, and then reads the dataset again, which
empties the grid's filters, lasso and overlays; so our script (``components/index.js``) keeps what a
window shows, and every event of it says from which window it is. See ``docs/adr/0012``.
"""

from collections.abc import Callable

import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request, window
from auto_labeling.core import names
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements
from auto_labeling.panels.window_memory import ByWindow

#: Milliseconds after which a panel continues without the script.
_HELLO_TIMEOUT = 1500
_MAX_PANELS = 1000

_windows: ByWindow = ByWindow(_MAX_PANELS)  # by panel: the window that it was last used in


def is_answerable(ctx: ExecutionContext) -> bool:
    """Whether an event says which window it is from, or comes from an App without our script.

    The App sends events of its own beside those of the script, which say the same of all windows.
    """
    panel_id = window.panel_id(ctx)
    if own := window.of(ctx):
        if request.event_name(ctx) == "on_load" and window.has_panel_state(ctx):
            ctx.panel.state.clear()  # an App without the script has saved it, or an older version
        _windows.note(panel_id, own)
        return True
    if request.event_name(ctx) == "on_unload" and panel_id in _windows:
        window.put(ctx, _windows.pop(panel_id))
        return True
    return not is_with_script(ctx) and PanelState(ctx).is_plain


def is_with_script(ctx: ExecutionContext) -> bool:
    """Whether our script has already spoken for the panel that an event is about."""
    return window.panel_id(ctx) in _windows


def greeting(on_hello: Callable, on_no_script: Callable) -> types.Property:
    """The first page of a panel: by it the script says that it is there.

    Args:
        on_hello: the panel's event that the script sends when the page is drawn
        on_no_script: the panel's event that is sent if it is not there
    """
    page = elements.page()
    hidden = elements.column(page, "hidden", display="none")  # where the App does not know the view
    hidden.view("hello", types.View(component="AutoLabelingHello", on_hello=on_hello, **_COMPOSITE))
    elements.progress(page, "opening", None, "Opening…")
    page.view("patience", types.TimerView(timeout=_HELLO_TIMEOUT, on_timeout=on_no_script))
    return elements.finished(page)


def drawn(panel: foo.Panel, ctx: ExecutionContext, page: types.Property) -> types.Property:
    """A page as a window gets it: by the script that keeps its values, if the window has it.

    Args:
        panel: the panel
        ctx: the context of the event
        page: the page, as :func:`auto_labeling.panels.ui.elements.finished` gives it
    """
    if not window.of(ctx):
        return page
    tells = {name: getattr(panel, name) for name in _EVENTS}
    view = types.View(
        component="AutoLabelingPage",
        page=page.to_json(),
        kept=window.kept(ctx),
        pointed=window.pointed(ctx),
        **tells,
        **_COMPOSITE,
    )
    return types.Property(types.Object(), view=view)


#: The view holds others, and so has no value of its own.
_COMPOSITE = {"composite_view": True}
#: What the script tells of the grid, in place of the App, and of a click on a run's card.
_EVENTS = (
    "on_change_dataset",
    "on_change_view",
    "on_change_group_slice",
    "on_change_selected",
    "open_run",
)


def tell(ctx: ExecutionContext, operator: str, **params: object) -> bool:
    """Has our script do something in the App that Python cannot.

    Args:
        ctx: the context of the event
        operator: the name of the script's operator
        **params: the parameters of the message

    Returns:
        whether the App has the script
    """
    if not PanelState(ctx).is_own:
        return False
    ctx.trigger(f"{names.PLUGIN}/{operator}", params)
    return True
