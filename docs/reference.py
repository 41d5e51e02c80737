"""Writes ``docs/reference.md`` from the code: ``make docs``. A test compares the two."""

import ast
import inspect
import os
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from auto_labeling.demo import database
from docs import parity

if TYPE_CHECKING:  # FiftyOne connects to a database when it is imported
    from auto_labeling.cli.verbs import Argument
    from auto_labeling.core.settings import Setting

PATH = Path(__file__).with_name("reference.md")

#: The names of the SDK, in the order of a typical workflow.
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
    "Decide": (
        "resume",
        "cancel",
        "skip",
        "rename",
        "delete",
        "doctor",
        "convert_samples",
        "convert_point_clouds",
    ),
    "Review": (
        *("labels", "labels_view", "promote", "reject", "relabel", "thresholds", "duplicates"),
        *("undo", "undo_last", "history", "decision", "approve"),
    ),
    "Quality": ("quality",),
    "Nouns": (
        "RunConfig",
        "RunState",
        "Progress",
        "Account",
        "LeftOut",
        "Summary",
        "Decision",
        "Action",
        "Undone",
        "Duplicates",
        "Preflight",
        "Preview",
        "ModelSpec",
        "Worker",
        "Finding",
        "Conversion",
    ),
    "Values": (
        "Task",
        "Method",
        "ModelType",
        "Target",
        "StopReason",
        "FailureReason",
        "ProblemKind",
    ),
    "Errors": (
        "AutoLabelingError",
        "ConfigError",
        "ModelUnavailable",
        "RunNotFound",
        "NewerRecord",
        "IllegalTransition",
        "AttemptRevoked",
        "FieldGone",
        "LabelsChanged",
        "AuditRefused",
        "DatabaseAway",
        "CannotWrite",
        "RunFailed",
        "StillRunning",
        "RunWarning",
    ),
}

_HEAD = """\
# Reference

<!-- Made by `make docs` from the code; a test fails where the two differ. -->

Scripts, commands and operators can do everything that the panel does, with the same functions.
"""


def text() -> str:
    """Returns the whole page."""
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


def _default(value: object) -> str:
    if value in (None, "", (), {}):
        return "—"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _values(setting: "Setting") -> str:
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
        positional = [_usage(argument) for argument in verb.arguments if not argument.is_option]
        usage = " ".join(["auto-labeling", verb.name, *positional])
        lines += ["", f"### `{usage}`", "", verb.description, ""]
        lines += ["| | |", "|---|---|"]
        lines += [
            f"| {_option(argument)} | {_cell(argument.keywords['help'])} |"
            for argument in verb.arguments
        ]
        lines += ["", "```", *(f"auto-labeling {line}" for line in verb.examples), "```"]
    return "\n".join(lines) + "\n"


def _usage(argument: "Argument") -> str:
    name = str(argument.keywords["metavar"])
    return f"[{name}]" if argument.keywords.get("nargs") == "?" else name


def _option(argument: "Argument") -> str:
    names = ", ".join(f"`{name}`" for name in argument.names)
    if not argument.is_option:
        return f"`{argument.keywords['metavar']}`"
    if choices := argument.keywords.get("choices"):
        return f"{names} {_cell(' | '.join(map(str, choices)))}"
    return f"{names} {argument.keywords.get('metavar', '')}".strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sdk() -> str:
    from auto_labeling import sdk

    listed = [name for names in _ORDER.values() for name in names]
    assert sorted(listed) == sorted(sdk.__all__), "docs/reference.py lists other names than the SDK"
    lines = ["## Python", "", "```python", _example(inspect.getdoc(sdk) or ""), "```"]
    for title, names in _ORDER.items():
        lines += ["", f"### {title}"]
        for name in names:
            member = getattr(sdk, name)
            if inspect.ismodule(member):
                parts = [(f"{name}.{part}", getattr(member, part)) for part in _listed(member)]
                lines += ["", *_doc(member)]
            else:
                parts = [(name, member)]
            for full_name, part in parts:
                lines += ["", *_named(full_name, part)]
    return "\n".join(lines) + "\n"


def _listed(module: ModuleType) -> list[str]:
    """The names of a module: its functions in the order of the source, then its classes."""

    def place(name: str) -> tuple[bool, bool]:
        member = getattr(module, name)
        return inspect.isclass(member), member.__module__ != module.__name__

    return sorted((name for name in vars(module) if name in module.__all__), key=place)


def _example(doc: str) -> str:
    return textwrap.dedent(doc.partition("code-block:: python")[2]).strip()


def _named(name: str, member: Any) -> list[str]:
    """Documents a function or a class of the SDK."""
    if inspect.isfunction(member):
        return [f"#### `al.{name}`", "", "```python", _signature(member), "```", "", *_doc(member)]
    lines = [f"#### `al.{name}`", "", *_doc(member)]
    if issubclass(member, Enum):
        values = ", ".join(f'`"{value.value}"`' for value in member)
        lines += ["", f"Values: {values}."]
    if name == "Run":
        for attribute, value in vars(member).items():
            if not attribute.startswith("_"):
                lines += ["", *_attribute(attribute, value)]
    return lines


def _attribute(name: str, value: Any) -> list[str]:
    if isinstance(value, property):
        return [f"- `run.{name}`: {(inspect.getdoc(value) or name).splitlines()[0]}"]
    return [f"##### `run.{name}`", "", "```python", _signature(value), "```", "", *_doc(value)]


def _signature(function: Callable[..., Any]) -> str:
    """Returns the ``def`` line of a function, as in the code."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef)
    arguments = ast.unparse(node.args)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({arguments}){returns}"
    if len(line) <= 100:
        return line
    parts = [ast.unparse(part) for part in _parts(node.args)]
    return "\n".join([f"{node.name}(", *(f"    {part}," for part in parts), f"){returns}"])


def _parts(arguments: ast.arguments) -> Iterator[ast.AST]:
    """Yields each argument by itself."""
    plain = [*arguments.posonlyargs, *arguments.args]
    required = len(plain) - len(arguments.defaults)
    for index, argument in enumerate(plain):
        yield _alone(
            [argument], arguments.defaults[index - required :][:1] if index >= required else []
        )
    if arguments.kwonlyargs:
        yield ast.Name("*")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _alone([argument], [default] if default else [])
    if arguments.kwarg:
        yield _alone(kwarg=arguments.kwarg)


def _alone(
    args: Sequence[ast.arg] = (), defaults: Sequence[ast.expr] = (), kwarg: ast.arg | None = None
) -> ast.arguments:
    return ast.arguments(
        posonlyargs=[],
        args=list(args),
        kwonlyargs=[],
        kw_defaults=[],
        defaults=list(defaults),
        kwarg=kwarg,
    )


def _doc(member: Any) -> list[str]:
    return ["```text", inspect.getdoc(member) or "", "```"]


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
    for action in (*parity.ACTIONS, *parity.VIEWS):
        events = ", ".join(f"`{event}`" for event in action.events) or "shown"
        operator = f"`{action.operator}`" if action.operator else "—"
        lines.append(
            f"| {action.title} | {events} | `al.{action.sdk}` | `{action.verb}` | {operator} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes the page, with a database for FiftyOne."""
    with tempfile.TemporaryDirectory() as folder, database.provide(Path(folder)) as served:
        os.environ[database.URI_VARIABLE] = served.uri
        PATH.write_text(text(), encoding="utf-8")
    print(f"{PATH.name} is written", file=sys.stderr)


if __name__ == "__main__":
    main()
