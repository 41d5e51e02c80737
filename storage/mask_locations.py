"""Warnings about a folder chosen for masks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.dataset import Dataset


#: Folders of operating systems: what is in or below them is not for masks.
_SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin"),
    *("/sys", "/usr", "/var/cache", "/var/log", "/var/run", "/var/spool"),
    *("/Applications", "/Library", "/System", "/private/etc", "/private/var/log"),
    *("C:/Program Files", "C:/Program Files (x86)", "C:/Windows"),
)

#: Samples whose folders are looked at.
_MAX_SAMPLES = 1_000

#: What the folders of runs are called.
_RUN = re.compile("[0-9a-f]{12}")


def warnings(dataset: Dataset, location: str) -> Iterator[str]:
    """Explains why a folder may be the wrong place for masks.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        location: the folder, by its full path

    Returns:
        at most one sentence; none if there is no reason for doubt
    """
    folder = Path(os.path.realpath(location))
    if _is_system(Path(location)) or _is_system(folder):
        yield (
            f"{location} belongs to the operating system. Choose your own folder for masks, "
            "such as /data/masks"
        )
    elif media := _media_above(dataset, folder):
        yield (
            f"{location} is in {media}, which holds this dataset's media: loading that "
            "folder again would add masks as images. Choose another folder"
        )
    elif _holds_others(folder):
        yield (
            f"{location} already contains other files. Masks go to a subfolder for this run; "
            "choose an empty folder to keep them apart"
        )


def _is_system(folder: Path) -> bool:
    if folder == Path(folder.anchor):
        return True
    return any(folder.is_relative_to(system_folder) for system_folder in _SYSTEM)


def _media_above(dataset: Dataset, folder: Path) -> str:
    """The folder at or above one in which media of the dataset are; empty if there is none."""
    documents = dataset._sample_collection.find({}, {"filepath": 1}).limit(_MAX_SAMPLES)
    media_folders = {os.path.dirname(document["filepath"]) for document in documents}
    real = {Path(os.path.realpath(path)): path for path in media_folders}
    return next((real[parent] for parent in (folder, *folder.parents) if parent in real), "")


def _holds_others(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(not _RUN.fullmatch(entry.name) for entry in entries)
    except OSError:  # it is not there yet, or cannot be looked into
        return False
