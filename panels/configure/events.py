"""What a person does on the configure page: answer, look at a preview, and start a run."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fiftyone.operators import ExecutionContext

from auto_labeling.app import answers, class_sources, pasted_ids, request, targets, window
from auto_labeling.app.form_settings import CLASS_ENTRIES
from auto_labeling.core import text
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import Run
from auto_labeling.lifecycle import converting, labeling, media
from auto_labeling.panels import background
from auto_labeling.panels.configure import preview as previewing
from auto_labeling.panels.configure.resolved_form import ResolvedForm
from auto_labeling.panels.events import change, event
from auto_labeling.panels.page_events import PageEvents
from auto_labeling.panels.state import PanelState

#: Settings that may be wrong or missing in a preview.
_NOT_NEEDED_TO_PREVIEW = ("label_field", "name", "mask_location", "workers")


class ConfigureEvents(PageEvents):
    """The configure page's part of :class:`auto_labeling.panels.panel.AutoLabelingPanel`."""

    @change
    def new_run(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._open_form(ctx, state)

    def _open_form(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.problems = {}
        form, possible = state.form, media.tasks(ctx.dataset)
        if possible and answers.task_of(form) not in possible:
            form["task"] = possible[0].value
        state.form = form  # complete, so that each control has a value
        _adapt(state, "")
        previewing.forget(state.window)
        self._go(ctx, state, "configure")

    @event
    def edit(self, ctx: ExecutionContext, state: PanelState) -> None:
        name = request.changed(ctx)[0]
        problems: dict[str, str] = {}
        if name in ("class_file", "class_source"):
            problems = _add_classes(ctx, state, name)
        elif name == "ids":
            _keep_long_list(state)
            problems = ResolvedForm(ctx, state).id_problems()
        elif name == "task":
            _keep_fitting_slices(ctx, state)
        _adapt(state, name)
        if state.problems:  # those that are solved go; new ones wait for the next attempt
            _, left = ResolvedForm(ctx, state).check()
            state.problems = {k: left[k] for k in state.problems if k in left} | problems
        elif problems:
            state.problems = problems

    @change
    def start(self, ctx: ExecutionContext, state: PanelState) -> None:
        if background.is_under_way(state):  # a second click, or its page's own name would be taken
            background.go_on(ctx, state)
            return
        config, state.problems = ResolvedForm(ctx, state).check()
        if config is None or state.problems:
            window.point_at_problems(ctx)
            return
        dataset, grid, form = ctx.dataset, request.request(ctx), state.form
        author = request.person(ctx)

        def start() -> Run | ConfigError:
            try:
                ids = targets.ids(dataset, grid, config.target, form)
                return labeling.start(dataset, config, ids, author=author)
            except ConfigError as error:  # the dataset has just changed, or has no samples
                return error

        says = f"Preparing the target samples of '{config.label_field}'"
        self._work(ctx, state, says, start, self._started)

    def _started(self, ctx: ExecutionContext, state: PanelState, run: Run | ConfigError) -> None:
        if isinstance(run, ConfigError):
            state.page, state.problems = "configure", run.problems
            window.point_at_problems(ctx)
            return
        previewing.forget(state.window)
        state.form = {**state.form, "label_field": "", "name": ""}
        self._go(ctx, state, "progress", run)

    @change
    def make_persistent(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Lets the dataset outlive the session that made it."""
        ctx.dataset.persistent = True
        state.problems = {k: v for k, v in state.problems.items() if v != labeling.NOT_PERSISTENT}

    @change
    def convert_files(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Converts point clouds that FiftyOne does not show."""
        dataset = ctx.dataset
        convert = partial(converting.convert_samples, dataset)
        self._work(ctx, state, "Converting point clouds", convert, self._converted)

    def _converted(
        self, ctx: ExecutionContext, state: PanelState, files: Sequence[converting.Conversion]
    ) -> None:
        ctx.ops.notify(f"{text.count(len(files), 'file')} converted", variant="success")
        window.reload_dataset(ctx)
        self._open_form(ctx, state)

    @event
    def add_listed(self, ctx: ExecutionContext, state: PanelState) -> None:
        problems = _add_classes(ctx, state, "class_list")
        others = {k: v for k, v in state.problems.items() if k not in CLASS_ENTRIES}
        state.problems = others | problems

    @event
    def clear_ids(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.answer("ids", "")
        state.problems = {k: v for k, v in state.problems.items() if k != "ids"}

    # --- preview ------------------------------------------------------------------------------

    @change
    def preview(self, ctx: ExecutionContext, state: PanelState) -> None:
        form = ResolvedForm(ctx, state)
        _, problems = form.check()
        state.problems = {k: v for k, v in problems.items() if k not in _NOT_NEEDED_TO_PREVIEW}
        job = previewing.of(state.window)
        if state.problems:
            window.point_at_problems(ctx)
        if state.problems or form.target is None or (job and not job.done):
            return
        ids = targets.some_ids(
            ctx.dataset, form.grid, form.target, form.answers, labeling.MAX_PREVIEW_SAMPLES
        )
        if not ids:
            state.problems = {"target": "No samples to preview"}
            return
        previewing.begin(state.window, ctx.dataset, form.draft, ids)

    @event
    def hide_preview(self, ctx: ExecutionContext, state: PanelState) -> None:
        previewing.forget(state.window)


def _adapt(state: PanelState, name: str) -> None:
    """Makes the changes that follow from a changed answer."""
    changes, state.remembered = answers.adapt(state.form, state.remembered, name)
    _set_answers(state, changes)


def _set_answers(state: PanelState, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        state.answer(name, value)


def _keep_long_list(state: PanelState) -> None:
    """Keeps a long list of ids on the server, so that it does not travel with each event."""
    typed = answers.text(state.form["ids"])
    if not pasted_ids.is_kept(typed) and len(typed) > pasted_ids.MAX_IN_FORM * 24:
        pasted = pasted_ids.read(typed)
        if not pasted.malformed and len(pasted.ids) > pasted_ids.MAX_IN_FORM:
            state.answer("ids", pasted_ids.keep(pasted.ids))


def _keep_fitting_slices(ctx: ExecutionContext, state: PanelState) -> None:
    """Drops chosen slices that the task cannot label."""
    fitting = media.slices_to_label(ctx.dataset, answers.task_of(state.form))
    state.answer("group_slices", [n for n in targets.slices_of(state.form) if n in fitting])


def _add_classes(ctx: ExecutionContext, state: PanelState, name: str) -> dict[str, str]:
    """Adds the classes that come from elsewhere. Returns what is wrong with them, by field."""
    value = request.uploaded(ctx) if name == "class_file" else answers.text(state.form[name])
    if not value:
        return {}
    form = ResolvedForm(ctx, state)
    try:
        if isinstance(value, str) and name == "class_source":
            classes = _classes_of(ctx, value)
            added = class_sources.added_names(form.answers, form.spec, form.known_classes, classes)
        else:
            lines = value if isinstance(value, str) else class_sources.of_file(value)
            added = class_sources.added(form.answers, form.spec, form.known_classes, lines)
    except ConfigError as error:
        return {name: "; ".join(error.problems.values())}
    finally:
        state.answer(name, "")
    _set_answers(state, added.changes)
    if added.left_out:
        unknown = text.some([f"'{label}'" for label in added.left_out])
        return {name: f"Skipped (unknown to this model): {unknown}"}
    ctx.ops.notify(f"{text.count(added.number, 'class')} added", variant="success")
    return {}


def _classes_of(ctx: ExecutionContext, source: str) -> Sequence[str]:
    classes = labeling.classes_of(ctx.dataset, source)
    if classes:
        return classes
    reason = "has too many labels to list its classes" if classes is None else "has no labels yet"
    raise ConfigError({"class_source": f"'{source}' {reason}"})
