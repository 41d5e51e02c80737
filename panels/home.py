"""Page: the runs of the dataset, newest first."""

from auto_labeling import labeling
from auto_labeling.panels import elements, words
from auto_labeling.run import Run, RunState

#: Seconds that a run may wait for a worker before the panel says how to start one.
PATIENCE = 30

LAUNCH = "Start a worker in a terminal: `fiftyone delegated launch`"


def render(panel, ctx):
    """Builds the page."""
    runs = labeling.runs(ctx.dataset)
    page = elements.page()
    if not runs:
        _empty(page, panel)
        return elements.finished(page)
    head = elements.row(page, "head", columns="1fr auto auto")
    elements.heading(head, "title", "Runs")
    elements.button(head, "import", "Analyze existing labels", panel.import_labels)
    elements.button(head, "new", "Auto Label", panel.new_run, kind="primary", icon="add")
    for run in runs:
        _card(page, panel, ctx, run)
    if any(run.is_active for run in runs):
        elements.timer(page, panel.refresh)
    return elements.finished(page)


def _empty(page, panel):
    body = elements.column(page, "empty", gap=2, py=6, textAlign="center")
    elements.heading(body, "title", "Label this dataset with a model")
    elements.text(
        body,
        "how",
        "Choose samples and a model, and a worker generates labels in the background. "
        "You review them beside the grid and promote the good ones. "
        "Nothing reaches your dataset's own fields until you approve.",
        variant="body1",
        sx={"maxWidth": "34rem", "mx": "auto"},
    )
    actions = elements.row(body, "actions", justifyContent="center")
    elements.button(actions, "new", "Auto Label", panel.new_run, kind="primary", icon="add")
    elements.button(actions, "import", "Analyze existing labels", panel.import_labels)


def _card(page, panel, ctx, run: Run):
    card = elements.card(page, f"run_{run.id}")
    head = elements.row(card, "head", columns="minmax(0, 1fr) auto")
    elements.text(head, "name", run.name, variant="subtitle1", color="text.primary", bold=True)
    elements.pill(head, "status", run.status)
    elements.text(card, "what", _what(run))
    if run.is_active:
        progress(card, run, labeling.progress(ctx.dataset, run))
    elif run.state is RunState.FAILED:
        elements.alert(card, "reason", "error", reason(run))
    foot = elements.row(card, "foot", columns="minmax(0, 1fr) auto")
    elements.text(foot, "facts", _facts(run), title=run.created_at)
    actions = elements.row(foot, "actions", justifyContent="flex-end")
    params = {"run_id": run.id}
    if run.state is RunState.FAILED:
        elements.button(actions, "open", "Details", panel.open_run, params=params)
        elements.button(actions, "resume", "Resume", panel.resume, kind="primary", params=params)
    else:
        review = run.state in (RunState.IN_REVIEW, RunState.APPROVING)
        label = "Review" if review else "View progress" if run.is_active else "View"
        kind = "primary" if review else "secondary"
        elements.button(actions, "open", label, panel.open_run, kind=kind, params=params)


def _what(run):
    if run.source:
        return f"{run.config.task.label} · existing labels of {run.source}"
    classes = words.some(run.config.classes) or "all classes"
    return f"{run.config.task.label} · {run.config.model} · {classes}"


def _facts(run):
    if run.state is RunState.APPROVED:
        labels = f"{words.count(run.approved, 'label')} in {run.config.label_field}"
    elif run.is_active:
        labels = f"{words.count(run.samples, 'sample')} for {run.config.label_field}"
    else:
        labels = f"{words.count(run.labels, 'label')} for {run.config.label_field}"
    return f"{labels} · {words.ago(run.created_at)}"


def reason(run: Run) -> str:
    """The first line of why a run stopped."""
    return (run.error or run.reason or "The run stopped").splitlines()[0]


def progress(parent, run: Run, now):
    """Adds how far a run has come, or that it waits.

    Args:
        parent: the object to add to
        run: an active run
        now: its :class:`auto_labeling.run.Progress`, or None
    """
    if run.state is RunState.QUEUED:
        waiting = words.age(run.changed_at or run.created_at)
        late = waiting > PATIENCE
        elements.alert(
            parent,
            "waiting",
            "warning" if late else "info",
            "Waiting for a worker…",
            f"None has picked this up for {words.duration(waiting)}. {LAUNCH}" if late else None,
        )
        return
    tried = now.done if now else 0
    if run.state is RunState.IMPORTING:
        share = min(1.0, tried / run.samples) if run.samples else None
        elements.progress(parent, "progress", share, f"Copying labels of {run.source}…")
        return
    if not tried or not run.samples:
        elements.progress(parent, "progress", None, "Loading the model…")
        return
    parts = [f"{tried:,} of {words.count(run.samples, 'sample')}"]
    if now.rate:
        parts.append(f"{now.rate:,.1f} samples/s")
        parts.append(f"{words.duration((run.samples - tried) / now.rate)} left")
    elements.progress(parent, "progress", min(1.0, tried / run.samples), " · ".join(parts))
