"""The verbs of a run for scripts and notebooks.

.. code-block:: python

    import auto_labeling as al

    run = al.start(view, task="detection", model="shapes-yolo", label_field="shapes")
    run.wait()
    al.promote(run, min_confidence=0.5)
    al.approve(run)
"""

from auto_labeling.core.account import Account, Decision, LeftOut
from auto_labeling.core.errors import (
    AttemptRevoked,
    AuditRefused,
    AutoLabelingError,
    CannotWrite,
    ConfigError,
    DatabaseAway,
    FailureReason,
    FieldGone,
    IllegalTransition,
    LabelsChanged,
    ModelUnavailable,
    NewerRecord,
    RunFailed,
    RunNotFound,
    RunWarning,
    StillRunning,
)
from auto_labeling.core.history import Action
from auto_labeling.core.run import (
    Method,
    ModelType,
    Progress,
    RunConfig,
    RunState,
    StopReason,
    Target,
    Task,
    Worker,
)
from auto_labeling.lifecycle.converting import Conversion
from auto_labeling.lifecycle.doctor import Finding, ProblemKind
from auto_labeling.lifecycle.preflight import Preflight
from auto_labeling.lifecycle.preview import Preview
from auto_labeling.models.spec import ModelSpec
from auto_labeling.review.duplicates import Duplicates
from auto_labeling.review.summary import Summary
from auto_labeling.review.undoing import Undone
from auto_labeling.sdk import quality
from auto_labeling.sdk.correcting import duplicates, history, relabel, thresholds, undo_last
from auto_labeling.sdk.files import (
    convert_point_clouds,
    convert_samples,
    export_config,
    load_config,
)
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
from auto_labeling.sdk.reviewing import (
    approve,
    decision,
    labels,
    promote,
    reject,
    undo,
)
from auto_labeling.sdk.selecting import labels_view
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
