"""The panel: each event is one verb, and perhaps another page; ``render`` picks the page.

Every method that takes ``ctx`` alone can be called from a browser, in any order and with any
parameters: so each checks what it needs, and the verbs refuse what a run's state forbids.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.core.dataset import DatasetNotFoundError
from fiftyone.operators import ExecutionContext
from fiftyone.operators.categories import Categories

from auto_labeling.app import answers, opening, request, targets, window
from auto_labeling.core import names
from auto_labeling.core.errors import AutoLabelingError, ConfigError, DatabaseAway, RunNotFound
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.panels import background, in_window, permissions
from auto_labeling.panels.configure import existing_labels
from auto_labeling.panels.configure import page as configure
from auto_labeling.panels.configure.events import ConfigureEvents
from auto_labeling.panels.events import (
    change,
    event,
    is_change,
    is_event,
    is_late,
    move,
    sentence,
)
from auto_labeling.panels.home import changes
from auto_labeling.panels.home import page as home
from auto_labeling.panels.home.events import HomeEvents
from auto_labeling.panels.review import grid_memory, grid_sync, sample_focus
from auto_labeling.panels.review import page as review
from auto_labeling.panels.review.events import ReviewEvents
from auto_labeling.panels.run import approved_page
from auto_labeling.panels.run import page as progress
from auto_labeling.panels.run.events import RunEvents
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements

PAGES = {
    "home": home.render,
    "configure": configure.render,
    "existing": existing_labels.render,
    "progress": progress.render,
    "review": review.render,
    "done": approved_page.render,
    "working": background.render,
}


#: Seconds between two looks at an import that is soon done.
_LOOK_SECONDS = 0.01

_GONE = "It was deleted or renamed. Open another one."


class AutoLabelingPanel(HomeEvents, ConfigureEvents, RunEvents, ReviewEvents, foo.Panel):
    """Generate labels, review them beside the grid, approve the good ones."""

    @property
    def config(self) -> foo.PanelConfig:
        return foo.PanelConfig(
            name=names.PANEL,
            label="Auto Labeling",
            icon="auto_awesome",
            category=Categories.CURATE,
            surfaces="grid",
            allow_multiple=False,
            help_markdown="Generate labels with a model, review them, and approve the good ones",
        )

    def execute(self, ctx: ExecutionContext) -> None:
        if not request.is_from_panel(ctx):
            return
        if not in_window.is_answerable(ctx):
            self._open(ctx)
            return
        state = PanelState(ctx)
        try:
            labeling.require_database()
        except DatabaseAway as error:
            self._show(ctx, self._waiting_for_database(error))
            return
        if state.page != "working" or background.is_over(state):  # else nothing is read
            opening.load_dataset(ctx)
        if not request.is_by_itself(ctx):
            with move(state):
                self._answer(ctx)
            return

        def is_current() -> bool:
            return not is_late(state, request.is_about_grid(ctx))

        if is_current() and self._concerns_page(ctx, state):
            self._answer(ctx, is_current)

    def _answer(self, ctx: ExecutionContext, is_current: Callable[[], bool] = lambda: True) -> None:
        """Does what a request asks for, if it is an event, and draws the page.

        Args:
            ctx: the context of the event
            is_current: says whether the page is the one to show; asked when it is drawn,
                since the person may have left it already
        """
        handler = getattr(type(self), request.event_name(ctx), None)
        if handler is not None and is_event(handler):
            handler(self, ctx)
        page = self.render(ctx)
        if is_current():
            self._show(ctx, page)

    def _show(self, ctx: ExecutionContext, page: types.Property) -> None:
        ctx.ops.show_panel_output(in_window.drawn(self, ctx, page))

    def _open(self, ctx: ExecutionContext) -> None:
        """Answers what the App sends before the panel knows how its pages are drawn."""
        name = request.event_name(ctx)
        if name == "on_load":
            opening.prepare_dataset(ctx)
            ctx.ops.show_panel_output(in_window.greeting(self.on_load, self.go_on_alone))
        elif name == "go_on_alone" and not in_window.is_with_script(ctx):
            PanelState(ctx).is_plain = True
            with move(PanelState(ctx)):
                self._answer(ctx)

    def _concerns_page(self, ctx: ExecutionContext, state: PanelState) -> bool:
        """Whether a request changes what the page shows; the App sends many that do not."""
        if request.event_name(ctx) == request.LOOK_FOR_CHANGES:
            return state.page == "home" and not changes.are_shown(state.window)
        if state.page != "configure" or not request.is_about_grid(ctx):
            return True
        try:
            now = targets.counts(ctx.dataset, request.request(ctx), state.form)
        except Exception:  # noqa: BLE001 - drawing the page will meet it again, and say so
            return True
        return not configure.shows(state, now)

    def render(self, ctx: ExecutionContext) -> types.Property:
        state = PanelState(ctx)
        try:
            page = PAGES[state.page](self, ctx, state)
            return page if request.may_edit(ctx) else permissions.without(page, is_change)
        except RunNotFound:
            return self._apology("Run not found", "It was deleted", "info")
        except DatasetNotFoundError:
            return self._apology("Dataset not found", _GONE, "info", ways_on=False)
        except AutoLabelingError as error:
            return self._apology("This page cannot be shown", str(error), "warning")
        except Exception as error:  # noqa: BLE001 - or the App's error screen ends the panel
            return self._apology("This page could not be displayed", sentence(error))

    def _apology(
        self, title: str, sentence: str, severity: str = "error", ways_on: bool = True
    ) -> types.Property:
        page = elements.page()
        elements.alert(page, "sorry", severity, title, sentence)
        if ways_on:
            actions = elements.row(page, "actions")
            elements.button(actions, "home", "Back to the runs", self.go_home)
            elements.button(actions, "again", "Try again", self.refresh)
        return elements.finished(page)

    def _waiting_for_database(self, error: BaseException) -> types.Property:
        page = elements.page()
        elements.alert(page, "away", "error", "Can't reach the database", str(error))
        elements.timer(page, self.refresh, milliseconds=5000)
        return elements.finished(page)

    # --- the App's events ---------------------------------------------------------------------

    @event
    def on_load(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.window = secrets.token_hex(4)
        self._begin_anew_elsewhere(ctx, state)
        if state.page == "review" and (run := self._run_or_leave(ctx, state)):
            grid_sync.enter(ctx, state, run, is_known=True)

    @event
    def go_on_alone(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Opens the panel in an App that has not loaded our script."""
        self.on_load(ctx)

    @event
    def on_unload(self, ctx: ExecutionContext, state: PanelState) -> None:
        grid_sync.leave(ctx, state)
        sample_focus.off(ctx, state)

    @event
    def on_change_dataset(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._begin_anew_elsewhere(ctx, state)

    def _begin_anew_elsewhere(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Forgets the page of another dataset, if this is one."""
        if state.dataset not in ("", ctx.dataset.name):
            grid_memory.forget(state)
            state.forget()
        state.dataset = ctx.dataset.name

    @event
    def on_change_view(self, ctx: ExecutionContext, state: PanelState) -> None:
        if state.page == "review" and (run := self._run_or_leave(ctx, state)):
            grid_sync.follow(ctx, state, run)

    @event
    def on_change_selected(self, ctx: ExecutionContext, state: PanelState) -> None:
        pass  # the page is drawn again, with the numbers of the selection

    on_change_selected_labels = on_change_selected
    on_change_extended_selection = on_change_selected
    on_change_group_slice = on_change_selected

    @event
    def refresh(self, ctx: ExecutionContext, state: PanelState) -> None:
        if state.page == "working":
            if background.is_over(state):
                with move(state):  # so that a refresh sent before this one does not undo it
                    background.go_on(ctx, state)
            return
        run = self._run_or_leave(ctx, state) if state.page in ("review", "progress") else None
        if run and state.page == "review" and run.state is RunState.APPROVED:
            self._approved(ctx, state, run)
        if run and run.source and (state.page, self._page_of(ctx, run)) == ("progress", "review"):
            with move(state):  # "Review these labels" leads there as soon as they are copied
                self._go(ctx, state, "review", run)
        # The page is drawn again, with the run as it now stands.

    # --- going from page to page --------------------------------------------------------------

    @event
    def go_home(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._go(ctx, state, "home")

    @event
    def open_run(self, ctx: ExecutionContext, state: PanelState) -> None:
        run = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)
        self._go(ctx, state, self._page_of(ctx, run), run)

    def _page_of(self, ctx: ExecutionContext, run: Run) -> str:
        """The page on which a run continues, by its state."""
        pages = {
            RunState.IN_REVIEW: "review",
            RunState.APPROVING: "review",
            RunState.APPROVED: "done",
        }
        if run.state not in pages or labeling.missing_field(ctx.dataset, run):
            return "progress"
        return pages[run.state]

    # --- existing labels ----------------------------------------------------------------------

    @change
    def import_labels(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.problems = {}
        state.existing = state.existing  # complete, so that each control has a value
        self._go(ctx, state, "existing")

    @event
    def edit_existing(self, ctx: ExecutionContext, state: PanelState) -> None:
        name, _ = request.changed(ctx)
        if name in state.problems:
            state.problems = {k: v for k, v in state.problems.items() if k != name}

    @change
    def start_import(self, ctx: ExecutionContext, state: PanelState) -> None:
        form = state.existing
        try:
            run = importing.import_labels(
                ctx.dataset,
                answers.text(form["source"]),
                answers.text(form["label_field"]),
                replace=form["goes_to"] == existing_labels.REPLACE,
                name=answers.text(form["name"]),
                author=request.person(ctx),
                background=True,
            )
        except ConfigError as error:
            state.problems = error.problems
            window.point_at_problems(ctx)
            return
        state.existing = {}
        until = time.monotonic() + background.MAX_WAIT
        while run.state is RunState.IMPORTING and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            run = labeling.record(ctx.dataset, run.id)
        self._go(ctx, state, self._page_of(ctx, run), run)
