"""How numbers, durations and times are written for people."""

from collections.abc import Iterable
from datetime import datetime, timezone


def count(number: int, noun: str) -> str:
    """A number with its noun: ``count(1234, "label")`` → ``"1,234 labels"``.

    Args:
        number: the number
        noun: in the singular
    """
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def duration(seconds: float) -> str:
    """A duration with a useful precision: ``"3 min 20 s"``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        minutes, rest = divmod(seconds, 60)
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    if seconds >= 2 * 86400:
        return count(seconds // 86400, "day")
    hours, rest = divmod(seconds // 60, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def age(moment: str) -> float:
    """Seconds since a stored moment; 0 if there is none."""
    if not moment:
        return 0.0
    then = datetime.fromisoformat(moment)
    return (datetime.now(timezone.utc) - then).total_seconds()


def moment(stored: str) -> str:
    """A stored moment as an exact time in the time zone of the App's machine."""
    if not stored:
        return ""
    return datetime.fromisoformat(stored).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def ago(moment: str) -> str:
    """A stored moment, relative to now."""
    seconds = age(moment)
    for length, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return f"{count(int(seconds // length), noun)} ago"
    return "just now"


def some(names: Iterable[str], limit: int = 3) -> str:
    """A list of names, shortened: ``"cat, dog, cow and 4 more"``.

    Args:
        names: the names
        limit (3): how many of them are shown
    """
    names = list(names)
    rest = len(names) - limit
    shown = ", ".join(names[:limit])
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def confidence(value: float | None) -> str:
    """A mean confidence, or a dash where labels have none."""
    return "—" if value is None else f"{value:.3f}"


def size(number: int) -> str:
    """A number of bytes: ``"5 MB"``, ``"3.6 GB"``."""
    megabytes = number / 2**20
    if megabytes < 0.95:
        return f"{max(1, round(number / 2**10)):,} KB"
    return f"{megabytes:,.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:,.1f} GB"


def rate(samples_per_second: float) -> str:
    """How fast samples are labeled: ``"41.5 samples/s"``."""
    digits = 0 if samples_per_second >= 100 else 1
    return f"{samples_per_second:,.{digits}f} samples/s"


def license(expression: str) -> str:
    """A license, as people know it."""
    return expression.replace("LicenseRef-", "").replace(" AND ", " and ")
