"""What an approval would do with a run's labels, counted in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auto_labeling.core.account import Decision
from auto_labeling.core.run import Run
from auto_labeling.storage import replacing
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import PROMOTED, REJECTED, REVIEW, is_kept

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.dataset import Dataset


def count(dataset: Dataset, run: Run, source: bool = True) -> Decision:
    """Counts the labels that approval keeps and deletes, and the samples that it leaves bare.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        source (True): whether people's changes to a source that will be replaced count, too

    Returns:
        the :class:`auto_labeling.core.account.Decision`
    """
    pipeline = [
        {"$match": {run.staging_field: {"$type": "object"}}},
        {"$project": _of_list(run) if run.many else _of_one(run)},
        {
            "$group": {
                "_id": None,
                "promoted": {"$sum": "$promoted"},
                "kept": {"$sum": "$kept"},
                "rejected": {"$sum": "$rejected"},
                "labels": {"$sum": "$labels"},
                "empty": {"$sum": {"$cond": [{"$eq": ["$labels", 0]}, 1, 0]}},
                "bare": {"$sum": {"$cond": [_IS_BARE, 1, 0]}},
            }
        },
    ]
    counts = next(iter(dataset._sample_collection.aggregate(pipeline)), None)
    if counts is None:
        return Decision()
    counted = Decision(
        promoted=counts["promoted"],
        added=counts["kept"] - counts["promoted"],
        left=counts["labels"] - counts["kept"],
        rejected=counts["rejected"],
        empty=counts["empty"],
        bare=counts["bare"],
    )
    return with_source(dataset, run, counted) if source else counted


def with_source(dataset: Dataset, run: Run, decision: Decision) -> Decision:
    """Adds people's changes, since the import, to a source that will be replaced.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        decision: the counts of the staged labels

    Returns:
        the decision; unchanged if the run replaces no source
    """
    if not run.replaces:
        return decision
    return decision.model_copy(update=replacing.since_import(dataset, run))


_IS_BARE = {"$and": [{"$gt": ["$labels", 0]}, {"$eq": ["$kept", 0]}]}


def _of_list(run: Run) -> Document:
    labels = {"$ifNull": [f"${run.label_root}", []]}

    def number_of(condition: Document) -> Document:
        labels_that_match = {"$filter": {"input": labels, "as": "label", "cond": condition}}
        return {"$size": labels_that_match}

    return {
        "_id": 0,
        "promoted": number_of({"$eq": [f"$$label.{REVIEW}", PROMOTED]}),
        "rejected": number_of({"$eq": [f"$$label.{REVIEW}", REJECTED]}),
        "kept": number_of(is_kept("$$label", run)),
        "labels": {"$size": labels},
    }


def _of_one(run: Run) -> Document:
    def one_if(condition: Document) -> Document:
        return {"$cond": [condition, 1, 0]}

    return {
        "_id": 0,
        "promoted": one_if({"$eq": [f"${run.staging_field}.{REVIEW}", PROMOTED]}),
        "rejected": one_if({"$eq": [f"${run.staging_field}.{REVIEW}", REJECTED]}),
        "kept": one_if(is_kept(f"${run.staging_field}", run)),
        "labels": {"$literal": 1},
    }
