"""Page: what an approved run has left, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.core.dataset import Dataset
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.run import Run
from auto_labeling.lifecycle import labeling, remarks
from auto_labeling.panels.review import sample_focus
from auto_labeling.panels.run import page as progress
from auto_labeling.panels.run import python_code
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements
from auto_labeling.review import approval

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Labels up to which their classes are counted each time the page is drawn.
_COUNTED = 200_000


def render(panel: AutoLabelingPanel, ctx: ExecutionContext, state: PanelState) -> types.Property:
    """Builds the page."""
    run = labeling.get(ctx.dataset, state.run_id, confirm=False)
    page = elements.page()
    progress.head_of(page, panel, ctx, run)
    add(page, panel, ctx, run)
    return elements.finished(page)


def add(page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, run: Run) -> None:
    """Adds what an approved run has left to a page."""
    field = run.config.label_field
    verb = "is" if run.approved == 1 else "are"
    left = run.labels - run.approved if run.decision is None else run.decision.left
    elements.alert(
        page,
        "done",
        "success",
        f"{text.count(run.approved, 'label')} {verb} in {elements.plain(field)}",
        _removed(left),
    )
    there = ctx.dataset.has_field(field)
    if not there:
        elements.alert(
            page,
            "gone",
            "info",
            f"Field {elements.plain(field)} no longer exists",
            "It was renamed or deleted after approval.",
        )
    if there:
        actions = elements.row(page, "actions")
        on = sample_focus.highlighted(ctx) == f"approved {field}"
        label = "Show all samples again" if on else "Show in grid"
        params = {"run_id": run.id}
        elements.button(actions, "show", label, panel.show_labels, "primary", params=params)
    _facts(page, ctx.dataset, run, there)
    if there:
        _code(page, ctx.dataset, run)


def _removed(unpromoted: int) -> str:
    if unpromoted <= 0:
        return "The staging field was removed."
    return f"The staging field and {text.count(unpromoted, 'unpromoted label')} were removed."


def _facts(page: types.Object, dataset: Dataset, run: Run, there: bool) -> None:
    config = run.config
    root = f"{config.label_field}.detections" if run.many else config.label_field
    classes = ""
    if there and run.approved <= _COUNTED:
        counts = dataset.count_values(f"{root}.label")
        largest = sorted(counts, key=lambda name: (-counts[name], str(name)))
        classes = text.some([f"{name} ({counts[name]:,})" for name in largest], 8)
    made = "Reviewed" if run.source else "Generated"
    by = _approved_by(dataset, run)
    facts: dict[str, str | tuple[str, str | None]] = {
        "Approved": (text.ago(run.changed_at), text.moment(run.changed_at)),
        "Approved by": by,
        "Written to": config.label_field,
        "Classes": classes,
        "Mask files": run.mask_folder,
        "Model": "" if run.source else config.model,
        "Source": f"existing labels of {run.source}" if run.source else "",
        "License": text.license(run.license) if run.license else "",
        made: f"{text.count(run.labels, 'label')} on {text.count(run.samples, 'sample')}",
        "Samples": remarks.samples_in_words(run.account) if run.account else "",
        "Labels": remarks.labels_in_words(run.account) if run.account and not run.source else "",
        "Failed": text.count(run.failed, "sample") if run.failed else "",
        "Provenance": f"custom run {approval.provenance_key(run)}",
    }
    elements.facts(page, "facts", facts)


def _code(page: types.Object, dataset: Dataset, run: Run) -> None:
    blocks = {
        "load": ("Load the labels", python_code.load(dataset, run)),
        "export": ("Export the labels", python_code.export(dataset, run)),
        "evaluate": ("Evaluate the labels", python_code.evaluate(dataset, run)),
    }
    for name, (title, code) in blocks.items():
        if code:
            elements.text(page, f"{name}_title", title, color="text.primary", bold=True)
            elements.code(page, name, code)


def _approved_by(dataset: Dataset, run: Run) -> str:
    key = approval.provenance_key(run)
    if not dataset.has_run(key):
        return ""
    return getattr(dataset.get_run_info(key).config, "approved_by", "") or ""
