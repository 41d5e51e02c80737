"""What a person does on the configure page: answer, look at a preview, and start a run."""

from fiftyone.operators import ExecutionContext

from auto_labeling.app import answers, class_sources, pasted_ids, request, targets
from auto_labeling.core import text as words
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import Run, Target
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog
from auto_labeling.panels import background
from auto_labeling.panels.configure import preview as previewing
from auto_labeling.panels.events import change, event
from auto_labeling.panels.state import PanelState

#: What a preview can do without.
_ASIDE = ("label_field", "name", "mask_location", "workers")


class ConfigureEvents:
    """The configure page's part of the panel, as ``ReviewEvents`` is the review page's."""

    @change
    def new_run(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.problems = {}
        state.form = state.form  # complete, so that each control has a value
        self._adapt(state, "")
        previewing.forget(ctx.panel.id)
        self._go(ctx, state, "configure")

    @event
    def edit(self, ctx: ExecutionContext, state: PanelState) -> None:
        name = request.changed(ctx)[0]
        found = {}
        if name in ("class_file", "class_source"):
            found = self._add_classes(ctx, state, name)
        elif name == "ids":
            self._take_ids(state)
            found = self._id_problems(ctx, state, most=None)
        self._adapt(state, name)
        if state.problems:  # those that are solved go; new ones wait for the next attempt
            _, left = self._checked(ctx, state)
            state.problems = {k: left[k] for k in state.problems if k in left} | found
        elif found:
            state.problems = found

    def _adapt(self, state: PanelState, name: str) -> None:
        changes, state.remembered = answers.adapt(state.form, state.remembered, name)
        self._set_answers(state, changes)

    def _set_answers(self, state: PanelState, changes) -> None:
        for name, value in changes.items():
            state.answer(name, value)

    def _take_ids(self, state: PanelState) -> None:
        """Keeps a long list here, so that it does not travel with each event."""
        given = answers.text(state.form["ids"])
        if not pasted_ids.is_kept(given) and len(given) > pasted_ids.MAX_IN_FORM * 24:
            read = pasted_ids.read(given)
            if not read.malformed and len(read.ids) > pasted_ids.MAX_IN_FORM:
                state.answer("ids", pasted_ids.keep(read.ids))

    def _id_problems(self, ctx: ExecutionContext, state: PanelState, most=targets.MAX_LOOKED_UP):
        """What is wrong with pasted ids; more than ``most`` are not looked up."""
        given = answers.text(state.form["ids"])
        if not answers.by_ids(state.form) or not given:
            return {}
        read = pasted_ids.read(given)
        problem = read.problem
        if not problem and (most is None or len(read.ids) <= most):
            problem = labeling.unknown_samples(ctx.dataset, list(read.ids))
        return {"ids": problem} if problem else {}

    def _other_problems(self, state: PanelState):
        """What is wrong, without ids that are checked again: an event may know an older list."""
        given = answers.text(state.form["ids"])
        looked_at = given and len(pasted_ids.read(given).ids) <= targets.MAX_LOOKED_UP
        return {k: v for k, v in state.problems.items() if k != "ids" or not looked_at}

    def _add_classes(self, ctx: ExecutionContext, state: PanelState, name: str):
        """Adds the classes that come from elsewhere. Returns what is wrong with them."""
        value = request.uploaded(ctx) if name == "class_file" else answers.text(state.form[name])
        if not value:
            return {}
        spec, known = answers.chosen_model(state.form), self._known_classes(ctx, state.form)
        try:
            if name == "class_source":
                classes = self._classes_of(ctx, value)
                added = class_sources.added_names(state.form, spec, known, classes)
            else:
                text = class_sources.of_file(value) if name == "class_file" else value
                added = class_sources.added(state.form, spec, known, text)
        except ConfigError as error:
            return {name: "; ".join(error.problems.values())}
        finally:
            state.answer(name, "")
        self._set_answers(state, added.changes)
        if added.left_out:
            named = words.some([f"'{one}'" for one in added.left_out])
            return {name: f"Skipped (unknown to this model): {named}"}
        number = f"{added.number:,} class" + ("" if added.number == 1 else "es")
        ctx.ops.notify(f"{number} added", variant="success")
        return {}

    def _classes_of(self, ctx: ExecutionContext, source):
        classes = labeling.classes_of(ctx.dataset, source)
        if classes:
            return classes
        why = "has too many labels to list its classes" if classes is None else "has no labels yet"
        raise ConfigError({"class_source": f"'{source}' {why}"})

    def _known_classes(self, ctx: ExecutionContext, form: dict):
        """The classes that can be chosen; None if any can."""
        spec = answers.chosen_model(form)
        if answers.from_boxes(form):
            source = answers.text(form["source_field"])
            return labeling.classes_of(ctx.dataset, source) if source else None
        if spec is None or answers.asks_in_words(spec):
            return None
        return catalog.known_classes(spec, answers.text(form["checkpoint"]))

    def _checked(self, ctx: ExecutionContext, state: PanelState):
        """The form as a configuration, and what is wrong with it."""
        found = {**self._id_problems(ctx, state), **answers.problems(state.form)}
        try:
            return labeling.check(ctx.dataset, answers.given(state.form)), found
        except ConfigError as error:
            return None, {**error.problems, **found}

    @change
    def start(self, ctx: ExecutionContext, state: PanelState) -> None:
        if background.is_under_way(state):  # a second click, or its page's own name would be taken
            background.go_on(ctx, state)
            return
        config, state.problems = self._checked(ctx, state)
        if state.problems:
            return
        dataset, asked, form = ctx.dataset, request.request(ctx), state.form
        author = request.person(ctx)

        def start():
            try:
                ids = targets.ids(dataset, asked, config.target, form)
                return labeling.start(dataset, config, ids, author=author)
            except ConfigError as error:  # the dataset has just changed, or has no samples
                return error

        said = f"Preparing the target samples of '{config.label_field}'"
        self._work(ctx, state, said, start, self._started)

    def _started(self, ctx: ExecutionContext, state: PanelState, run: Run) -> None:
        if isinstance(run, ConfigError):
            state.page, state.problems = "configure", run.problems
            return
        previewing.forget(ctx.panel.id)
        state.form = {**state.form, "label_field": "", "name": ""}
        self._go(ctx, state, "progress", run)

    @change
    def make_persistent(self, ctx: ExecutionContext, state: PanelState) -> None:
        """Lets the dataset outlive the session that made it."""
        ctx.dataset.persistent = True
        state.problems = {k: v for k, v in state.problems.items() if v != labeling.NOT_PERSISTENT}

    @event
    def add_listed(self, ctx: ExecutionContext, state: PanelState) -> None:
        found = self._add_classes(ctx, state, "class_list")
        others = {k: v for k, v in state.problems.items() if k not in answers.CLASS_ENTRIES}
        state.problems = others | found

    @event
    def clear_ids(self, ctx: ExecutionContext, state: PanelState) -> None:
        state.answer("ids", "")
        state.problems = {k: v for k, v in state.problems.items() if k != "ids"}

    # --- preview ------------------------------------------------------------------------------

    @change
    def preview(self, ctx: ExecutionContext, state: PanelState) -> None:
        _, problems = self._checked(ctx, state)
        state.problems = {k: v for k, v in problems.items() if k not in _ASIDE}
        job = previewing.of(ctx.panel.id)
        if state.problems or (job and not job.done):
            return
        target = Target(state.form["target"])
        ids = targets.some_ids(
            ctx.dataset, request.request(ctx), target, state.form, labeling.MOST_TRIED
        )
        if not ids:
            state.problems = {"target": "No samples to preview"}
            return
        config = labeling.draft(answers.given(state.form))
        previewing.begin(ctx.panel.id, ctx.dataset, config, ids)

    @event
    def hide_preview(self, ctx: ExecutionContext, state: PanelState) -> None:
        previewing.forget(ctx.panel.id)
