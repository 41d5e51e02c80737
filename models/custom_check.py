"""Whether this machine can run a custom model, found without running its code.

It runs on the machine that is to label: each machine has its own trust, packages and files.
"""

import ast
import importlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import RunConfig
from auto_labeling.models import catalog, config_rules, trust
from auto_labeling.models import spec as specs

#: In Python 3.11, threads that parse at once break each other's: "AST constructor recursion depth".
_one_at_a_time = threading.Lock()


def reference(config: RunConfig) -> str:
    """The reference in a run that only the machine which labels can judge.

    Returns:
        a path, an import path or the address of a remote source; empty for a model of the zoo,
        the hub or ours
    """
    try:
        spec = catalog.get_model(config.model)
    except ModelUnavailable:
        return ""
    if spec.source == "remote":
        return spec.entry.get("remote_source") or spec.name
    if spec.source == "custom" or (
        spec.needs_checkpoint and not config_rules.is_hub_id(config.checkpoint)
    ):
        return config.checkpoint
    return ""


def problems(config: RunConfig, trusted: bool = False) -> dict[str, str]:
    """Why this machine cannot run the model that a run names.

    Args:
        config: the run's configuration
        trusted (False): whether to look as if everything were trusted here. Otherwise a reference
            that is not trusted is refused without a look whether it is there

    Returns:
        a sentence by field; empty if there is no known problem
    """
    named = reference(config)
    if not named:
        return {}
    spec = catalog.get_model(config.model)
    field = "model" if spec.source == "remote" else "checkpoint"
    if not trusted and (refusal := trust.refusal(named)):
        return {field: refusal}
    by_field = config_rules.problems(config)
    if field not in by_field and (problem := _absence(spec, named)):
        by_field[field] = problem
    return {name: by_field[name] for name in ("model", "checkpoint", "classes") if name in by_field}


def _absence(spec: specs.ModelSpec, named: str) -> str:
    if spec.source == "remote":
        return ""
    if spec.family == "custom-python":
        return _import_problem(named)
    if spec.source == "custom":
        return "" if os.path.isfile(named) else f"There is no file {named}"
    return "" if os.path.isdir(named) else f"There is no folder {named}"


def _import_problem(named: str) -> str:
    """Why an import path leads nowhere. Nothing is imported, which would run it."""
    importlib.invalidate_caches()
    module, _, name = named.partition(":")
    parts = module.split(".")
    folders: list[str] | None = None
    spec: ModuleSpec | None = None
    for number in range(len(parts)):
        full = ".".join(parts[: number + 1])
        try:
            spec = _find(full, folders)
            folders = [*(spec.submodule_search_locations or ())] if spec else None
        except (ImportError, KeyError, ValueError, AttributeError):
            return ""  # of a kind that cannot be found without importing its package
        if spec is None:
            return f"There is no module '{full}': PYTHONPATH must name its folder"
        if not folders and number < len(parts) - 1:
            return f"'{full}' is a module, not a package"
    return _name_problem(spec.origin if spec else None, module, name)


def _find(full: str, folders: Sequence[str] | None) -> ModuleSpec | None:
    if folders:
        return PathFinder.find_spec(full, folders)
    # A worker executes operations in a process that also looks into the folder it was started in.
    spec = PathFinder.find_spec(full, [os.getcwd(), *sys.path])
    others = (finder for finder in sys.meta_path if finder is not PathFinder)
    finds = (f.find_spec(full, None) for f in others if hasattr(f, "find_spec"))
    return spec or next((other for other in finds if other is not None), None)


def _name_problem(origin: str | None, module: str, name: str) -> str:
    if not origin or not origin.endswith(".py"):
        return ""
    try:
        with _one_at_a_time:
            tree = ast.parse(Path(origin).read_bytes())
    except SyntaxError as error:
        return f"'{module}' cannot be imported: {error.msg}, line {error.lineno} of {origin}"
    except (OSError, ValueError, RecursionError, SystemError):
        return ""
    names = set(_names(tree))
    if names & {name, "*", "__getattr__"}:
        return ""
    return f"The module '{module}' ({origin}) has no '{name}'"


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
