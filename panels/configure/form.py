"""The form of the configure page, from the samples to the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types

from auto_labeling.app import answers, class_sources, form_settings, pasted_ids
from auto_labeling.core import text
from auto_labeling.core.run import Method, Target, Task
from auto_labeling.core.settings import Setting
from auto_labeling.lifecycle import labeling
from auto_labeling.models import display_names
from auto_labeling.models.model_choice import Level
from auto_labeling.panels.configure import choices, model_card
from auto_labeling.panels.configure.resolved_form import ResolvedForm
from auto_labeling.panels.ui import elements
from auto_labeling.panels.ui.fields import Fields, to_correct

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel


class Form:
    """Draws the form.

    Args:
        panel: the panel, whose handlers its controls call
        resolved: the answers, and what they mean
    """

    def __init__(self, panel: AutoLabelingPanel, resolved: ResolvedForm) -> None:
        self._panel = panel
        self._resolved = resolved
        self._form = resolved.answers
        self._spec = resolved.spec
        self._groups = types.Object()
        #: The labels of the fields, by name, once they are drawn.
        self.labels: dict[str, str] = {}

    def add_to(self, page: types.Object) -> None:
        """Adds the form to a page."""
        self._what()
        self._model()
        self._parts()
        self._classes()
        self._section("labels")
        if answers.makes_masks(self._form):
            self._section("masks", columns=1)
        self._section("machine")
        page.define_property("form", self._groups, view=elements.column_view(gap=3))

    @property
    def _segmenter(self) -> str:
        return answers.text(self._form["segmenter"]) if self._is(Method.TWO_STAGE) else ""

    def _group(self, name: str, columns: int = 1, by_column: bool = False) -> Fields:
        problems = self._resolved.problems
        return Fields(
            self._groups,
            name,
            problems,
            self._panel.edit,
            columns,
            by_column,
            labels=self.labels,
        )

    def _section(self, name: str, columns: int = 2) -> None:
        """The settings that are one control each, and those of the section that are more."""
        group = self._group(name, columns)
        first = {"masks": self._masks, "machine": self._device}.get(name)
        if first is not None:
            first(group)
        for setting in form_settings.in_section(name, self._form):
            self._setting(group, setting)

    def _setting(self, group: Fields, setting: Setting) -> None:
        if setting.name == "half" and self._form["device"] == "cpu" and not self._form["half"]:
            return
        caption, maximum = setting.caption, setting.maximum
        if setting.name == "confidence" and self._is(Method.EXISTING_DETECTIONS):
            caption = "Boxes below this are skipped. Boxes without a confidence still get masks."
        if setting.name == "workers":
            maximum = labeling.max_workers()
            caption = f"Up to {maximum:,}. More workers finish sooner (uses Ray)."
        if setting.name == "reference_frame" and self._resolved.frames:
            self._frame(group, setting.title)
            return
        group.setting(setting, caption, maximum)

    def _frame(self, group: Fields, label: str) -> None:
        """Asks for the axes of the points, which nothing in the dataset says."""
        asked = f"Which axes do the points of '{self._resolved.points_slice}' have? The dataset "
        asked += "does not say. The preview shows whether boxes fit the images"
        options = [types.Choice(name, label=name) for name in self._resolved.frames]
        group.dropdown("reference_frame", label, options, "Choose…", caption=asked)

    def _what(self) -> None:
        group = self._group("what")
        group.radio("target", "Target samples", _targets(self._resolved.counts))
        if meaning := self._resolved.meaning:
            group.note("target", meaning)
        if answers.by_ids(self._form):
            self._ids(group)
        self._slices(group)
        possible = {task: choices.TASKS[task] for task in choices.TASKS if self._fits(task)}
        group.radio("task", "Task", _meanings(possible))
        methods = self._resolved.choices.levels["method"].options
        if len(methods) > 1:
            meanings = choices.methods(methods, answers.task_of(self._form))
            group.radio("method", "Method", _meanings(meanings))
        if len(self._resolved.choices.levels["model_type"].options) > 1:
            label = "Detector type" if self._is(Method.TWO_STAGE) else "Model type"
            group.radio("model_type", label, _meanings(choices.MODEL_TYPES))

    def _ids(self, group: Fields) -> None:
        if pasted_ids.is_kept(answers.text(self._form["ids"])):
            group.note("ids", f"{text.count(self._resolved.samples or 0, 'sample ID')} pasted")
            group.button("clear_ids", "Clear the list", self._panel.clear_ids)
            return
        pasted = self._resolved.pasted
        numbers = text.count(len(pasted.ids), "sample ID")
        if pasted.repeated:
            numbers += f"; {pasted.repeated:,} more than once"
        blank = "Separate with commas, spaces or new lines"
        group.text(
            "ids",
            "Sample IDs",
            "66a0f3c2e1d4b5a697887766, 66a0f3c2e1d4b5a697887767",
            rows=4,
            caption=numbers if pasted.ids else blank,
        )

    def _slices(self, group: Fields) -> None:
        known = self._resolved.slices
        if not known or answers.by_ids(self._form):
            return
        images = [name for name, reason in known.items() if not reason]
        others = [name for name, reason in known.items() if reason]
        lacking = "points" if self._form["task"] == Task.DETECTION_3D.value else "images"
        left = f" Not offered (no {lacking}): {', '.join(others)}" if others else ""
        options = [types.Choice(name, label=name) for name in images]
        caption = f"Slices to label in each group. Leave empty for all that fit the task.{left}"
        group.some_of("group_slices", "Slices", options, free=False, caption=caption)

    def _model(self) -> None:
        group = self._group("model", columns=3)
        levels = self._resolved.choices.levels
        unanswered = next((n for n in choices.LEVEL_LABELS if _is_open(levels[n])), None)
        for name, (label, in_words) in choices.LEVEL_LABELS.items():
            level = levels[name]
            if not level.options and (name == "variant" or self._spec is not None):
                continue
            options = [types.Choice(value, label=in_words(value)) for value in level.options]
            alone = {"read_only": True} if len(options) == 1 else {}
            group.dropdown(
                name,
                label,
                options,
                "Choose…" if options else "—",
                problem_of=("model",) if name == unanswered else (),
                **alone,
            )
        if self._spec is None:
            return
        if "model" in self._resolved.problems:
            elements.text(
                self._groups,
                "model_problem",
                self._resolved.problems["model"],
                color="error.main",
                parts=to_correct("model"),
            )
        model_card.add(self._groups, "card", self._spec, self._segmenter)

    def _parts(self) -> None:
        group = self._group("parts")
        if self._spec is not None and self._spec.needs_checkpoint:
            label, example, meaning = choices.checkpoint_of(self._spec)
            if self._spec.source == "custom":
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
        fates = {
            Method.EXISTING_DETECTIONS: "Boxes in this field get masks.",
            Method.LIFT_LABELS: "The cameras' labels in this field become boxes in 3D.",
        }
        for method, fate in fates.items():
            if self._is(method):
                group.dropdown(
                    "source_field",
                    method.label,
                    _source_choices(self._resolved.box_fields),
                    "Choose a field…",
                    caption=f"{fate} The field itself does not change.",
                )

    def _classes(self) -> None:
        group = self._group("classes")
        if self._spec is not None and self._spec.names_outputs:
            group.text(
                "vocabulary",
                "Classes",
                "cat, dog, bird",
                rows=4,
                problem_of=("classes", "prompts"),
                caption="A name for each output of your model, in order",
            )
        elif answers.asks_in_words(self._spec):
            group.text(
                "vocabulary",
                "Classes",
                "cat, dog\nvehicle: car, truck, bus",
                rows=4,
                problem_of=("classes", "prompts"),
                caption="Separated by commas or lines. 'vehicle: car, truck, bus' looks for cars, "
                "trucks and buses, and labels them vehicle",
            )
        elif self._spec is not None:
            known = self._resolved.known_classes
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
        if self._spec is not None:
            self._more_classes()

    def _more_classes(self) -> None:
        """Where classes can come from, other than the keyboard."""
        worded = answers.asks_in_words(self._spec)
        group = self._group("more_classes", columns=2, by_column=not worded)
        options = [types.Choice(name, label=name) for name in self._resolved.class_sources]
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

    def _masks(self, group: Fields) -> None:
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
            group.text(
                "mask_location",
                "Mask location",
                "/data/masks",
                caption="The full path of a local or mounted folder. The App and the worker must "
                "reach it by this path",
            )

    def _device(self, group: Fields) -> None:
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

    def _fits(self, task: Task) -> bool:
        return task in self._resolved.tasks or self._form["task"] == task.value

    def _is(self, method: Method) -> bool:
        return bool(self._form["method"] == method.value)


def _is_open(level: Level) -> bool:
    return not level.value and bool(level.options)


def _meanings(meanings: Mapping[Any, str]) -> list[types.Choice]:
    return [
        types.Choice(kind.value, label=kind.label, description=meaning)
        for kind, meaning in meanings.items()
    ]


def _targets(counts: Mapping[Target, int]) -> Iterator[types.Choice]:
    for target in Target:
        number = counts[target]
        description = text.count(number, "sample")
        empty = target is Target.SELECTION and not number
        if target is Target.IDS and not number:
            description = "A pasted list"
        yield types.Choice(
            target.value,
            label=target.label,
            description="Select samples in the grid first" if empty else description,
            disabled=empty,
        )


def _source_choices(fields: Mapping[str, str]) -> Iterator[types.Choice]:
    for name, reason in fields.items():
        grayed = {"description": reason, "readOnly": True} if reason else {}
        yield types.Choice(name, label=name, **grayed)
