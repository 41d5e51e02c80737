"""Whether a model's weights are on this machine, found without loading anything."""

import json
import os
from pathlib import Path

from auto_labeling.models import manifests

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")


def is_downloaded(spec) -> bool:
    """Whether the weights of a :class:`auto_labeling.models.catalog.ModelSpec` are on this machine.

    False also where only the model's own library knows where it keeps them.
    """
    if spec.source == "bundled":
        return spec.weights is None or spec.weights.is_file()
    filename = spec.entry.get("base_filename")
    if filename and spec.entry.get("manager"):
        version = spec.entry.get("version")
        if version:  # as FiftyOne names the file of a model with versions
            root, dot, end = filename.rpartition(".")
            filename = f"{root}-{version}{dot}{end}"
        return (manifests.zoo_dir() / filename).is_file()
    return any(_holds_weights(folder) for folder in _folders(spec.checkpoint))


def class_names(checkpoint: str) -> tuple[str, ...] | None:
    """The classes in the configuration of a Hugging Face checkpoint, if that is on this machine."""
    for folder in _folders(checkpoint):
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            names = {int(index): str(name) for index, name in config["id2label"].items()}
        except (OSError, ValueError, KeyError, AttributeError):
            continue
        return tuple(dict.fromkeys(names[index] for index in sorted(names)))
    return None


def _folders(checkpoint):
    """The folders that may hold a Hugging Face checkpoint: its own, or snapshots in the caches."""
    if not checkpoint:
        return
    if os.path.isdir(checkpoint):
        yield Path(checkpoint)
        return
    name = "models--" + checkpoint.replace("/", "--")
    for cache in (manifests.zoo_dir(), _hub_cache()):
        snapshots = cache / name / "snapshots"
        if snapshots.is_dir():
            yield from sorted(snapshots.iterdir(), reverse=True)


def _hub_cache() -> Path:
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"])
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(home).expanduser() / "hub"


def _holds_weights(folder):
    return any(child.name.endswith(_WEIGHTS) for child in folder.iterdir())
