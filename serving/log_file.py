"""The end of a log file: for the database, and for people who watch the worker."""

import re
from pathlib import Path

_MAX_TAIL_BYTES = 65536
_MAX_LOGS = 100

_COLORS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Tail:
    """Follows a log that another process writes.

    Args:
        path: the file, which need not exist yet
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0  # of the next line for new_lines(), in bytes

    def size(self) -> int:
        """Returns the size of the log in bytes; 0 if it does not exist."""
        return self.path.stat().st_size if self.path.exists() else 0

    def last_lines(self) -> list[str]:
        """Returns the lines at its end, as a terminal would show them."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as log:
            begin = max(0, self.size() - _MAX_TAIL_BYTES)
            log.seek(begin)
            text = log.read(2 * _MAX_TAIL_BYTES).decode(errors="replace")
        lines = plain(text)
        return lines[1:] if begin else lines  # the first is cut off

    def new_lines(self) -> list[str]:
        """Returns the complete lines that were written since the last call."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as log:
            log.seek(self._position)
            text, newline, _ = log.read(_MAX_TAIL_BYTES).rpartition(b"\n")
        self._position += len(text) + len(newline)
        return plain(text.decode(errors="replace"))


def plain(text: str) -> list[str]:
    """Splits a log into lines without colors, and without the empty ones.

    Of a progress bar, it keeps the last state.
    """
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in _COLORS.sub("", text).split("\n"))
    return [shown for line in lines if (shown := "".join(filter(_is_shown, line)).rstrip())]


def _is_shown(character: str) -> bool:
    return character.isprintable() or character == "\t"


def prune(folder: Path) -> None:
    """Removes the oldest logs of a folder, if it has too many."""
    logs = sorted(folder.glob("*-operation-*.log"))
    for log in logs[:-_MAX_LOGS]:
        log.unlink(missing_ok=True)
