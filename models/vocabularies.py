"""The classes of models with a fixed vocabulary, from label files in packages."""

import difflib
import importlib.util
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from auto_labeling.core import text
from auto_labeling.models.spec import ModelSpec

_ULTRALYTICS_DATASETS = {"coco": "coco", "oiv7": "open-images-v7", "imagenet": "ImageNet"}
# The names in Ultralytics' ImageNet weights are those of the data set's `map`, not of its `names`.
_SECTION = {"imagenet": "map"}
#: The similarity, by difflib, from which one name may be meant for another.
_ALIKE = 0.7

#: A sentence about an unknown class lists all known ones if they are no more than these.
_MAX_LISTED = 8

#: A sentence names so many unknown classes at most.
_MAX_NAMED = 3

_ETA_PATTERN = "{{eta-resources}}/"


def unknown(name: str, classes: Iterable[str], known: Sequence[str]) -> str:
    """Names the classes of a run that a model does not know, and those that may be meant.

    Args:
        name: of the model, for people
        classes: the classes of the run
        known: those that the model can give

    Returns:
        a sentence; empty if it knows them all
    """
    vocabulary = frozenset(known)
    wrong = [name for name in classes if name not in vocabulary]
    if not wrong:
        return ""
    quoted = text.some((f"'{name}'" for name in wrong), _MAX_NAMED)
    nearest = (_nearest(name, known) for name in wrong[:_MAX_NAMED])
    near = list(dict.fromkeys(name for name in nearest if name is not None))
    meant = f"; did you mean {' and '.join(near)}?" if near else ""
    listed = f". It knows {', '.join(known)}" if not near and 0 < len(known) <= _MAX_LISTED else ""
    return f"{name} does not know {quoted}{meant}{listed}"


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The known class that may be meant by a name, or None."""
    alike = {known_name.casefold(): known_name for known_name in known}
    matches = difflib.get_close_matches(name.casefold(), alike, n=1, cutoff=_ALIKE)
    return alike[matches[0]] if matches else None


def find(spec: ModelSpec) -> tuple[str, ...] | None:
    """Finds the classes of a :class:`auto_labeling.models.catalog.ModelSpec`.

    Returns:
        the distinct classes in the order of the model's outputs, or None if no file says them
    """
    labels_path = spec.settings.get("labels_path") or ""
    if labels_path.startswith(_ETA_PATTERN):
        return _eta(labels_path[len(_ETA_PATTERN) :])
    if spec.wrapper.startswith("fiftyone.utils.ultralytics."):
        tags = spec.entry.get("tags") or ()
        return next((_ultralytics(tag) for tag in tags if tag in _ULTRALYTICS_DATASETS), None)
    return None


@lru_cache
def _eta(filename: str) -> tuple[str, ...] | None:
    """Reads lines like ``281:tabby``."""
    content = _read("eta", "resources", filename)
    if content is None:
        return None
    lines = (line.partition(":")[2].strip() for line in content.splitlines())
    return tuple(dict.fromkeys(label for label in lines if label and label != "background"))


@lru_cache
def _ultralytics(dataset: str) -> tuple[str, ...] | None:
    content = _read("ultralytics", "cfg", "datasets", f"{_ULTRALYTICS_DATASETS[dataset]}.yaml")
    if content is None:
        return None
    name = _SECTION.get(dataset, "names")
    section = re.search(rf"^{name}:\n((?: +.*\n?)+)", content, re.MULTILINE)
    if section is None:
        return None
    import yaml

    return tuple(dict.fromkeys(str(label) for label in yaml.safe_load(section[1]).values()))


def _read(package: str, *parts: str) -> str | None:
    module = importlib.util.find_spec(package)  # finds the package without importing it
    if module is None or module.origin is None:
        return None
    path = Path(module.origin).parent.joinpath(*parts)
    return path.read_text(encoding="utf-8") if path.is_file() else None
