"""Puts labels back into their source field, merged with later changes by people.

An import that is to replace its source keeps, beside each sample's staged labels, a copy of them
as they were. Approval compares it with what the source holds by then, in the update that moves the
sample: a label that is as it was leaves, or is written as it stands in review; one that people
added or changed since stays unchanged; one that they deleted stays deleted.

Masks inside of labels are large, so the copy has their sizes in place of them. Whether a mask was
changed is seen by its staged copy; where that was changed as well, or is gone, by the size alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from auto_labeling.core.run import Run
from auto_labeling.storage import review_states
from auto_labeling.storage.mongo import Document, Expression

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.dataset import Dataset

#: The attribute of a sample's staged labels that holds the copy.
IMPORTED = "imported"

_MASK_BYTES = "mask_bytes"


def copy(labels: Expression, run: Run) -> Document:
    """Builds an expression: the copy that is kept of a list of labels, or of one.

    Args:
        labels: the labels, as expressions name them
        run: the run

    Returns:
        the expression
    """
    if not run.many:
        return _fingerprint(labels)
    return {"$map": {"input": labels, "as": "label", "in": _fingerprint("$$label")}}


def merged_list(run: Run) -> Document:
    """An expression: what a sample's list of labels becomes, all of its field."""
    target, staging = f"${run.config.label_field}", f"${run.staging_field}"
    without_copy = {"$unsetField": {"field": IMPORTED, "input": staging}}
    base = {"$cond": [_is_object(target), target, without_copy]}
    result = {
        "$concatArrays": [
            {"$reduce": {"input": "$$now", "initialValue": [], "in": _one_more(run)}},
            {"$map": {"input": _new(), "as": "label", "in": review_states.bare("$$label", run)}},
        ]
    }
    whole = {"$mergeObjects": [base, {"detections": "$$result"}]}
    # A field that a person has emptied, and for which the review has nothing, stays so.
    is_kept_empty: Document = {"$and": [{"$eq": ["$$result", []]}, {"$not": [_is_object(target)]}]}
    value: Document = {"$cond": [is_kept_empty, target, whole]}
    value = {"$let": {"vars": {"result": result}, "in": value}}
    return {"$cond": [_is_object(staging), _with_lists(run, value), target]}


def merged_single(run: Run) -> Document:
    """An expression: what a sample's only label becomes."""
    target, staging = f"${run.config.label_field}", f"${run.staging_field}"
    bare = {"$unsetField": {"field": IMPORTED, "input": review_states.bare(staging, run)}}
    decided = {"$cond": [review_states.is_kept(staging, run), bare, None]}
    no_copy = {"$not": [_is_object(f"{staging}.{IMPORTED}")]}
    is_same = {
        "$cond": [
            no_copy,  # a person has set another label in review
            {"$or": [{"$not": [_is_object(target)]}, _is_older(f"{target}._id", run)]},
            _is_as_it_was(target, f"{staging}.{IMPORTED}", staging),
        ]
    }
    return {"$cond": [{"$and": [_is_object(staging), is_same]}, decided, target]}


def since_import(dataset: Dataset, run: Run) -> dict[str, int]:
    """Counts the labels that people added, changed and deleted in the source since the import.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        a dict with keys ``since_added``, ``since_changed`` and ``since_deleted``
    """
    numbers = _of_list(run) if run.many else _of_one(run)
    pipeline = [
        {"$match": {run.staging_field: {"$type": "object"}}},
        {"$project": {"_id": 0, "n": numbers}},
        {"$group": {"_id": None, **{name: {"$sum": f"$n.{name}"} for name in _NUMBERS}}},
        {"$project": {"_id": 0}},
    ]
    counts = next(iter(dataset._sample_collection.aggregate(pipeline)), None)
    return counts or dict.fromkeys(_NUMBERS, 0)


_NUMBERS = ("since_added", "since_changed", "since_deleted")


def _of_list(run: Run) -> Document:
    known = {"$in": ["$$label._id", "$$was._id"]}
    added = {"$filter": {"input": "$$now", "as": "label", "cond": {"$not": [known]}}}
    is_changed = {"$and": [known, {"$not": [_is_same_in_list()]}]}
    changed = {"$filter": {"input": "$$now", "as": "label", "cond": is_changed}}
    numbers = {
        "since_added": {"$size": added},
        "since_changed": {"$size": changed},
        "since_deleted": {"$size": {"$setDifference": ["$$was._id", "$$now._id"]}},
    }
    return _with_lists(run, numbers)


def _of_one(run: Run) -> Document:
    target, copy_ = f"${run.config.label_field}", f"${run.staging_field}.{IMPORTED}"
    was, is_there = _is_object(copy_), _is_object(target)
    is_same = _is_as_it_was(target, copy_, f"${run.staging_field}")
    other = {"$and": [was, is_there, {"$ne": [f"{target}._id", f"{copy_}._id"]}]}
    changed = {"$and": [was, is_there, {"$not": [is_same]}, {"$not": [other]}]}
    new = {"$and": [{"$not": [was]}, is_there, {"$not": [_is_older(f"{target}._id", run)]}]}

    def one_if(condition: Document) -> Document:
        return {"$cond": [condition, 1, 0]}

    return {
        "since_added": one_if({"$or": [new, other]}),
        "since_changed": one_if(changed),
        "since_deleted": one_if({"$or": [{"$and": [was, {"$not": [is_there]}]}, other]}),
    }


def _with_lists(run: Run, value: Expression) -> Document:
    """A value with the lists by name: ``now`` in the source, ``was``, ``staged``, ``kept``."""
    target, staging = f"${run.config.label_field}", f"${run.staging_field}"
    now, copy_ = f"{target}.detections", f"{staging}.{IMPORTED}"
    older = {"$filter": {"input": "$$now", "as": "label", "cond": _is_older("$$label._id", run)}}
    kept = {"input": "$$staged", "as": "label", "cond": review_states.is_kept("$$label", run)}
    # Without the copy (a person has set another object in review) a label's age has to do.
    was = {"$cond": [{"$isArray": [copy_]}, copy_, copy(older, run)]}
    inner = {"$let": {"vars": {"kept": {"$filter": kept}, "was": was}, "in": value}}
    lists = {
        "now": {"$cond": [{"$isArray": [now]}, now, []]},
        "staged": {"$ifNull": [f"{staging}.detections", []]},
    }
    return {"$let": {"vars": lists, "in": inner}}


def _one_more(run: Run) -> Document:
    """What is added to the result for one label that the source holds now: ``$$this``."""
    at = {"$indexOfArray": ["$$kept._id", "$$label._id"]}
    written = {
        "$let": {
            "vars": {"label": {"$arrayElemAt": ["$$kept", "$$at"]}},
            "in": [review_states.bare("$$label", run)],
        }
    }
    decided = {
        "$let": {
            "vars": {"at": at},
            "in": {"$cond": [{"$gte": ["$$at", 0]}, written, []]},
        }
    }
    result = {"$cond": [_is_same_in_list(), decided, ["$$label"]]}
    labels = {"$let": {"vars": {"label": "$$this"}, "in": result}}
    return {"$concatArrays": ["$$value", labels]}


def _new() -> Document:
    """Labels that are kept and were not imported: people added them in review."""
    known = {"$in": ["$$label._id", {"$concatArrays": ["$$was._id", "$$now._id"]}]}
    return {"$filter": {"input": "$$kept", "as": "label", "cond": {"$not": [known]}}}


def _is_same_in_list() -> Document:
    """Whether ``$$label`` of the source was imported and is as it was."""
    return {
        "$let": {
            "vars": {
                "a": {"$indexOfArray": ["$$was._id", "$$label._id"]},
                "b": {"$indexOfArray": ["$$staged._id", "$$label._id"]},
            },
            "in": {
                "$cond": [
                    {"$lt": ["$$a", 0]},
                    False,
                    {
                        "$let": {
                            "vars": {
                                "old": {"$arrayElemAt": ["$$was", "$$a"]},
                                "copy": {
                                    "$cond": [
                                        {"$lt": ["$$b", 0]},
                                        None,
                                        {"$arrayElemAt": ["$$staged", "$$b"]},
                                    ]
                                },
                            },
                            "in": _is_as_it_was("$$label", "$$old", "$$copy"),
                        }
                    },
                ]
            },
        }
    }


def _is_as_it_was(label: str, was: str, staged: str) -> Document:
    now = _fingerprint(label)
    size = f"{was}.{_MASK_BYTES}"
    mask = f"{staged}.mask"
    staged_size = {"$cond": [_is_binary(mask), {"$binarySize": mask}, None]}
    same_mask = {
        "$or": [
            {"$not": [_is_binary(f"{label}.mask")]},
            {"$ne": [staged_size, size]},
            {"$eq": [f"{label}.mask", mask]},
        ]
    }
    same = {"$or": [{"$eq": [now, was]}, {"$setEquals": [_pairs(now), _pairs(was)]}]}
    return {"$and": [_is_object(label), same, same_mask]}


def _fingerprint(label: Expression) -> Document:
    """A label for comparison: without its class, and with its mask's size as the mask."""
    bare = {"$unsetField": {"field": "_cls", "input": label}}
    bare = {"$unsetField": {"field": "mask", "input": bare}}
    size = {_MASK_BYTES: {"$binarySize": f"{label}.mask"}}
    return {"$cond": [_is_binary(f"{label}.mask"), {"$mergeObjects": [bare, size]}, bare]}


def _pairs(label: Expression) -> Document:
    """A label's attributes in no order, those that are None left out: as FiftyOne may write it."""
    is_set = {"$ne": ["$$pair.v", None]}
    pairs = {"$objectToArray": {"$ifNull": [label, {}]}}
    return {"$filter": {"input": pairs, "as": "pair", "cond": is_set}}


def _is_older(label_id: str, run: Run) -> Document:
    """Whether a label was made before the import, by the second that its id tells."""
    began = datetime.fromisoformat(run.created_at).replace(microsecond=0)
    return {"$lt": [{"$toDate": label_id}, began]}


def _is_object(value: str) -> Document:
    return {"$eq": [{"$type": value}, "object"]}


def _is_binary(value: str) -> Document:
    return {"$eq": [{"$type": value}, "binData"]}
