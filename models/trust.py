"""The references that may run code on a worker: importing a module or unpickling a file does.

Only the environment of the worker can allow it; a value typed into a form never can.
"""

import os
from pathlib import Path

from auto_labeling.core.errors import FailureReason, ModelUnavailable

SETTING = "FIFTYONE_AUTO_LABELING_TRUSTED"


def refusal(reference: str) -> str:
    """Why a path, an import path or a remote source is not trusted; empty if it is."""
    if any(_covers(entry, reference) for entry in _allowed()):
        return ""
    return (
        f"'{reference}' would run code on the worker, which is not allowed. To allow "
        f"it, add it to {SETTING} on the worker: trusted modules, folders and sources, "
        "separated by commas"
    )


def require(reference: str) -> None:
    """Raises :class:`ModelUnavailable` unless a reference is trusted."""
    problem = refusal(reference)
    if problem:
        raise ModelUnavailable(problem, reason=FailureReason.NOT_TRUSTED)


def _allowed() -> list[str]:
    return [e.strip() for e in os.environ.get(SETTING, "").split(",") if e.strip()]


def _covers(entry: str, reference: str) -> bool:
    if "://" in reference or "://" in entry:
        return reference == entry or reference.startswith(entry.rstrip("/") + "/")
    if os.path.isabs(reference) or os.path.isabs(entry):
        # Resolved, so that neither ".." nor a link leads out of a trusted folder.
        if not (os.path.isabs(reference) and os.path.isabs(entry)):
            return False
        return Path(reference).resolve().is_relative_to(Path(entry).resolve())
    module = reference.replace(":", ".")
    return module == entry or module.startswith(entry.rstrip(".") + ".")
