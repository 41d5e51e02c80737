"""What an event says of the window of a browser that it is from."""

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
