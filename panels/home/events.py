"""What a person does on the home page: find runs, rename, duplicate and delete them."""

import functools

from fiftyone.operators import ExecutionContext

from auto_labeling.app import answers, pasted_ids, request, window
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.configure import existing_labels
from auto_labeling.panels.events import change, event
from auto_labeling.panels.page_events import PageEvents
from auto_labeling.panels.state import PanelState


class HomeEvents(PageEvents):
    """The home page's part of :class:`auto_labeling.panels.panel.AutoLabelingPanel`."""

    @event
    def edit_search(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.part = 0  # the text itself is in the state already

    @event
    def look_for_changes(self, ctx: ExecutionContext, state: PanelState) -> None:
        pass  # the page is drawn again, if the runs have changed; see `changes.py`

    @event
    def list_status(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.status, state.part, state.question = request.choice(ctx, "status"), 0, ""

    @event
    def turn_runs(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.part = max(0, state.part + request.step(ctx))
        state.question = ""

    @change
    def ask_rename(self, ctx: ExecutionContext, state: PanelState) -> None:
        run = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)
        state.run_id, state.question, state.problems = run.id, "rename", {}
        state.new_name = run.name

    @event
    def edit_name(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.problems = {}  # the name itself is in the state already

    @change
    def rename(self, ctx: ExecutionContext, state: PanelState) -> None:
        try:
            labeling.rename(ctx.dataset, request.run_id(ctx), state.new_name)
        except ConfigError as error:
            state.problems = error.problems
            return
        state.question, state.problems = "", {}

    @change
    def duplicate(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Goes to the page on which a run was configured, with the same answers."""
        run = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)
        state.problems = {}
        name = f"{run.config.name} (2)" if run.config.name else ""
        if run.source:
            goes_to = existing_labels.REPLACE if run.replaces else existing_labels.NEW
            state.existing = {
                "source": run.source,
                "goes_to": goes_to,
                "label_field": "" if run.replaces else _free(ctx, run),
                "name": name,
            }
            self._go(ctx, state, "existing")
            return
        form, state.remembered = answers.from_config(run.config)
        if answers.by_ids(form):
            form["ids"] = pasted_ids.keep(labeling.target_ids(ctx.dataset, run))
        state.form = {**form, "label_field": _free(ctx, run), "name": name}
        self._go(ctx, state, "configure")

    @change
    def ask_delete(self, ctx: ExecutionContext, state: PanelState) -> None:
        if state.page == "home":
            state.run_id = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False).id
        state.question = "delete"

    @change
    def delete(self, ctx: ExecutionContext, state: PanelState) -> None:
        dataset, run = ctx.dataset, labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)

        def deleted(ctx: ExecutionContext, state: PanelState, _: object) -> None:
            self._go(ctx, state, "home")
            ctx.ops.notify(f"'{run.name}' deleted", variant="success")
            if run.state is not RunState.APPROVED:
                window.reload_dataset(ctx)

        verb = functools.partial(labeling.delete, dataset, run.id)
        self._work(ctx, state, f"Deleting '{run.name}'", verb, deleted)


def _free(ctx: ExecutionContext, run: Run) -> str:
    """A name for a new label field, after that of a run."""
    stem, number = run.config.label_field, 2
    head, _, tail = stem.rpartition("_")
    if head and tail.isdecimal():
        stem, number = head, int(tail) + 1
    taken = {*ctx.dataset.get_field_schema()}
    taken.update(other.config.label_field for other in labeling.runs(ctx.dataset, confirm=False))
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"
