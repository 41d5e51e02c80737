"""Docstrings: each function says what it takes, returns and raises.

A function that people or other modules call, with two parameters or more, has ``Args:`` with every
parameter, ``Returns:`` or a first sentence about the result, and ``Raises:`` if it raises.
"""

import ast
import re

from tests.support.paths import CHECKOUT

NO_PACKAGES = {"tests", "benchmarks", "build", "dist"}

#: Parameters of ``panels/`` that mean the same everywhere; ``panels/ui/__init__.py`` explains them.
EVERYWHERE_IN_PANELS = {"state", "panel", "page", "parent", "name", "label"}
EVERYWHERE_IN_PANELS |= {"more", "sx", "props"}

#: First words of a sentence about the result, which needs no ``Returns:``.
ABOUT_RESULT = re.compile(r"(Returns|Yields|Whether|How|Which|Why|What|The|An?|All|Each|Those)\b")


def _functions():
    """Yields ``(place, node, whether its class has a base)`` for all that is not private."""
    for path in sorted(CHECKOUT.rglob("*.py")):
        parts = path.relative_to(CHECKOUT).parts
        if parts[0] in NO_PACKAGES or any(part.startswith(".") for part in parts):
            continue
        name = "/".join(parts)
        yield from _within(name, ast.parse(path.read_text(encoding="utf-8")), False)


def _within(file, parent, has_base):
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from _within(file, node, bool(node.bases))
        else:
            yield f"{file}:{node.lineno} {node.name}", node, has_base


def _parameters(place, function):
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one]
    names = [one.arg for one in every if one.arg not in ("self", "cls", "ctx")]
    if place.startswith("panels/"):
        names = [n for n in names if n not in EVERYWHERE_IN_PANELS and not n.startswith("on_")]
    return names


def _raises(function):
    """Whether the function raises something that it does not catch itself."""
    pending = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if isinstance(node, ast.Try) and node.handlers:
            handlers = [statement for handler in node.handlers for statement in handler.body]
            pending += [*handlers, *node.orelse, *node.finalbody]
        elif not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            pending += [child for child in ast.iter_child_nodes(node)]
    return False


def _missing(place, function):
    """Yields what a docstring lacks."""
    text = ast.get_docstring(function) or ""
    names = _parameters(place, function)
    if len(names) < 2:
        return
    _, _, arguments = text.partition("Args:\n")
    for name in names:
        if not re.search(rf"^ +\**{name}( \(.*\))?:", arguments, re.MULTILINE):
            yield name
    result = ast.unparse(function.returns) if function.returns else ""
    has_result = result not in ("", "None", "NoReturn")
    described = ABOUT_RESULT.match(text) or re.search(r"^(Returns|Yields):$", text, re.MULTILINE)
    if has_result and not described:
        yield "Returns"
    if _raises(function) and "Raises:" not in text and not text.startswith("Raises"):
        yield "Raises"


def test_functions_of_two_parameters_or_more_describe_them():
    wrong = {}
    for place, function, has_base in _functions():
        if has_base and not ast.get_docstring(function):
            continue  # it inherits the docstring
        if missing := list(_missing(place, function)):
            wrong[place] = missing
    assert not wrong
