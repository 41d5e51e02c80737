"""What an event says of the window of a browser that it is from."""

import secrets

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import ExecutionContext

from auto_labeling.app.values import name_of


def of(ctx: ExecutionContext) -> dict | None:
    """The window that an event is from, if our script sent it: its ``id``, and its ``state``.

    The state is what the window keeps of the panel: what is changed in it is so for the rest of the
    event.
    """
    own = ctx.params.get("window")
    if not isinstance(own, dict) or not isinstance(own.get("state"), dict):
        return None
    return own if name_of(own.get("id")) else None


def put(ctx: ExecutionContext, own: dict) -> None:
    """Makes what follows in the same event see the window that it must be from."""
    ctx.params["window"] = own


def panel_id(ctx: ExecutionContext) -> str:
    """The panel that an event is about: all windows of a session share its id."""
    return name_of(ctx.panel_id)


def has_panel_state(ctx: ExecutionContext) -> bool:
    """Whether the App has a state of the panel, which it saves with the workspace."""
    return bool(ctx.params.get("panel_state"))


def take_filters(ctx: ExecutionContext) -> None:
    """Goes by the filters that the window has set in the grid together with an event.

    The App may not have drawn them yet when it sends the event.
    """
    filters = ctx.params.get("filters")
    if isinstance(filters, dict):
        ctx.request_params["filters"] = filters


def reload_dataset(ctx: ExecutionContext) -> None:
    """Makes the App read the dataset again: its fields have changed."""
    ctx.ops.reload_dataset()
    will_read_again(ctx)


def will_read_again(ctx: ExecutionContext) -> None:
    """Notes that the App reads the dataset again because of this event.

    It empties its filters, lasso and selection then: the window puts them back (``kept``).
    """
    if own := of(ctx):
        own["readings"] = _readings(own) + 1


def set_view(ctx: ExecutionContext, view: SampleCollection, name: str = "") -> None:
    """Sets the grid's view. The rest of the same event already sees it.

    Args:
        ctx: the call
        view: the view
        name (""): the name under which it is saved
    """
    if name and ctx.dataset.has_saved_view(name):
        ctx.ops.set_view(name=name)
    else:
        name = ""
        ctx.ops.set_view(view=view)
    will_read_again(ctx)
    ctx.request_params["view"] = view._serialize()
    ctx.request_params["view_name"] = name or None


def kept(ctx: ExecutionContext) -> dict | None:
    """What the grid is to show when the App has read the dataset again; None if it will not.

    These are the filters, the lasso, the selected samples and the slice as this event leaves them.
    """
    own = of(ctx)
    if not own or not _readings(own):
        return None
    parameters = ctx.request_params
    lasso = parameters.get("extended_selection")
    return {
        "id": secrets.token_hex(4),
        "times": _readings(own),
        "filters": parameters.get("filters") or {},
        "lasso": lasso if isinstance(lasso, dict) else {},
        "selected": list(parameters.get("selected") or ()),
        "slice": parameters.get("group_slice"),
    }


def point_at_problems(ctx: ExecutionContext) -> None:
    """Notes that the page, as this event leaves it, must show the first field to correct."""
    if own := of(ctx):
        own["pointed"] = secrets.token_hex(4)


def pointed(ctx: ExecutionContext) -> str | None:
    """An ID of the moment in which the page must show the first field to correct; None if not."""
    own = of(ctx)
    return name_of(own.get("pointed")) or None if own else None


def _readings(own: dict) -> int:
    number = own.get("readings")
    return number if type(number) is int else 0
