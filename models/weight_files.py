"""Whether a weights file is complete, and how torchvision names its files. Loads nothing.

A download that was cut off leaves a file that looks like any other; a model library opens it and
fails in the middle of a run.
"""

import hashlib
import importlib.util
import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_TORCH = (".bin", ".pt", ".pth")
_INDEX = ".index.json"
# The files that Hugging Face's libraries load from a folder: the first that is there.
_LOADED = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
    *("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
)
_KIND = re.compile(r"^class (\w+)\(WeightsEnum\):", re.MULTILINE)
_MEMBER = re.compile(r'^    (\w+) = Weights\((?:\s|#[^\n]*\n)*url="([^"]+)"', re.MULTILINE)
_DEFAULT = re.compile(r"^    DEFAULT = (\w+)", re.MULTILINE)
_MEGABYTES = re.compile(r'"_file_size": ([\d.]+)')
_HASH = re.compile(r"-([0-9a-f]{6,64})\.")


@dataclass(frozen=True)
class Training:
    """One of torchvision's sets of weights for an architecture.

    Args:
        name: in torchvision, such as ``"IMAGENET1K_V2"``
        url: where it is downloaded from
        size_bytes: of the file, or None if torchvision does not say it
    """

    name: str
    url: str
    size_bytes: int | None

    @property
    def filename(self) -> str:
        """The name of the file, which ends with the beginning of its SHA-256."""
        return self.url.rpartition("/")[2]


def is_whole(path: Path, hashed: bool = False) -> bool:
    """Whether a file is there, is not empty, and was not cut off.

    Archives end with a table of contents, safetensors begin with one. Older files of torch have
    none: those with a hash in their name are compared with it, others are only looked at.

    Args:
        path: of the file
        hashed (False): whether its name ends with the beginning of its SHA-256, as torch's do
    """
    try:
        stat = os.stat(path)
        return stat.st_size > 0 and _is_whole(str(path), stat.st_size, stat.st_mtime_ns, hashed)
    except OSError:
        return False


@lru_cache(maxsize=1024)
def _is_whole(path: str, size: int, changed: int, hashed: bool) -> bool:
    with open(path, "rb") as file:
        head = file.read(8)
        if path.endswith(".safetensors"):
            return _is_safetensors(file, size, head)
        if head.startswith(_ZIP):
            return zipfile.is_zipfile(file)
        expected = _HASH.search(os.path.basename(path)) if hashed else None
        if expected:
            file.seek(0)
            return _sha256(file).startswith(expected[1])
    return head.startswith(_PICKLE) if path.endswith(_TORCH) else True


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()


def _is_safetensors(file: BinaryIO, size: int, head: bytes) -> bool:
    length = int.from_bytes(head, "little")
    if len(head) < 8 or length > size - 8:
        return False
    try:
        header = json.loads(file.read(length))
        ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False
    return size == 8 + length + max(ends, default=0)


def in_folder(folder: Path) -> list[Path]:
    """The files of weights that Hugging Face's libraries load from a folder, there or not.

    Args:
        folder: a checkpoint, or a snapshot in a cache
    """
    for name in _LOADED:
        if not os.path.lexists(folder / name):
            continue
        if not name.endswith(_INDEX):
            return [folder / name]
        try:
            parts = json.loads((folder / name).read_text(encoding="utf-8"))["weight_map"]
            return sorted({folder / part for part in parts.values()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return [folder / name[: -len(_INDEX)]]  # named, and not there: so it is not whole
    return []


def torchvision(settings: Mapping[str, Any]) -> Training | None:
    """The weights that torchvision itself loads for an entry, which may name others.

    Args:
        settings: the entry's settings of FiftyOne's wrapper

    Returns:
        None if torchvision is not installed, or does not know it
    """
    module = settings.get("entrypoint_fcn") or ""
    named = (settings.get("entrypoint_args") or {}).get("weights") or ""
    kind, _, member = named.partition(".")
    return _trainings().get((kind, member)) if module.startswith("torchvision.") else None


@lru_cache(maxsize=1)
def _trainings() -> dict[tuple[str, str], Training]:
    """``{(enum, member): Training}`` of torchvision, read from its source and not imported."""
    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None:
        return {}
    trainings: dict[tuple[str, str], Training] = {}
    for part in ("models", "models/detection"):
        for source in sorted(Path(package.origin).parent.joinpath(part).glob("*.py")):
            trainings.update(_in_source(source.read_text(encoding="utf-8")))
    return trainings


def _in_source(text: str) -> dict[tuple[str, str], Training]:
    trainings = {}
    _, *pieces = _KIND.split(text)
    for kind, body in zip(pieces[::2], pieces[1::2], strict=True):
        _, *members = _MEMBER.split(body)
        for name, url, rest in zip(members[::3], members[1::3], members[2::3], strict=True):
            large = _MEGABYTES.search(rest)
            size = round(float(large[1]) * 2**20) if large else None
            trainings[kind, name] = Training(name, url, size)
        default = _DEFAULT.search(body)
        if default and (kind, default[1]) in trainings:
            trainings[kind, "DEFAULT"] = trainings[kind, default[1]]
    return trainings
