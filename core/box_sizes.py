"""Usual sizes of classes, as people write them: "car: 4.6 x 2.0 x 1.7"."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: Length, width and height, in meters.
Size = tuple[float, float, float]

#: Larger than any vehicle on a road, in meters.
MAX_SIDE = 100.0

_NUMBER = r"(\d+(?:\.\d+)?)"
_BETWEEN = r"\s*(?:x|\u00d7|\*|\s)\s*"
_TEXT = re.compile(
    rf"\s*([^:=]+?)\s*[:=]\s*{_NUMBER}{_BETWEEN}{_NUMBER}{_BETWEEN}{_NUMBER}\s*(?:m\s*)?"
)


_ASKED = (
    "write the class and its usual length, width and height in meters, as in 'car: 4.6 x 2.0 x 1.7'"
)


def read(texts: Iterable[str]) -> dict[str, Size]:
    """Reads the sizes that people have written.

    Args:
        texts: such as ``"car: 4.6 x 2.0 x 1.7"``; one may hold several, with commas between them

    Returns:
        length, width and height in meters, by class

    Raises:
        ValueError: if a text is no size
    """
    sizes: dict[str, Size] = {}
    for part in (part for text in texts for part in text.split(",")):
        match = _TEXT.fullmatch(part)
        if match is None or not match[1].isprintable():
            raise ValueError(_ASKED)
        length, width, height = (float(number) for number in match.groups()[1:])
        if not all(0 < side <= MAX_SIDE for side in (length, width, height)):
            raise ValueError(f"each side of a box must be between 0 and {MAX_SIDE:.0f} m")
        sizes[match[1]] = (length, width, height)
    return sizes


def as_texts(sizes: Mapping[Any, Any]) -> list[str]:
    """Writes sizes by class as :func:`read` reads them.

    Args:
        sizes: three numbers by class; they are not checked here, except for their count

    Raises:
        ValueError: if a class has not three of them
    """
    texts = []
    for name, sides in sizes.items():
        if not isinstance(sides, (list, tuple)) or len(sides) != 3:
            raise ValueError(_ASKED)
        texts.append(f"{name}: " + " x ".join(str(side) for side in sides))
    return texts
