"""The panel: each event is one verb, and perhaps another page; ``render`` picks the page.

Every method that takes ``ctx`` alone can be called from a browser, in any order and with any
parameters: so each checks what it needs, and the verbs refuse what a run's state forbids.
"""

import fiftyone.operators as foo
from fiftyone.operators.categories import Categories

from auto_labeling import answers, forms, importing, labeling, names
from auto_labeling.errors import ConfigError
from auto_labeling.panels import (
    approval,
    configure,
    elements,
    existing,
    home,
    progress,
    review,
    visit,
)
from auto_labeling.panels.events import event, is_late, move, person, sentence
from auto_labeling.panels.review_events import ReviewEvents
from auto_labeling.panels.state import PanelState
from auto_labeling.run import RunState

PAGES = {
    "home": lambda panel, ctx, state: home.render(panel, ctx),
    "configure": configure.render,
    "existing": existing.render,
    "progress": progress.render,
    "review": review.render,
    "done": approval.render_done,
}


class AutoLabelingPanel(ReviewEvents, foo.Panel):
    """Generate labels, review them beside the grid, approve the good ones."""

    @property
    def config(self):
        return foo.PanelConfig(
            name=names.PANEL,
            label="Auto Labeling",
            icon="auto_awesome",
            category=Categories.CURATE,
            surfaces="grid",
            allow_multiple=False,
            help_markdown="Generate labels with a model, review them, approve the good ones",
        )

    def execute(self, ctx):
        state = PanelState(ctx)
        if not forms.is_by_itself(ctx):
            with move(ctx.panel.id, state):
                return super().execute(ctx)
        if is_late(ctx.panel.id, state) or not self._concerns_page(ctx, state):
            return None
        return super().execute(ctx)

    def _concerns_page(self, ctx, state):
        """Whether a request changes what the page shows; the App sends many that do not."""
        if state.page != "configure" or not forms.is_about_grid(ctx):
            return True
        before = state.target_counts
        try:
            state.target_counts = forms.target_counts(ctx)
        except Exception:  # noqa: BLE001 - drawing the page will meet it again, and say so
            return True
        return state.target_counts != before

    def render(self, ctx):
        state = PanelState(ctx)
        try:
            return PAGES[state.page](self, ctx, state)
        except Exception as error:  # noqa: BLE001 - or the App's error screen ends the panel
            return self._apology(sentence(error))

    def _apology(self, sentence):
        page = elements.page()
        elements.alert(page, "sorry", "error", "This page could not be drawn", sentence)
        actions = elements.row(page, "actions")
        elements.button(actions, "home", "Back to the runs", self.go_home)
        return elements.finished(page)

    # --- the App's events ---------------------------------------------------------------------

    @event
    def on_load(self, ctx, state):
        state.dataset = ctx.dataset.name
        if state.page == "review":
            visit.enter(ctx, state, labeling.get(ctx.dataset, state.run_id))

    @event
    def on_unload(self, ctx, state):
        visit.leave(ctx, state)

    @event
    def on_change_dataset(self, ctx, state):
        if state.dataset != ctx.dataset.name:
            state.forget()
            state.dataset = ctx.dataset.name

    @event
    def on_change_view(self, ctx, state):
        if state.page == "review":
            visit.follow(ctx, state, self._run(ctx, state))

    @event
    def on_change_selected(self, ctx, state):
        pass  # the page is drawn again, with the numbers of the selection

    on_change_selected_labels = on_change_selected
    on_change_extended_selection = on_change_selected
    on_change_group_slice = on_change_selected

    @event
    def refresh(self, ctx, state):
        if state.page == "review":
            run = self._run(ctx, state)
            if run.state is RunState.APPROVED:
                self._approved(ctx, state, run)
        # The page is drawn again, with the run as it now stands.

    # --- going from page to page --------------------------------------------------------------

    @event
    def go_home(self, ctx, state):
        self._go(ctx, state, "home")

    @event
    def new_run(self, ctx, state):
        state.problems = {}
        state.form = state.form  # complete, so that each control has a value
        self._adapt(state, "")
        state.target_counts = forms.target_counts(ctx)
        self._go(ctx, state, "configure")

    @event
    def open_run(self, ctx, state):
        run = labeling.get(ctx.dataset, forms.run_id(ctx))
        pages = {
            RunState.IN_REVIEW: "review",
            RunState.APPROVING: "review",
            RunState.APPROVED: "done",
        }
        self._go(ctx, state, pages.get(run.state, "progress"), run)

    def _go(self, ctx, state, page, run=None):
        visit.leave(ctx, state)
        state.question = ""
        state.run_id = run.id if run else ""
        state.page = page
        if page == "review":
            tab = "approval" if run.state is RunState.APPROVING else "review"
            visit.enter(ctx, state, run, tab)

    # --- configure ----------------------------------------------------------------------------

    @event
    def edit(self, ctx, state):
        self._adapt(state, forms.changed(ctx)[0])
        if state.problems:  # those that are solved go; new ones wait for the next attempt
            _, left = self._checked(ctx, state)
            state.problems = {k: left[k] for k in state.problems if k in left}

    def _adapt(self, state, name):
        changes, state.remembered = answers.adapt(state.form, state.remembered, name)
        for other, value in changes.items():
            state.answer(other, value)

    def _checked(self, ctx, state):
        """The form as a configuration, and what is wrong with it."""
        found = answers.problems(state.form)
        try:
            return labeling.check(ctx.dataset, answers.given(state.form)), found
        except ConfigError as error:
            return None, {**error.problems, **found}

    @event
    def start(self, ctx, state):
        config, state.problems = self._checked(ctx, state)
        if state.problems:
            return
        try:
            ids = forms.target_ids(ctx, config.target)
            run = labeling.start(ctx.dataset, config, ids, author=person(ctx))
        except ConfigError as error:  # the dataset has changed meanwhile, or has no samples
            state.problems = error.problems
            return
        state.form = {**state.form, "label_field": "", "name": ""}
        self._go(ctx, state, "progress", run)

    # --- existing labels ----------------------------------------------------------------------

    @event
    def import_labels(self, ctx, state):
        state.problems = {}
        state.existing = state.existing  # complete, so that each control has a value
        self._go(ctx, state, "existing")

    @event
    def edit_existing(self, ctx, state):
        name, _ = forms.changed(ctx)
        if name in state.problems:
            state.problems = {k: v for k, v in state.problems.items() if k != name}

    @event
    def start_import(self, ctx, state):
        form = state.existing
        try:
            run = importing.import_labels(
                ctx.dataset,
                answers.text(form["source"]),
                answers.text(form["label_field"]),
                replace=form["goes_to"] == existing.REPLACE,
                name=answers.text(form["name"]),
                author=person(ctx),
                background=True,
            )
        except ConfigError as error:
            state.problems = error.problems
            return
        state.existing = {}
        self._go(ctx, state, "progress", run)

    # --- a run that generates, or has stopped -------------------------------------------------

    @event
    def ask_cancel(self, ctx, state):
        state.question = "cancel"

    @event
    def cancel(self, ctx, state):
        run = labeling.cancel(ctx.dataset, forms.run_id(ctx), by=person(ctx))
        self._go(ctx, state, "progress", run)

    @event
    def resume(self, ctx, state):
        run = labeling.resume(ctx.dataset, forms.run_id(ctx))
        self._go(ctx, state, "progress", run)

    @event
    def skip(self, ctx, state):
        self._go(ctx, state, "review", labeling.skip(ctx.dataset, forms.run_id(ctx)))

    @event
    def ask_delete(self, ctx, state):
        state.question = "delete"

    @event
    def delete(self, ctx, state):
        labeling.delete(ctx.dataset, forms.run_id(ctx))
        self._go(ctx, state, "home")
        ctx.ops.reload_dataset()

    @event
    def dismiss(self, ctx, state):
        state.question = visit.of(ctx).question = ""

    def _run(self, ctx, state):
        return labeling.get(ctx.dataset, state.run_id)
