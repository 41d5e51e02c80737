"""Questions before something that cannot be undone, and its consequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import fiftyone.operators.types as types

from auto_labeling.core import text
from auto_labeling.core.run import Run, RunState
from auto_labeling.panels.ui import elements

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel


def ask(
    parent: types.Object,
    panel: AutoLabelingPanel,
    run: Run,
    title: str,
    lines: Iterable[str],
    answer: tuple[str, elements.Handler],
    forever: bool = False,
    no: str = "Not now",
) -> None:
    """Adds a question with two answers.

    Args:
        parent: the object to add to
        panel: the panel
        run: the run that it is about
        title: the question
        lines: what happens, a sentence each
        answer: ``(label, handler)`` of the button that says yes
        forever (False): whether it cannot be undone
        no ("Not now"): the label of the button that says no
    """
    label, handler = answer
    box = elements.column(parent, "question", gap=1)
    elements.text(box, "title", title, variant="subtitle1", color="text.primary", bold=True)
    for number, line in enumerate(lines):
        elements.text(box, f"consequence_{number}", line)
    if forever:
        elements.text(box, "forever", "This cannot be undone.", color="text.primary")
    actions = elements.row(box, "actions")
    elements.button(actions, "yes", label, handler, kind="danger", params={"run_id": run.id})
    elements.button(actions, "no", no, panel.dismiss)


def delete(parent: types.Object, panel: AutoLabelingPanel, run: Run) -> None:
    """Asks whether to delete a run."""
    answer = ("Delete the run", panel.delete)
    ask(parent, panel, run, f"Delete '{run.name}'?", _consequences(run), answer, forever=True)


def cancel(parent: types.Object, panel: AutoLabelingPanel, run: Run) -> None:
    """Asks whether to stop a run."""
    lines = ["Labels so far are kept. You can resume the run later, or review them now."]
    answer = ("Cancel the run", panel.cancel)
    ask(parent, panel, run, "Cancel this run?", lines, answer, no="Keep running")


def _consequences(run: Run) -> Iterator[str]:
    if run.state is RunState.APPROVED:
        field = run.config.label_field
        yield f"Only this entry is removed. The labels in '{field}' and their provenance are kept."
        return
    labels = text.count(run.labels, "label") if run.labels else "All labels"
    yield (
        f"{labels} of this run, promoted or not, and the staging field "
        f"'{run.staging_field}' will be deleted."
    )
    if run.mask_folder:
        yield f"Mask files in {run.mask_folder} that no other label uses will be deleted."
    yield "Your own fields do not change."
