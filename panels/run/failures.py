"""The samples of a run that failed: how many, why, and which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.run import Progress, Run
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.review import sample_focus
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Kinds of errors that are listed; the rest are counted.
_MAX_KINDS = 6


def add(
    page: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    run: Run,
    now: Progress | None = None,
    may_retry: bool = True,
) -> None:
    """Adds which samples failed and why, if any did.

    Args:
        page: the object to add to
        panel: the panel
        ctx: the context of the event
        run: the run
        now (None): its progress, if it is under way
        may_retry (True): whether they can be tried again
    """
    number = max(run.failed, now.failed if now and run.is_active else 0)
    if not number:
        return
    box = f"{run.id}:{number}"  # one that grows is shown again
    if box in PanelState(ctx).dismissed:
        said = f"Show {text.count(number, 'failed sample')}"
        elements.button(page, "failed", said, panel.toggle_failures, "quiet", params={"box": box})
        return
    kinds = labeling.failure_kinds(ctx.dataset, run)
    number = max(number, sum(kind["count"] for kind in kinds))
    card = elements.card(page, "failed_samples")
    title = f"{text.count(number, 'sample')} failed" + (" so far" if run.is_active else "")
    may_retry = may_retry and not run.is_active and bool(run.failed)
    columns = "minmax(0, 1fr)" + " auto" * (1 + bool(kinds) + may_retry)
    head = elements.row(card, "head", columns=columns)
    elements.text(head, "title", title, variant="subtitle1", color="text.primary", bold=True)
    highlighted = sample_focus.highlighted(ctx)
    if kinds:
        _show(
            head,
            panel,
            run,
            "",
            highlighted,
            "Show all in grid" if len(kinds) > 1 else "Show in grid",
        )
    if may_retry:
        params = {"run_id": run.id}
        elements.button(head, "retry", "Try again", panel.resume, params=params)
    hide = panel.toggle_failures
    elements.icon_button(head, "hide", "close", "Hide failed samples", hide, params={"box": box})
    if not kinds and run.is_active:
        elements.text(card, "later", "Reasons appear as the run progresses.")
    for index, kind in enumerate(kinds[:_MAX_KINDS]):
        line = elements.row(card, f"kind_{index}", columns="minmax(0, 1fr) auto")
        such = ", e.g." if kind["count"] > 1 else ":"
        reason = f"{text.count(kind['count'], 'sample')}{such} {kind['example']}"
        elements.text(line, "why", reason, title=kind["kind"])
        if len(kinds) > 1:
            _show(line, panel, run, kind["kind"], highlighted, "Show in grid")
    rest = kinds[_MAX_KINDS:]
    if rest:
        others = text.count(sum(kind["count"] for kind in rest), "sample")
        elements.text(card, "others", f"{others} more, for {text.count(len(rest), 'other reason')}")


def _show(
    parent: types.Object,
    panel: AutoLabelingPanel,
    run: Run,
    kind: str,
    highlighted: str,
    label: str,
) -> None:
    on = highlighted == f"failed {kind}"
    params = {"run_id": run.id, "kind": kind}
    label = "Show all samples again" if on else label
    elements.button(parent, "show", label, panel.show_failed, params=params)
