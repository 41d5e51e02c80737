"""Page: one run that is generating, or has stopped."""

from auto_labeling import labeling
from auto_labeling.panels import elements, home, words
from auto_labeling.panels.state import PanelState
from auto_labeling.run import Run, RunState


def render(panel, ctx, state: PanelState):
    """Builds the page."""
    run = labeling.get(ctx.dataset, state.run_id)
    now = labeling.progress(ctx.dataset, run)
    page = elements.page()
    head_of(page, panel, run)
    if run.is_active:
        _generating(page, panel, run, now, state)
        elements.timer(page, panel.refresh)
    elif run.state is RunState.FAILED:
        _stopped(page, panel, run, state)
    else:
        _finished(page, panel, run)
    _facts(page, run, now)
    return elements.finished(page)


def head_of(page, panel, run: Run):
    """Adds the way back, the run's name and its status."""
    head = elements.row(page, "head", columns="auto minmax(0, 1fr) auto")
    elements.back(head, panel.go_home)
    elements.heading(head, "title", run.name)
    elements.pill(head, "status", run.status)


def _generating(page, panel, run, now, state):
    card = elements.card(page, "now")
    home.progress(card, run, now)
    if now and now.failed:
        elements.text(card, "failed", f"{words.count(now.failed, 'sample')} failed so far")
    if state.question == "cancel":
        _ask(
            page,
            panel,
            "Cancel this run?",
            "What has been labeled is kept: you can resume later, or review what there is.",
            ("Cancel the run", panel.cancel),
            run,
        )
        return
    actions = elements.row(page, "actions")
    elements.button(actions, "cancel", "Cancel run", panel.ask_cancel, params={"run_id": run.id})


def _stopped(page, panel, run, state):
    elements.alert(page, "reason", "error", home.reason(run), _details(run))
    params = {"run_id": run.id}
    if state.question == "delete":
        labels = words.count(run.labels, "generated label") if run.labels else "Generated labels"
        _ask(
            page,
            panel,
            "Delete this run?",
            f"{labels} of this run will be lost. No field of yours is touched. "
            "This cannot be undone.",
            ("Delete the run", panel.delete),
            run,
        )
        return
    actions = elements.row(page, "actions")
    elements.button(actions, "resume", "Resume", panel.resume, kind="primary", params=params)
    elements.button(actions, "skip", "Skip and continue review", panel.skip, params=params)
    elements.button(actions, "delete", "Delete", panel.ask_delete, kind="danger", params=params)


def _finished(page, panel, run):
    card = elements.card(page, "done")
    said = f"{words.count(run.labels, 'label')} on {words.count(run.samples, 'sample')}"
    if run.failed:
        said += f"; {words.count(run.failed, 'sample')} failed"
    elements.text(card, "labels", said, variant="body1", color="text.primary")
    actions = elements.row(card, "actions")
    elements.button(
        actions, "open", "Review", panel.open_run, kind="primary", params={"run_id": run.id}
    )


def _ask(page, panel, title, consequence, answer, run):
    label, handler = answer
    card = elements.card(page, "question")
    elements.text(card, "title", title, variant="subtitle1", color="text.primary", bold=True)
    elements.text(card, "consequence", consequence)
    actions = elements.row(card, "actions")
    elements.button(actions, "yes", label, handler, kind="danger", params={"run_id": run.id})
    elements.button(actions, "no", "Not now", panel.dismiss)


def _facts(page, run, now):
    config = run.config
    lines = {
        "Task": config.task.label,
        "Model": config.model,
        "Classes": words.some(config.classes, 12) or "all",
        "Label field": config.label_field,
        "Samples": f"{run.samples:,}",
        "Device": now.device if now else "",
        "Worker": now.worker if now else "",
        "Started": words.ago(run.created_at),
    }
    facts = elements.row(page, "facts", columns="8rem minmax(0, 1fr)", gap=0.75)
    for key, value in lines.items():
        if value:
            name = key.lower().replace(" ", "_")
            elements.text(facts, f"{name}_key", key)
            elements.text(facts, name, value, color="text.primary")
    if run.operation_id:
        page.md(f"Delegated operation: `fiftyone delegated info {run.operation_id}`", name="info")


def _details(run):
    lines = run.error.splitlines()[1:]
    return "\n".join(lines) or None
