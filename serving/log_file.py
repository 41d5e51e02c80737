"""The end of a log file: for the database, and for people who watch the worker."""

import re
from pathlib import Path

_MOST_BYTES = 65536
_KEPT_LOGS = 100

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Tail:
    """Follows a log that another process writes.

    Args:
        path: the file, which need not exist yet
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told = 0

    def size(self) -> int:
        """How long the log is."""
        return self.path.stat().st_size if self.path.exists() else 0

    def last_lines(self) -> list[str]:
        """The lines at its end, as a terminal would show them."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as log:
            begin = max(0, self.size() - _MOST_BYTES)
            log.seek(begin)
            text = log.read(2 * _MOST_BYTES).decode(errors="replace")
        lines = plain(text)
        return lines[1:] if begin else lines  # the first is cut off

    def new_lines(self) -> list[str]:
        """The whole lines that have come since the last call."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as log:
            log.seek(self._told)
            text, newline, _ = log.read(_MOST_BYTES).rpartition(b"\n")
        self._told += len(text) + len(newline)
        return plain(text.decode(errors="replace"))


def plain(text: str) -> list[str]:
    """Lines without colours and empty ones; of a progress bar, what it says last."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in _COLOURS.sub("", text).split("\n"))
    return [kept for line in lines if (kept := "".join(filter(_is_shown, line)).rstrip())]


def _is_shown(character):
    return character.isprintable() or character == "\t"


def prune(folder: Path) -> None:
    """Removes the oldest logs of a folder."""
    logs = sorted(folder.glob("*-operation-*.log"))
    for log in logs[:-_KEPT_LOGS]:
        log.unlink(missing_ok=True)
