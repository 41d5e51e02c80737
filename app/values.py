"""Values that come from a browser, and so may be anything: read as what they should be."""

import math

#: The most characters of a name in the database.
_MAX_NAME = 200


def text(value: object) -> str:
    """Returns typed text without surrounding spaces; "" for anything else."""
    return value.strip() if isinstance(value, str) else ""


def name_of(value: object) -> str:
    """Returns a value that can be a name in the database; "" for any other."""
    name = text(value)
    return name if name.isprintable() and len(name) <= _MAX_NAME else ""


def range_of(value: object) -> tuple[float, float] | None:
    """Reads a confidence range from a slider's value: ``(low, high)`` in order and in [0, 1]."""
    numbers = [number(v) for v in value] if isinstance(value, (list, tuple)) else []
    ends = sorted(min(1.0, max(0.0, n)) for n in numbers if n is not None)
    return (ends[0], ends[1]) if len(numbers) == len(ends) == 2 else None


def typed_number(value: object) -> float | None:
    """Reads a number of at least 0 from a field, which sends text; None for anything else."""
    try:
        read = number(float(value) if isinstance(value, str) else value)
    except ValueError:
        return None
    return read if read is not None and read >= 0 else None


def number(value: object) -> float | None:
    """Returns a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
