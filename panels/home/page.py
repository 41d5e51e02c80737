"""Page: the runs of the dataset, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core.run import STATUSES, Run, RunState
from auto_labeling.lifecycle import labeling, media
from auto_labeling.panels.home import changes, run_card
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements, pager, styles

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Runs from which they can be searched, and listed by status.
MANY = 6

#: Runs on one page.
CARDS = 20

#: Seconds after which numbers that are still being counted are asked for again.
_SOON = 1.0


def render(panel: AutoLabelingPanel, ctx: ExecutionContext, state: PanelState) -> types.Property:
    """Builds the page."""
    versions = labeling.versions(ctx.dataset)  # before the runs: a change since then is not missed
    runs = labeling.runs(ctx.dataset, confirm=False)
    page = elements.page()
    refusal = media.refusal(ctx.dataset)
    if refusal and not runs and not media.can_be_reviewed(ctx.dataset):
        elements.heading(page, "title", "Auto-Labeling works on images and point clouds")
    _limits(page, ctx, refusal)
    _orphans(page, ctx)
    if not runs:
        _empty(page, panel, ctx, not refusal)
        changes.note(state.window, ctx.dataset, versions, runs, {})
        elements.timer(page, panel.look_for_changes, changes.INTERVAL, is_quiet=True)
        return elements.finished(page)
    head = elements.row(page, "head", **styles.FIRST_TAKES_THE_ROOM)
    elements.heading(head, "title", "Runs")
    if media.can_be_reviewed(ctx.dataset):
        elements.button(head, "import", "Analyze existing labels", panel.import_labels)
    if not refusal:
        elements.button(head, "new", "Auto Label", panel.new_run, kind="primary", icon="add")
    listed = runs
    if len(runs) >= MANY:
        listed = _narrowed(page, panel, state, runs)
    first = min(state.part, max(0, (len(listed) - 1) // CARDS)) * CARDS
    here = listed[first : first + CARDS]
    promoted = labeling.promoted_counts(ctx.dataset, here)
    approving = {
        run.id
        for run in runs
        if run.state is RunState.APPROVING and labeling.is_worked_on(ctx.dataset, run)
    }
    for run in here:
        facts = run_card.Standing(promoted.get(run.id), run.id in approving)
        run_card.add(page, panel, ctx, state, run, facts)
    if len(listed) > CARDS:
        where = range(first, first + len(here))
        labels = ("Newer", "Older")
        pager.add(page, "parts", panel.turn_runs, where, len(listed), "runs", labels)
    changes.note(state.window, ctx.dataset, versions, here, promoted)
    if any(run.is_active or run.id in approving for run in runs):
        elements.timer(page, panel.refresh)
        return elements.finished(page)
    elements.timer(page, panel.look_for_changes, changes.INTERVAL, is_quiet=True)
    if None in promoted.values():
        elements.once(page, panel.refresh, milliseconds=int(_SOON * 1000))
    return elements.finished(page)


def _limits(page: types.Object, ctx: ExecutionContext, refusal: str) -> None:
    """Says what cannot be done here, and what would help."""
    if refusal:
        sentence = f"{refusal}, so no labels can be generated"
        elements.alert(page, "refused", "info", sentence, media.remedy(ctx.dataset))
    if newer := labeling.newer_runs(ctx.dataset):
        sentence = "Some runs were saved by a newer version of Auto-Labeling"
        which = ", ".join(f"'{name}'" for name in newer.values())
        elements.alert(page, "newer", "warning", sentence, f"Update Auto-Labeling to see {which}.")
    if not request.may_edit(ctx):
        sentence = "You have view-only access to this dataset"
        elements.alert(
            page, "looks", "info", sentence, "Ask a manager of the dataset for edit access."
        )


def _orphans(page: types.Object, ctx: ExecutionContext) -> None:
    """Says which fields hold labels in review that belong to no run here: a clone has them."""
    for number, name in enumerate(labeling.orphans(ctx.dataset)):
        sentence, ways_out = map(elements.plain, labeling.about_orphan(ctx.dataset, name))
        elements.alert(page, f"orphan_{number}", "info", sentence, f"{ways_out}.")


def _empty(
    page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, can_be_labeled: bool
) -> None:
    if not can_be_labeled and not media.can_be_reviewed(ctx.dataset):
        return
    body = elements.column(page, "empty", gap=2, py=6, textAlign="center")
    title, how = _LABEL if can_be_labeled else _REVIEW
    if not request.may_edit(ctx):
        title, how = _NOTHING_YET
    elements.heading(body, "title", title)
    elements.text(
        body,
        "how",
        how,
        variant="body1",
        sx={"maxWidth": "34rem", "mx": "auto"},
    )
    actions = elements.row(body, "actions", justifyContent="center")
    if can_be_labeled:
        elements.button(actions, "new", "Auto Label", panel.new_run, kind="primary", icon="add")
    elements.button(actions, "import", "Analyze existing labels", panel.import_labels)


_LABEL = (
    "Label this dataset with a model",
    "Choose samples and a model. A worker generates labels in the background. "
    "Review them beside the grid and promote the good ones. "
    "Your own fields do not change until you approve.",
)
_NOTHING_YET = (
    "No runs yet",
    "Runs on this dataset will appear here.",
)
_REVIEW = (
    "Review the labels of this dataset",
    "Choose a field, review a copy of its labels beside the grid, and promote the good ones. "
    "Your own fields do not change until you approve.",
)


def _narrowed(
    page: types.Object, panel: AutoLabelingPanel, state: PanelState, runs: Sequence[Run]
) -> list[Run]:
    """Adds what narrows a long list; returns the runs that are left."""
    matching = [run for run in runs if _matches(run, state.search)]
    numbers = {"": len(matching)}
    for run in matching:
        numbers[run.status] = numbers.get(run.status, 0) + 1
    chosen = state.status if state.status in numbers else ""
    page.str(
        "runs_search",
        view=types.TextFieldView(
            placeholder="Name, field, model or class",
            componentsProps={"field": {"inputProps": {"aria-label": "Search runs"}}},
        ),
        on_change=panel.edit_search,
    )
    bar = elements.row(page, "statuses", borderBottom="1px solid", borderColor="divider", gap=0)
    for status in ("", *(s for s in dict.fromkeys(STATUSES.values()) if s in numbers)):
        label = f"{status or 'All'} ({numbers[status]:,})"
        name = f"status_{status.lower().replace(' ', '_') or 'all'}"
        elements.tab(bar, name, label, panel.list_status, status == chosen, {"status": status})
    if not matching:
        elements.alert(page, "none", "info", "No matching runs", "Try a different search.")
    return [run for run in matching if chosen in ("", run.status)]


def _matches(run: Run, search: str) -> bool:
    config = run.config
    texts = (
        run.name,
        config.label_field,
        config.model,
        run.source,
        run.created_by,
        *config.classes,
    )
    words = search.casefold().split()
    return all(any(word in text.casefold() for text in texts) for word in words)
