"""The manifests behind the catalog, read without FiftyOne."""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

_BUNDLED = Path(__file__).with_name("bundled.json")
_ZOO = Path("zoo", "models", "manifest-torch.json")
_DEEPEST = 3  # folders below the zoo's own in which FiftyOne's remote sources are looked for


def zoo_dir() -> Path:
    """The folder in which FiftyOne keeps the weights of its zoo."""
    fiftyone = sys.modules.get("fiftyone")  # if it is loaded, it has decided
    if fiftyone is not None and getattr(fiftyone, "config", None) is not None:
        return Path(fiftyone.config.model_zoo_dir)
    named = os.environ.get("FIFTYONE_MODEL_ZOO_DIR") or _settings().get("model_zoo_dir")
    return Path(named or "~/fiftyone/__models__").expanduser()


def bundled() -> list[dict[str, Any]]:
    """The entries of the models that we bring, or that people bring themselves."""
    return _read(str(_BUNDLED), 0)


def zoo() -> list[dict[str, Any]]:
    """The entries of FiftyOne's torch models.

    Raises:
        ModuleNotFoundError: if FiftyOne is not installed
    """
    package = importlib.util.find_spec("fiftyone")  # finds the package without importing it
    if package is None or package.origin is None:
        raise ModuleNotFoundError("FiftyOne is not installed", name="fiftyone")
    return _read(str(Path(package.origin).parent / _ZOO), 0)


def remote() -> list[dict[str, Any]]:
    """The entries of the remote sources that were registered with FiftyOne on this machine."""
    entries: list[dict[str, Any]] = []
    for path, changed in remote_files():
        try:
            entries += _read(path, changed)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # as FiftyOne does: a broken manifest hides its own models alone
    return entries


def remote_files() -> tuple[tuple[str, int], ...]:
    """``(path, time of change)`` of each remote source's manifest."""
    listed = os.environ.get("FIFTYONE_MODEL_ZOO_MANIFEST_PATHS", "").split(",")
    paths = [path for path in listed if path.strip()] + list(_manifests(str(zoo_dir()), _DEEPEST))
    return tuple((path, os.stat(path).st_mtime_ns) for path in paths if os.path.isfile(path))


def _manifests(folder: str, depth: int) -> Iterator[str]:
    try:
        children = sorted(os.scandir(folder), key=lambda child: child.name)
    except OSError:
        return
    if any(child.name == "manifest.json" for child in children):
        yield os.path.join(folder, "manifest.json")
        return
    for child in children:
        # "models--…" are the Hugging Face caches that FiftyOne keeps in the same folder.
        if depth and child.is_dir() and not child.name.startswith((".", "models--")):
            yield from _manifests(child.path, depth - 1)


@lru_cache
def _read(path: str, changed: int) -> list[dict[str, Any]]:
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    source = document.get("url")
    if not source:
        return document["models"]
    folder = str(Path(path).parent)
    return [dict(e, remote_source=source, folder=folder) for e in document["models"]]


@lru_cache(maxsize=1)
def _settings() -> dict[str, Any]:
    path = os.environ.get("FIFTYONE_CONFIG_PATH") or "~/.fiftyone/config.json"
    try:
        settings = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}
