"""The review page's Approval tab, and what it shows of a run that is in review no longer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.account import Decision
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.home import run_card
from auto_labeling.panels.review import class_table, decided, grid_sync, slices
from auto_labeling.panels.review.grid_memory import GridMemory
from auto_labeling.panels.run import approved_page
from auto_labeling.panels.run import page as progress
from auto_labeling.panels.ui import elements, styles
from auto_labeling.review import summary
from auto_labeling.review.summary import Summary

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel


def render(
    page: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    run: Run,
    promoted: Summary,
    here: str | None = None,
) -> None:
    """Adds the tab to the review page.

    Args:
        page: the object to add to
        panel: the panel
        ctx: the context of the event
        run: the run
        promoted: the tab's :class:`auto_labeling.review.summary.Summary`
        here (None): the slice of a grouped dataset that the grid shows
    """
    at = grid_sync.of(ctx)
    decision = summary.decision(ctx.dataset, run, source=at.question == "approve")
    by_slice = summary.slices(ctx.dataset, run, at.tab)
    if not decision.kept and decision.not_looked_at:
        elements.alert(
            page,
            "empty",
            "info",
            "No labels are waiting for approval",
            "Add them in the Review tab. Until you approve, you can undo that here.",
        )
    elif at.question == "approve":
        _ask(page, panel, ctx, run, decision, slices.elsewhere(here, by_slice))
    elif decision.kept:
        _actions(page, panel, run, decision)
    else:
        _without_labels(page, panel, run, decision)
    if promoted.total:
        _promoted(page, panel, at, promoted, here, by_slice)
    decided.rejected(page, panel, ctx, run, promoted)


def _promoted(
    page: types.Object,
    panel: AutoLabelingPanel,
    at: GridMemory,
    promoted: Summary,
    here: str | None,
    by_slice: dict[str, int],
) -> None:
    """Adds the promoted labels by class."""
    slices.add(page, panel, here, by_slice)
    class_table.table(
        page,
        panel,
        at,
        "promoted",
        promoted,
        action=class_table.undo("undo", panel.undo_class),
    )


def _actions(page: types.Object, panel: AutoLabelingPanel, run: Run, decision: Decision) -> None:
    bar = elements.row(page, "bar", **styles.FIRST_TAKES_THE_ROOM, **styles.STAYS_IN_SIGHT)
    elements.text(bar, "hint", "These labels are written when you approve")
    label = f"Undo all {decision.promoted:,}"
    elements.button(bar, "undo_all", label, panel.undo_all, params={"run_id": run.id})
    elements.button(
        bar,
        "approve",
        f"Approve {text.count(decision.kept, 'label')}",
        panel.ask_approve,
        kind="primary",
        params={"run_id": run.id},
    )
    if decision.added:
        elements.text(page, "added", _added(decision))


def _without_labels(
    page: types.Object, panel: AutoLabelingPanel, run: Run, decision: Decision
) -> None:
    if decision.rejected:
        closes = "Close the run, or move labels back to the Review tab."
        elements.alert(page, "empty", "info", "All labels are rejected", closes)
    else:
        elements.alert(page, "empty", "info", "This run has no labels", _closes(run))
    actions = elements.row(page, "actions")
    params = {"run_id": run.id}
    elements.button(
        actions, "approve", "Close this run", panel.ask_approve, "primary", params=params
    )


def _closes(run: Run) -> str:
    if run.many:
        return "Close it to mark its samples as empty, so that you know they were reviewed."
    return f"Close it to add the field '{run.config.label_field}' without labels."


def _added(decision: Decision) -> str:
    is_ = "is" if decision.added == 1 else "are"
    labels = text.count(decision.added, "label")
    return f"{labels} added by people {is_} kept too, although not promoted"


def _ask(
    page: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    run: Run,
    decision: Decision,
    elsewhere: str = "",
) -> None:
    at = grid_sync.of(ctx)
    card = elements.card(page, "question")
    title = f"Approve {text.count(decision.kept, 'label')}?"
    elements.text(card, "title", title, variant="subtitle1", color="text.primary", bold=True)
    if decision.labels:
        elements.text(card, "counts", f"Labels: {decision.counts}.")
    for number, line in enumerate(_consequences(run, decision)):
        elements.text(card, f"consequence_{number}", line)
    if elsewhere:
        elements.text(card, "elsewhere", elsewhere)
    if named := labeling.references(ctx.dataset, run):
        sentence = (
            f"{str(named)[:1].upper()}{str(named)[1:]} made on the staging field will point to"
        )
        elements.text(card, "named", f"{sentence} '{run.config.label_field}'.")
    if run.many and decision.bare:
        _choose_empty(card, panel, at, decision)
    elements.text(card, "forever", "This cannot be undone.", color="text.primary")
    actions = elements.row(card, "actions")
    elements.button(
        actions,
        "yes",
        f"Yes, approve {text.count(decision.kept, 'label')}",
        panel.approve,
        kind="primary",
        params={"run_id": run.id, "expected": decision.kept, "empty": at.marks_empty},
    )
    elements.button(actions, "no", "Not now", panel.dismiss)


def _since(run: Run, decision: Decision) -> str:
    """What people did in the source since the import, which the approval leaves unchanged."""
    numbers = {
        "added": decision.since_added,
        "changed": decision.since_changed,
        "deleted": decision.since_deleted,
    }
    changes = text.some([f"{number:,} {what}" for what, number in numbers.items() if number])
    stays = "keeps" if decision.since == 1 else "keep"
    labels = text.count(decision.since, "label")
    return f"{labels} of '{run.source}' {stays} the changes made since the import: {changes}."


def _choose_empty(
    card: types.Object, panel: AutoLabelingPanel, at: GridMemory, decision: Decision
) -> None:
    """Asks what becomes of samples whose labels all go. (Buttons: see grid_sync.py.)"""
    number = decision.bare
    have, they = ("has", "It is") if number == 1 else ("have", "They are")
    sentence = f"{text.count(number, 'sample')} {have} labels, but none are kept. "
    sentence += f"{they} marked as empty." if at.marks_empty else f"{they} left without labels."
    elements.text(card, "bare", sentence)
    label = "Leave without labels" if at.marks_empty else "Mark as empty"
    elements.button(card, "choose_empty", label, panel.choose_empty)


def _consequences(run: Run, decision: Decision) -> Iterator[str]:
    field, left = run.config.label_field, decision.left
    if run.replaces:
        yield f"The labels of '{field}' will be replaced by {text.count(decision.kept, 'label')}."
        if decision.since:
            yield _since(run, decision)
    else:
        yield f"{text.count(decision.kept, 'label')} will be written to '{field}'."
    if decision.added:
        was = "was" if decision.added == 1 else "were"
        yield f"{decision.added:,} of them {was} added by people and not promoted."
    if decision.empty:
        samples = text.count(decision.empty, "sample")
        gets = "gets an empty list" if decision.empty == 1 else "get an empty list"
        yield f"{samples} without any labels {gets}."
    if left:
        others = f"{text.count(left, 'label')} that you did not promote"
        if run.replaces:
            yield f"{others} will be deleted from '{field}'."
        elif run.source:
            stay = "it stays" if left == 1 else "they stay"
            yield f"{others} will not be written; {stay} in '{run.source}'."
        else:
            yield f"{others} will be deleted."
    elif decision.added:
        yield "No labels will be discarded."
    elif decision.kept:
        yield "All labels are promoted; nothing will be discarded."
    yield f"The staging field '{run.staging_field}' will be removed."


def render_closed(panel: AutoLabelingPanel, ctx: ExecutionContext, run: Run) -> types.Property:
    """Builds the review page of a run that is in review no longer."""
    page = elements.page()
    progress.head_of(page, panel, ctx, run)
    if run.state is RunState.APPROVED:
        approved_page.add(page, panel, ctx, run)
    elif run.state is not RunState.APPROVING:
        sentence = f"This run is {run.status.lower()} now"
        elements.alert(page, "closed", "info", sentence, "It was changed in another window.")
    elif labeling.is_worked_on(ctx.dataset, run):
        now = labeling.progress(ctx.dataset, run)
        run_card.approving(elements.card(page, "now"), run, now, alive=True)
        elements.timer(page, panel.refresh, milliseconds=1000)
    else:
        _unfinished(page, panel, run)
    return elements.finished(page)


def _unfinished(page: types.Object, panel: AutoLabelingPanel, run: Run) -> None:
    run_card.approving(page, run, None, alive=False)
    foot = elements.row(page, "foot")
    elements.button(
        foot,
        "finish",
        "Finish approval",
        panel.finish_approval,
        kind="primary",
        params={"run_id": run.id},
    )
