"""Whether a model's weights are on this machine, found without loading anything.

The zoo keeps some itself; others are where their own libraries put them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_labeling.core.errors import FailureReason, ModelUnavailable
from auto_labeling.models import manifests, weight_files

if TYPE_CHECKING:  # spec imports this module
    from auto_labeling.models.spec import ModelSpec

#: A file that did not change for so long is no longer being written.
_QUIET_SECONDS = 30

TORCHVISION = "fiftyone.zoo.models.torch.TorchvisionImageModel"
_RFDETR = "fiftyone.utils.rfdetr."
_YOLO_NAS = "fiftyone.utils.super_gradients."
# The checkpoint on the Hugging Face hub that a wrapper loads if its entry names none.
_DEFAULTS = {
    "fiftyone.utils.open_clip.TorchOpenClipModel": "timm/vit_base_patch32_clip_224.openai",
    "fiftyone.utils.transformers.FiftyOneTransformerForImageClassification": (
        "google/vit-base-patch16-224"
    ),
}
# FiftyOne loads the large YOLO-NAS, for every size.
_YOLO_NAS_FILE = "yolo_nas_l_coco.pth"
_RFDETR_WEIGHTS = re.compile(
    r'^class (RFDETR\w+)Config\(.*?^    pretrain_weights: [^\n]*?= "([^"]+)"',
    re.MULTILINE | re.DOTALL,
)


def is_downloaded(spec: ModelSpec, checkpoint: str = "") -> bool:
    """Whether the weights of a :class:`auto_labeling.models.spec.ModelSpec` are on this machine.

    Args:
        spec: the model
        checkpoint (""): the weights that a run names, if the model needs that
    """
    if spec.source == "bundled" and spec.weights is None:
        return True  # a package brings them
    if spec.source == "custom" and not os.path.isabs(checkpoint):
        return True  # an import path brings its own weights
    return bool(files(spec, checkpoint))


def files(spec: ModelSpec, checkpoint: str = "") -> list[Path]:
    """The files of weights that a run loads from this machine: all of them whole, or none.

    Args:
        spec: the model
        checkpoint (""): the weights that a run names, if the model needs that
    """
    candidates = _candidates(spec, checkpoint)
    return next((paths for paths in candidates if _are_whole(spec, paths)), [])


def size_bytes(spec: ModelSpec, checkpoint: str = "") -> int | None:
    """The bytes of the weights on this machine, else of those to download; None if unknown.

    Args:
        spec: the model
        checkpoint (""): the weights that a run names, if the model needs that
    """
    here = files(spec, checkpoint)
    return sum(path.stat().st_size for path in here) if here else spec.size_bytes


def weights_name(spec: ModelSpec, checkpoint: str = "") -> str:
    """The name of the weights that a run loads: a file and its training, or an id.

    Args:
        spec: the model
        checkpoint (""): the weights that a run names, if the model needs that

    Returns:
        empty for models that we bring, or that people bring themselves
    """
    if spec.source in ("bundled", "custom"):
        return ""
    training = _training(spec)
    if training is not None:
        return f"{training.filename} ({training.name})"
    path = _in_library(spec)
    if path is not None:
        return path.name
    return url(spec).rpartition("/")[2] or _checkpoint(spec) or checkpoint


def url(spec: ModelSpec) -> str:
    """Where the weights are downloaded from; empty if a library knows that."""
    training = _training(spec)
    if training is not None:
        return training.url
    return ((spec.entry.get("manager") or {}).get("config") or {}).get("url") or ""


def damaged(spec: ModelSpec, checkpoint: str = "") -> list[Path]:
    """The files of weights on this machine that are not whole, if there are no others to use.

    Args:
        spec: the model
        checkpoint (""): the weights that a run names, if the model needs that
    """
    if files(spec, checkpoint):
        return []
    paths = [path for candidate in _candidates(spec, checkpoint) for path in candidate]
    return [path for path in paths if path.is_file() and not _is_whole(spec, path)]


def clear_damaged(spec: ModelSpec, checkpoint: str = "") -> None:
    """Sets aside files of weights that were cut off, so that they are downloaded again.

    A file that still changes is being downloaded: this waits until it is whole.

    Args:
        spec: the model
        checkpoint (""): the weights that a run names, if the model needs that

    Raises:
        ModelUnavailable: if the file is a person's own, or part of this installation
    """
    while paths := damaged(spec, checkpoint):
        path = paths[0]
        if spec.source in ("bundled", "custom") or os.path.isdir(checkpoint):
            how = "Install Auto-Labeling" if spec.source == "bundled" else "Copy the file"
            raise ModelUnavailable(
                f"The weights file {path} is empty or incomplete. {how} again",
                reason=FailureReason.WEIGHTS_MISSING,
            )
        try:
            real = path.resolve()
            if time.time() - real.stat().st_mtime < _QUIET_SECONDS:
                time.sleep(1)
            else:
                os.replace(real, f"{real}.damaged")
        except FileNotFoundError:
            continue  # another worker was faster
        except OSError as error:
            raise ModelUnavailable(
                f"The weights file {path} is empty or incomplete, and this worker has no "
                "permission to "
                f"replace it ({error.strerror}). Delete it, then resume",
                reason=FailureReason.PERMISSION_DENIED,
            ) from error


def folder(spec: ModelSpec) -> Path:
    """The folder to which the weights of a model are downloaded."""
    path = spec.weights or _in_zoo(spec.entry) or _in_library(spec)
    if path is not None:
        return path.parent
    return manifests.zoo_dir() if spec.source in ("custom", "remote") else _hub_cache()


def _candidates(spec: ModelSpec, checkpoint: str) -> Iterator[list[Path]]:
    """Where the weights may be, in the order in which loading looks: a list of files each time."""
    training = _training(spec)
    if spec.source == "custom":
        yield [Path(checkpoint)]
    elif spec.weights is not None:
        yield [spec.weights]
    elif training is not None:  # not what the entry names: torchvision loads its own
        yield [_torch_home() / training.filename]
        yield [manifests.zoo_dir() / training.filename]
    elif (path := _in_zoo(spec.entry) or _in_library(spec)) is not None:
        yield [path]
    else:
        for snapshot in _folders(_checkpoint(spec) or checkpoint):
            yield weight_files.in_folder(snapshot)


def _are_whole(spec: ModelSpec, paths: Iterable[Path]) -> bool:
    return bool(paths) and all(_is_whole(spec, path) for path in paths)


def _is_whole(spec: ModelSpec, path: Path) -> bool:
    return weight_files.is_whole(path, hashed=spec.wrapper == TORCHVISION)


def _training(spec: ModelSpec) -> weight_files.Training | None:
    """The weights that torchvision loads, for one of its models."""
    return weight_files.torchvision(spec.settings) if spec.wrapper == TORCHVISION else None


def _torch_home() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    home = Path(os.environ.get("TORCH_HOME") or cache)
    return home.expanduser() / "hub" / "checkpoints"


def _in_zoo(entry: Mapping[str, Any]) -> Path | None:
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


def _in_library(spec: ModelSpec) -> Path | None:
    """The file of a model whose own library downloads it."""
    if spec.wrapper.startswith(_YOLO_NAS):
        return _torch_home() / _YOLO_NAS_FILE
    if spec.wrapper.startswith(_RFDETR):
        home = os.environ.get("RF_HOME") or os.environ.get("ROBOFLOW_HOME")
        filename = _rfdetr_files().get(spec.settings.get("model_type", ""))
        return Path(home or "~/.roboflow/models").expanduser() / filename if filename else None
    return None


@lru_cache(maxsize=1)
def _rfdetr_files() -> dict[str, str]:
    """The name of each kind's weights, read from the library's source and not imported."""
    package = importlib.util.find_spec("rfdetr")
    if package is None or package.origin is None:
        return {}
    source = Path(package.origin).with_name("config.py")
    return dict(_RFDETR_WEIGHTS.findall(source.read_text("utf-8"))) if source.is_file() else {}


def _checkpoint(spec: ModelSpec) -> str:
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


def hub_config(checkpoint: str) -> dict[str, Any]:
    """The configuration of a Hugging Face checkpoint; empty if that is not on this machine."""
    for folder in _folders(checkpoint):
        with contextlib.suppress(OSError, ValueError):
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if isinstance(config, dict):
                return config
    return {}


def _folders(checkpoint: str) -> Iterator[Path]:
    """The folders that may hold a Hugging Face checkpoint: its own, or snapshots in the caches."""
    if not checkpoint:
        return
    if os.path.isdir(checkpoint):
        yield Path(checkpoint)
        return
    name = "models--" + checkpoint.replace("/", "--")
    for cache in (manifests.zoo_dir(), _hub_cache()):
        snapshots, main = cache / name / "snapshots", cache / name / "refs" / "main"
        if main.is_file():
            yield snapshots / main.read_text(encoding="utf-8").strip()
        elif snapshots.is_dir():
            yield from sorted(snapshots.iterdir(), reverse=True)


def _hub_cache() -> Path:
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"])
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(home).expanduser() / "hub"
