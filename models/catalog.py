"""Which models a run may use, and what is known of them before they are loaded.

The catalog is FiftyOne's own zoo manifest and ``bundled.json`` beside this file, both in the same
format. It is read in milliseconds and imports neither torch nor FiftyOne's zoo, since the App asks
for it with every keystroke in the form.
"""

import importlib.metadata
import importlib.util
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from auto_labeling.errors import ModelUnavailable
from auto_labeling.models import vocabularies
from auto_labeling.run import Method, ModelType, Task

PACKAGE = Path(__file__).resolve().parent.parent

DETECTOR_CONFIDENCE = 0.25

_BUNDLED = Path(__file__).with_name("bundled.json")
_ZOO = Path("zoo", "models", "manifest-torch.json")

# A model has the first of these tasks whose tag it bears.
_TASKS = {
    "instances": Task.INSTANCE_SEGMENTATION,
    "detection": Task.DETECTION,
    "classification": Task.CLASSIFICATION,
}
# What these give is no plain label of an image: rotated boxes, text, tracks, masks without classes.
_OTHER_OUTPUT = frozenset(
    {"obb", "ocr", "video", "keypoints", "segmentation", "panoptic", "segment-anything"}
)
_OFFERED = frozenset(
    {
        (Task.CLASSIFICATION, ModelType.FIXED_VOCABULARY),
        (Task.DETECTION, ModelType.FIXED_VOCABULARY),
    }
)

_SPDX = {
    "Apache 2.0": "Apache-2.0",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD 2-Clause": "BSD-2-Clause",
}
_SIZES = {"n": "nano", "s": "small", "m": "medium", "l": "large", "x": "xlarge"} | {
    size: size for size in ("nano", "tiny", "small", "medium", "base", "large", "xlarge")
}
_NOT_NAME = re.compile(
    r"-torch$|-(imagenet|coco|oiv7)(?=-|$)|-cls(?=-|$)|-224(?=-|$)|-resnet50-fpn"
)
_NAMES = (
    re.compile(r"(?P<family>yolo)(?P<version>v?\d+)(?P<size>[a-z])"),
    re.compile(rf"(?P<family>.+?)(?:-(?P<version>v\d))?-(?P<size>{'|'.join(_SIZES)})(?:-.*)?"),
    re.compile(r"(?P<family>[a-z-]+?)-?(?P<version>v\d)?-?(?P<size>b?\d[\w.-]*)?"),
)


@dataclass(frozen=True)
class ModelSpec:
    """A model that a run may name.

    Args:
        name: unique; for a zoo model, its name in the zoo
        task: the labels it makes
        method: how a run uses it
        model_type: where its classes come from
        family: such as ``"yolo"``
        version: of the family, such as ``"v8"``; may be empty
        size: within the family, such as ``"nano"`` or ``"50"``; may be empty
        license: of the weights, as an SPDX identifier where there is one
        description: one sentence
        author: of the model
        url: where to read about it
        size_bytes: of the weights, or None if unknown
        packages: the Python requirements of loading it
        confidence: the recommended minimum confidence, or None for no minimum
        source: ``"zoo"`` or ``"bundled"``
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
    entry: dict = field(repr=False, compare=False)

    @property
    def wrapper(self) -> str:
        """The class of FiftyOne that runs the model."""
        return self.entry["default_deployment_config_dict"]["type"]

    @property
    def settings(self) -> dict:
        """The settings of :attr:`wrapper`. Not to be changed."""
        return self.entry["default_deployment_config_dict"].get("config") or {}

    @property
    def weights(self) -> Path | None:
        """The file that holds a bundled model's weights, if we bring it ourselves."""
        name = self.entry.get("base_filename")
        return PACKAGE / name if name and self.source == "bundled" else None


def list_models(task: Task | None = None, model_type: ModelType | None = None) -> list[ModelSpec]:
    """Lists the models that a run may use, the bundled ones first, then by name."""
    return [
        spec
        for spec in _catalog().values()
        if task in (None, spec.task) and model_type in (None, spec.model_type)
    ]


def get_model(name: str) -> ModelSpec:
    """Returns the model of that name.

    Raises:
        ModelUnavailable: if there is none
    """
    try:
        return _catalog()[name]
    except KeyError:
        raise ModelUnavailable(f"There is no model '{name}' in the catalog") from None


def known_classes(spec: ModelSpec) -> tuple[str, ...] | None:
    """Returns the labels that a model can give, or None if only its weights know."""
    listed = spec.entry.get("classes")
    return tuple(listed) if listed else vocabularies.find(spec)


def missing_packages(spec: ModelSpec) -> tuple[str, ...]:
    """Returns the requirements of a model that this environment does not satisfy."""
    return tuple(package for package in spec.packages if not _is_installed(package))


@lru_cache(maxsize=1)
def _catalog() -> dict[str, ModelSpec]:
    bundled = [_spec(entry, "bundled") for entry in _read(_BUNDLED)]
    zoo = [_spec(entry, "zoo") for entry in _read(_zoo_manifest())]
    offered = [s for s in bundled + zoo if s and (s.task, s.model_type) in _OFFERED]
    offered.sort(key=lambda spec: (spec.source, spec.name))
    return {spec.name: spec for spec in offered}


def _read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["models"]


def _zoo_manifest() -> Path:
    fiftyone = importlib.util.find_spec("fiftyone")  # finds the package without importing it
    return Path(fiftyone.origin).parent / _ZOO


def _spec(entry: dict, source: str) -> ModelSpec | None:
    """The model that a manifest entry describes, or None if it makes no labels of an image."""
    name, tags = entry["base_name"], frozenset(entry.get("tags") or ())
    task = next((task for tag, task in _TASKS.items() if tag in tags), None)
    if task is None or tags & _OTHER_OUTPUT or _is_template(entry, source):
        return None
    family, version, size = _parse(name)
    settings = entry["default_deployment_config_dict"].get("config") or {}
    return ModelSpec(
        name=name,
        task=task,
        method=Method.ONE_STAGE,
        model_type=_model_type(entry, tags),
        family=entry.get("family") or family,
        version=entry.get("family_version") or entry.get("version") or version,
        size=entry.get("size") or size,
        license=_SPDX.get(entry.get("license"), entry.get("license") or ""),
        description=entry.get("description") or "",
        author=entry.get("author") or "",
        url=entry.get("source") or "",
        size_bytes=entry.get("size_bytes"),
        packages=tuple((entry.get("requirements") or {}).get("packages") or ()),
        confidence=_recommended(task, settings),
        source=source,
        entry=entry,
    )


def _is_template(entry: dict, source: str) -> bool:
    """Whether the entry stands for any checkpoint of a hub, to be named when it is loaded."""
    return source == "zoo" and not entry.get("training_data")


def _model_type(entry: dict, tags: frozenset) -> ModelType:
    # A few zero-shot models lack the tag.
    zero_shot = "zero-shot" in tags or "ZeroShot" in entry["default_deployment_config_dict"]["type"]
    return ModelType.ZERO_SHOT if zero_shot else ModelType.FIXED_VOCABULARY


def _recommended(task: Task, settings: dict) -> float | None:
    if task is Task.CLASSIFICATION:
        return None
    return settings.get("confidence_thresh", DETECTOR_CONFIDENCE)


def _parse(name: str) -> tuple[str, str, str]:
    """Reads family, version and size out of a name: the manifest has no fields for them."""
    short = _NOT_NAME.sub("", name)
    for pattern in _NAMES:
        match = pattern.fullmatch(short)
        if match:
            size = match["size"] or ""
            return match["family"], match["version"] or "", _SIZES.get(size, size)
    return short, "", ""


def _is_installed(package: str) -> bool:
    try:
        requirement = Requirement(package)
    except InvalidRequirement:
        return False
    if requirement.marker and not requirement.marker.evaluate():
        return True
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)
