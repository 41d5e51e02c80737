"""Writes ``docs/reference.md`` from the code: ``make docs``. A test compares the two."""

import ast
import inspect
import os
import sys
import tempfile
import textwrap
from pathlib import Path

from auto_labeling.demo import database
from docs import parity

PATH = Path(__file__).with_name("reference.md")

#: The names of the SDK, in the order in which life calls them.
_ORDER = {
    "Start": (
        "list_models",
        "check",
        "preview",
        "preflight",
        "start",
        "import_labels",
        "export_config",
        "load_config",
    ),
    "Follow": (
        "datasets",
        "runs",
        "get",
        "Run",
        "progress",
        "failures",
        "sample_ids",
        "generate",
        "workers",
        "log_tail",
    ),
    "Decide": ("resume", "cancel", "skip", "rename", "delete", "doctor"),
    "Review": ("labels", "promote", "undo", "decision", "approve"),
    "Nouns": (
        "RunConfig",
        "RunState",
        "Progress",
        "Account",
        "LeftOut",
        "Worker",
        "Target",
        "Task",
    ),
}

_HEAD = """\
# Reference

<!-- Made by `make docs` from the code; a test fails where the two differ. -->

Scripts, commands and operators can do everything that the panel does, with the same functions.
"""


def text() -> str:
    """The whole page."""
    return "\n".join([_HEAD, _settings(), _commands(), _sdk(), _operators(), _parity()])


def _settings() -> str:
    from auto_labeling.core.settings import settings

    lines = [
        "## Settings of a run",
        "",
        "The fields of `RunConfig`: keyword arguments of `start`, keys of a configuration file,",
        "flags of `auto-labeling run` and questions of the operator `start_run`.",
        "",
        "| setting | description | values | default |",
        "|---|---|---|---|",
    ]
    for setting in settings():
        default = "required" if setting.required else _default(setting.default)
        values = _values(setting)
        lines.append(f"| `{setting.name}` | {setting.description} | {values} | {default} |")
    return "\n".join(lines) + "\n"


def _default(value) -> str:
    if value in (None, "", (), {}):
        return "—"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _values(setting) -> str:
    if setting.choices:
        return ", ".join(f"`{value}`" for value, _ in setting.choices)
    words = {"texts": "texts", "mapping": "texts by class", "flag": "yes or no"}
    if setting.kind not in ("number", "whole"):
        return words.get(setting.kind, "text")
    kind = "whole number" if setting.kind == "whole" else "number"
    if setting.maximum is not None:
        return f"{kind}, {setting.minimum} to {setting.maximum}"
    return f"{kind}, from {setting.minimum}"


def _commands() -> str:
    from auto_labeling.cli import verbs

    lines = ["## Command line", "", "| exit status | meaning |", "|---|---|"]
    lines += [f"| {status} | {meaning} |" for status, meaning in verbs.STATUSES.items()]
    for verb in verbs.all_verbs().values():
        words = [given.names[0] for given in verb.arguments if not given.is_option]
        shown = " ".join(
            given.keywords["metavar"] for given in verb.arguments if not given.is_option
        )
        assert len(words) == len(shown.split()), verb.name
        usage = f"auto-labeling {verb.name} {shown}".strip()
        lines += ["", f"### `{usage}`", "", verb.description, ""]
        lines += ["| | |", "|---|---|"]
        lines += [
            f"| {_option(given)} | {_cell(given.keywords['help'])} |" for given in verb.arguments
        ]
        lines += ["", "```", *(f"auto-labeling {line}" for line in verb.examples), "```"]
    return "\n".join(lines) + "\n"


def _option(given) -> str:
    names = ", ".join(f"`{name}`" for name in given.names)
    if not given.is_option:
        return f"`{given.keywords['metavar']}`"
    if choices := given.keywords.get("choices"):
        return f"{names} {_cell(' | '.join(choices))}"
    return f"{names} {given.keywords.get('metavar', '')}".strip()


def _cell(said: str) -> str:
    return said.replace("|", "\\|")


def _sdk() -> str:
    from auto_labeling import sdk

    listed = [name for names in _ORDER.values() for name in names]
    assert sorted(listed) == sorted(sdk.__all__), "docs/reference.py lists other names than the SDK"
    lines = ["## Python", "", "```python", _example(inspect.getdoc(sdk)), "```"]
    for title, names in _ORDER.items():
        lines += ["", f"### {title}"]
        for name in names:
            lines += ["", *_named(name, getattr(sdk, name))]
    return "\n".join(lines) + "\n"


def _example(doc: str) -> str:
    return textwrap.dedent(doc.partition("code-block:: python")[2]).strip()


def _named(name, thing):
    if inspect.isfunction(thing):
        return [f"#### `al.{name}`", "", "```python", _signature(thing), "```", "", *_doc(thing)]
    lines = [f"#### `al.{name}`", "", *_doc(thing)]
    if name == "Run":
        for member, value in vars(thing).items():
            if not member.startswith("_"):
                lines += ["", *_member(member, value)]
    return lines


def _member(name, value):
    if isinstance(value, property):
        return [f"- `run.{name}`: {inspect.getdoc(value).splitlines()[0]}"]
    return [f"##### `run.{name}`", "", "```python", _signature(value), "```", "", *_doc(value)]


def _signature(function) -> str:
    """The ``def`` line of a function as it stands in the code."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    (node,) = tree.body
    arguments = ast.unparse(node.args)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({arguments}){returns}"
    if len(line) <= 100:
        return line
    parts = [ast.unparse(part) for part in _parts(node.args)]
    return "\n".join([f"{node.name}(", *(f"    {part}," for part in parts), f"){returns}"])


def _parts(arguments):
    """Each argument by itself."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    for one, default in zip(plain, defaults, strict=True):
        yield _alone(args=[one], defaults=[default] if default else [])
    if arguments.kwonlyargs:
        yield ast.Name("*")
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _alone(args=[one], defaults=[default] if default else [])
    if arguments.kwarg:
        yield _alone(kwarg=arguments.kwarg)


def _alone(args=(), defaults=(), kwarg=None):
    return ast.arguments(
        posonlyargs=[],
        args=list(args),
        kwonlyargs=[],
        kw_defaults=[],
        defaults=list(defaults),
        kwarg=kwarg,
    )


def _doc(thing):
    return ["```text", inspect.getdoc(thing), "```"]


def _operators() -> str:
    from auto_labeling.core.names import PLUGIN
    from auto_labeling.operators import OPERATORS

    lines = [
        "## Operators",
        "",
        f"Their URIs begin with `{PLUGIN}/`. All of them are in the operator browser, except",
        "`generate_labels`, which workers execute.",
        "",
        "| operator | what it does | risk |",
        "|---|---|---|",
    ]
    for cls in OPERATORS:
        config = cls().config
        lines.append(f"| `{config.name}` | {config.description} | {config.risk_level.value} |")
    return "\n".join(lines) + "\n"


def _parity() -> str:
    lines = [
        "## Panel, Python, command and operator",
        "",
        "A test does each action of the upper part in every way and compares the stored results.",
        "",
        "| | panel | Python | command | operator |",
        "|---|---|---|---|---|",
    ]
    for action in (*parity.ACTIONS, *parity.LOOKS):
        events = ", ".join(f"`{event}`" for event in action.events) or "shown"
        operator = f"`{action.operator}`" if action.operator else "—"
        lines.append(
            f"| {action.what} | {events} | `al.{action.sdk}` | `{action.verb}` | {operator} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes the page. FiftyOne wants a database for that."""
    with tempfile.TemporaryDirectory() as folder, database.provide(Path(folder)) as served:
        os.environ[database.URI_VARIABLE] = served.uri
        PATH.write_text(text(), encoding="utf-8")
    print(f"{PATH.name} is written", file=sys.stderr)


if __name__ == "__main__":
    main()
