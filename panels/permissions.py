"""The view-only version of a page."""

from collections.abc import Callable

import fiftyone.operators.types as types


def without(page: types.Property, is_unwanted: Callable[[object], bool]) -> types.Property:
    """Takes the controls off a page that would call certain handlers.

    Args:
        page: a page, as :func:`auto_labeling.panels.ui.elements.finished` gives it
        is_unwanted: says of anything whether it is such a handler
    """
    _take_off(page.type, is_unwanted)
    return page


def _take_off(parent: types.Object, is_unwanted: Callable[[object], bool]) -> None:
    for name, child in list(parent.properties.items()):
        view = child.view
        actions = getattr(view, "row_actions", None)
        if actions:
            allowed = [a for a in actions if not any(map(is_unwanted, a._kwargs.values()))]
            view.row_actions = view._kwargs["row_actions"] = allowed
        if any(map(is_unwanted, (child.on_change, *view._kwargs.values()))):
            del parent.properties[name]
        elif isinstance(child.type, types.Object):
            _take_off(child.type, is_unwanted)
