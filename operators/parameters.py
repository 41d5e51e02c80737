"""What an operator takes: parameters by their kind. Anything else is refused, naming each."""

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from auto_labeling.core.errors import ConfigError


def taking(others: Mapping[str, str] | None = None, **names: Iterable[str]) -> Mapping[str, str]:
    """The parameters of an operator.

    Args:
        others (None): what another operator takes, to be added to
        **names: by kind: ``text``, ``texts``, ``ids``, ``flag``, ``number``, ``whole``, or ``any``
            for what is judged elsewhere

    Returns:
        the kind of each parameter
    """
    kinds = {name: kind for kind, given in names.items() for name in given}
    return MappingProxyType({**(others or {}), **kinds})


def require(given: Mapping, takes: Mapping[str, str]) -> None:
    """Refuses parameters that an operator does not have, and values of another kind.

    Args:
        given: the parameters of a call; what is None or empty text counts as not given
        takes: the kind of each parameter that there is

    Raises:
        ConfigError: with a sentence for each wrong parameter
    """
    problems = {}
    for name, value in given.items():
        if name not in takes:
            problems[str(name)] = _unknown(str(name), takes)
        elif value not in (None, "") and not _IS[takes[name]](value):
            problems[name] = _SAID[takes[name]]
    if problems:
        raise ConfigError(problems)


def _unknown(name: str, takes) -> str:
    near = difflib.get_close_matches(name, takes, 1)
    if near:
        return f"There is no such parameter; did you mean '{near[0]}'?"
    known = ", ".join(sorted(takes))
    return "There is no such parameter; there " + (f"are: {known}" if takes else "are none")


def _is_text(value):
    return isinstance(value, str)


def _are_texts(value):
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


def _is_whole(value):
    return type(value) is int


_IS = {
    "any": lambda value: True,
    "text": _is_text,
    "texts": lambda value: _is_text(value) or _are_texts(value),
    "ids": _are_texts,
    "flag": lambda value: isinstance(value, bool),
    "number": lambda value: _is_whole(value) or isinstance(value, float),
    "whole": _is_whole,
}
_SAID = {
    "text": "Must be text",
    "texts": "Must be a list of texts, or comma-separated text",
    "ids": "Must be a list of IDs",
    "flag": "Must be true or false",
    "number": "Must be a number",
    "whole": "Must be a whole number",
}
