"""How a verb is declared: a function with its arguments, from which the parser is made."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

#: The exit status of a command.
OK, REFUSED, USAGE, RUN_FAILED, STILL_RUNNING, PROBLEMS, BUG, INTERRUPTED = (
    0,
    1,
    2,
    3,
    4,
    5,
    70,
    130,
)

#: What each status means, for ``--help`` and the reference.
STATUSES = {
    OK: "done",
    REFUSED: "refused; the message says why, and nothing was changed",
    USAGE: "invalid command line",
    RUN_FAILED: "the run stopped with an error or was canceled; or a preview failed on every "
    "sample",
    STILL_RUNNING: "--timeout expired; the run continues",
    PROBLEMS: "doctor found a problem that is not repaired; or a certificate is not valid",
    BUG: "internal error (traceback printed)",
    INTERRUPTED: "interrupted by Ctrl-C",
}


#: Takes the parsed arguments; returns an exit status, or None for success.
VerbFunction = Callable[[argparse.Namespace], int | None]


@dataclass(frozen=True)
class Argument:
    """An argument of a verb, as ``ArgumentParser.add_argument`` takes it."""

    names: tuple[str, ...]
    keywords: dict[str, Any]

    @property
    def is_option(self) -> bool:
        return self.names[0].startswith("-")


@dataclass(frozen=True)
class Verb:
    """A verb of the command line.

    Args:
        name: the word that people type
        function: runs it
        arguments: its own, without ``--json``, which every verb has
        examples: what people may type after ``auto-labeling``
    """

    name: str
    function: VerbFunction
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]

    @property
    def summary(self) -> str:
        return self._doc.splitlines()[0]

    @property
    def description(self) -> str:
        """The whole docstring, its paragraphs unchanged."""
        lines = self._doc.splitlines()
        return "\n".join([lines[0], *(line.removeprefix("    ") for line in lines[1:])]).strip()

    @property
    def _doc(self) -> str:
        return self.function.__doc__ or self.name


_verbs: dict[str, Verb] = {}

JSON = Argument(("--json",), {"action": "store_true", "help": "print JSON"})


def argument(*names: str, **keywords: Any) -> Argument:
    """Describes an argument: the names and keywords of ``ArgumentParser.add_argument``.

    Args:
        *names: its names, such as ``"--json"``; one without dashes is positional
        **keywords: the other arguments of ``add_argument``

    Returns:
        the :class:`Argument`, for :func:`verb`
    """
    return Argument(names, keywords)


def verb(
    name: str, *arguments: Argument | tuple[Argument, ...], examples: Sequence[str] = ()
) -> Callable[[VerbFunction], VerbFunction]:
    """Makes a function a verb of the command line; its docstring is the help.

    Args:
        name: the word that people type
        *arguments: each an :class:`Argument`, or a tuple of them that verbs share
        examples (()): what people may type, without ``auto-labeling`` before it

    Returns:
        a decorator that registers a function and returns it unchanged
    """
    flat: list[Argument] = []
    for entry in arguments:
        flat.extend(entry if isinstance(entry, tuple) else (entry,))

    def register(function: VerbFunction) -> VerbFunction:
        _verbs[name] = Verb(name, function, (*flat, JSON), tuple(examples))
        return function

    return register


#: The order in which ``--help`` lists the verbs: roughly that of a typical workflow.
_ORDER = (
    *("models", "preview", "run", "import", "list", "show", "watch", "resume", "cancel", "skip"),
    *("workers", "labels", "promote", "reject", "relabel", "thresholds", "duplicates", "undo"),
    *("history", "quality", "certificate", "approve", "rename", "delete", "doctor"),
    *("convert", "birds-eye", "birds-eye-boxes"),
    *("launch", "demo"),
)


def all_verbs() -> dict[str, Verb]:
    """Every verb by its name, in the order of a typical workflow; unlisted ones last."""
    places = {name: place for place, name in enumerate(_ORDER)}
    names = sorted(_verbs, key=lambda name: places.get(name, len(places)))
    return {name: _verbs[name] for name in names}


def parser(version: str) -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    statuses = "\n".join(f"  {status:>3}  {meaning}" for status, meaning in STATUSES.items())
    whole = argparse.ArgumentParser(
        prog="auto-labeling",
        description="Auto-Labeling for FiftyOne on the command line.",
        epilog=f"exit status:\n{statuses}\n\nRun 'auto-labeling VERB --help' for details and "
        "examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=version)
    verbs = whole.add_subparsers(metavar="VERB", dest="verb", required=True)
    for entry in all_verbs().values():
        child = verbs.add_parser(
            entry.name,
            help=entry.summary,
            description=entry.description,
            epilog=_examples(entry),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        for argument in entry.arguments:
            child.add_argument(*argument.names, **argument.keywords)
        child.set_defaults(function=entry.function)
    return whole


def _examples(entry: Verb) -> str | None:
    if not entry.examples:
        return None
    return "examples:\n" + "\n".join(f"  auto-labeling {line}" for line in entry.examples)
