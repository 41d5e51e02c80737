"""The verbs of a run for scripts and notebooks: ``import auto_labeling as al; al.start(…)``."""

from auto_labeling.labeling import (
    cancel,
    check,
    delete,
    failures,
    generate,
    get,
    progress,
    rename,
    resume,
    runs,
    skip,
    start,
)
from auto_labeling.review.approval import approve
from auto_labeling.review.promotion import promote, undo
from auto_labeling.run import Run, RunConfig, RunState, Task

__all__ = [
    "Run",
    "RunConfig",
    "RunState",
    "Task",
    "approve",
    "cancel",
    "check",
    "delete",
    "failures",
    "generate",
    "get",
    "progress",
    "promote",
    "rename",
    "resume",
    "runs",
    "skip",
    "start",
    "undo",
]
