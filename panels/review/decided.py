"""What people have decided in a review: the rejected labels, and the last action, to undo them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.run import Run
from auto_labeling.panels.review import class_table, grid_sync
from auto_labeling.panels.ui import elements, styles
from auto_labeling.review import summary, undoing
from auto_labeling.review.summary import Summary

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Classes in the table of rejected labels, the largest first.
MAX_ROWS = 50


def last_action(
    page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, run: Run
) -> None:
    """Adds the line with the last action on the run, by anyone, which can be undone.

    Args:
        page: the object to add to
        panel: the panel
        ctx: the context of the event
        run: the run
    """
    action = undoing.last_action(ctx.dataset, run)
    if action is None:
        return
    line = elements.row(page, "last_action", columns="minmax(0, 1fr) auto")
    by = f" by {action.by}" if action.by else ""
    elements.text(line, "sentence", f"Last action: {action.sentence}{by}")
    elements.button(
        line,
        "undo_last",
        "Undo last action",
        panel.undo_last,
        kind="quiet",
        key="u",
        params={"run_id": run.id, "expected": action.number},
    )


def rejected(
    page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, run: Run, numbers: Summary
) -> None:
    """Adds the rejected labels by class to the Approval tab.

    Args:
        page: the object to add to
        panel: the panel
        ctx: the context of the event
        run: the run
        numbers: of any tab
    """
    at, total = grid_sync.of(ctx), numbers.totals["rejected"]
    at.rejected = []
    if not total:
        return
    classes = summary.rejected(ctx.dataset, run)
    bar = elements.row(page, "rejected_bar", **styles.FIRST_TAKES_THE_ROOM)
    elements.text(bar, "title", text.count(total, "rejected label"), color="text.primary")
    params = {"run_id": run.id}
    elements.button(
        bar, "undo_all_rejected", f"Undo all {total:,}", panel.undo_all_rejected, params=params
    )
    here = list(classes.items())[:MAX_ROWS]
    at.rejected = [label for label, _ in here]
    elements.table(
        page,
        "rejected",
        {"label": "Label", "instances": "Rejected"},
        [[str(label), f"{number:,}"] for label, number in here],
        action=class_table.undo("undo_rejected", panel.undo_rejected),
    )
    if more := len(classes) - len(here):
        elements.text(page, "rejected_more", f"and {text.count(more, 'more class')}")
