"""The table of classes of the review page's tabs: searched and paged where there are many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types
import numpy as np

from auto_labeling.core import text
from auto_labeling.panels.review.grid_memory import GridMemory
from auto_labeling.panels.ui import elements, histogram, pager
from auto_labeling.review.summary import Row, Summary

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Rows of the table on one page.
ROWS = 50

#: Classes from which they can be searched and sorted.
MANY = 15

#: By what the classes can be sorted: the first way round, as a key of their rows.
ORDERS = {
    "label": ("Name", lambda row: (str(row.label).casefold(), str(row.label))),
    "instances": ("Instances", lambda row: (-row.total, str(row.label))),
    "confidence": ("Confidence", lambda row: (-(row.confidence or -1), str(row.label))),
}


def table(
    page: types.Object,
    panel: AutoLabelingPanel,
    at: GridMemory,
    name: str,
    numbers: Summary,
    chosen: str | None = None,
    spreads: Mapping[str, np.ndarray] | None = None,
    **props: Any,
) -> None:
    """Adds the table of classes: searched, sorted and paged where there are many.

    Args:
        page: the object to add to
        panel: the panel
        at: the :class:`auto_labeling.panels.review.grid_memory.GridMemory`
        name: the table's name
        numbers: the tab's :class:`auto_labeling.review.summary.Summary`
        chosen (None): the class whose row is highlighted
        spreads (None): how the confidences of each class are spread, to be drawn in its row
        **props: of :func:`auto_labeling.panels.ui.elements.table`
    """
    rows = sorted(numbers.rows, key=ORDERS[at.order][1], reverse=at.is_reversed)
    if len(rows) >= MANY:
        rows = _searched(page, panel, at, rows)
        _order(page, panel, at, numbers)
    at.page = min(at.page, max(0, (len(rows) - 1) // ROWS))
    first = at.page * ROWS
    here = rows[first : first + ROWS]
    at.rows = [row.label for row in here]
    columns = {"label": "Label", "instances": "Instances"}
    cells = [[str(row.label), f"{row.current:,} of {row.total:,}"] for row in here]
    if numbers.has_confidence:
        columns["confidence"] = "Confidence"
        for cell, row in zip(cells, here, strict=True):
            cell.append(text.confidence(row.confidence))
    if spreads is not None:
        columns["spread"] = "Spread"
        of_rows = [list(spreads.get(row.label, ())) for row in here]
        for cell, counts in zip(cells, of_rows, strict=True):
            cell.append(histogram.in_words(counts))
        props["look"] = histogram.in_rows(of_rows)
    if props.get("action"):  # what the grid does not show stays where it is
        props["action"]["rows"] = [row.current > 0 for row in here]
    elements.table(
        page,
        name,
        columns,
        cells,
        selected=[at.rows.index(chosen)] if chosen in at.rows else (),
        **props,
    )
    if len(rows) > ROWS:
        where = range(first, first + len(here))
        pager.add(page, "pages", panel.turn, where, len(rows), "classes")


def undo(name: str, on_click: Callable) -> dict[str, Any]:
    """The button of a row that moves its labels back to review.

    Args:
        name: the button's name
        on_click: the panel's event

    Returns:
        the action, as :func:`auto_labeling.panels.ui.tables.table` takes it
    """
    tooltip = "Back to the Review tab"
    return {"name": name, "on_click": on_click, "label": "Undo", "icon": "undo", "tooltip": tooltip}


def _searched(
    page: types.Object, panel: AutoLabelingPanel, at: GridMemory, rows: list[Row]
) -> list[Row]:
    page.str(
        "search",
        default=at.search,
        view=types.LazyFieldView(label="Search classes", value=at.search),
        on_change=panel.search,
    )
    searched = at.search.casefold()
    return [row for row in rows if searched in str(row.label).casefold()]


def _order(page: types.Object, panel: AutoLabelingPanel, at: GridMemory, numbers: Summary) -> None:
    line = elements.row(page, "orders", gap=3)
    elements.text(line, "sentence", "Sort by")
    for order, (label, _) in ORDERS.items():
        if order == "confidence" and not numbers.has_confidence:
            continue
        if order == at.order:
            is_ascending = (order == "label") != at.is_reversed
            label += " \u2191" if is_ascending else " \u2193"
        params = {"order": order}
        elements.button(line, order, label, panel.sort_classes, kind="quiet", params=params)
