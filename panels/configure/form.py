"""The form of the configure page, from the samples to the device."""

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import answers, class_sources, pasted_ids, request, targets
from auto_labeling.core import text
from auto_labeling.core.run import Method, Target, Task
from auto_labeling.lifecycle import labeling, media
from auto_labeling.models import display_names
from auto_labeling.panels.configure import choices, model_card
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements
from auto_labeling.panels.ui.fields import Fields


class Form:
    """The form as it stands.

    Args:
        panel: the panel, whose handlers its controls call
        ctx: the request's :class:`fiftyone.operators.executor.ExecutionContext`
        state: the panel's :class:`auto_labeling.panels.state.PanelState`
        counts: the number of samples of each target
    """

    def __init__(self, panel, ctx: ExecutionContext, state: PanelState, counts) -> None:
        self._panel = panel
        self._ctx = ctx
        self._form = state.form
        self.problems = {**panel._id_problems(ctx, state), **panel._other_problems(state)}
        self._choices = answers.choices_of(state.form, state.remembered)
        self._counts = counts
        self._groups = types.Object()

    @property
    def spec(self):
        """The model that is chosen, or None."""
        return self._choices.spec

    @property
    def samples(self) -> int | None:
        """The number of target samples; None if the form names no target."""
        try:
            return self._counts[Target(self._form["target"])]
        except ValueError:
            return None

    def add_to(self, page: types.Object) -> None:
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

    @property
    def _segmenter(self):
        return self._form["segmenter"] if self._is(Method.TWO_STAGE) else ""

    def _group(self, name: str, columns=1, **look):
        return Fields(self._groups, name, self.problems, self._panel.edit, columns, **look)

    def _what(self) -> None:
        group = self._group("what")
        group.radio("target", "Target samples", _targets(self._counts))
        if meaning := self._meaning():
            group.note("target", meaning)
        if answers.by_ids(self._form):
            self._ids(group)
        self._slices(group)
        group.radio("task", "Task", _meanings(choices.TASKS))
        if answers.makes_masks(self._form):
            group.radio("method", "Method", _meanings(choices.METHODS))
        if len(self._choices.levels["model_type"].options) > 1:
            label = "Detector type" if self._is(Method.TWO_STAGE) else "Model type"
            group.radio("model_type", label, _meanings(choices.MODEL_TYPES))

    def _meaning(self):
        """What the target samples are, where the grid shows something else."""
        if self.samples is None:
            return ""
        target = Target(self._form["target"])
        view = targets.view(self._ctx.dataset, request.request(self._ctx), target)
        if view is None:
            return ""
        return media.meaning(
            view, self.samples, answers.task_of(self._form), targets.slices_of(self._form)
        )

    def _ids(self, group) -> None:
        given = answers.text(self._form["ids"])
        if pasted_ids.is_kept(given):
            group.note("ids", f"{text.count(self.samples or 0, 'sample ID')} pasted")
            group.button("clear_ids", "Clear the list", self._panel.clear_ids)
            return
        read = pasted_ids.read(given)
        said = text.count(len(read.ids), "sample ID")
        if read.repeated:
            said += f"; {read.repeated:,} more than once"
        blank = "Separate with commas, spaces or new lines"
        group.text(
            "ids",
            "Sample IDs",
            "66a0f3c2e1d4b5a697887766, 66a0f3c2e1d4b5a697887767",
            rows=4,
            caption=said if read.ids else blank,
        )

    def _slices(self, group) -> None:
        known = media.slices(self._ctx.dataset)
        if not known or answers.by_ids(self._form):
            return
        images = [name for name, reason in known.items() if not reason]
        others = [name for name, reason in known.items() if reason]
        left = f" Not offered (no images): {', '.join(others)}" if others else ""
        options = [types.Choice(name, label=name) for name in images]
        caption = f"Slices to label in each group. Leave empty for all image slices.{left}"
        group.some_of("group_slices", "Slices", options, free=False, caption=caption)

    def _model(self) -> None:
        group = self._group("model", columns=3)
        levels = self._choices.levels
        unanswered = next((n for n in choices.LEVEL_LABELS if _is_open(levels[n])), None)
        for name, (label, said) in choices.LEVEL_LABELS.items():
            level = levels[name]
            if not level.options and (name == "variant" or self.spec is not None):
                continue
            options = [types.Choice(value, label=said(value)) for value in level.options]
            alone = {"read_only": True} if len(options) == 1 else {}
            group.dropdown(
                name,
                label,
                options,
                "Choose…" if options else "—",
                problem_of=("model",) if name == unanswered else (),
                **alone,
            )
        if self.spec is None:
            return
        if "model" in self.problems:
            elements.text(self._groups, "model_problem", self.problems["model"], color="error.main")
        model_card.add(self._groups, "card", self.spec, self._segmenter)

    def _parts(self) -> None:
        group = self._group("parts")
        if self.spec is not None and self.spec.needs_checkpoint:
            label, example, meaning = choices.CHECKPOINTS.get(
                self.spec.family, choices.HUB_CHECKPOINT
            )
            if self.spec.source == "custom":
                meaning += ". It runs only on workers that trust it"
            group.text("checkpoint", label, example, caption=meaning)
        if self._is(Method.TWO_STAGE):
            options = [
                types.Choice(
                    spec.name, label=display_names.model(spec), description=model_card.weights(spec)
                )
                for spec in answers.segmenters()
            ]
            group.dropdown(
                "segmenter",
                "Segmenter",
                options,
                "Choose…",
                caption="Outlines the object in each box",
            )
        if self._is(Method.EXISTING_DETECTIONS):
            group.dropdown(
                "source_field",
                "Existing detections",
                _source_choices(labeling.source_fields(self._ctx.dataset)),
                "Choose a field…",
                caption="Boxes in this field get masks. The field itself does not change.",
            )

    def _classes(self) -> None:
        group = self._group("classes")
        if self.spec is not None and self.spec.names_outputs:
            group.text(
                "vocabulary",
                "Classes",
                "cat, dog, bird",
                rows=4,
                problem_of=("classes", "prompts"),
                caption="A name for each output of your model, in order",
            )
        elif answers.asks_in_words(self.spec):
            group.text(
                "vocabulary",
                "Classes",
                "cat, dog\nvehicle: car, truck, bus",
                rows=4,
                problem_of=("classes", "prompts"),
                caption="Separated by commas or lines. 'vehicle: car, truck, bus' looks for cars, "
                "trucks and buses, and labels them vehicle",
            )
        elif self.spec is not None:
            known = self._panel._known_classes(self._ctx, self._form)
            chosen = answers.chosen_classes(self._form)
            offered = dict.fromkeys([*(known or ()), *(() if known is None else chosen)])
            group.some_of(
                "classes",
                "Classes",
                [types.Choice(name, label=name) for name in offered],
                free=known is None,
                caption="Leave empty for all classes."
                if known is None
                else "Choose from the known classes. Leave empty for all.",
            )
        if self.spec is not None:
            self._more_classes()

    def _more_classes(self) -> None:
        """Where classes can come from, other than the keyboard."""
        worded = answers.asks_in_words(self.spec)
        group = self._group("more_classes", columns=2, by_column=not worded)
        sources = labeling.class_sources(self._ctx.dataset)
        options = [types.Choice(name, label=name) for name in sources]
        empty = "Choose a label field…" if options else "No label fields"
        group.dropdown("class_source", "Add classes from a field", options, empty)
        group.file(
            "class_file",
            "Add a text file",
            class_sources.MAX_BYTES,
            "File too large (maximum 256 KB)",
            caption="One class per line, or separated by commas",
        )
        if not worded:
            group.text("class_list", "Paste a list", "cat, dog, or one per line", rows=2)
            group.button("add_listed", "Add these classes", self._panel.add_listed)

    def _labels(self) -> None:
        group = self._group("labels", columns=2)
        group.text(
            "label_field",
            "Label field",
            "A new field",
            caption="Approved labels go here",
        )
        group.text("name", "Run name", "Optional")
        group.number(
            "confidence",
            "Minimum confidence",
            "0 to 1",
            {"min": 0, "max": 1},
            caption="Boxes below this are skipped. Boxes without a confidence still get masks."
            if self._is(Method.EXISTING_DETECTIONS)
            else "Discard labels below this confidence",
        )
        if self._form["task"] != Task.CLASSIFICATION.value:
            group.number(
                "max_labels",
                "Maximum labels per image",
                "No limit",
                {"min": 1},
                caption="Keeps the most confident labels",
            )

    def _masks(self) -> None:
        group = self._group("masks")
        options = [
            types.Choice(
                answers.MASKS_IN_FILES, label="PNG files", description="In a folder of your choice"
            ),
            types.Choice(
                answers.MASKS_INLINE,
                label="In the dataset",
                description="Simple, for small datasets",
            ),
        ]
        group.radio("masks", "Masks", options)
        if self._form["masks"] != answers.MASKS_INLINE:
            group.folder(
                "mask_location",
                "Mask location",
                caption="A local or mounted folder that the App and the worker reach by this path",
            )
        group.check_box("keep_without_mask", "Keep labels without a mask")

    def _machine(self) -> None:
        group = self._group("machine", columns=2)
        devices = dict(choices.DEVICES)
        devices.setdefault(str(self._form["device"]), str(self._form["device"]))
        options = [types.Choice(value, label=label) for value, label in devices.items()]
        group.dropdown(
            "device",
            "Device",
            options,
            "Choose…",
            caption="Automatic uses the worker's GPU if it has one",
        )
        if self._form["device"] != "cpu":
            group.check_box("half", "Mixed precision where possible")
        _speed_up(group)

    def _is(self, method):
        return self._form["method"] == method.value


def _speed_up(group) -> None:
    most = labeling.most_workers()
    group.number(
        "workers",
        "Workers",
        "1",
        {"min": 1, "max": most},
        caption=f"Up to {most:,}. More workers finish sooner (uses Ray).",
    )


def _is_open(level: str):
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
        if target is Target.IDS and not number:
            said = "A list that you paste"
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
