"""The settings of a run: :class:`RunConfig`, and each setting described.

The flags of the command line, the forms of the operators, the panel's form and the reference are
made from :func:`settings`, so each setting is defined once, in :class:`RunConfig`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from auto_labeling.core import box_sizes
from auto_labeling.core.enums import Choice, Method, Target, Task

MAX_CLASS_LENGTH = 200
MAX_PROMPT_LENGTH = 500

#: The models whose outputs a run's classes name, by position: there a name may stand twice.
NAMES_OUTPUTS = frozenset({"custom-torch-classification"})

#: The methods that lift 2D labels into point clouds.
_LIFTING = (Method.LIFT_LABELS, Method.LIFT_MODEL)

#: The types of settings that are numbers.
_NUMBERS = (int, float, int | None, float | None)

_DEVICE = re.compile(r"(cpu|mps|cuda(:\d{1,3})?)?")


def _form(
    section: str = "labels",
    caption: str | None = None,
    placeholder: str = "",
    tasks: tuple[Task, ...] = (),
    methods: tuple[Method, ...] = (),
) -> dict[str, JsonValue]:
    """How the panel's form shows a setting, as :class:`Setting` describes; else its defaults."""
    named: list[JsonValue] = [task.value for task in tasks]
    used: list[JsonValue] = [method.value for method in methods]
    form: dict[str, JsonValue] = {"section": section, "caption": caption}
    return form | {"placeholder": placeholder, "tasks": named, "methods": used}


class RunConfig(BaseModel):
    """The settings of a run: the single definition behind the form, CLI, SDK and stored record.

    Rules that need no dataset are checked here; ``labeling.check`` adds the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Task = Field(description="The kind of labels to generate")
    model: str = Field(min_length=1, description="Model name (see `auto-labeling models`)")
    label_field: str = Field(
        min_length=1,
        description="The new field for the approved labels",
        json_schema_extra=_form(caption="Approved labels go here", placeholder="A new field"),
    )
    target: Target = Field(
        default=Target.ALL,
        title="Target samples",
        description="Samples to label: all, the current view, the current selection, or a list of "
        "IDs. Fixed when the run starts",
    )
    group_slices: tuple[str, ...] = Field(
        default=(),
        description="Grouped datasets: the slices to label. Leave empty for all that fit the task",
    )
    method: Method = Field(
        default=Method.ONE_STAGE,
        description="One model, two models in sequence, or a model for existing boxes",
    )
    classes: tuple[str, ...] = Field(
        default=(),
        description="Classes to look for, or known classes to keep. Leave empty for all",
    )
    name: str = Field(
        default="",
        max_length=100,
        title="Run name",
        description="The run's name",
        json_schema_extra=_form(caption="", placeholder="Optional"),
    )
    confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Minimum confidence",
        description="Discard labels below this confidence",
        json_schema_extra=_form(placeholder="0 to 1"),
    )
    segmenter: str = Field(
        default="", description="Two-stage runs: the model that segments the object in each box"
    )
    source_field: str = Field(
        default="",
        title="Existing detections",
        description="Runs on existing detections: the field whose boxes get masks",
    )
    prompts: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Zero-shot models: the prompts to use for a class instead of its name",
    )
    mask_location: str = Field(
        default="",
        description="Folder for PNG masks (full path). Leave empty to store masks in the dataset",
    )
    max_labels: int | None = Field(
        default=None,
        ge=1,
        title="Maximum labels per image",
        description="Keep at most this many labels per image, the most confident ones",
        json_schema_extra=_form(
            caption="Keeps the most confident labels",
            placeholder="No limit",
            tasks=(Task.DETECTION, Task.INSTANCE_SEGMENTATION, Task.DETECTION_3D),
        ),
    )
    keep_without_mask: bool = Field(
        default=False,
        title="Keep labels without a mask",
        description="Instance segmentation: keep boxes without a mask (left out by default)",
        json_schema_extra=_form(
            "masks", "They are left out by default", tasks=(Task.INSTANCE_SEGMENTATION,)
        ),
    )
    camera_slices: tuple[str, ...] = Field(
        default=(),
        title="Camera slices",
        description="Lifting: the slices with images of calibrated cameras. Leave empty for all",
        json_schema_extra=_form(methods=_LIFTING),
    )
    box_sizes: tuple[str, ...] = Field(
        default=(),
        title="Box sizes",
        description="Lifting: usual sizes of your classes, in meters, for sides that no sensor "
        "saw. Write 'car: 4.6 x 2.0 x 1.7': length, width, height",
        json_schema_extra=_form(methods=_LIFTING, placeholder="car: 4.6 x 2.0 x 1.7"),
    )
    reference_frame: str = Field(
        default="",
        title="Reference frame",
        description="Lifting: the frame of the points. Leave empty for that of their slice, "
        "or 'world'",
        json_schema_extra=_form(methods=_LIFTING, placeholder="world"),
    )
    device: str = Field(
        default="",
        description="cpu, mps, cuda or cuda:N. Leave empty for the worker's GPU, if it has one",
    )
    half: bool = Field(
        default=False,
        title="Mixed precision",
        description="Use half precision where it is safe",
        json_schema_extra=_form("machine"),
    )
    checkpoint: str = Field(
        default="",
        description="Your own model: import path, file on the worker, or Hugging Face ID",
    )
    workers: int = Field(
        default=1,
        ge=1,
        description="Number of workers, using Ray for 2 or more",
        json_schema_extra=_form("machine", placeholder="1"),
    )

    @field_validator(
        *("name", "label_field", "segmenter", "source_field", "mask_location"),
        *("device", "checkpoint", "reference_frame"),
        mode="before",
    )
    @classmethod
    def _strip(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in _NUMBERS:  # which Python takes for 0 or 1
            raise ValueError("a number is required")
        return value

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        blank = [c for c in classes if not c.strip()]
        if blank:
            raise ValueError("a class must have a name")
        if any(len(c) > MAX_CLASS_LENGTH or not _is_plain(c) for c in classes):
            raise ValueError(f"a class has at most {MAX_CLASS_LENGTH} printable characters")
        if info.data.get("model") in NAMES_OUTPUTS:
            return classes
        return tuple(dict.fromkeys(classes))

    @field_validator("box_sizes", mode="before")
    @classmethod
    def _sizes_as_texts(cls, sizes: Any) -> Any:
        return box_sizes.as_texts(sizes) if isinstance(sizes, Mapping) else sizes

    @field_validator("box_sizes")
    @classmethod
    def _are_sizes(cls, sizes: tuple[str, ...]) -> tuple[str, ...]:
        box_sizes.read(sizes)
        return sizes

    @field_validator("group_slices", "camera_slices")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names))

    @field_validator("prompts")
    @classmethod
    def _one_class_per_prompt(
        cls, prompts: dict[str, tuple[str, ...]], info: ValidationInfo
    ) -> dict[str, tuple[str, ...]]:
        classes = info.data.get("classes")
        if classes is None:  # wrong in themselves
            return prompts
        unknown = [name for name in prompts if name not in classes]
        if unknown:
            raise ValueError(
                f"prompts are given for '{unknown[0]}', which is not among the classes"
            )
        class_of: dict[str, str] = {}
        for name in classes:
            for text in prompts.get(name) or (name,):
                if not text.strip() or len(text) > MAX_PROMPT_LENGTH or not _is_plain(text):
                    raise ValueError(f"a prompt has 1 to {MAX_PROMPT_LENGTH} printable characters")
                other = class_of.setdefault(" ".join(text.casefold().split()), name)
                if prompts and other != name:
                    raise ValueError(f"'{text}' is a prompt for both '{other}' and '{name}'")
        return {name: tuple(dict.fromkeys(texts)) for name, texts in prompts.items() if texts}

    @field_validator("name", "checkpoint")
    @classmethod
    def _can_be_stored(cls, text: str) -> str:
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise ValueError("this contains broken characters, which cannot be stored")
        return text

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, device: str) -> str:
        if not _DEVICE.fullmatch(device):
            raise ValueError(
                "a device must be cpu, mps, cuda, or cuda with a number, such as cuda:0"
            )
        return device


def _is_plain(text: str) -> bool:
    """Whether text can be stored and shown: no control characters, no half of a character."""
    return not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in text)


@dataclass(frozen=True)
class Setting:
    """One field of :class:`RunConfig`, as a flag, a form and a reference need it.

    Args:
        name: the field's name
        title: its name for people
        description: a one-line description
        kind: ``"choice"``, ``"text"``, ``"texts"``, ``"mapping"``, ``"number"``, ``"whole"``
            or ``"flag"``
        choices: ``(value, title)`` pairs, if only these are allowed
        minimum: the minimum, if there is one
        maximum: the maximum, if there is one
        default: the value if none is given; None for nothing
        required: whether a value must be given
        section: the section of the panel's form in which it stands, unless the form asks for it in
            a way of its own
        caption: the line below its field there; by default, the description
        placeholder: what the empty field shows there
        tasks: the tasks for which the panel asks for it; empty for all
        methods: the methods that have it; empty for all
    """

    name: str
    title: str
    description: str
    kind: str
    choices: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: object = None
    required: bool = False
    section: str = "labels"
    caption: str = ""
    placeholder: str = ""
    tasks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


_KINDS = {
    "string": "text",
    "array": "texts",
    "object": "mapping",
    "number": "number",
    "integer": "whole",
    "boolean": "flag",
}


@lru_cache
def settings() -> tuple[Setting, ...]:
    """The settings of a run, in the order of :class:`RunConfig`."""
    schema = RunConfig.model_json_schema()
    return tuple(_setting(name, field) for name, field in schema["properties"].items())


def _setting(name: str, schema: dict[str, Any]) -> Setting:
    field = RunConfig.model_fields[name]
    choices: tuple[tuple[str, str], ...] = ()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Choice):
        choices = tuple((member.value, member.label) for member in field.annotation)
    # An optional number is "a number or null"; the limits stand with the number.
    bounds = next((s for s in schema.get("anyOf", ()) if s["type"] != "null"), schema)
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    caption = schema.get("caption")
    return Setting(
        name=name,
        title=field.title or name.replace("_", " ").capitalize(),
        description=field.description or "",
        kind="choice" if choices else _KINDS[bounds["type"]],
        choices=choices,
        minimum=bounds.get("minimum"),
        maximum=bounds.get("maximum"),
        default=default.value if isinstance(default, Enum) else default,
        required=field.is_required(),
        section=schema.get("section", Setting.section),
        caption=field.description or "" if caption is None else caption,
        placeholder=schema.get("placeholder", ""),
        tasks=tuple(schema.get("tasks", ())),
        methods=tuple(schema.get("methods", ())),
    )
