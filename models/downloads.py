"""Whether a model's weights are on this machine, found without loading anything.

The zoo keeps some itself; others are where their own libraries put them.
"""

import contextlib
import importlib.util
import json
import os
import re
from functools import lru_cache
from pathlib import Path

from auto_labeling.models import manifests

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")

_RFDETR = "fiftyone.utils.rfdetr."
_YOLO_NAS = "fiftyone.utils.super_gradients."
# What a wrapper takes from the Hugging Face hub if its entry does not say.
_DEFAULTS = {
    "fiftyone.utils.open_clip.TorchOpenClipModel": "timm/vit_base_patch32_clip_224.openai",
    "fiftyone.utils.transformers.FiftyOneTransformerForImageClassification": (
        "google/vit-base-patch16-224"
    ),
}
# FiftyOne loads the large YOLO-NAS, whatever the sizes there are.
_YOLO_NAS_FILE = "yolo_nas_l_coco.pth"
_RFDETR_WEIGHTS = re.compile(
    r'^class (RFDETR\w+)Config\(.*?^    pretrain_weights: [^\n]*?= "([^"]+)"',
    re.MULTILINE | re.DOTALL,
)


def is_downloaded(spec, checkpoint: str = "") -> bool:
    """Whether the weights of a :class:`auto_labeling.models.spec.ModelSpec` are on this machine.

    Args:
        spec: the model
        checkpoint (""): the weights that a run names, if the model needs that
    """
    if spec.source == "bundled":
        return spec.weights is None or spec.weights.is_file()
    if spec.source == "custom":  # an import path brings what it brings
        return not os.path.isabs(checkpoint) or os.path.isfile(checkpoint)
    path = _in_zoo(spec.entry) or _in_library(spec)
    if path is not None:
        return path.is_file()
    return any(_holds_weights(folder) for folder in _folders(_checkpoint(spec) or checkpoint))


def folder(spec) -> Path:
    """The folder to which the weights of a model are downloaded."""
    path = spec.weights or _in_zoo(spec.entry) or _in_library(spec)
    if path is not None:
        return path.parent
    return manifests.zoo_dir() if spec.source in ("custom", "remote") else _hub_cache()


def _in_zoo(entry) -> Path | None:
    """The file of a model that FiftyOne downloads itself, or that a remote source does."""
    filename = entry.get("base_filename")
    if filename and entry.get("folder"):
        return Path(entry["folder"]) / filename
    if not filename or not entry.get("manager"):
        return None
    version = entry.get("version")
    if version:  # as FiftyOne names the file of a model with versions
        root, dot, end = filename.rpartition(".")
        filename = f"{root}-{version}{dot}{end}"
    return manifests.zoo_dir() / filename


def _in_library(spec) -> Path | None:
    """The file of a model whose own library downloads it."""
    if spec.wrapper.startswith(_YOLO_NAS):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
        home = Path(os.environ.get("TORCH_HOME") or cache)
        return home.expanduser() / "hub" / "checkpoints" / _YOLO_NAS_FILE
    if spec.wrapper.startswith(_RFDETR):
        home = os.environ.get("RF_HOME") or os.environ.get("ROBOFLOW_HOME")
        filename = _rfdetr_files().get(spec.settings.get("model_type", ""))
        return Path(home or "~/.roboflow/models").expanduser() / filename if filename else None
    return None


@lru_cache(maxsize=1)
def _rfdetr_files() -> dict[str, str]:
    """The name of each kind's weights, read from the library's source and not imported."""
    found = importlib.util.find_spec("rfdetr")
    if found is None or found.origin is None:
        return {}
    source = Path(found.origin).with_name("config.py")
    return dict(_RFDETR_WEIGHTS.findall(source.read_text("utf-8"))) if source.is_file() else {}


def _checkpoint(spec) -> str:
    """The Hugging Face id of a model's weights; empty if a run has to name it."""
    if spec.needs_checkpoint:
        return ""
    return spec.checkpoint or _DEFAULTS.get(spec.wrapper, "")


def class_names(checkpoint: str) -> tuple[str, ...] | None:
    """The classes in the configuration of a Hugging Face checkpoint, if that is on this machine."""
    try:
        names = {int(i): str(n) for i, n in hub_config(checkpoint)["id2label"].items()}
    except (ValueError, KeyError, AttributeError):
        return None
    return tuple(dict.fromkeys(names[index] for index in sorted(names)))


def hub_config(checkpoint: str) -> dict:
    """The configuration of a Hugging Face checkpoint; empty if that is not on this machine."""
    for folder in _folders(checkpoint):
        with contextlib.suppress(OSError, ValueError):
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if isinstance(config, dict):
                return config
    return {}


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
