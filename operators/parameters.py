"""The parameters of operators, by kind. Any other parameter is refused, by name."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from auto_labeling.core.errors import ConfigError


def taking(others: Mapping[str, str] | None = None, **names: Iterable[str]) -> Mapping[str, str]:
    """Declares the parameters of an operator.

    Args:
        others (None): the parameters of another operator, to add to
        **names: their names by kind: ``text``, ``texts``, ``ids``, ``flag``, ``number``,
            ``whole``, or ``any`` for values that are checked elsewhere

    Returns:
        the kind of each parameter
    """
    kinds = {name: kind for kind, members in names.items() for name in members}
    return MappingProxyType({**(others or {}), **kinds})


def require(params: Mapping[str, Any], takes: Mapping[str, str]) -> None:
    """Refuses parameters that an operator does not have, and values of another kind.

    Args:
        params: the parameters of a call; None and empty text count as missing
        takes: the kind of each parameter of the operator

    Raises:
        ConfigError: with a sentence for each wrong parameter
    """
    problems = {}
    for name, value in params.items():
        if name not in takes:
            problems[str(name)] = _unknown(str(name), takes)
        elif value not in (None, "") and not _CHECKS[takes[name]](value):
            problems[name] = _MESSAGES[takes[name]]
    if problems:
        raise ConfigError(problems)


def _unknown(name: str, takes: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(name, takes, 1)
    if near:
        return f"Unknown parameter; did you mean '{near[0]}'?"
    known = ", ".join(sorted(takes))
    return "Unknown parameter; " + (f"known: {known}" if takes else "this operator has none")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


def _is_whole(value: object) -> bool:
    return type(value) is int


_CHECKS: dict[str, Callable[[object], bool]] = {
    "any": lambda value: True,
    "text": _is_text,
    "texts": lambda value: _is_text(value) or _are_texts(value),
    "ids": _are_texts,
    "flag": lambda value: isinstance(value, bool),
    "number": lambda value: _is_whole(value) or isinstance(value, float),
    "whole": _is_whole,
}
_MESSAGES = {
    "text": "Must be text",
    "texts": "Must be a list of texts, or comma-separated text",
    "ids": "Must be a list of IDs",
    "flag": "Must be true or false",
    "number": "Must be a number",
    "whole": "Must be a whole number",
}
