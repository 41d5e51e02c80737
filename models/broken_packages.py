"""A package that is installed but broken: which one, for which model, on which machine."""

import importlib.metadata
import socket
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

_LIBRARY = ("cannot open shared object file", "undefined symbol", "invalid ELF header", "dlopen(")


def is_broken(error: BaseException) -> bool:
    """Whether an error says that code cannot be imported, or a library of the system is missing."""
    if isinstance(error, ImportError):
        return True
    return isinstance(error, OSError) and any(text in str(error) for text in _LIBRARY)


def sentence(name: str, error: BaseException) -> str:
    """A sentence on why a model cannot run on this machine.

    Args:
        name: of the model, for people
        error: an error for which :func:`is_broken` is true
    """
    cause = _cause(error)
    host, reason = socket.gethostname(), first_line(cause)
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        return f"'{name}' cannot run on {host}: the module '{cause.name}' is not installed there"
    module = _module(cause)
    if not module:
        return f"'{name}' cannot run on {host}: {reason}"
    packages = importlib.metadata.packages_distributions().get(module) or [module]
    package = packages[0] if module in packages else f"{packages[0]} ({module})"
    return (
        f"'{name}' cannot run on {host}: the package {package} is installed there but does not "
        f"work: {reason}. Repair it, or install its missing dependencies"
    )


def first_line(error: BaseException) -> str:
    """The first line of an error, for a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _cause(error: BaseException) -> BaseException:
    """The error that names a module and is furthest down: libraries wrap it in others."""
    chain = [error]
    while (below := chain[-1].__cause__ or chain[-1].__context__) is not None:
        if below in chain:
            break
        chain.append(below)
    broken = [link for link in chain if is_broken(link)]
    named = [link for link in broken if getattr(link, "name", None)]
    return (named or broken)[-1]


def _module(error: BaseException) -> str:
    """The module, without its parts, that cannot be imported; empty if nothing tells."""
    path, name = getattr(error, "path", None), getattr(error, "name", None)
    if path and (top := _top(path, sys.path)):  # a compiled part of it
        return top
    if name:
        return name.partition(".")[0]
    installed = [folder for folder in sys.path if folder.endswith("-packages")]
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((top for frame in frames if (top := _top(frame.filename, installed))), "")


def _top(path: str, folders: Iterable[str]) -> str:
    """The part of a path directly below one of some folders; the innermost of them counts."""
    for folder in sorted(folders, key=len, reverse=True):
        if folder and Path(path).is_relative_to(folder):
            return Path(path).relative_to(folder).parts[0].partition(".")[0]
    return ""
