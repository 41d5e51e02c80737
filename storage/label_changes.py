"""Changes of labels by actions: what an action writes into labels, and how it is undone.

Each label that an action changes gets the mark of the action's step (``core/history.py``), in the
same atomic update. An action leaves labels alone that carry a mark as large as its own or larger:
so the marks of every label ascend, also when several people act at once, and an action that is
repeated changes nothing twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.history import Action, Step
from auto_labeling.core.run import Run
from auto_labeling.storage import id_ranges, schema
from auto_labeling.storage.mongo import STAMP, Document, below
from auto_labeling.storage.review_states import ACTIONS, INFO, MODEL_LABEL

#: Samples that an update names one by one.
_BATCH = 1_000

#: Steps in one update.
_STEPS = 20

#: Query, update and array filters, as ``update_many`` takes them.
Update = tuple[Document, Document, list[Mapping[str, Any]] | None]


def declare(dataset: Dataset, run: Run, action: Action) -> None:
    """Declares the attributes that an action is about to write.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        action: the action
    """
    wanted: dict[str, fo.Field] = {ACTIONS: actions_field()}
    if any(MODEL_LABEL in step.becomes for step in action.steps):
        about = "The class that the model gave the label"
        wanted[MODEL_LABEL] = fo.StringField(description=about)
    lacking = {n: f for n, f in wanted.items() if not _is_declared(dataset, run, n)}
    if lacking and dataset.has_field(run.staging_field):
        schema.declare_attributes(dataset, run.staging_field, lacking)


def actions_field() -> fo.Field:
    """The field of the marks; without the type of its items, the sidebar has no filter for it."""
    about = "The actions of the review that changed the label"
    return fo.ListField(description=about, info={INFO: {"ours": 1}})


def _is_declared(dataset: Dataset, run: Run, name: str) -> bool:
    attribute = "fields.fields.name" if run.many else "fields.name"
    query = {
        "_id": dataset._doc.id,
        "sample_fields": {"$elemMatch": {"name": run.staging_field, attribute: name}},
    }
    return dataset._doc._get_collection().find_one(query, {"_id": 1}) is not None


def write(
    dataset: Dataset,
    run: Run,
    action: Action,
    conditions: Sequence[Document],
    sample_ids: Sequence[ObjectId] | None = None,
) -> int:
    """Changes labels as an action says.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        action: the action
        conditions: for each of its steps, which labels, as a query on their own attributes
        sample_ids (None): only in these samples

    Returns:
        the number of writes to samples
    """
    steps = [(mark, step, conditions[i]) for i, (mark, step) in enumerate(action.marked_steps())]
    make = _updates_of_lists if run.many else _updates_of_ones
    return _run(dataset, list(make(run, action, steps)), sample_ids)


def revert(dataset: Dataset, run: Run, action: Action) -> int:
    """Undoes an action, and removes its marks.

    A label whose attributes someone has changed since keeps them. A label that a later action has
    changed as well stays unchanged, until that action is undone.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        action: the action

    Returns:
        the number of writes to samples
    """
    steps = list(action.marked_steps())
    make = _reverts_of_lists if run.many else _reverts_of_ones
    return _run(dataset, list(make(run, action, steps)), _object_ids(action))


def count(dataset: Dataset, run: Run, action: Action) -> tuple[int, int]:
    """Counts the labels that carry the marks of an action.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        action: the action

    Returns:
        ``(unchanged, edited)``: how many are still as the action left them, and how many not
    """
    sample_ids = _object_ids(action)
    match = _with_marks(run, action)
    if sample_ids is not None:
        match["_id"] = {"$in": list(sample_ids)}
    stages: list[Document] = [{"$match": match}]
    stages += [{"$project": {"label": f"${run.label_root}"}}]
    stages += [{"$unwind": "$label"}] if run.many else []
    stages += [
        {"$match": below("label", _has_mark(action))},
        {"$group": {"_id": _group(action), "n": {"$sum": 1}}},
    ]
    numbers = {True: 0, False: 0}
    for group in dataset._sample_collection.aggregate(stages):
        numbers[group["_id"]] = group["n"]
    return numbers[True], numbers[False]


def is_marked(dataset: Dataset, run: Run, action: Action) -> bool:
    """Whether a label still carries a mark of an action.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        action: the action
    """
    marked = dataset._sample_collection.find_one(_with_marks(run, action), {"_id": 1})
    return marked is not None


def _has_mark(action: Action) -> Document:
    """The condition that a label carries a mark of an action."""
    return {ACTIONS: {"$elemMatch": {"$gte": action.first_mark, "$lte": action.last_mark}}}


def _with_marks(run: Run, action: Action) -> Document:
    """The samples with such a label, as a query."""
    root, has_mark = run.label_root, _has_mark(action)
    return {root: {"$elemMatch": has_mark}} if run.many else below(root, has_mark)


def _group(action: Action) -> Document:
    """Whether a label is as the step whose mark it carries has left it."""
    same = [
        {
            "$and": [
                {"$in": [mark, f"$label.{ACTIONS}"]},
                *(_is(f"$label.{name}", value) for name, value in becomes.items()),
            ]
        }
        for mark, becomes in ((mark, step.becomes) for mark, step in action.marked_steps())
    ]
    return {"$or": same}


def _is(path: str, value: str | None) -> Document:
    return {"$eq": [{"$ifNull": [path, None]}, {"$literal": value}]}


def _run(dataset: Dataset, updates: Sequence[Update], sample_ids: Sequence[ObjectId] | None) -> int:
    samples, modified = dataset._sample_collection, 0
    for query, change, filters in updates:
        if sample_ids is None:
            modified += id_ranges.update_many(samples, query, change, filters)
            continue
        for first in range(0, len(sample_ids), _BATCH):
            some = {**query, "_id": {"$in": list(sample_ids[first : first + _BATCH])}}
            result = samples.update_many(some, change, array_filters=filters)
            modified += result.modified_count
    return modified


# --- doing ----------------------------------------------------------------------------------------

_Wanted = tuple[int, Step, Document]


def _label(action: Action, step: Step, conditions: Document) -> Document:
    """What a label must hold for a step to change it."""
    return {**step.was, **conditions, ACTIONS: {"$not": {"$gte": action.first_mark}}}


def _changes(step: Step, path: str, back: bool = False) -> tuple[Document, Document]:
    """What an update sets and unsets for a step, or for undoing it."""
    values = {f"{path}.{n}": v for n, v in (step.was if back else step.becomes).items()}
    return (
        {name: value for name, value in values.items() if value is not None},
        {name: "" for name, value in values.items() if value is None},
    )


def _update(set_: Document, unset: Document, **others: Document) -> Document:
    parts = {"$set": set_, "$unset": unset, **{f"${name}": v for name, v in others.items()}}
    return {**{name: part for name, part in parts.items() if part}, **STAMP}


def _updates_of_lists(run: Run, action: Action, steps: Sequence[_Wanted]) -> Iterator[Update]:
    root = run.label_root
    for first in range(0, len(steps), _STEPS):
        filters: list[Mapping[str, Any]] = []
        labels: list[Document] = []
        set_: Document = {}
        unset: Document = {}
        push: Document = {}
        for mark, step, conditions in steps[first : first + _STEPS]:
            name = f"step{mark - action.first_mark}"
            label = _label(action, step, conditions)
            labels.append(label)
            filters.append(below(name, label))
            values, gone = _changes(step, f"{root}.$[{name}]")
            set_ |= values
            unset |= gone
            push[f"{root}.$[{name}].{ACTIONS}"] = mark
        query = labels[0] if len(labels) == 1 else {"$or": labels}
        yield {root: {"$elemMatch": query}}, _update(set_, unset, push=push), filters


def _updates_of_ones(run: Run, action: Action, steps: Sequence[_Wanted]) -> Iterator[Update]:
    field = run.staging_field
    for mark, step, conditions in steps:
        query = {field: {"$type": "object"}, **below(field, _label(action, step, conditions))}
        yield query, _update(*_changes(step, field), push={f"{field}.{ACTIONS}": mark}), None


# --- undoing --------------------------------------------------------------------------------------


def _reverts_of_lists(
    run: Run, action: Action, steps: Sequence[tuple[int, Step]]
) -> Iterator[Update]:
    root = run.label_root
    for first in range(0, len(steps), _STEPS):
        filters: list[Mapping[str, Any]] = []
        set_: Document = {}
        unset: Document = {}
        pull: Document = {}
        marks: list[int] = []
        for mark, step in steps[first : first + _STEPS]:
            at = f"{mark - action.first_mark}"
            top = _top(action, mark)
            marks.append(mark)
            # As the action left it; with no other mark; with marks of earlier actions.
            filters.append(below(f"same{at}", {**step.becomes, ACTIONS: top}))
            filters.append({f"only{at}.{ACTIONS}": {"$eq": [mark]}})
            filters.append({f"more{at}.{ACTIONS}": top, f"more{at}.{ACTIONS}.1": {"$exists": True}})
            values, gone = _changes(step, f"{root}.$[same{at}]", back=True)
            set_ |= values
            unset |= gone | {f"{root}.$[only{at}].{ACTIONS}": ""}
            pull[f"{root}.$[more{at}].{ACTIONS}"] = mark
        query = {root: {"$elemMatch": {ACTIONS: {"$in": marks}}}}
        yield query, _update(set_, unset, pull=pull), filters


def _reverts_of_ones(
    run: Run, action: Action, steps: Sequence[tuple[int, Step]]
) -> Iterator[Update]:
    field = run.staging_field
    path = f"{field}.{ACTIONS}"
    for mark, step in steps:
        same, top = below(field, step.becomes), _top(action, mark)
        more = {path: top, f"{path}.1": {"$exists": True}}
        set_, unset = _changes(step, field, back=True)
        yield {path: {"$eq": [mark]}, **same}, _update(set_, unset | {path: ""}), None
        yield {**more, **same}, _update(set_, unset, pull={path: mark}), None
        yield {path: {"$eq": [mark]}}, _update({}, {path: ""}), None
        yield more, _update({}, {}, pull={path: mark}), None


def _top(action: Action, mark: int) -> Document:
    """The condition that a label carries a mark, and none of a later action."""
    return {"$eq": mark, "$not": {"$gt": action.last_mark}}


def _object_ids(action: Action) -> list[ObjectId] | None:
    return None if action.sample_ids is None else [ObjectId(i) for i in action.sample_ids]
