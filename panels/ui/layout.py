"""How a page is laid out: columns, rows and cards."""

from collections.abc import Mapping
from typing import Any

import fiftyone.operators.types as types

from auto_labeling.panels.ui import styles

#: The part of a style that holds where the panel has room for one column.
NARROW = "@container (max-width: 400px)"


def page() -> types.Object:
    """An empty page."""
    return types.Object()


def finished(root: types.Object) -> types.Property:
    """The page as ``render`` returns it."""
    layout: dict[str, Any] = {"p": 3, "maxWidth": 760, "mx": "auto", "containerType": "inline-size"}
    layout["overflowWrap"] = "break-word"  # a long name stays in its column, wherever it stands
    view = column_view(gap=2, **layout, **styles.CODE)
    return types.Property(root, view=view)


def column(
    parent: types.Object,
    name: str,
    gap: float | str = 1,
    item: Mapping[str, Any] | None = None,
    **sx: Any,
) -> types.Object:
    """Adds a column: what is added to it stands one below the other.

    Args:
        parent: the object to add to
        name: the column's name
        gap (1): between two properties
        item (None): properties of the element of the page that holds it
        **sx: the style

    Returns:
        the column, to add to
    """
    child = types.Object()
    parent.define_property(name, child, view=column_view(gap=gap, item=item, **sx))
    return child


def row(
    parent: types.Object, name: str, columns: str = "auto", gap: float | str = 1, **sx: Any
) -> types.Object:
    """Adds a row.

    Args:
        parent: the object to add to
        name: the row's name
        columns ("auto"): a CSS grid template, e.g. ``"1fr auto"``; by default as wide as
            what it holds, and wrapping where there is no room
        gap (1): the space between columns, in the theme's units or CSS
        **sx: further styles

    Returns:
        the row, to add to
    """
    child = types.Object()
    parent.define_property(name, child, view=row_view(columns, gap, **sx))
    return child


def row_view(columns: str = "auto", gap: float | str = 1, **sx: Any) -> types.GridView:
    """A view that puts properties beside each other; see :func:`row`.

    Args:
        columns ("auto"): a CSS grid template
        gap (1): the space between them, in the theme's units or CSS
    """
    if columns == "auto":
        layout = {"display": "flex", "flexWrap": "wrap", "& > *": {"width": "auto"}}
    else:
        layout = {"display": "grid", "gridTemplateColumns": columns, "gridAutoFlow": "row"}
    return column_view(gap, **{"alignItems": "center", **layout, **sx})


def equal_columns(number: int) -> dict[str, Any]:
    """The style of a grid of equal columns, of which there are fewer where the panel is narrow."""
    columns = "repeat({}, minmax(0, 1fr))"
    return {
        "display": "grid",
        "gridTemplateColumns": columns.format(number),
        "@container (max-width: 520px)": {"gridTemplateColumns": columns.format(min(number, 2))},
        NARROW: {"gridTemplateColumns": columns.format(1)},
    }


def card(
    parent: types.Object, name: str, item: Mapping[str, Any] | None = None, **sx: Any
) -> types.Object:
    """Adds a card: a column on paper.

    Args:
        parent: the object to add to
        name: the card's name
        item (None): properties of the element of the page that holds it
        **sx: the style

    Returns:
        the card, to add to
    """
    return column(
        parent,
        name,
        gap=1,
        item=item,
        p=2,
        borderRadius=1,
        border="1px solid",
        borderColor="divider",
        backgroundColor="background.paper",
        **sx,
    )


def column_view(
    gap: float | str, item: Mapping[str, Any] | None = None, **sx: Any
) -> types.GridView:
    """A view that puts one property below the other.

    Args:
        gap: between two properties
        item (None): properties of the element of the page that holds the column
        **sx: the style

    Returns:
        the view
    """
    sx = {"display": "grid", "gridTemplateColumns": "minmax(0, 1fr)", "gap": gap, **sx}
    parts = {"grid": {"sx": sx}, **({"item": dict(item)} if item else {})}
    return types.GridView(orientation="vertical", componentsProps=parts)
