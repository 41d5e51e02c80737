"""What approval makes of each sample, as one update in the database's own language.

Where the model found nothing, the label field gets an empty list of labels, as FiftyOne's
``apply_model`` gives: so "looked at" differs from "never labeled". Where there were labels and none
is kept, the person has said which of the two it is. Samples that failed, or were never tried, hold
``null`` in the staging field, and get nothing.
"""

from auto_labeling.core.run import Run
from auto_labeling.storage import replacing, review_states
from auto_labeling.storage.mongo import Document


def pipeline(run: Run) -> list[Document]:
    """The update that moves a sample's labels from the staging field to the label field."""
    target, staging = run.config.label_field, run.staging_field
    if run.replaces:
        value = replacing.merged_list(run) if run.many else replacing.merged_single(run)
    else:
        value = _list(run) if run.many else _single(run)
    return [
        {"$set": {target: value, "last_modified_at": "$$NOW"}},
        {"$unset": staging},
    ]


def _list(run: Run) -> Document:
    staging = f"${run.staging_field}"
    bare = review_states.all_bare("$$kept", run)
    moved = {"$mergeObjects": [staging, {"detections": bare}]}
    return {
        "$let": {
            "vars": {"labels": {"$ifNull": [f"{staging}.detections", []]}},
            "in": {
                "$let": {
                    "vars": {"kept": _kept(run)},
                    "in": {"$cond": [_is_written(run), moved, f"${run.config.label_field}"]},
                }
            },
        }
    }


def _kept(run: Run) -> Document:
    condition = review_states.is_kept("$$label", run)
    return {"$filter": {"input": "$$labels", "as": "label", "cond": condition}}


def _is_written(run: Run) -> Document:
    """Whether a list of labels is written to the label field, be it an empty one."""
    if run.marks_empty:
        return _is_label(run)
    is_empty = {"$eq": [{"$size": "$$labels"}, 0]}
    some = {"$gt": [{"$size": "$$kept"}, 0]}
    return {"$and": [_is_label(run), {"$or": [some, is_empty]}]}


def _single(run: Run) -> Document:
    staging = f"${run.staging_field}"
    is_kept = {"$and": [_is_label(run), review_states.is_kept(staging, run)]}
    moved = {"$let": {"vars": {"label": staging}, "in": review_states.bare("$$label", run)}}
    return {"$cond": [is_kept, moved, f"${run.config.label_field}"]}


def _is_label(run: Run) -> Document:
    return {"$eq": [{"$type": f"${run.staging_field}"}, "object"]}
