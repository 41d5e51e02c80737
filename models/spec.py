"""The facts about a model that are known before it is loaded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from auto_labeling.core.run import Method, ModelType, Task
from auto_labeling.core.settings import NAMES_OUTPUTS
from auto_labeling.models import (
    downloads,
    family_facts,
    licenses,
    metrics,
    name_parts,
    ratings,
    requirements,
    weight_files,
)

PACKAGE = Path(__file__).resolve().parent.parent

# A model has the first of these tasks whose tag it bears.
_TASKS = {
    "instances": Task.INSTANCE_SEGMENTATION,
    "segment-anything": Task.INSTANCE_SEGMENTATION,
    "detection-3d": Task.DETECTION_3D,
    "detection": Task.DETECTION,
    "classification": Task.CLASSIFICATION,
}
#: How runs use models that do not find things in images by themselves, by their tag.
_METHODS = {"segment-anything": Method.TWO_STAGE, "lifting": Method.LIFT_LABELS}

_HALF = (
    "fiftyone.utils.torch.TorchImageModel",
    downloads.TORCHVISION,
)
_TOLERANCE = 0.3  # of a size, against the published number of parameters
_TEMPLATE = re.compile(r"[\w-]+-transformer-torch$")


@dataclass(frozen=True)
class ModelSpec:
    """A model that a run may name.

    Args:
        name: unique; for a zoo model, its name in the zoo
        task: the labels it makes
        method: how a run uses it; see :attr:`methods`
        model_type: where its classes come from
        family: such as ``"yolo"``
        version: of the family, such as ``"v8"``; may be empty
        size: within the family, such as ``"nano"`` or ``"50"``; may be empty
        license: of the weights, as an SPDX expression
        description: one sentence
        author: of the model
        url: where to read about it
        size_bytes: of the weights, or None if unknown
        packages: the Python requirements of loading it
        confidence: the recommended minimum confidence, or None for no minimum
        source: ``"bundled"``, ``"zoo"``, ``"remote"`` or ``"custom"``
        entry: its entry in the manifest
    """

    name: str
    task: Task
    method: Method
    model_type: ModelType
    family: str
    version: str
    size: str
    license: str
    description: str
    author: str
    url: str
    size_bytes: int | None
    packages: tuple[str, ...]
    confidence: float | None
    source: str
    entry: dict[str, Any] = field(repr=False, compare=False)

    @cached_property
    def speed(self) -> ratings.Rating:
        """How fast it is, 1 to 3, among the models of its task and type; and why."""
        return ratings.speed(self)

    @cached_property
    def performance(self) -> ratings.Rating:
        """How good its labels are, 1 to 3, among the same models; and why."""
        return ratings.performance(self)

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods that can use the model itself."""
        if self.lifts_labels:
            return (Method.LIFT_LABELS,)
        if self.is_segmenter:
            return (Method.TWO_STAGE, Method.EXISTING_DETECTIONS)
        return (Method.ONE_STAGE,)

    @property
    def is_segmenter(self) -> bool:
        """Whether the model makes masks out of boxes, and nothing without them."""
        return "segment-anything" in (self.entry.get("tags") or ())

    @property
    def lifts_labels(self) -> bool:
        """Whether this stands for no network: it lifts the labels of a field into 3D."""
        return "lifting" in (self.entry.get("tags") or ())

    @property
    def can_be_half(self) -> bool:
        """Whether half precision is known to be safe: the tests run these wrappers in it.

        Others ignore it, or give images in half precision to a network that is whole.
        """
        return self.wrapper in _HALF and self.task is Task.CLASSIFICATION

    @property
    def needs_checkpoint(self) -> bool:
        """Whether a run has to say which weights: an id, a path or an import path."""
        return self.source == "custom" or is_template(self.entry, self.source)

    @property
    def names_outputs(self) -> bool:
        """Whether the classes of a run name the model's outputs, by position."""
        return self.name in NAMES_OUTPUTS

    @property
    def wrapper(self) -> str:
        """The class of FiftyOne that runs the model; empty if its source brings its own."""
        return _deployment(self.entry).get("type", "")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of :attr:`wrapper`."""
        return _settings(self.entry)

    @property
    def checkpoint(self) -> str:
        """The Hugging Face id of the weights, if they have one."""
        return self.settings.get("name_or_path") or ""

    @property
    def weights(self) -> Path | None:
        """The file that holds a bundled model's weights, if we bring it ourselves."""
        name = self.entry.get("base_filename")
        return PACKAGE / name if name and self.source == "bundled" else None

    @property
    def downloaded(self) -> bool:
        """Whether the weights are known to be on this machine, whole."""
        return downloads.is_downloaded(self)

    @property
    def loaded_bytes(self) -> int | None:
        """How large the weights are: those on this machine, else those to download."""
        return downloads.size_bytes(self)

    @property
    def weights_name(self) -> str:
        """Which weights a run loads: a file and its training, or the id of a checkpoint."""
        return downloads.weights_name(self)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The facts that the command line prints, except for :attr:`downloaded`."""
        shown = [
            *("name", "task", "method", "model_type", "family", "version", "size", "license"),
            *("description", "author", "url", "size_bytes", "confidence", "weights_name"),
        ]
        values = {key: getattr(self, key) for key in shown}
        facts = {key: getattr(value, "value", value) for key, value in values.items()}
        for key in ("speed", "performance"):
            rating = getattr(self, key)
            facts |= {
                key: rating.value,
                f"{key}_by": rating.by,
                f"{key}_measure": rating.measure,
                f"{key}_source": rating.source,
            }
        return facts


def _deployment(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return entry.get("default_deployment_config_dict") or {}


def _settings(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return _deployment(entry).get("config") or {}


def task_of(entry: Mapping[str, Any]) -> Task | None:
    """The task that an entry's tags name."""
    tags = entry.get("tags") or ()
    return next((task for tag, task in _TASKS.items() if tag in tags), None)


def is_template(entry: Mapping[str, Any], source: str) -> bool:
    """Whether an entry stands for any checkpoint of a hub, to be named when it is loaded.

    Args:
        entry: the entry of a manifest
        source: see :class:`ModelSpec`
    """
    named = _settings(entry).get("name_or_path") or entry.get("training_data")
    return source == "zoo" and not named and bool(_TEMPLATE.match(entry["base_name"]))


def make(entry: dict[str, Any], source: str, task: Task) -> ModelSpec:
    """Makes the model of a manifest's entry.

    Args:
        entry: the entry
        source: see :class:`ModelSpec`
        task: the task that its tags name; see :func:`task_of`

    Returns:
        the :class:`ModelSpec`
    """
    name = entry["base_name"]
    family, version, size = name_parts.parse(name)
    family = entry.get("family") or family
    tags = entry.get("tags") or ()
    method = next((used for tag, used in _METHODS.items() if tag in tags), Method.ONE_STAGE)
    finds_boxes = method is Method.ONE_STAGE and task is not Task.CLASSIFICATION
    return ModelSpec(
        name=name,
        task=task,
        method=method,
        model_type=_model_type(entry),
        family=family,
        version=entry.get("family_version") or entry.get("version") or version,
        size=entry.get("size") or size,
        license=licenses.of(entry),
        description=entry.get("description") or "",
        author=entry.get("author") or "",
        url=entry.get("source") or "",
        size_bytes=_size(entry),
        packages=requirements.of(entry),
        confidence=_recommended(entry, family) if finds_boxes else None,
        source=source,
        entry=entry,
    )


def _size(entry: Mapping[str, Any]) -> int | None:
    """The bytes of the weights that are loaded.

    An entry may name another file of torchvision's, or count every file of weights that a
    repository of Hugging Face has.
    """
    size, settings = entry.get("size_bytes"), _settings(entry)
    training = weight_files.torchvision(settings)
    if training is not None and training.size_bytes:
        return training.size_bytes
    params = next((one.params for one in metrics.of(entry["base_name"]) if one.params), None)
    if not settings.get("name_or_path") or not params:
        return size
    whole = round(params * 4e6)  # four bytes each, as these are kept
    return size if size and abs(size / whole - 1) < _TOLERANCE else whole


def _model_type(entry: Mapping[str, Any]) -> ModelType:
    # A few zero-shot models lack the tag; a prompt-free one has a vocabulary and bears it.
    tags = entry.get("tags") or ()
    kind = _deployment(entry).get("type", "")
    zero_shot = ("zero-shot" in tags or "ZeroShot" in kind) and "prompt-free" not in tags
    return ModelType.ZERO_SHOT if zero_shot else ModelType.FIXED_VOCABULARY


def _recommended(entry: Mapping[str, Any], family: str) -> float:
    return _settings(entry).get("confidence_thresh", family_facts.confidence(family))
