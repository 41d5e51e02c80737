"""Start a run, and import existing labels: forms made from the settings of a run."""

from collections.abc import Mapping
from typing import Any

import fiftyone.operators.types as types
from fiftyone.core.dataset import Dataset
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request, targets
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import Method, Target, Task
from auto_labeling.core.settings import RunConfig, Setting, settings
from auto_labeling.lifecycle import importing, labeling, media
from auto_labeling.models import catalog
from auto_labeling.operators import parameters
from auto_labeling.operators.base import RunOperator, facts

#: Settings that a form does not ask for; other plugins may still set them.
_NOT_IN_FORM = ("prompts",)

#: The methods that have a setting, where not all have it.
_METHODS_WITH = {
    "segmenter": (Method.TWO_STAGE.value,),
    "source_field": (Method.EXISTING_DETECTIONS.value, Method.LIFT_LABELS.value),
}


class StartRun(RunOperator):
    """Starts a run on all samples, the current view or the selection."""

    name = "start_run"
    label = "start a run"
    description = "Generates labels with a model in the background; review them in the panel"
    takes = parameters.taking(
        any=[s.name for s in settings()], ids=["sample_ids"], flag=["persist"]
    )

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        if not labeling.is_persistent(ctx.dataset):
            form.bool(
                "persist",
                default=False,
                label="Make the dataset persistent",
                description=labeling.NOT_PERSISTENT,
            )
        answers, problems = request.run_answers(ctx)
        problems = {**_problems(ctx.dataset, answers), **problems}
        if not problems:
            _warn(ctx, form, labeling.draft(answers), answers)
        for setting in settings():
            if setting.name in _NOT_IN_FORM or not _applies(ctx.dataset, setting, answers):
                continue
            # A missing answer is not an error yet.
            problem = problems.get(setting.name) if setting.name in answers else None
            _ask(form, setting, _choices(ctx.dataset, setting, answers), problem)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        answers, problems = request.run_answers(ctx)
        if problems:
            raise ConfigError({**_problems(ctx.dataset, answers), **problems})
        sample_ids = request.target_sample_ids(ctx)
        by_ids = Target.IDS.value
        if sample_ids is not None and answers.setdefault("target", by_ids) != by_ids:
            raise ConfigError({"target": "Leave this out if sample_ids are given"})
        config = labeling.check(ctx.dataset, answers)
        if sample_ids is None:
            sample_ids = targets.ids(ctx.dataset, request.request(ctx), config.target, answers)
        warnings = _cautions(ctx, config, len(sample_ids or ()))
        persist, author = request.is_to_persist(ctx), request.person(ctx)
        run = labeling.start(ctx.dataset, config, sample_ids, author, persist=persist)
        return {**facts(run), "warnings": warnings}


def _cautions(ctx: ExecutionContext, config: RunConfig, samples: int) -> list[str]:
    """Returns warnings about the run, which do not prevent its start."""
    view = targets.view(ctx.dataset, request.request(ctx), config.target)
    return list(labeling.cautions(ctx.dataset, config, samples, view))


def _warn(
    ctx: ExecutionContext, form: types.Object, config: RunConfig, answers: dict[str, Any]
) -> None:
    view = targets.view(ctx.dataset, request.request(ctx), config.target)
    slices = targets.slices_of(answers)
    samples = 0
    if view is not None:
        samples = media.target_count(ctx.dataset, view, slices, config.task)
    for number, caution in enumerate(labeling.cautions(ctx.dataset, config, samples, view)):
        form.view(f"caution_{number}", types.Warning(label=caution))


def _problems(dataset: Dataset, answers: dict[str, Any]) -> dict[str, str]:
    try:
        labeling.check(dataset, answers)
    except ConfigError as error:
        return error.problems
    return {}


def _applies(dataset: Dataset, setting: Setting, answers: Mapping[str, Any]) -> bool:
    """Whether a question makes sense after the answers so far; an answered one stays."""
    if setting.name in answers:
        return True
    if setting.name == "group_slices":
        return bool(media.slices(dataset))
    method = str(answers.get("method"))
    return method in (setting.methods or _METHODS_WITH.get(setting.name, (method,)))


def _choices(
    dataset: Dataset, setting: Setting, answers: Mapping[str, Any]
) -> types.Choices | None:
    """Returns the values of a setting as FiftyOne's choices; None where people may type any."""
    view: types.Choices = types.DropdownView()
    if setting.name == "model":
        return _models(answers)
    if setting.name == "segmenter":
        view = types.AutocompleteView(allow_user_input=False)
        for spec in catalog.segmenters():
            view.add_choice(spec.name, label=spec.name, description=spec.license)
    elif setting.name == "source_field":
        for name, reason in labeling.source_fields(dataset).items():
            if not reason:
                view.add_choice(name, label=name)
    elif setting.kind == "choice":
        for value, title in setting.choices:
            # Only other plugins pass IDs; the form has no field for them.
            if value != Target.IDS.value:
                view.add_choice(value, label=title)
    else:
        return None
    return view


def _ask(
    form: types.Object, setting: Setting, view: types.Choices | None, problem: str | None
) -> None:
    """Adds the question for a setting to a form."""
    # Not marked as invalid: FiftyOne would then show this problem alone; the verb names all.
    props: dict[str, Any] = {
        "label": setting.title,
        "description": problem or setting.description,
        "required": setting.required,
        "error_message": problem,
    }
    if view is not None:
        values = [choice.value for choice in view.choices]
        default = setting.default if setting.default in values else None
        form.enum(setting.name, values, default=default, view=view, **props)
    elif setting.kind == "flag":
        form.bool(setting.name, default=setting.default, **props)
    elif setting.kind in ("number", "whole"):
        maximum = labeling.max_workers() if setting.name == "workers" else setting.maximum
        bounds = {"min": setting.minimum, "max": maximum}
        limits = {key: value for key, value in bounds.items() if value is not None}
        add = form.int if setting.kind == "whole" else form.float
        add(setting.name, default=setting.default, **limits, **props)
    elif setting.kind == "texts":
        props["description"] += ". Separate with commas"
        if setting.name == "classes":
            props["description"] += "; add prompts after a colon"
        form.str(setting.name, **props)
    else:
        form.str(setting.name, default=setting.default, **props)


def _models(answers: Mapping[str, Any]) -> types.Choices:
    """Returns the models for the chosen task and method, as choices."""
    try:
        task = Task(answers.get("task"))
        models = catalog.choices(task, Method(answers.get("method", Method.ONE_STAGE)))
    except ValueError:
        models = catalog.list_models()
    view = types.AutocompleteView(allow_user_input=False)
    for spec in models:
        view.add_choice(spec.name, label=spec.name, description=spec.license)
    return view


class ImportLabels(RunOperator):
    """Copies the labels of a field into a run in review."""

    name = "import_labels"
    label = "review existing labels"
    description = "Copies the labels of a field into a new run in review; the field does not change"
    takes = parameters.taking(text=("source", "label_field", "name"), flag=["replace"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        usable = [name for name, reason in importing.sources(ctx.dataset).items() if not reason]
        if not usable:
            raise AutoLabelingError("This dataset has no labels to review")
        answers = request.import_answers(ctx)
        form.enum("source", usable, required=True, label="Labels", view=types.AutocompleteView())
        form.bool(
            "replace",
            default=False,
            label="Replace them",
            description="Approved labels replace all labels in this field",
        )
        if not answers["replace"]:
            form.str(
                "label_field",
                required=True,
                label="Label field",
                description="A new field for the approved labels",
            )
        form.str("name", label="Run name")

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        answers = request.import_answers(ctx)
        return facts(importing.import_labels(ctx.dataset, **answers, author=request.person(ctx)))
