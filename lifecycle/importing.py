"""Analyze existing labels: copies the labels of a field into a run in review.

The copy is made by the database, in a thread where the caller cannot wait. First the samples to be
copied get ``null`` in the staging field, as those of a model's run do (``docs/adr/0002``): so a
copy that comes late changes nothing, and an interrupted one continues with what is still ``null``.
"""

import contextlib
import secrets
import threading
from collections.abc import Collection

import fiftyone.core.fields as fof
import fiftyone.core.labels as fol
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import (
    AttemptRevoked,
    AutoLabelingError,
    ConfigError,
    FieldGone,
)
from auto_labeling.core.names import staging_field
from auto_labeling.core.run import NOT_STOPPED, Run, RunConfig, RunState, Task, stopped_by
from auto_labeling.lifecycle import media, validation
from auto_labeling.storage import account, clock, fields, label_copies, orphans, staging
from auto_labeling.storage.heartbeat import Heartbeat
from auto_labeling.storage.runs import RunStore

#: What stands in a run's configuration in place of a model.
MODEL = "existing labels"

_TASKS: dict[type[fol.Label], Task] = {
    fol.Classification: Task.CLASSIFICATION,
    fol.Detections: Task.DETECTION,
}


def sources(dataset: Dataset) -> dict[str, str]:
    """The label fields of a dataset, each with why its labels cannot be imported.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`

    Returns:
        a dict from field name to the reason; it is empty for a field that qualifies
    """
    store = RunStore(dataset)
    known = dataset.get_field_schema(ftype=fof.EmbeddedDocumentField)
    needed = orphans.needed_fields(dataset)
    marked = {field["name"] for field in fields.schema_of(dataset) if orphans.is_marked(field)}
    return {
        name: _reason_against(dataset, store, name, field.document_type, needed, marked)
        for name, field in known.items()
        if issubclass(field.document_type, fol.Label)
    }


def import_labels(
    dataset: Dataset,
    source: str,
    label_field: str = "",
    *,
    replace: bool = False,
    name: str = "",
    author: str = "",
    background: bool = False,
) -> Run:
    """Copies the labels of a field into a new run in review; the field itself is not touched.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        source: the field
        label_field (""): the new field for the labels that will be approved
        replace (False): instead, whether approval puts them back into ``source``, without the
            labels that were not promoted
        name (""): the run's name
        author (""): who asks for it
        background (False): whether to return at once and copy in a thread

    Returns:
        the :class:`auto_labeling.core.run.Run`: in review, or importing if in the background

    Raises:
        ConfigError: with a sentence for every wrong answer; nothing is written then
    """
    _require_kinds(source=source, label_field=label_field, name=name, replace=replace)
    store = RunStore(dataset)
    run = store.create(
        _checked(dataset, store, source.strip(), label_field.strip(), replace, name, author)
    )
    return _copy(dataset, store, run, background)


def resume(dataset: Dataset, run: Run, background: bool = True) -> Run:
    """Continues an import that has failed. Labels that are copied already stay.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        background (True): whether to return at once and copy in a thread

    Returns:
        the run: in review, or importing if in the background

    Raises:
        IllegalTransition: if it has not failed
        FieldGone: if its labels were in review, and were deleted or renamed by hand
    """
    store = RunStore(dataset)
    if run.state is RunState.IN_REVIEW and (missing := fields.missing(dataset, run)):
        raise FieldGone(str(missing))
    store.reserve(run)  # its start may have been interrupted before it did
    run = store.move(
        run.id,
        RunState.IMPORTING,
        new_token=secrets.token_hex(8),
        **NOT_STOPPED,
        attempt=run.attempt + 1,
    )
    return _copy(dataset, store, run, background)


def _reason_against(
    dataset: Dataset,
    store: RunStore,
    name: str,
    kind: type[fol.Label],
    needed: Collection[str],
    marked: Collection[str],
) -> str:
    if not media.can_be_reviewed(dataset):
        return "Labels of videos and multimodal recordings cannot be reviewed"
    if name in needed:
        return "These labels are in review"
    if kind not in _TASKS:
        kinds = " or ".join(k.__name__ for k in _TASKS)
        return f"It holds {kind.__name__}, not {kinds}"
    below = ".detections" if kind is fol.Detections else ""
    if dataset.has_field(f"{name}{below}.{staging.REVIEW}") and name not in marked:
        return f"Its labels already have an attribute '{staging.REVIEW}'"
    if store.claimed_by(name) or dataset.has_field(staging_field(name)):
        return "A run is already generating or reviewing this field"
    return ""


def _require_kinds(**answers: object) -> None:
    wrong = {}
    for name, value in answers.items():
        kind = bool if name == "replace" else str
        if not isinstance(value, kind):
            wrong[name] = "This must be true or false" if kind is bool else "This must be text"
    if wrong:
        raise ConfigError(wrong)


def _checked(
    dataset: Dataset,
    store: RunStore,
    source: str,
    label_field: str,
    replace: bool,
    name: str,
    author: str,
) -> Run:
    """The run that is asked for, if everything about it is right."""
    problems = {}
    dataset.reload()  # fields may have come and gone in other processes
    offered = sources(dataset)
    if not source:
        problems["source"] = "Choose the field whose labels you want to review"
    elif source not in offered:
        problems["source"] = f"There is no label field '{source}'"
    elif offered[source]:
        problems["source"] = f"'{source}' cannot be used: {offered[source]}"
    if replace:
        if source in offered and dataset.get_field(source).read_only:
            problems["label_field"] = f"'{source}' is read-only, so it cannot be replaced"
    elif not label_field:
        problems["label_field"] = "Name the new field for the approved labels"
    elif problem := validation.label_field_problem(dataset, label_field, store):
        problems["label_field"] = problem
    if problems:
        raise ConfigError(problems)
    answers = {
        "task": _task(dataset, source),
        "model": MODEL,
        "label_field": source if replace else label_field,
        "source_field": source,
        "name": name,
    }
    run = Run(
        id=secrets.token_hex(6),
        config=RunConfig(**validation.parse(answers).model_dump()),
        own_source=fields.has_source(dataset, source),
        state=RunState.IMPORTING,
        created_at=clock.stamp(),
        created_by=author,
        source=source,
        replaces=replace,
        attempt=1,
        token=secrets.token_hex(8),
    )
    if label_copies.has_marker(dataset, run):
        raise ConfigError({"source": f"Labels of '{source}' have an attribute '{staging.REVIEW}'"})
    return run


def _task(dataset: Dataset, source: str) -> Task:
    """The task whose labels a field holds; 3D detection if all of its boxes are 3D boxes."""
    task = _TASKS[dataset.get_field(source).document_type]
    if task is Task.DETECTION and label_copies.holds_only_3d(dataset, source):
        return Task.DETECTION_3D
    return task


def _copy(dataset: Dataset, store: RunStore, run: Run, background: bool) -> Run:
    work = _Copy(dataset, store, run)
    if not background:
        return work.run()
    threading.Thread(target=work.run_quietly, name=f"import-{run.id}", daemon=True).start()
    return run


class _Copy:
    """One attempt at an import."""

    def __init__(self, dataset: Dataset, store: RunStore, run: Run) -> None:
        self._dataset = dataset
        self._store = store
        self._run = run
        self._done = 0
        self._lock = threading.Lock()

    def run(self) -> Run:
        try:
            with Heartbeat(self._store, self._run) as self._heartbeat:
                return self._steps()
        except AttemptRevoked:
            raise
        except Exception as error:
            # If the run was canceled or taken over since, that stands.
            with contextlib.suppress(AutoLabelingError):
                self._store.move(
                    self._run.id,
                    RunState.FAILED,
                    token=self._run.token,
                    **stopped_by(error),
                )
            raise

    def run_quietly(self) -> None:
        """In a thread of its own: what goes wrong is on the record."""
        with contextlib.suppress(Exception):
            self.run()

    def _steps(self) -> Run:
        dataset, run, store = self._dataset, self._run, self._store
        is_missing = fields.missing(dataset, run) is not None  # deleted or renamed by hand since
        fields.declare(dataset, run)
        if is_missing or not run.frozen:
            samples = label_copies.await_labels(dataset, run, self._check)
            run = self._run = store.amend(run.id, token=run.token, samples=samples, frozen=True)
        self._done = run.samples - staging.count_waiting(dataset, run)
        label_copies.copy_labels(dataset, run, self._check, self._count)
        fields.require_staging_field(dataset, run)
        run = run.model_copy(update={"labels": staging.count(dataset, run)})
        current_account = account.add_up(dataset, run)
        return store.move(
            run.id, RunState.IN_REVIEW, token=run.token, labels=run.labels, account=current_account
        )

    def _check(self) -> None:
        if self._store.get(self._run.id).token != self._run.token:
            raise AttemptRevoked(f"'{self._run.name}' was canceled or taken over")

    def _count(self, samples: int) -> None:
        with self._lock:
            self._done += samples
            self._heartbeat.update(done=self._done)
