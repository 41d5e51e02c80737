"""The classes of models with a fixed vocabulary, from label files in packages."""

import difflib
import importlib.util
import re
from functools import lru_cache
from pathlib import Path

from auto_labeling.models.spec import ModelSpec

_ULTRALYTICS_DATASETS = {"coco": "coco", "oiv7": "open-images-v7", "imagenet": "ImageNet"}
# The names in Ultralytics' ImageNet weights are those of the data set's `map`, not of its `names`.
_SECTION = {"imagenet": "map"}
#: From how much alike, in difflib's measure, one name may be meant for another.
_ALIKE = 0.7

#: So few classes are all named where somebody asks for another.
_FEW = 8

_ETA_PATTERN = "{{eta-resources}}/"


def unknown(name: str, asked, known) -> str:
    """Says which of the classes that a run asks for a model does not know, and what may be meant.

    Args:
        name: of the model, for people
        asked: the classes that a run asks for
        known: those that the model can give

    Returns:
        a sentence; empty if it knows them all
    """
    vocabulary = frozenset(known)
    wrong = [one for one in asked if one not in vocabulary]
    if not wrong:
        return ""
    quoted = ", ".join(f"'{one}'" for one in wrong[:3])
    more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
    near = list(dict.fromkeys(n for one in wrong[:3] if (n := _nearest(one, known)) is not None))
    meant = f"; did you mean {' and '.join(near)}?" if near else ""
    few = f". It knows {', '.join(known)}" if not near and 0 < len(known) <= _FEW else ""
    return f"{name} does not know {quoted}{more}{meant}{few}"


def _nearest(name: str, known):
    """The known class that somebody may have meant, or None."""
    alike = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold(), alike, n=1, cutoff=_ALIKE)
    return alike[found[0]] if found else None


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
    text = _read("eta", "resources", filename)
    if text is None:
        return None
    lines = (line.partition(":")[2].strip() for line in text.splitlines())
    return tuple(dict.fromkeys(label for label in lines if label and label != "background"))


@lru_cache
def _ultralytics(dataset: str) -> tuple[str, ...] | None:
    text = _read("ultralytics", "cfg", "datasets", f"{_ULTRALYTICS_DATASETS[dataset]}.yaml")
    if text is None:
        return None
    section = re.search(rf"^{_SECTION.get(dataset, 'names')}:\n((?: +.*\n?)+)", text, re.MULTILINE)
    if section is None:
        return None
    import yaml

    return tuple(dict.fromkeys(str(label) for label in yaml.safe_load(section[1]).values()))


def _read(package: str, *parts: str) -> str | None:
    found = importlib.util.find_spec(package)  # finds the package without importing it
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent.joinpath(*parts)
    return path.read_text(encoding="utf-8") if path.is_file() else None
