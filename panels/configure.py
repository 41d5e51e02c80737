"""Page: what to label with what."""

import fiftyone.operators.types as types

from auto_labeling import answers, forms, labeling
from auto_labeling.models import catalog, labels
from auto_labeling.panels import elements, model_card, words
from auto_labeling.panels.fields import Fields
from auto_labeling.panels.state import PanelState
from auto_labeling.run import Method, ModelType, Target, Task

_TASKS = {
    Task.DETECTION: "Boxes around objects",
    Task.CLASSIFICATION: "One label for a sample",
    Task.INSTANCE_SEGMENTATION: "Boxes with masks",
}
_METHODS = {
    Method.ONE_STAGE: "One model finds and outlines",
    Method.TWO_STAGE: "One model finds boxes, another outlines",
    Method.EXISTING_DETECTIONS: "Boxes that you have get masks",
}
_MODEL_TYPES = {
    ModelType.FIXED_VOCABULARY: "Knows a list of classes",
    ModelType.ZERO_SHOT: "Looks for the classes you name",
}
#: What the choices of a model are called, and their options.
LEVEL_LABELS = {
    "family": ("Model family", labels.family),
    "version": ("Version", labels.version),
    "size": ("Size", labels.size),
    "variant": ("Variant", str),
}
_DEVICES = {
    answers.AUTOMATIC: "The worker's GPU, if it has one",
    "cpu": "CPU",
    "cuda": "GPU",
    **{f"cuda:{number}": f"GPU {number}" for number in range(8)},
    "mps": "Apple GPU",
}
_CHECKPOINTS = {
    "custom-python": (
        "Import path",
        "package.module:Name",
        "A fiftyone.core.models.Model, or a function that makes one, on the worker",
    ),
    "custom-torch": (
        "Checkpoint",
        "/models/mine.pt",
        "The full path, on the worker, of a TorchScript or pickled module",
    ),
    "custom-ultralytics": (
        "Checkpoint",
        "/models/mine.pt",
        "The full path, on the worker, of an Ultralytics checkpoint",
    ),
}
_HUB_CHECKPOINT = (
    "Hugging Face model",
    "owner/name",
    "Its id on the hub, or a folder on the worker",
)


def render(panel, ctx, state: PanelState):
    """Builds the page."""
    page = elements.page()
    head = elements.row(page, "head", columns="auto 1fr", gap=1)
    elements.back(head, panel.go_home)
    elements.heading(head, "title", "Auto Label")
    counts = forms.target_counts(ctx)
    form = _Page(ctx, state, panel.edit, counts)
    form.add_to(page)
    foot = elements.row(page, "foot", gap=1, pt=1)
    elements.button(foot, "start", _verb(state, counts), panel.start, kind="primary")
    elements.button(foot, "cancel", "Cancel", panel.go_home)
    if state.problems:
        number = len(state.problems)
        said = "One answer needs" if number == 1 else f"{number} answers need"
        elements.text(foot, "wrong", f"{said} another look", color="error.main")
    elif estimate := form.estimate():
        elements.text(foot, "estimate", estimate)
    return elements.finished(page)


def _verb(state, counts):
    try:
        number = counts[Target(state.form["target"])]
    except ValueError:
        return "Generate labels"
    return f"Generate labels for {number:,} sample" + ("" if number == 1 else "s")


class _Page:
    """The form, from the samples to the device."""

    def __init__(self, ctx, state, on_change, counts):
        self._ctx = ctx
        self._form = state.form
        self._problems = state.problems
        self._choices = answers.choices_of(state.form, state.remembered)
        self._spec = self._choices.spec
        self._on_change = on_change
        self._counts = counts
        self._groups = types.Object()

    def add_to(self, page):
        """Adds the form to a page."""
        self._what()
        self._model()
        self._parts()
        self._classes()
        self._labels()
        if answers.makes_masks(self._form):
            self._masks()
        self._machine()
        page.define_property("form", self._groups, view=elements.column_view(gap=3))

    def estimate(self) -> str:
        """How long the run may take, if its model was measured before."""
        speeds = self._spec and model_card.speeds(self._spec, self._segmenter)
        try:
            number = self._counts[Target(self._form["target"])]
        except ValueError:
            return ""
        if not speeds or not speeds[0].rate or not number:
            return ""
        duration = words.duration(number / speeds[0].rate)
        return f"About {duration}, at the speed measured on {speeds[0].machine}"

    @property
    def _segmenter(self):
        return self._form["segmenter"] if self._is(Method.TWO_STAGE) else ""

    def _group(self, name, columns=1):
        return Fields(self._groups, name, self._problems, self._on_change, columns)

    def _what(self):
        group = self._group("what")
        group.radio("target", "Target samples", _targets(self._counts))
        group.radio("task", "Task", _meanings(_TASKS))
        if answers.makes_masks(self._form):
            group.radio("method", "Method", _meanings(_METHODS))
        if len(self._choices.levels["model_type"].options) > 1:
            label = "Detector type" if self._is(Method.TWO_STAGE) else "Model type"
            group.radio("model_type", label, _meanings(_MODEL_TYPES))

    def _model(self):
        group = self._group("model", columns=3)
        levels = self._choices.levels
        unanswered = next((n for n in LEVEL_LABELS if _is_open(levels[n])), None)
        for name, (label, said) in LEVEL_LABELS.items():
            level = levels[name]
            if not level.options and (name == "variant" or self._spec is not None):
                continue
            choices = [types.Choice(value, label=said(value)) for value in level.options]
            alone = {"read_only": True} if len(choices) == 1 else {}
            group.dropdown(
                name,
                label,
                choices,
                "Choose…" if choices else "—",
                problem_of=("model",) if name == unanswered else (),
                **alone,
            )
        if self._spec is None:
            return
        if "model" in self._problems:
            elements.text(
                self._groups, "model_problem", self._problems["model"], color="error.main"
            )
        model_card.add(self._groups, "card", self._spec, self._segmenter)

    def _parts(self):
        group = self._group("parts")
        if self._spec is not None and self._spec.needs_checkpoint:
            label, example, meaning = _CHECKPOINTS.get(self._spec.family, _HUB_CHECKPOINT)
            if self._spec.source == "custom":
                meaning += ". It runs only if whoever runs the worker trusts it"
            group.text("checkpoint", label, example, caption=meaning)
        if self._is(Method.TWO_STAGE):
            choices = [
                types.Choice(
                    spec.name, label=labels.model(spec), description=model_card.weights(spec)
                )
                for spec in answers.segmenters()
            ]
            group.dropdown(
                "segmenter", "Segmenter", choices, "Choose…", caption="Outlines what is in each box"
            )
        if self._is(Method.EXISTING_DETECTIONS):
            group.dropdown(
                "source_field",
                "Existing detections",
                _source_choices(labeling.source_fields(self._ctx.dataset)),
                "Choose a field…",
                caption="The field whose boxes get masks; it is not changed",
            )

    def _classes(self):
        group = self._group("classes")
        if answers.asks_in_words(self._spec):
            group.text(
                "vocabulary",
                "Classes",
                "cat, dog\nvehicle: car, truck, bus",
                rows=4,
                problem_of=("classes", "prompts"),
                caption="Separated by commas or lines. After a colon come the words to ask in: "
                "what is found as a car, truck or bus is labeled vehicle",
            )
        elif self._spec is not None:
            known = self._known_classes()
            group.some_of(
                "classes",
                "Classes",
                [types.Choice(name, label=name) for name in known or ()],
                free=known is None,
                caption="Empty: all classes",
            )

    def _known_classes(self):
        if self._is(Method.EXISTING_DETECTIONS):
            return None
        return catalog.known_classes(self._spec, self._form["checkpoint"])

    def _labels(self):
        group = self._group("labels", columns=2)
        group.text(
            "label_field",
            "Label field",
            "A new field",
            caption="Where the labels that you approve will be",
        )
        group.text("name", "Run name", "Optional")
        group.number(
            "confidence",
            "Minimum confidence",
            "0 to 1",
            {"min": 0, "max": 1},
            caption="Labels that the model is less sure of are not kept",
        )
        if self._form["task"] != Task.CLASSIFICATION.value:
            group.number(
                "max_labels",
                "Most labels per image",
                "No limit",
                {"min": 1},
                caption="The surest are kept, the others counted",
            )

    def _masks(self):
        group = self._group("masks")
        choices = [
            types.Choice(
                answers.MASKS_IN_FILES, label="PNG files", description="In a folder that you choose"
            ),
            types.Choice(
                answers.MASKS_INLINE,
                label="In the dataset",
                description="Simple, for small datasets",
            ),
        ]
        group.radio("masks", "Masks", choices)
        if self._form["masks"] != answers.MASKS_INLINE:
            group.folder(
                "mask_location",
                "Mask location",
                caption="A local or mounted folder that the App and the worker reach by this path",
            )

    def _machine(self):
        group = self._group("machine", columns=2)
        devices = dict(_DEVICES)
        devices.setdefault(str(self._form["device"]), str(self._form["device"]))
        choices = [types.Choice(value, label=label) for value, label in devices.items()]
        group.dropdown("device", "Device", choices, "Choose…")
        if self._form["device"] != "cpu":
            group.check_box("half", "Mixed precision where possible")

    def _is(self, method):
        return self._form["method"] == method.value


def _is_open(level):
    return not level.value and bool(level.options)


def _meanings(meanings):
    return [
        types.Choice(kind.value, label=kind.label, description=meaning)
        for kind, meaning in meanings.items()
    ]


def _targets(counts):
    for target in Target:
        number = counts[target]
        said = f"{number:,} sample" + ("" if number == 1 else "s")
        empty = target is Target.SELECTION and not number
        yield types.Choice(
            target.value,
            label=target.label,
            description="Select samples in the grid first" if empty else said,
            disabled=empty,
        )


def _source_choices(fields):
    for name, reason in fields.items():
        greyed = {"description": reason, "readOnly": True} if reason else {}
        yield types.Choice(name, label=name, **greyed)
