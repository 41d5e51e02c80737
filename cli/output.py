"""How verbs print: one JSON document, a table, or a sentence. Progress goes to stderr."""

import argparse
import contextlib
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError, ConfigError, RunWarning

_results: TextIO | None = None


@contextlib.contextmanager
def results_alone() -> Iterator[None]:
    """Keeps stdout for results: what libraries print, such as greetings, goes to stderr."""
    global _results
    _results = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _results = None


def results() -> TextIO:
    """Returns the stream for results."""
    return _results or sys.stdout


def show(text: str, end: str = "\n") -> None:
    """Prints a result.

    Args:
        text: the result
        end (newline): the text to print after it
    """
    print(text, end=end, file=results())


def show_json(document: Any) -> None:
    """Prints one JSON document."""
    show(json.dumps(document, indent=2, ensure_ascii=False))


def show_line(document: Any) -> None:
    """Prints a JSON document in one line and flushes it, for a program that follows."""
    print(json.dumps(document, ensure_ascii=False), file=results(), flush=True)


def say(sentence: str) -> None:
    """Prints a sentence for a person on stderr."""
    print(sentence, file=sys.stderr)


def refuse(error: AutoLabelingError, as_json: bool) -> None:
    """Prints why a command was refused.

    Args:
        error: the reason, which goes to stderr
        as_json: whether to also print it as a JSON document, as a result
    """
    if isinstance(error, ConfigError):
        for field, problem in error.problems.items():
            say(f"auto-labeling: {field}: {problem}")
    else:
        say(f"auto-labeling: {error}")
    if as_json:
        problems = error.problems if isinstance(error, ConfigError) else {}
        kind = type(error).__name__
        show_json({"error": {"kind": kind, "message": str(error), "problems": problems}})


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Formats rows as aligned text, under a line of headings.

    Args:
        rows: a value for each column
        columns: the keys to show

    Returns:
        one line for the headings, and one per row
    """
    cells = [[column.replace("_", " ") for column in columns]]
    cells += [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines)


def facts(pairs: Mapping[str, Any]) -> str:
    """Formats names and values as aligned text, without the empty ones."""
    cells = {name: _cell(value) for name, value in pairs.items() if value not in (None, "", ())}
    width = max(map(len, cells), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in cells.items())


def _cell(value: object) -> str:
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
    """Replaces unprintable characters, which could move a terminal's cursor."""
    return "".join(c if c.isprintable() else "�" for c in text)


@contextlib.contextmanager
def readable_warnings() -> Iterator[None]:
    """Prints the warnings of the SDK as sentences, not as Python does."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", RunWarning)
        other = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, RunWarning):
                say(f"warning: {message}")
            else:
                other(message, category, *where, **more)

        warnings.showwarning = show
        yield


def show_moved(args: argparse.Namespace, run_id: str, outcome: str, number: int) -> None:
    """Prints what happened, or would happen, to labels.

    Args:
        args: the parsed arguments of the command
        run_id: the run's id
        outcome: what was done, such as "promoted"
        number: the number of labels
    """
    is_dry = getattr(args, "dry_run", False)
    if args.json:
        show_json({"id": run_id, "labels": number, "changed": not is_dry})
    else:
        show(f"{text.count(number, 'label')} " + (f"would be {outcome}" if is_dry else outcome))
