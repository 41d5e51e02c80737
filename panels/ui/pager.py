"""The line below a long list: where it stands, and buttons to its other pages."""

import fiftyone.operators.types as types

from auto_labeling.panels.ui import elements


def add(
    parent: types.Object,
    name: str,
    on_turn: elements.Handler,
    where: range,
    total: int,
    noun: str,
    labels: tuple[str, str] = ("Previous", "Next"),
) -> None:
    """Adds the line.

    Args:
        parent: the object to add to
        name: the line's name
        on_turn: the panel's event; it gets -1 or 1 as ``step``
        where: the indices of the list that are shown
        total: how many entries the list has
        noun: what they are, in the plural
        labels (("Previous", "Next")): of the two buttons
    """
    line = elements.row(parent, name)
    before, after = labels
    is_first, is_last = where.start == 0, where.stop >= total
    elements.button(line, "before", before, on_turn, params={"step": -1}, disabled=is_first)
    elements.text(line, "where", f"{where.start + 1:,} to {where.stop:,} of {total:,} {noun}")
    elements.button(line, "after", after, on_turn, params={"step": 1}, disabled=is_last)
