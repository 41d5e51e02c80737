"""One run on the home page: how it stands, and what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core import text
from auto_labeling.core.account import Account
from auto_labeling.core.run import Progress, Run, RunState, StopReason
from auto_labeling.lifecycle import labeling, remarks
from auto_labeling.panels.run import confirmations, remedies
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements, styles

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Seconds that a run may wait for a worker before the panel says how to start one.
MAX_WAIT = 30

LAUNCH = "auto-labeling launch"


@dataclass(frozen=True)
class Standing:
    """What the page finds out about a run besides its record.

    Args:
        promoted: the number of its promoted labels; None if it is not known
        is_approving: whether a process is approving it
    """

    promoted: int | None = None
    is_approving: bool = False


def add(
    page: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    state: PanelState,
    run: Run,
    standing: Standing,
) -> None:
    """Adds a run's card.

    Args:
        page: the object to add to
        panel: the panel
        ctx: the context of the event
        state: the panel's state
        run: the run
        standing: what the page knows of it
    """
    is_asked = state.run_id == run.id and state.question in ("delete", "rename")
    # Our script opens the run that is clicked; without it, and by keyboard, its name does.
    opens = {} if is_asked else {"data-opens": run.id}
    card = elements.card(page, f"run_{run.id}", item={"data-run": run.id, **opens})
    head = elements.row(card, "head", columns="minmax(0, 1fr) auto")
    elements.title_button(head, "name", run.name, panel.open_run, params={"run_id": run.id})
    elements.pill(head, "status", run.status)
    elements.text(card, "what", _what(run))
    now = labeling.progress(ctx.dataset, run) if run.is_active else None
    gone = None if run.is_active else labeling.missing_field(ctx.dataset, run)
    if run.is_active:
        progress(card, run, now)
    elif gone:
        elements.alert(card, "gone", "warning", elements.plain(gone.happened))
    elif run.state is RunState.FAILED:
        _stopped(card, run)
    elif run.state is RunState.APPROVING:
        approving(card, run, labeling.progress(ctx.dataset, run), standing.is_approving)
    elements.text(card, "numbers", _numbers(run, standing.promoted, now), color="text.primary")
    remark(card, run)
    if is_asked:
        _ask(card, panel, state, run)
        return
    foot = elements.row(card, "foot", **styles.ENDS)
    elements.text(foot, "facts", _who(run), title=text.moment(run.created_at))
    actions = elements.row(foot, "actions", justifyContent="flex-end")
    _actions(actions, panel, ctx, run, standing.is_approving, bool(gone))


def _stopped(card: types.Object, run: Run) -> None:
    """Adds why a run stopped, in plain words, and the error's own message."""
    title, first = remedies.in_plain_words(run), remedies.reason(run)
    more = [remedies.remedy(run)]
    if title != first and run.reason is StopReason.ERROR and not run.is_explained:
        more.insert(0, first)
    about = "\n\n".join(map(elements.plain, more))
    elements.alert(card, "reason", remedies.severity(run), elements.plain(title), about)


def _ask(card: types.Object, panel: AutoLabelingPanel, state: PanelState, run: Run) -> None:
    if state.question == "delete":
        confirmations.delete(card, panel, run)
        return
    box = elements.column(card, "rename", gap=1, item={"data-enter": "yes"})
    problem = state.problems.get("name")
    field = {"inputProps": {"aria-label": "Run name", "maxLength": 100}, "error": bool(problem)}
    box.str(
        "new_name",
        view=types.TextFieldView(
            label="Run name",
            caption=problem,
            componentsProps={"field": field, "caption": {"sx": styles.RED}},
        ),
        on_change=panel.edit_name,
    )
    actions = elements.row(box, "actions")
    params = {"run_id": run.id}
    elements.button(actions, "yes", "Rename", panel.rename, kind="primary", params=params)
    elements.button(actions, "no", "Cancel", panel.dismiss)


def _actions(
    row: types.Object,
    panel: AutoLabelingPanel,
    ctx: ExecutionContext,
    run: Run,
    is_approving: bool,
    is_gone: bool,
) -> None:
    params = {"run_id": run.id}
    deletable = run.state not in (RunState.APPROVING, RunState.DELETING)
    elements.icon_button(row, "rename", "edit", "Rename", panel.ask_rename, params=params)
    elements.icon_button(
        row, "duplicate", "content_copy", "Duplicate", panel.duplicate, params=params
    )
    if deletable and not run.is_active:
        elements.icon_button(row, "delete", "delete", "Delete", panel.ask_delete, params=params)
    if is_gone:
        elements.button(row, "open", "Details", panel.open_run, kind="primary", params=params)
        return
    if run.state is RunState.FAILED:
        elements.button(row, "open", "Details", panel.open_run, params=params)
        elements.button(row, "resume", "Resume", panel.resume, kind="primary", params=params)
        return
    if run.state is RunState.DELETING:
        elements.button(row, "delete", "Finish deleting", panel.delete, params=params)
        return
    if run.state is RunState.APPROVING and not is_approving:
        finish = panel.finish_approval
        elements.button(row, "open", "Finish approval", finish, kind="primary", params=params)
        return
    review = run.state is RunState.IN_REVIEW and request.may_edit(ctx)
    label = "Review" if review else "View progress" if run.is_active else "View"
    kind = "primary" if review else "secondary"
    elements.button(row, "open", label, panel.open_run, kind=kind, params=params)


def _what(run: Run) -> str:
    config = run.config
    if run.source:
        return f"{config.task.label} · existing labels of {run.source} → {config.label_field}"
    made = f"{config.model} → {config.label_field}"
    # A run without a name of its own is called that already.
    parts = [config.task.label, *([made] if made != run.name else [])]
    if config.classes or run.is_active:  # else the numbers say how many there are
        parts.append(text.some(config.classes) or "all classes")
    return " · ".join(parts)


def _numbers(run: Run, promoted: int | None, now: Progress | None) -> str:
    if now and now.labels:  # the progress shows the number of samples
        failed = [f"{text.count(now.failed, 'sample')} failed"] if now.failed else []
        return " · ".join([f"{text.count(now.labels, 'label')} so far", *failed])
    parts = [text.count(run.samples, "sample")] if run.samples else []
    if run.state is RunState.APPROVED:
        parts += [text.count(run.labels, "label"), *_classes(run), f"{run.approved:,} approved"]
    elif run.labels or run.state is RunState.IN_REVIEW:
        parts += [text.count(run.labels, "label"), *_classes(run)]
        if run.state is RunState.IN_REVIEW and run.labels:
            parts.append(
                f"{promoted:,} promoted" if promoted is not None else "counting promoted labels…"
            )
    if left_out := sum(run.account.left_out.values()) if run.account else run.dropped:
        parts.append(f"{text.count(left_out, 'label')} left out")
    if run.failed:
        parts.append(f"{text.count(run.failed, 'sample')} failed")
    return " · ".join(parts) or "No samples yet"


def _classes(run: Run) -> list[str]:
    number = run.account.classes if run.account else None
    return [text.count(number, "class")] if number else []


def remark(parent: types.Object, run: Run, account: Account | None = None) -> None:
    """Adds a remark if there are no labels, or none of a requested class.

    Args:
        parent: the object to add to
        run: the run
        account (None): its account; by default, that on its record
    """
    for index, sentence in enumerate(remarks.remarks(run, account)):
        first, _, more = sentence.partition(". ")
        elements.alert(
            parent, f"remark_{index}", "warning", elements.plain(f"{first}."), elements.plain(more)
        )


def _who(run: Run) -> str:
    who = f"{run.created_by} · " if run.created_by else ""
    return f"{who}{text.ago(run.created_at)}"


def approving(parent: types.Object, run: Run, now: Progress | None, alive: bool) -> None:
    """Adds how far an approval has come, or that it was interrupted.

    Args:
        parent: the object to add to
        run: a run that is being approved
        now: its progress
        alive: whether a process is approving it
    """
    if alive:
        done = now.done if now and run.samples else 0
        share = min(1.0, done / run.samples) if done else None
        far = f" {done:,} of {text.count(run.samples, 'sample')}" if done else ""
        elements.progress(parent, "progress", share, f"Moving the promoted labels…{far}")
        return
    elements.alert(
        parent,
        "unfinished",
        "warning",
        "This approval was interrupted",
        "Finish it to continue where it stopped.",
    )


def progress(parent: types.Object, run: Run, now: Progress | None) -> None:
    """Adds how far a run has come, or that it waits.

    Args:
        parent: the object to add to
        run: an active run
        now: its progress
    """
    if run.state is RunState.QUEUED and not run.frozen:
        elements.progress(parent, "progress", None, "Preparing the target samples…")
        return
    if run.state is RunState.QUEUED:
        waiting = text.age(run.changed_at or run.created_at)
        late = waiting > MAX_WAIT
        elements.alert(
            parent,
            "waiting",
            "warning" if late else "info",
            "Waiting for a worker…",
            f"No worker has picked this up for {text.duration(waiting)}. "
            f"Start one in a terminal: `{LAUNCH}`"
            if late
            else None,
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
    parts = [f"{tried:,} of {text.count(run.samples, 'sample')}"]
    if now and now.rate:
        parts.append(text.rate(now.rate))
        if now.workers > 1:
            parts.append(f"{now.workers:,} workers")
        parts.append(f"{text.duration((run.samples - tried) / now.rate)} left")
    elements.progress(parent, "progress", min(1.0, tried / run.samples), " · ".join(parts))
