"""Page: one run that is generating, or has stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core import text
from auto_labeling.core.account import Account
from auto_labeling.core.run import Progress, Run, RunState, StopReason
from auto_labeling.core.settings import RunConfig
from auto_labeling.lifecycle import labeling
from auto_labeling.lifecycle.monitoring import Operation
from auto_labeling.lifecycle.remarks import labels_in_words, reasons_in_words, samples_in_words
from auto_labeling.panels.home import run_card
from auto_labeling.panels.run import confirmations, failures, missing_field, remedies, workers
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Samples up to which a page counts what became of them each time it is drawn.
_SOON_COUNTED = 20_000

#: Milliseconds between two looks at a run; the review of an import opens by itself.
_TICK, _IMPORT_TICK = 2500, 500


def render(panel: AutoLabelingPanel, ctx: ExecutionContext, state: PanelState) -> types.Property:
    """Builds the page."""
    run = labeling.get(ctx.dataset, state.run_id, confirm=False)
    now = labeling.progress(ctx.dataset, run)
    page = elements.page()
    head_of(page, panel, ctx, run)
    gone = None if run.is_active else labeling.missing_field(ctx.dataset, run)
    operation = labeling.operation(run)
    if run.is_active:
        _generating(page, panel, run, now, state)
    elif gone:
        missing_field.add(page, panel, run, gone, state.question)
        _details(page, panel, ctx, run, state, operation)
    elif run.state is RunState.FAILED:
        _stopped(page, panel, run, now, state)
        if state.question != "delete":
            _details(page, panel, ctx, run, state, operation)
    else:
        _finished(page, panel, run)
    account = account_of(ctx, run)
    run_card.remark(page, run, account)
    failures.add(page, panel, ctx, run, now, may_retry=not gone)
    _facts(page, run, now, account, operation)
    if run.is_active:
        workers.add(page, ctx, run)
        often = _IMPORT_TICK if run.state is RunState.IMPORTING else _TICK
        elements.timer(page, panel.refresh, often)  # last, since what is not seen takes room too
    return elements.finished(page)


def head_of(page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext, run: Run) -> None:
    """Adds the way back, the run's name and its status, and whether it may only be looked at."""
    head = elements.row(page, "head", columns="auto minmax(0, 1fr) auto", columnGap=1.5)
    elements.back(head, panel.go_home)
    elements.heading(head, "title", run.name)
    elements.pill(head, "status", run.status)
    if not request.may_edit(ctx):
        elements.text(page, "looks", "View only: you cannot change this run")


def _generating(
    page: types.Object,
    panel: AutoLabelingPanel,
    run: Run,
    now: Progress | None,
    state: PanelState,
) -> None:
    waits = run.state is RunState.QUEUED  # which is an alert, with a frame of its own
    card = page if waits else elements.card(page, "now")
    run_card.progress(card, run, now)
    if now and now.labels:
        line = f"{text.count(now.labels, 'label')} so far"
        if now.left_out:
            left_out = Account(left_out=now.left_out)
            line += f"; {left_out.given:,} left out ({reasons_in_words(left_out)})"
        elements.text(card, "labels", line)
    if state.question == "cancel":
        confirmations.cancel(elements.card(page, "asked"), panel, run)
        return
    actions = elements.row(page, "actions")
    elements.button(actions, "cancel", "Cancel run", panel.ask_cancel, params={"run_id": run.id})


def _stopped(
    page: types.Object,
    panel: AutoLabelingPanel,
    run: Run,
    now: Progress | None,
    state: PanelState,
) -> None:
    severity = remedies.severity(run)
    title = elements.plain(remedies.in_plain_words(run))
    elements.alert(page, "reason", severity, title, remedies.remedy(run))
    if state.question == "delete":
        confirmations.delete(elements.card(page, "asked"), panel, run)
        return
    elements.text(page, "kept", _kept(run, now), color="text.primary")
    params = {"run_id": run.id}
    actions = elements.row(page, "actions")
    elements.button(actions, "resume", "Resume", panel.resume, kind="primary", params=params)
    elements.button(actions, "skip", "Skip and continue review", panel.skip, params=params)
    elements.button(actions, "delete", "Delete", panel.ask_delete, kind="danger", params=params)


def _kept(run: Run, now: Progress | None) -> str:
    if now and now.done:
        kept = f"{now.done:,} of {text.count(run.samples, 'sample')} processed"
        if now.labels:
            kept += f"; {text.count(now.labels, 'label')} kept"
        return f"{kept}."
    verb = "copied" if run.source else "labeled"
    return f"{text.count(run.labels, 'label')} kept." if run.labels else f"Nothing {verb} yet."


def _details(
    page: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    run: Run,
    state: PanelState,
    operation: Operation | None,
) -> None:
    """The whole error and the log, folded away."""
    shown = remedies.in_plain_words(run)
    is_raw = run.reason is StopReason.ERROR and not run.is_explained
    more = run.error.removeprefix(shown) if is_raw else ""
    details = ((operation and operation.details) or more).strip()
    parts = {
        "details": "" if details == shown else details,
        "log": "\n".join(labeling.log_tail(ctx.dataset, run)).strip(),
    }
    if not any(parts.values()):
        return
    verb = "Hide" if state.unfolded else "Show"
    foot = elements.row(page, "more")
    icon = "expand_less" if state.unfolded else "expand_more"
    label = f"{verb} the details"
    elements.button(foot, "unfold", label, panel.unfold, kind="quiet", icon=icon)
    for name, lines in parts.items():
        if state.unfolded and lines:
            elements.output(page, name, lines)


def _finished(page: types.Object, panel: AutoLabelingPanel, run: Run) -> None:
    params = {"run_id": run.id}
    if run.state is RunState.DELETING:
        elements.alert(
            page,
            "deleting",
            "info",
            "This run is being deleted",
            "If it was interrupted, finish it here.",
        )
        actions = elements.row(page, "actions")
        elements.button(actions, "delete", "Finish deleting", panel.delete, params=params)
        return
    card = elements.card(page, "done")
    numbers = f"{text.count(run.labels, 'label')} on {text.count(run.samples, 'sample')}"
    elements.text(card, "labels", numbers, variant="body1", color="text.primary")
    actions = elements.row(card, "actions")
    verb = "View" if run.state is RunState.APPROVED else "Review"
    elements.button(actions, "open", verb, panel.open_run, kind="primary", params=params)


def account_of(ctx: ExecutionContext, run: Run) -> Account | None:
    """A run's account: that on its record, or else a new count where that is fast."""
    if run.account or run.is_active or run.samples > _SOON_COUNTED:
        return run.account
    return labeling.account(ctx.dataset, run)


def _facts(
    page: types.Object,
    run: Run,
    now: Progress | None,
    account: Account | None,
    operation: Operation | None,
) -> None:
    config = run.config
    lines: dict[str, str | tuple[str, str | None]] = {
        "Task": config.task.label,
        **(_of_import(run) if run.source else _of_model(config)),
        "Label field": config.label_field,
        "Staging field": run.staging_field,
        "Slices": ", ".join(config.group_slices),
        "Confidence": "" if config.confidence is None else f"at least {config.confidence:g}",
        "Maximum labels": f"{config.max_labels:,} per image" if config.max_labels else "",
        "Masks": run.mask_folder,
        "Samples": samples_in_words(account) if account else f"{run.samples:,}",
        "Labels": labels_in_words(account) if account and not run.source else "",
        "Device": "" if run.source else _device(config, now),
        "Batch size": f"{now.batch_size:,}" if now and now.batch_size else "",
        "Worker": now.worker if now and not run.source else "",
        "Attempt": f"{run.attempt:,}" if run.attempt > 1 else "",
        "Created": (text.ago(run.created_at), text.moment(run.created_at)),
        "Created by": run.created_by,
        "Operation": f"{run.operation_id} ({operation.state})" if operation else "",
    }
    elements.facts(page, "facts", lines)
    if operation:
        page.md(
            f"Inspect the operation in a terminal: `fiftyone delegated info {run.operation_id}`",
            name="info",
        )


def _of_model(config: RunConfig) -> dict[str, str]:
    return {
        "Method": config.method.label,
        "Model": config.model if not config.segmenter else f"{config.model}, {config.segmenter}",
        "Classes": text.some(config.classes, 12) or "all",
    }


def _of_import(run: Run) -> dict[str, str]:
    replaced = f"Replaces the labels of {run.source}" if run.replaces else ""
    return {"Copied from": run.source, "On approval": replaced}


def _device(config: RunConfig, now: Progress | None) -> str:
    if not now or not now.device:
        return config.device
    return f"{now.device}, half precision" if now.half else now.device
