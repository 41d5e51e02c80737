"""What can be wrong with a dataset that has, or had, runs, and how to repair it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import fiftyone as fo
from fiftyone.core.dataset import Dataset
from pymongo.collection import Collection

from auto_labeling.core import text
from auto_labeling.core.names import STAGING_SUFFIX
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import deleting, liveness, resuming
from auto_labeling.storage import fields, mask_files, orphans, ranges, schema
from auto_labeling.storage.runs import RunStore

#: Seconds in which the files that labels name must be known; a doctor has more time than a click.
PATIENCE = 600


@dataclass(frozen=True)
class Ailment:
    """Something that is not as it should be.

    Args:
        kind: what sort of thing it is
        subject: the field, run or folder that it is about
        said: what it is, in a sentence
        remedy: what ``mend`` does, or what a person can do
        mend: mends it; None where only a person can decide
        number: how many samples or files it is about
    """

    kind: str
    subject: str
    said: str
    remedy: str
    mend: Callable[[], object] | None = None
    number: int = 0


def of(dataset: Dataset) -> Iterator[Ailment]:
    """All that is wrong with a dataset, in the order in which it is to be mended."""
    store = RunStore(dataset)
    yield from _undeclared(dataset, store.list())
    for run in store.list():
        yield from _of_run(dataset, store, run)
    yield from _orphans(dataset, store)
    yield from _masks(dataset, store)


# --- values without a schema ---------------------------------------------------------------------


def _undeclared(dataset: Dataset, runs: Sequence[Run]) -> Iterator[Ailment]:
    declared = {field.get("db_field") or field["name"] for field in fields.schema_of(dataset)}
    of_runs = {run.staging_field: run for run in runs} | {r.config.label_field: r for r in runs}
    samples = dataset._sample_collection
    for name in sorted(_stored(dataset) - declared):
        if name.startswith("_"):  # FiftyOne's own
            continue
        number = samples.count_documents({name: {"$exists": True}})
        kind = _kind(samples, name)
        mend: Callable[[], object] | None
        said = (
            f"'{name}' has values on {text.count(number, 'sample')} but is missing from the "
            "dataset's schema: no sample of the dataset can be read"
        )
        if not (name in of_runs or name.endswith(STAGING_SUFFIX)):
            mend = None
            remedy = (
                f"Not from Auto-Labeling, so it is left alone: add '{name}' to the schema, or "
                "unset it"
            )
        elif kind is None:
            mend, remedy = partial(fields.sweep, dataset, name), "The empty field is removed"
        else:
            mend = partial(_declare, dataset, name, kind, of_runs.get(name))
            remedy = "The field is added to the schema again and keeps its labels"
        yield Ailment("undeclared", name, said, remedy, mend, number)


def _stored(dataset: Dataset) -> set[str]:
    """The names of all fields that samples hold, whether or not they are declared."""
    names = {"$map": {"input": {"$objectToArray": "$$ROOT"}, "as": "field", "in": "$$field.k"}}
    stages = [{"$project": {"_id": 0, "name": names}}, {"$unwind": "$name"}]
    stages.append({"$group": {"_id": "$name"}})
    return {document["_id"] for document in dataset._sample_collection.aggregate(stages)}


def _kind(samples: Collection, name: str) -> type[fo.Label] | None:
    """The class of the labels that samples hold under a name; None if they hold none."""
    found = samples.find_one({name: {"$type": "object"}}, {f"{name}._cls": 1})
    if found is None:
        return None
    return getattr(fo, found[name].get("_cls") or "", fo.Detections)


def _declare(dataset: Dataset, name: str, kind: type[fo.Label], run: Run | None) -> None:
    """Declares a field whose labels are there: as the run's, or as one of nobody."""
    info = {} if run is None else {fields.INFO: {"run": run.id}}
    schema.declare(dataset, name, kind, "", info)
    if run is None or name == run.staging_field:
        schema.declare_attributes(dataset, name, {fields.REVIEW: fo.StringField()})


# --- runs ----------------------------------------------------------------------------------------


def _of_run(dataset: Dataset, store: RunStore, run: Run) -> Iterator[Ailment]:
    subject = run.id
    if run.state is RunState.DELETING and liveness.is_silent(store, run):
        said = f"The deletion of '{run.name}' was interrupted"
        finish = partial(deleting.delete, dataset, run.id)
        yield Ailment("unfinished", subject, said, "The deletion is finished", finish)
        return
    if run.state is RunState.APPROVING and liveness.is_silent(store, run):
        said = f"The approval of '{run.name}' was interrupted"
        remedy = "Finish it: `auto-labeling approve`, or *Finish approval* in the panel"
        yield Ailment("unfinished", subject, said, remedy)
        return
    stopped = liveness.judge(store, run, confirm=True) if run.is_active else None
    if stopped:
        said = (
            f"'{run.name}' is {run.status.lower()}, but no process is working on it. "
            f"{stopped.sentence}"
        )
        stop = partial(store.stop, run, stopped.reason, stopped.sentence)
        remedy = "The run is stopped, so that you can resume it"
        yield Ailment("workerless", subject, said, remedy, stop)
    if what := resuming.gone(dataset, run):
        yield Ailment("fieldless", subject, f"'{run.name}': {what.happened}", what.remedy)


# --- fields that no run needs --------------------------------------------------------------------


def _orphans(dataset: Dataset, store: RunStore) -> Iterator[Ailment]:
    alive = {run.id: run for run in store.list() if run.state is not RunState.APPROVED}
    stored = {field["name"]: field for field in fields.schema_of(dataset)}
    for name in orphans.names(dataset):
        run = alive.get(fields.owner_of(stored[name]))
        number = orphans.count(dataset, name)
        if run is not None and number:
            said = f"'{name}' was the staging field of '{run.name}' until it was renamed"
            remedy = f"Rename it back to '{run.staging_field}', or delete the run"
            yield Ailment("moved", name, said, remedy, None, number)
            continue
        if number:
            said = f"{orphans.sentence(name)}, on {text.count(number, 'sample')}"
            remedy = "It becomes an ordinary field and keeps its labels"
        else:
            said = f"'{name}' is the empty staging field of a run that is not in this dataset"
            remedy = "The empty field is removed"
        mend = partial(orphans.release, dataset, name)
        yield Ailment("orphan", name, said, remedy, mend, number)
    yield from _marks(dataset, store)


def _marks(dataset: Dataset, store: RunStore) -> Iterator[Ailment]:
    """Samples that wait for labels of a run in review that knows of no failed sample."""
    for run in store.list():
        if run.state is not RunState.IN_REVIEW or run.failed:
            continue
        query = {run.staging_field: {"$type": "null"}}
        number = dataset._sample_collection.count_documents(query)
        if number and resuming.gone(dataset, run) is None:
            said = f"{text.count(number, 'sample')} marked as waiting for '{run.name}', which ended"
            unset = {"$unset": {run.staging_field: ""}}
            mend = partial(ranges.update_many, dataset._sample_collection, query, unset)
            yield Ailment("marks", run.staging_field, said, "The marks are removed", mend, number)


# --- mask files ----------------------------------------------------------------------------------


def _masks(dataset: Dataset, store: RunStore) -> Iterator[Ailment]:
    folders = {note["folder"]: note["name"] for note in store.kept_masks().values()}
    for run in store.list():
        if run.mask_folder and run.state in (RunState.IN_REVIEW, RunState.APPROVED):
            folders.setdefault(run.mask_folder, run.name)
    for folder, name in sorted(folders.items()):
        if not Path(folder).is_dir():
            continue
        stray = mask_files.stray(Path(folder), PATIENCE)
        if stray:
            said = f"{text.count(len(stray), 'mask file')} of '{name}' in {folder} without a label"
            mend = partial(mask_files.remove_stray, Path(folder), PATIENCE)
            remedy = "They are removed; files that labels use are kept"
            yield Ailment("masks", folder, said, remedy, mend, len(stray))
