"""The verbs of a run for scripts and notebooks.

.. code-block:: python

    import auto_labeling as al

    run = al.start(view, task="detection", model="shapes-yolo", label_field="shapes")
    run.wait()
    al.promote(run, min_confidence=0.5)
    al.approve(run)
"""

from auto_labeling.core.account import Account, LeftOut
from auto_labeling.core.run import Progress, RunConfig, RunState, Target, Task, Worker
from auto_labeling.sdk.files import export_config, load_config
from auto_labeling.sdk.following import (
    cancel,
    datasets,
    delete,
    doctor,
    failures,
    generate,
    get,
    log_tail,
    progress,
    rename,
    resume,
    runs,
    sample_ids,
    skip,
    workers,
)
from auto_labeling.sdk.handle import Run
from auto_labeling.sdk.reviewing import approve, decision, labels, promote, undo
from auto_labeling.sdk.starting import (
    check,
    import_labels,
    list_models,
    preflight,
    preview,
    start,
)

__all__ = [
    "Account",
    "LeftOut",
    "Progress",
    "Run",
    "RunConfig",
    "RunState",
    "Target",
    "Task",
    "Worker",
    "approve",
    "cancel",
    "check",
    "datasets",
    "decision",
    "delete",
    "doctor",
    "export_config",
    "failures",
    "generate",
    "get",
    "import_labels",
    "labels",
    "list_models",
    "load_config",
    "log_tail",
    "preflight",
    "preview",
    "progress",
    "promote",
    "rename",
    "resume",
    "runs",
    "sample_ids",
    "skip",
    "start",
    "undo",
    "workers",
]
