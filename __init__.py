"""Auto-Labeling for FiftyOne: the plugin's entry, and the package ``auto_labeling``.

FiftyOne executes this file at every registry look-up, under a name of its own, so it
holds nothing but :func:`register` and the way to the package (``docs/adr/0001``).
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

_PACKAGE = "auto_labeling"

#: The names of ``sdk/``. Listed, so that no other attribute look-up imports FiftyOne.
_SDK = frozenset(
    [
        "Account",
        "Action",
        "AttemptRevoked",
        "AuditRefused",
        "AutoLabelingError",
        "CannotWrite",
        "ConfigError",
        "Conversion",
        "DatabaseAway",
        "Decision",
        "Duplicates",
        "FailureReason",
        "FieldGone",
        "Finding",
        "IllegalTransition",
        "LabelsChanged",
        "LeftOut",
        "Method",
        "ModelSpec",
        "ModelType",
        "ModelUnavailable",
        "NewerRecord",
        "Preflight",
        "Preview",
        "ProblemKind",
        "Progress",
        "Run",
        "RunConfig",
        "RunFailed",
        "RunNotFound",
        "RunState",
        "RunWarning",
        "StillRunning",
        "StopReason",
        "Summary",
        "Target",
        "Task",
        "Undone",
        "Worker",
        "approve",
        "cancel",
        "check",
        "convert_point_clouds",
        "convert_samples",
        "datasets",
        "decision",
        "delete",
        "doctor",
        "duplicates",
        "export_config",
        "failures",
        "generate",
        "get",
        "history",
        "import_labels",
        "labels",
        "labels_view",
        "list_models",
        "load_config",
        "log_tail",
        "preflight",
        "preview",
        "progress",
        "promote",
        "quality",
        "reject",
        "relabel",
        "rename",
        "resume",
        "runs",
        "sample_ids",
        "skip",
        "start",
        "thresholds",
        "undo",
        "undo_last",
        "workers",
    ]
)


def register(plugin: Any) -> None:
    """Registers the operators and panels with FiftyOne.

    Args:
        plugin: the :class:`fiftyone.plugins.context.PluginContext`
    """
    _ensure_package()
    for module, names in (("operators", "OPERATORS"), ("panels", "PANELS")):
        for cls in getattr(importlib.import_module(f"{_PACKAGE}.{module}"), names):
            plugin.register(cls)


def _ensure_package() -> None:
    """Makes the import name ``auto_labeling`` resolve, to exactly one copy of the code."""
    package = sys.modules.get(_PACKAGE) or _find_installed() or _load_own_folder()
    if package.__version__ != __version__:
        raise ImportError(
            f"Two versions of Auto-Labeling meet in this process: {package.__version__} in "
            f"{Path(str(package.__file__)).parent} and {__version__} in {Path(__file__).parent}. "
            "Uninstall one of them, or bring both to the same version."
        )


def _find_installed() -> ModuleType | None:
    spec = importlib.util.find_spec(_PACKAGE)
    # A folder of that name without an __init__.py is a namespace package with no origin.
    return importlib.import_module(_PACKAGE) if spec and spec.origin else None


def _load_own_folder() -> ModuleType:
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None  # the file is there: this one
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    spec.loader.exec_module(package)
    return package


def __getattr__(name: str) -> Any:
    """Forwards ``auto_labeling.<verb>`` to the SDK, imported when first asked for."""
    if __name__ != _PACKAGE or name not in _SDK:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_PACKAGE}.sdk"), name)
