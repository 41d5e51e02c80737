"""Reads ``.pcd`` files with the library that FiftyOne uses, and those that it refuses.

The format: https://pointclouds.org/documentation/tutorials/pcd_file_format.html.
"""

from __future__ import annotations

import struct
import warnings
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from auto_labeling.threed.clouds import Cloud, open_file, too_short, unreadable

if TYPE_CHECKING:
    import pypcd4

#: A header has ten lines; comments and empty lines may stand between them.
MAX_HEADER_LINES = 100
MAX_LINE_BYTES = 1 << 16


def read(filepath: str) -> Cloud:
    """Reads a ``.pcd`` file: ASCII, binary or compressed.

    Args:
        filepath: its path

    Returns:
        a :class:`Cloud`

    Raises:
        AutoLabelingError: if the file is missing or broken, with the reason
    """
    import pypcd4

    with open_file(filepath) as file:
        metadata = _header(filepath, file)
        if missing := [axis for axis in "xyz" if axis not in metadata.fields]:
            raise unreadable(f"{filepath} has no field '{missing[0]}', so it holds no points")
        if metadata.data is pypcd4.Encoding.ASCII:
            columns = _text(file, metadata)
        else:
            try:
                data = pypcd4.PointCloud.from_path(filepath).pc_data
            except (ValueError, RuntimeError, TypeError, KeyError, struct.error) as error:
                # NumPy and the decompressor complain each in their own way about too few bytes.
                raise unreadable(
                    f"The points of {filepath} cannot be read: the file is cut off, or does not "
                    "match its header"
                ) from error
            columns = {name: data[name] for name in data.dtype.names or ()}
    if len(columns["x"]) < metadata.points:
        raise too_short(filepath, len(columns["x"]), metadata.points)
    return Cloud.of_columns(columns)


def _header(filepath: str, file: IO[bytes]) -> pypcd4.MetaData:
    import pypcd4

    lines: list[str] = []
    for _ in range(MAX_HEADER_LINES):
        line = file.readline(MAX_LINE_BYTES).decode("utf-8", errors="replace").strip()
        if line and not line.startswith("#"):
            lines.append(line)
        if line.startswith("DATA"):
            break
    else:
        raise unreadable(f"{filepath} is not a PCD file: its header has no line DATA")
    try:
        return pypcd4.MetaData.parse_header(lines)
    except ValueError as error:
        problem = str(error).splitlines()
        # A validation error names the field of the header in its second line.
        where = problem[1].upper() if len(problem) > 1 else "a number"
        raise unreadable(f"The header of {filepath} is broken: see {where}") from error


def _text(file: IO[bytes], metadata: pypcd4.MetaData) -> dict[str, npt.NDArray[np.generic]]:
    """The columns of an ASCII file; a value that is no number is NaN, and so its point left out."""
    starts = np.cumsum([0, *metadata.count])
    columns = {
        name: int(start)
        for name, start, count in zip(metadata.fields, starts, metadata.count, strict=False)
        if count == 1
    }
    if not metadata.points:
        return {name: np.zeros(0) for name in columns}
    start = file.tell()
    try:
        rows = np.loadtxt(file, np.float64, usecols=list(columns.values()), ndmin=2)
    except ValueError:
        file.seek(start)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a line that is cut off is left out, and then missing
            rows = np.genfromtxt(file, usecols=list(columns.values()), invalid_raise=False)
        rows = rows.reshape(-1, len(columns))
    return {name: rows[:, index] for index, name in enumerate(columns)}
