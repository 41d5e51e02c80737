"""The table of classes of the review page's tabs: searched and paged where there are many."""

import fiftyone.operators.types as types

from auto_labeling.core import text
from auto_labeling.panels.ui import elements, histogram, pager

#: Rows of the table on one page.
ROWS = 50


def table(
    page: types.Object, panel, at, name: str, numbers, chosen=None, spreads=None, **props
) -> None:
    """Adds the table of classes: searched and paged where there are many.

    Args:
        page: the object to add to
        panel: the panel
        at: the :class:`auto_labeling.panels.review.grid_memory.Visit`
        name: the table's name
        numbers: the tab's :class:`auto_labeling.review.summary.Summary`
        chosen (None): the class whose row is highlighted
        spreads (None): how the confidences of each class are spread, to be drawn in its row
        **props: of :func:`auto_labeling.panels.ui.elements.table`
    """
    rows = numbers.rows
    if len(rows) > ROWS:
        rows = _searched(page, panel, at, rows)
    at.page = min(at.page, max(0, (len(rows) - 1) // ROWS))
    first = at.page * ROWS
    here = rows[first : first + ROWS]
    at.rows = [row.label for row in here]
    columns = {"label": "Label", "instances": "Instances", "confidence": "Confidence"}
    cells = [
        [str(row.label), f"{row.current:,} of {row.total:,}", text.confidence(row.confidence)]
        for row in here
    ]
    if spreads is not None:
        columns["spread"] = "Spread"
        of_rows = [spreads.get(row.label, ()) for row in here]
        for cell, counts in zip(cells, of_rows, strict=True):
            cell.append(histogram.said(counts))
        props["look"] = histogram.in_rows(of_rows)
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


def _searched(page: types.Object, panel, at, rows):
    page.str(
        "search",
        default=at.search,
        view=types.LazyFieldView(label="Search classes"),
        on_change=panel.search,
    )
    wanted = at.search.casefold()
    return [row for row in rows if wanted in str(row.label).casefold()]
