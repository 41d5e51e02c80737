"""Makes ``.pcd`` files of point clouds in formats that FiftyOne does not show."""

import os
from collections.abc import Callable, Iterable
from enum import Enum

from pydantic import BaseModel, ConfigDict

from auto_labeling.core.errors import AutoLabelingError, first_line
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


def _fits(name: str) -> bool:
    return name.lower().endswith(conversion.ENDINGS)
