"""Makes ``.pcd`` files of point clouds in formats that FiftyOne does not show."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

import fiftyone.core.media as fom
from fiftyone.core.dataset import Dataset
from pydantic import BaseModel, ConfigDict

from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError, FailureReason, first_line
from auto_labeling.storage import samples
from auto_labeling.threed import conversion


class Outcome(str, Enum):
    """What came of a file."""

    CONVERTED = "converted"
    EXISTED = "existed"  # its .pcd file, which was left alone
    FAILED = "failed"


class Conversion(BaseModel):
    """A file, and what came of it."""

    model_config = ConfigDict(frozen=True)

    source: str
    target: str
    outcome: Outcome
    error: str = ""


def find(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Finds the files that can be converted.

    Args:
        paths: files, and folders that are searched with all folders in them

    Returns:
        the full paths, each once, in order

    Raises:
        AutoLabelingError: if a path is not there, or is a file of another kind
    """
    found: set[str] = set()
    for path in map(os.path.abspath, paths):
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                found.update(os.path.join(folder, name) for name in names if _fits(name))
        elif not os.path.exists(path):
            raise AutoLabelingError(f"There is no file or folder {path}")
        elif not _fits(path):
            endings = ", ".join(conversion.ENDINGS)
            raise AutoLabelingError(f"{path} cannot be converted: it is none of {endings}")
        else:
            found.add(path)
    return sorted(found)


def convert(
    files: Iterable[str],
    columns: int | None = None,
    report: Callable[[Conversion], None] | None = None,
) -> list[Conversion]:
    """Writes a ``.pcd`` file beside each file. A file that fails does not stop the others.

    Args:
        files: paths that :func:`find` gives
        columns (None): the numbers of each point in ``.bin`` files
        report (None): called with each result

    Returns:
        a :class:`Conversion` for each file
    """
    results = []
    for path in files:
        facts = {"source": path, "target": conversion.target_of(path)}
        try:
            done = conversion.convert(path, columns)
            outcome = Outcome.CONVERTED if done else Outcome.EXISTED
            result = Conversion(**facts, outcome=outcome)
        except AutoLabelingError as error:
            result = Conversion(**facts, outcome=Outcome.FAILED, error=first_line(error))
        results.append(result)
        if report is not None:
            report(result)
    return results


@dataclass(frozen=True)
class Unshown:
    """Samples whose point clouds FiftyOne does not show, because of their format.

    Attributes:
        slice: their slice; "" without groups
        files: the file of each, by the sample's id
    """

    slice: str
    files: dict[str, str]


def unshown(dataset: Dataset) -> Unshown | None:
    """The point clouds of a dataset that can be converted so that the App shows them.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`

    Returns:
        the samples of the dataset, or of its first slice that holds nothing else; None if there
        are none
    """
    kinds = dataset.group_media_types if dataset.media_type == fom.GROUP else {}
    kinds = kinds or {"": dataset.media_type}
    for name in (name for name, kind in kinds.items() if kind == fom.UNKNOWN):
        files = dict(samples.files(dataset, name))
        # A .pcd file is there if a process died before it told the dataset.
        if files and all(_fits(path) or path.lower().endswith(".pcd") for path in files.values()):
            return Unshown(name, files)
    return None


def convert_samples(
    dataset: Dataset,
    columns: int | None = None,
    report: Callable[[Conversion], None] | None = None,
) -> list[Conversion]:
    """Converts the point clouds of :func:`unshown`, and makes the samples show the new files.

    Nothing in the dataset changes if a file cannot be converted.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        columns (None): the numbers of each point in ``.bin`` files
        report (None): called with each result

    Returns:
        a :class:`Conversion` for each file

    Raises:
        AutoLabelingError: if a file cannot be converted, with the first reason
    """
    found = unshown(dataset)
    if found is None:
        return []
    paths = {i: path for i, path in found.files.items() if _fits(path)}
    results = convert(dict.fromkeys(paths.values()), columns, report)
    failed = [result for result in results if result.error]
    if failed:
        raise AutoLabelingError(
            f"{len(failed):,} of {text.count(len(results), 'file')} cannot be converted, so the "
            f"dataset was not changed. The first: {failed[0].error}. To convert .bin files of "
            "other columns, use `auto-labeling convert --dataset`",
            reason=FailureReason.POINTS_UNREADABLE,
        )
    shown = {i: conversion.target_of(path) for i, path in paths.items()}
    samples.show_files(dataset, shown, fom.POINT_CLOUD, found.slice)
    return results


def _fits(name: str) -> bool:
    return name.lower().endswith(conversion.ENDINGS)
