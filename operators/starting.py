"""Start a run, and import existing labels: forms made from the settings of a run."""

import fiftyone.operators.types as types
from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request, targets
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import Method, Target, Task
from auto_labeling.core.settings import RunConfig, settings
from auto_labeling.lifecycle import importing, labeling, media
from auto_labeling.models import catalog
from auto_labeling.operators import parameters
from auto_labeling.operators.base import RunOperator, facts

#: Settings that go without saying in a form; other plugins may give them all the same.
_UNASKED = ("prompts",)

#: Settings that only some methods have.
_OF_METHODS = {
    "segmenter": (Method.TWO_STAGE.value,),
    "source_field": (Method.EXISTING_DETECTIONS.value,),
}


class StartRun(RunOperator):
    """Starts a run on all samples, the current view or the selection."""

    name = "start_run"
    label = "start a run"
    description = "Generates labels with a model in the background; review them in the panel"
    takes = parameters.taking(
        any=[s.name for s in settings()], ids=["sample_ids"], flag=["persist"]
    )

    def ask(self, ctx: ExecutionContext, form: dict) -> None:
        if not labeling.is_persistent(ctx.dataset):
            form.bool(
                "persist",
                default=False,
                label="Make the dataset persistent",
                description=labeling.NOT_PERSISTENT,
            )
        given, problems = request.run_answers(ctx)
        problems = {**_problems(ctx.dataset, given), **problems}
        if not problems:
            _warn(ctx, form, labeling.draft(given), given)
        for setting in settings():
            if setting.name in _UNASKED or not _applies(ctx.dataset, setting, given):
                continue
            # A missing answer is not an error yet.
            problem = problems.get(setting.name) if setting.name in given else None
            _ask(form, setting, _choices(ctx.dataset, setting, given), problem)

    def act(self, ctx: ExecutionContext):
        given, problems = request.run_answers(ctx)
        if problems:
            raise ConfigError({**_problems(ctx.dataset, given), **problems})
        sample_ids = request.given_sample_ids(ctx)
        by_ids = Target.IDS.value
        if sample_ids is not None and given.setdefault("target", by_ids) != by_ids:
            raise ConfigError({"target": "Leave this out if sample_ids are given"})
        config = labeling.check(ctx.dataset, given)
        if sample_ids is None:
            sample_ids = targets.ids(ctx.dataset, request.request(ctx), config.target, given)
        said = _cautions(ctx, config, len(sample_ids or ()))
        persist, author = request.is_to_persist(ctx), request.person(ctx)
        run = labeling.start(ctx.dataset, config, sample_ids, author, persist=persist)
        return {**facts(run), "warnings": said}


def _cautions(ctx: ExecutionContext, config: RunConfig, samples) -> list:
    """What may not be meant; it does not keep the run from starting."""
    view = targets.view(ctx.dataset, request.request(ctx), config.target)
    return list(labeling.cautions(ctx.dataset, config, samples, view))


def _warn(ctx: ExecutionContext, form: dict, config: RunConfig, given) -> None:
    view = targets.view(ctx.dataset, request.request(ctx), config.target)
    slices = targets.slices_of(given)
    samples = 0 if view is None else media.target_count(ctx.dataset, view, slices)
    for number, caution in enumerate(labeling.cautions(ctx.dataset, config, samples, view)):
        form.view(f"caution_{number}", types.Warning(label=caution))


def _problems(dataset: Dataset, given) -> dict:
    try:
        labeling.check(dataset, given)
    except ConfigError as error:
        return error.problems
    return {}


def _applies(dataset: Dataset, setting, given) -> bool:
    """Whether a question makes sense after the answers so far; one that is answered stays."""
    if setting.name in given:
        return True
    if setting.name == "group_slices":
        return bool(media.image_slices(dataset))
    return given.get("method") in _OF_METHODS.get(setting.name, (given.get("method"),))


def _choices(dataset: Dataset, setting, given):
    """What a setting may be, as FiftyOne's choices; None where anything may be typed."""
    view = types.DropdownView()
    if setting.name == "model":
        return _models(given)
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
            # Ids are what other plugins give; a form has no place for them.
            if value != Target.IDS.value:
                view.add_choice(value, label=title)
    else:
        return None
    return view


def _ask(form: dict, setting, view: SampleCollection, problem) -> None:
    """Adds the question for a setting to a form."""
    # Not marked as invalid: FiftyOne would then refuse with that one problem, the verb names all.
    props = {
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
        most = labeling.most_workers() if setting.name == "workers" else setting.maximum
        bounds = {"min": setting.minimum, "max": most}
        limits = {key: value for key, value in bounds.items() if value is not None}
        adds = form.int if setting.kind == "whole" else form.float
        adds(setting.name, default=setting.default, **limits, **props)
    elif setting.kind == "texts":
        props["description"] += ". Separate with commas"
        if setting.name == "classes":
            props["description"] += "; add prompts after a colon"
        form.str(setting.name, **props)
    else:
        form.str(setting.name, default=setting.default, **props)


def _models(given):
    """The models for the task and the method that are chosen, as choices."""
    try:
        task = Task(given.get("task"))
        models = catalog.choices(task, Method(given.get("method", Method.ONE_STAGE)))
    except ValueError:
        models = catalog.list_models()
    view = types.AutocompleteView(allow_user_input=False)
    for spec in models:
        view.add_choice(spec.name, label=spec.name, description=spec.license)
    return view


class ImportLabels(RunOperator):
    """Makes a run in review of the labels that a field has."""

    name = "import_labels"
    label = "review existing labels"
    description = "Copies the labels of a field into a new run in review; the field does not change"
    takes = parameters.taking(text=("source", "label_field", "name"), flag=["replace"])

    def ask(self, ctx: ExecutionContext, form: dict) -> None:
        usable = [name for name, reason in importing.sources(ctx.dataset).items() if not reason]
        if not usable:
            raise AutoLabelingError("This dataset has no labels to review")
        given = request.import_answers(ctx)
        form.enum("source", usable, required=True, label="Labels", view=types.AutocompleteView())
        form.bool(
            "replace",
            default=False,
            label="Replace them",
            description="Approved labels replace all labels in this field",
        )
        if not given["replace"]:
            form.str(
                "label_field",
                required=True,
                label="Label field",
                description="A new field for the approved labels",
            )
        form.str("name", label="Run name")

    def act(self, ctx: ExecutionContext):
        answers = request.import_answers(ctx)
        return facts(importing.import_labels(ctx.dataset, **answers, author=request.person(ctx)))
