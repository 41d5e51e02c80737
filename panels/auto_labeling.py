"""The panel: each event is one verb, and perhaps another page; ``render`` picks the page.

Every method that takes ``ctx`` alone can be called from a browser, in any order and with any
parameters: so each checks what it needs, and the verbs refuse what a run's state forbids.
"""

import fiftyone.operators as foo
from fiftyone.operators.categories import Categories

from auto_labeling import forms, labeling, names
from auto_labeling.errors import ConfigError, LabelsChanged
from auto_labeling.panels import approval, configure, elements, home, progress, review, visit, words
from auto_labeling.panels.events import event, sentence
from auto_labeling.panels.state import PanelState
from auto_labeling.review import approval as approving
from auto_labeling.review import promotion
from auto_labeling.review.summary import count_promoted
from auto_labeling.run import RunState

PAGES = {
    "home": lambda panel, ctx, state: home.render(panel, ctx),
    "configure": configure.render,
    "progress": progress.render,
    "review": review.render,
    "done": approval.render_done,
}


class AutoLabelingPanel(foo.Panel):
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
        # The App says "changed" after each event, with the state of before it: to draw the form
        # again from that would show what somebody has just corrected.
        if forms.is_about_grid(ctx) and not self._targets_changed(ctx, PanelState(ctx)):
            return None
        return super().execute(ctx)

    def _targets_changed(self, ctx, state):
        if state.page != "configure":
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
        pass  # the page is drawn again, with the run as it now stands

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
            state.tab = "approval" if run.state is RunState.APPROVING else "review"
            visit.enter(ctx, state, run)

    # --- configure ----------------------------------------------------------------------------

    @event
    def edit(self, ctx, state):
        self._adapt(state, forms.changed(ctx)[0])
        if state.problems:  # those that are solved go; new ones wait for the next attempt
            _, left = self._checked(ctx, state)
            state.problems = {k: left[k] for k in state.problems if k in left}

    def _adapt(self, state, name):
        changes, state.remembered = forms.adapt(state.form, state.remembered, name)
        for other, value in changes.items():
            state.answer(other, value)

    def _checked(self, ctx, state):
        """The form as a configuration, and what is wrong with it."""
        found = forms.problems(state.form)
        try:
            return labeling.check(ctx.dataset, forms.answers(state.form)), found
        except ConfigError as error:
            return None, {**error.problems, **found}

    @event
    def start(self, ctx, state):
        config, state.problems = self._checked(ctx, state)
        if state.problems:
            return
        try:
            ids = forms.target_ids(ctx, config.target)
            run = labeling.start(ctx.dataset, config, ids, author=_person(ctx))
        except ConfigError as error:  # the dataset has changed meanwhile, or has no samples
            state.problems = error.problems
            return
        state.form = {**state.form, "label_field": "", "name": ""}
        self._go(ctx, state, "progress", run)

    # --- a run that generates, or has stopped -------------------------------------------------

    @event
    def ask_cancel(self, ctx, state):
        state.question = "cancel"

    @event
    def cancel(self, ctx, state):
        run = labeling.cancel(ctx.dataset, forms.run_id(ctx), by=_person(ctx))
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
        state.question = ""

    # --- review -------------------------------------------------------------------------------

    @event
    def select_tab(self, ctx, state):
        if state.page == "review" and visit.of(ctx).tab != state.tab:
            state.question = ""
            visit.look_at(ctx, state, self._run(ctx, state), None, None)

    @event
    def slide_confidence(self, ctx, state):
        span = forms.range_of(forms.changed(ctx)[1])
        if span:
            self._narrow(ctx, state, span=None if span == visit.FULL else span)

    @event
    def type_confidence(self, ctx, state):
        if not review.bounds_problem(*state.bounds):
            span = review.bounds(*state.bounds)
            self._narrow(ctx, state, span=None if span == visit.FULL else span)

    @event
    def toggle_class(self, ctx, state):
        label = _clicked(ctx)
        if label is None:
            return
        _, shown = visit.looking_at(ctx, state, self._run(ctx, state))
        self._narrow(ctx, state, label=None if shown == label else label)

    @event
    def restore(self, ctx, state):
        if state.page == "review":
            visit.restore(ctx, state, self._run(ctx, state))

    def _narrow(self, ctx, state, **change):
        run = self._run(ctx, state)
        span, label = visit.looking_at(ctx, state, run)
        visit.look_at(ctx, state, run, **{"span": span, "label": label, **change})

    @event
    def promote(self, ctx, state):
        run = self._run(ctx, state)
        shown = visit.shown(ctx, state, run)
        number = promotion.promote(ctx.dataset, run.id, shown, forms.expected(ctx))
        ctx.ops.notify(f"{words.count(number, 'label')} added for approval", variant="success")
        self._labels_moved(ctx, state, run)

    @event
    def undo_class(self, ctx, state):
        label = _clicked(ctx)
        if label is not None:
            self._undo(ctx, state, label)

    @event
    def undo_all(self, ctx, state):
        self._undo(ctx, state)

    def _undo(self, ctx, state, label=None):
        run = self._run(ctx, state)
        number = promotion.undo(ctx.dataset, run.id, label)
        said = f"{words.count(number, 'label')} back in the Review tab"
        ctx.ops.notify(said, variant="success")
        self._labels_moved(ctx, state, run)

    def _labels_moved(self, ctx, state, run):
        """What was shown is elsewhere now: the grid must look again, at nothing selected."""
        ctx.ops.clear_selected_labels()
        ctx.ops.clear_selected_samples()
        forms.forget_selection(ctx)
        state.question = ""
        ctx.ops.reload_samples()

    # --- approval -----------------------------------------------------------------------------

    @event
    def ask_approve(self, ctx, state):
        state.question = "approve"

    @event
    def approve(self, ctx, state):
        run = self._run(ctx, state)
        if count_promoted(ctx.dataset, run) != forms.expected(ctx):
            state.question = ""
            raise LabelsChanged(
                "The labels waiting for approval have changed since you were asked; "
                "nothing was approved. Look again, then approve"
            )
        self._approve(ctx, state, run)

    @event
    def finish_approval(self, ctx, state):
        self._approve(ctx, state, self._run(ctx, state))

    def _approve(self, ctx, state, run):
        run = approving.approve(ctx.dataset, run.id, by=_person(ctx))
        state.users_fields = [*state.users_fields, run.config.label_field]
        self._go(ctx, state, "done", run)
        ctx.ops.reload_dataset()
        ctx.ops.notify(
            f"{words.count(run.approved, 'label')} written to {run.config.label_field}",
            variant="success",
        )

    def _run(self, ctx, state):
        return labeling.get(ctx.dataset, state.run_id)


def _clicked(ctx):
    """The class in the row that was clicked, as the table was drawn."""
    row = forms.row(ctx)
    labels = visit.of(ctx).rows
    return labels[row] if row is not None and row < len(labels) else None


def _person(ctx) -> str:
    """Who is at the App; open-source FiftyOne does not know."""
    return getattr(ctx.user, "name", None) or ""
