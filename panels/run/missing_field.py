"""A run whose staging field was deleted or renamed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone.operators.types as types

from auto_labeling.core import text
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle.resuming import MissingField
from auto_labeling.panels.run import confirmations
from auto_labeling.panels.ui import elements

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel


def add(
    page: types.Object,
    panel: AutoLabelingPanel,
    run: Run,
    gone: MissingField,
    question: str = "",
) -> None:
    """Adds what happened, and the ways out.

    Args:
        page: the object to add to
        panel: the panel
        run: the run
        gone: what happened to the field
        question (""): the question that is open on the page, if any
    """
    elements.alert(
        page, "gone", "warning", elements.plain(gone.happened), elements.plain(gone.remedy) + "."
    )
    if question == "delete":
        confirmations.delete(elements.card(page, "asked"), panel, run)
        return
    params = {"run_id": run.id}
    actions = elements.row(page, "actions")
    if run.source:
        if run.state is RunState.FAILED:
            elements.button(actions, "resume", "Resume", panel.resume, "primary", params=params)
    elif not gone.is_taken and not (gone.renamed_to and run.mask_folder):
        label = f"Label {text.count(run.samples, 'sample')} again"
        elements.button(actions, "again", label, panel.label_again, kind="primary", params=params)
    elements.button(actions, "delete", "Delete", panel.ask_delete, kind="danger", params=params)
