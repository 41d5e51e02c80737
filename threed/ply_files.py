"""Reads the vertices of ``.ply`` files; their faces are left alone.

The format: http://paulbourke.net/dataformats/ply/. It is small and has not changed since 1998, so
no library is needed for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

from auto_labeling.threed.clouds import Cloud, open_file, too_short, unreadable

#: The types of properties, by both of their names, as NumPy writes them.
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}

#: No header is longer; without a limit, another file would be read whole.
MAX_HEADER_LINES = 1000
MAX_LINE_BYTES = 1 << 12


@dataclass
class _Element:
    """A kind of thing in a file, such as its vertices; properties that are lists have no type."""

    name: str
    count: int
    properties: list[tuple[str, str]] = field(default_factory=list)


def read(filepath: str) -> Cloud:
    """Reads the vertices of a ``.ply`` file: ASCII, or binary in either byte order.

    Args:
        filepath: its path

    Returns:
        a :class:`Cloud`

    Raises:
        AutoLabelingError: if the file is missing or broken, with the reason
    """
    with open_file(filepath) as file:
        order, before, vertices = _header(filepath, file)
        names = [name for name, _ in vertices.properties]
        if missing := [axis for axis in "xyz" if axis not in names]:
            raise unreadable(f"The vertices of {filepath} have no '{missing[0]}'")
        if any(not kind for _, kind in vertices.properties):
            raise unreadable(f"The vertices of {filepath} have lists, which are not supported")
        if order:
            columns = _binary(filepath, file, order, before, vertices)
        else:
            columns = _text(filepath, file, before, vertices)
    if len(columns["x"]) < vertices.count:
        raise too_short(filepath, len(columns["x"]), vertices.count)
    return Cloud.of_columns(columns)


def _header(filepath: str, file: IO[bytes]) -> tuple[str, list[_Element], _Element]:
    """The byte order ("" for text), the elements before the vertices, and the vertices."""
    if file.readline(MAX_LINE_BYTES).strip() != b"ply":
        raise unreadable(f"{filepath} is not a PLY file: it does not begin with 'ply'")
    order: str | None = None
    elements: list[_Element] = []
    for words in _header_lines(filepath, file):
        try:
            if words[0] == "format":
                order = _ORDERS[words[1]]
            elif words[0] == "element":
                elements.append(_Element(words[1], int(words[2])))
            elif words[0] == "property":
                kind = "" if words[1] == "list" else _TYPES[words[1]]
                elements[-1].properties.append((words[-1], kind))
        except (IndexError, KeyError, ValueError) as error:
            line = " ".join(words)
            raise unreadable(f"The header of {filepath} is broken: see '{line}'") from error
    if order is None:
        raise unreadable(f"The header of {filepath} is broken: it names no format")
    for index, element in enumerate(elements):
        if element.name == "vertex":
            return order, elements[:index], element
    raise unreadable(f"{filepath} has no vertices")


def _header_lines(filepath: str, file: IO[bytes]) -> Iterator[list[str]]:
    """The words of each line up to the header's end."""
    for _ in range(MAX_HEADER_LINES):
        words = file.readline(MAX_LINE_BYTES).decode("ascii", errors="replace").split()
        if words == ["end_header"]:
            return
        if words:
            yield words
    raise unreadable(f"The header of {filepath} does not end")


def _binary(
    filepath: str, file: IO[bytes], order: str, before: list[_Element], vertices: _Element
) -> dict[str, npt.NDArray[np.generic]]:
    for element in before:
        if any(not kind for _, kind in element.properties):
            raise unreadable(
                f"{filepath} has lists before its vertices, which is not supported: write it again "
                "with the vertices first"
            )
        file.seek(element.count * _layout(element, order).itemsize, 1)
    layout = _layout(vertices, order)
    data = file.read(vertices.count * layout.itemsize)
    rows = np.frombuffer(data[: len(data) // layout.itemsize * layout.itemsize], layout)
    return {name: rows[name] for name, _ in vertices.properties}


def _layout(element: _Element, order: str) -> np.dtype[np.void]:
    return np.dtype([(name, order + kind) for name, kind in element.properties])


def _text(
    filepath: str, file: IO[bytes], before: list[_Element], vertices: _Element
) -> dict[str, npt.NDArray[np.generic]]:
    for _ in range(sum(element.count for element in before)):
        file.readline()
    lines = [line for _, line in zip(range(vertices.count), file, strict=False)]
    try:
        rows = np.loadtxt(lines, np.float64, ndmin=2).reshape(len(lines), -1)
        return {name: rows[:, index] for index, (name, _) in enumerate(vertices.properties)}
    except (ValueError, IndexError) as error:
        raise unreadable(f"The vertices of {filepath} cannot be read: {error}") from error
