"""What can be wrong with a dataset that has, or had, runs, and how to repair it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

import fiftyone as fo
from fiftyone.core.dataset import Dataset
from pymongo.collection import Collection

from auto_labeling.core import text
from auto_labeling.core.names import STAGING_SUFFIX
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import deleting, liveness, resuming
from auto_labeling.storage import fields, id_ranges, mask_files, orphans, schema
from auto_labeling.storage.runs import RunStore

#: Seconds in which the files that labels name must be known; a doctor has more time than a click.
MASK_TIMEOUT_SECONDS = 600


class ProblemKind(str, Enum):
    """What is wrong, for programs; :attr:`Problem.sentence` is for people."""

    UNDECLARED = "undeclared"  # samples hold a field that the schema lacks
    ORPHAN = "orphan"  # a staging field of a run that is not in the dataset
    MOVED = "moved"  # the staging field of a run was renamed
    FIELDLESS = "fieldless"  # the staging field of a run is missing
    WORKERLESS = "workerless"  # a run is active, and no process works on it
    UNFINISHED = "unfinished"  # a deletion or an approval was interrupted
    MARKS = "marks"  # samples are marked as waiting for a run that has ended
    MASKS = "masks"  # mask files that no label uses


@dataclass(frozen=True)
class Problem:
    """Something wrong with a dataset.

    Args:
        kind: what is wrong, for programs
        subject: the name of the field, the id of the run or the path of the folder
        sentence: what is wrong, for people, without its full stop
        remedy: what ``repair`` does, or what a person can do
        repair: repairs it; None where only a person can decide
        number: how many samples or files are affected; 0 if that does not matter
    """

    kind: ProblemKind
    subject: str
    sentence: str
    remedy: str
    repair: Callable[[], object] | None = None
    number: int = 0


def problems(dataset: Dataset) -> Iterator[Problem]:
    """Finds all that is wrong with a dataset, in the order in which to repair it."""
    store = RunStore(dataset)
    yield from _undeclared(dataset, store.list())
    for run in store.list():
        yield from _of_run(dataset, store, run)
    yield from _orphans(dataset, store)
    yield from _masks(dataset, store)


# --- values without a schema ---------------------------------------------------------------------


def _undeclared(dataset: Dataset, runs: Sequence[Run]) -> Iterator[Problem]:
    declared = {field.get("db_field") or field["name"] for field in fields.schema_of(dataset)}
    of_runs = {run.staging_field: run for run in runs} | {r.config.label_field: r for r in runs}
    samples = dataset._sample_collection
    for name in sorted(_stored(dataset) - declared):
        if name.startswith("_"):  # FiftyOne's own
            continue
        number = samples.count_documents({name: {"$exists": True}})
        kind = _kind(samples, name)
        repair: Callable[[], object] | None
        sentence = (
            f"'{name}' has values on {text.count(number, 'sample')} but is missing from the "
            "dataset's schema: no sample of the dataset can be read"
        )
        if not (name in of_runs or name.endswith(STAGING_SUFFIX)):
            repair = None
            remedy = (
                f"Not from Auto-Labeling, so it is left alone: add '{name}' to the schema, or "
                "unset it"
            )
        elif kind is None:
            repair, remedy = (
                partial(fields.unset_undeclared, dataset, name),
                "The empty field is removed",
            )
        else:
            repair = partial(_declare, dataset, name, kind, of_runs.get(name))
            remedy = "The field is added to the schema again and keeps its labels"
        yield Problem(ProblemKind.UNDECLARED, name, sentence, remedy, repair, number)


def _stored(dataset: Dataset) -> set[str]:
    """The names of all fields that samples hold, whether or not they are declared."""
    names = {"$map": {"input": {"$objectToArray": "$$ROOT"}, "as": "field", "in": "$$field.k"}}
    stages = [{"$project": {"_id": 0, "name": names}}, {"$unwind": "$name"}]
    stages.append({"$group": {"_id": "$name"}})
    return {document["_id"] for document in dataset._sample_collection.aggregate(stages)}


def _kind(samples: Collection, name: str) -> type[fo.Label] | None:
    """The class of the labels that samples hold under a name; None if they hold none."""
    document = samples.find_one({name: {"$type": "object"}}, {f"{name}._cls": 1})
    if document is None:
        return None
    return getattr(fo, document[name].get("_cls") or "", fo.Detections)


def _declare(dataset: Dataset, name: str, kind: type[fo.Label], run: Run | None) -> None:
    """Declares a field whose labels are there: as the run's, or as one without a run."""
    info = {} if run is None else {fields.INFO: {"run": run.id}}
    schema.declare(dataset, name, kind, "", info)
    if run is None or name == run.staging_field:
        schema.declare_attributes(dataset, name, {fields.REVIEW: fo.StringField()})


# --- runs ----------------------------------------------------------------------------------------


def _of_run(dataset: Dataset, store: RunStore, run: Run) -> Iterator[Problem]:
    subject = run.id
    if run.state is RunState.DELETING and liveness.is_silent(store, run):
        sentence = f"The deletion of '{run.name}' was interrupted"
        finish = partial(deleting.delete, dataset, run.id)
        yield Problem(ProblemKind.UNFINISHED, subject, sentence, "The deletion is finished", finish)
        return
    if run.state is RunState.APPROVING and liveness.is_silent(store, run):
        sentence = f"The approval of '{run.name}' was interrupted"
        remedy = "Finish it: `auto-labeling approve`, or *Finish approval* in the panel"
        yield Problem(ProblemKind.UNFINISHED, subject, sentence, remedy)
        return
    stopped = liveness.judge(store, run, confirm=True) if run.is_active else None
    if stopped:
        sentence = (
            f"'{run.name}' is {run.status.lower()}, but no process is working on it. "
            f"{stopped.sentence}"
        )
        stop = partial(store.stop, run, *stopped)
        remedy = "The run is stopped, so that you can resume it"
        yield Problem(ProblemKind.WORKERLESS, subject, sentence, remedy, stop)
    if missing := resuming.missing_field(dataset, run):
        yield Problem(
            ProblemKind.FIELDLESS, subject, f"'{run.name}': {missing.happened}", missing.remedy
        )


# --- fields that no run needs --------------------------------------------------------------------


def _orphans(dataset: Dataset, store: RunStore) -> Iterator[Problem]:
    alive = {run.id: run for run in store.list() if run.state is not RunState.APPROVED}
    stored = {field["name"]: field for field in fields.schema_of(dataset)}
    for name in orphans.names(dataset):
        run = alive.get(fields.stored_owner(stored[name]))
        number = orphans.count(dataset, name)
        if run is not None and number:
            sentence = f"'{name}' was the staging field of '{run.name}' until it was renamed"
            remedy = f"Rename it back to '{run.staging_field}', or delete the run"
            yield Problem(ProblemKind.MOVED, name, sentence, remedy, None, number)
            continue
        if number:
            sentence = f"{orphans.description(name)}, on {text.count(number, 'sample')}"
            remedy = "It becomes an ordinary field and keeps its labels"
        else:
            sentence = f"'{name}' is the empty staging field of a run that is not in this dataset"
            remedy = "The empty field is removed"
        repair = partial(orphans.make_ordinary, dataset, name)
        yield Problem(ProblemKind.ORPHAN, name, sentence, remedy, repair, number)
    yield from _marks(dataset, store)


def _marks(dataset: Dataset, store: RunStore) -> Iterator[Problem]:
    """Samples that wait for labels of a run in review that knows of no failed sample."""
    for run in store.list():
        if run.state is not RunState.IN_REVIEW or run.failed:
            continue
        query = {run.staging_field: {"$type": "null"}}
        number = dataset._sample_collection.count_documents(query)
        if number and resuming.missing_field(dataset, run) is None:
            sentence = (
                f"{text.count(number, 'sample')} marked as waiting for '{run.name}', which ended"
            )
            unset = {"$unset": {run.staging_field: ""}}
            repair = partial(id_ranges.update_many, dataset._sample_collection, query, unset)
            yield Problem(
                ProblemKind.MARKS,
                run.staging_field,
                sentence,
                "The marks are removed",
                repair,
                number,
            )


# --- mask files ----------------------------------------------------------------------------------


def _masks(dataset: Dataset, store: RunStore) -> Iterator[Problem]:
    folders = {note["folder"]: note["name"] for note in store.kept_masks().values()}
    for run in store.list():
        if run.mask_folder and run.state in (RunState.IN_REVIEW, RunState.APPROVED):
            folders.setdefault(run.mask_folder, run.name)
    for folder, name in sorted(folders.items()):
        if not Path(folder).is_dir():
            continue
        stray = mask_files.unreferenced(Path(folder), MASK_TIMEOUT_SECONDS)
        if stray:
            sentence = (
                f"{text.count(len(stray), 'mask file')} of '{name}' in {folder} without a label"
            )
            repair = partial(mask_files.remove_unreferenced, Path(folder), MASK_TIMEOUT_SECONDS)
            remedy = "They are removed; files that labels use are kept"
            yield Problem(ProblemKind.MASKS, folder, sentence, remedy, repair, len(stray))
