"""What a page says of a run whose staging field was deleted or renamed by hand."""

import fiftyone.operators.types as types

from auto_labeling.core import text
from auto_labeling.core.run import Run, RunState
from auto_labeling.panels.run import confirmations
from auto_labeling.panels.ui import elements


def add(page: types.Object, panel, run: Run, what, question: str = "") -> None:
    """Adds what has happened, and what can be done about it.

    Args:
        page: the object to add to
        panel: the panel
        run: the run
        what: the :class:`auto_labeling.lifecycle.resuming.Gone`
        question (""): the question that is open on the page, if any
    """
    elements.alert(
        page, "gone", "warning", elements.plain(what.happened), elements.plain(what.remedy) + "."
    )
    if question == "delete":
        confirmations.delete(elements.card(page, "asked"), panel, run)
        return
    params = {"run_id": run.id}
    actions = elements.row(page, "actions")
    if run.source:
        if run.state is RunState.FAILED:
            elements.button(actions, "resume", "Resume", panel.resume, "primary", params=params)
    elif not what.is_taken and not (what.renamed_to and run.mask_folder):
        label = f"Label {text.count(run.samples, 'sample')} again"
        elements.button(actions, "again", label, panel.label_again, kind="primary", params=params)
    elements.button(actions, "delete", "Delete", panel.ask_delete, kind="danger", params=params)
