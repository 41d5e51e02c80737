"""What verbs print: one JSON document, a table, or a sentence. Progress goes to stderr."""

import contextlib
import json
import sys
import warnings

from auto_labeling.core.errors import AutoLabelingError, ConfigError, RunWarning

_results = None


@contextlib.contextmanager
def results_alone():
    """Keeps stdout for results: what libraries print, FiftyOne's greeting too, goes to stderr."""
    global _results
    _results = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _results = None


def results():
    """The stream for results."""
    return _results or sys.stdout


def show(text: str, end: str = "\n") -> None:
    """Prints a result."""
    print(text, end=end, file=results())


def show_json(document) -> None:
    """Prints one JSON document."""
    show(json.dumps(document, indent=2, ensure_ascii=False))


def show_line(document) -> None:
    """Prints a JSON document in one line, at once, for a reader that follows."""
    print(json.dumps(document, ensure_ascii=False), file=results(), flush=True)


def say(sentence: str) -> None:
    """Tells a person something that is no result."""
    print(sentence, file=sys.stderr)


def refuse(error: AutoLabelingError, as_json: bool) -> None:
    """Says why nothing was done: on stderr, and as a JSON document if that was asked for."""
    if isinstance(error, ConfigError):
        for field, problem in error.problems.items():
            say(f"auto-labeling: {field}: {problem}")
    else:
        say(f"auto-labeling: {error}")
    if as_json:
        problems = error.problems if isinstance(error, ConfigError) else {}
        kind = type(error).__name__
        show_json({"error": {"kind": kind, "message": str(error), "problems": problems}})


def table(rows, columns) -> str:
    """Rows as aligned text, under a line of headings.

    Args:
        rows: a list of dicts
        columns: the keys to show
    """
    cells = [[column.replace("_", " ") for column in columns]]
    cells += [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines)


def facts(pairs: dict) -> str:
    """Names and values as aligned text; what is empty is left out."""
    said = {name: _cell(value) for name, value in pairs.items() if value not in (None, "", ())}
    width = max(map(len, said), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in said.items())


def size(number: int) -> str:
    """A number of bytes: ``"12.1 MB"``, ``"3.6 GB"``."""
    return f"{number / 2**20:,.1f} MB" if number < 1000 * 2**20 else f"{number / 2**30:,.1f} GB"


def _cell(value) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return plain(str(value))


def plain(text: str) -> str:
    """A text without what moves a terminal's cursor, which a dataset or a log may hold."""
    return "".join(c if c.isprintable() else "�" for c in text)


@contextlib.contextmanager
def warnings_said():
    """Says what the SDK warns of as a sentence, not as Python does."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", RunWarning)
        other = warnings.showwarning

        def show(message, category, *where, **more) -> None:
            if issubclass(category, RunWarning):
                say(f"warning: {message}")
            else:
                other(message, category, *where, **more)

        warnings.showwarning = show
        yield
