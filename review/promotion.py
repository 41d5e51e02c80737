"""Promote labels for approval, and take that back."""

from itertools import islice

from pymongo import UpdateMany

from auto_labeling.errors import IllegalTransition, LabelsChanged
from auto_labeling.review.grid import Shown
from auto_labeling.run import Run, RunState
from auto_labeling.storage.runs import RunStore
from auto_labeling.storage.staging import PROMOTED, REVIEW, UNPROMOTED, count

#: Samples per update. All labels of a batch are named in its array filter.
_BATCH = 1_000


def promote(dataset, run_id: str, shown: Shown, expected: int) -> int:
    """Promotes the labels that the Review tab counts as current.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        shown: what the grid shows
        expected: the number of labels that the person was shown

    Returns:
        the number of labels promoted

    Raises:
        LabelsChanged: if it is not ``expected`` labels any more; nothing is promoted then
        IllegalTransition: if the run is not in review (any more)
    """
    run = _in_review(dataset, run_id)
    found = next((d["n"] for d in shown.aggregate(run, "review", [{"$count": "n"}])), 0)
    if found != expected:
        raise LabelsChanged(
            f"The labels changed meanwhile: there are now {found:,} to add, not {expected:,}. "
            "Nothing was added; look again"
        )
    sample = {"$group": {"_id": "$_id", "labels": {"$push": "$label._id"}}}
    samples = shown.aggregate(run, "review", [sample])
    while batch := list(islice(samples, _BATCH)):
        _set_state(
            dataset,
            run,
            PROMOTED,
            sample_ids=[d["_id"] for d in batch],
            label_ids=[label for d in batch for label in d["labels"]],
        )
    _in_review(dataset, run_id)
    return found


def undo(dataset, run_id: str, label=None) -> int:
    """Takes back the promotion of all labels, or of one class.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        label (None): a class; None means all

    Returns:
        the number of labels taken back

    Raises:
        IllegalTransition: if the run is not in review (any more)
    """
    run = _in_review(dataset, run_id)
    before = count(dataset, run, PROMOTED)
    criteria = {} if label is None else {"label": label}
    _set_state(dataset, run, UNPROMOTED, **criteria)
    _in_review(dataset, run_id)
    return before - count(dataset, run, PROMOTED)


def _set_state(dataset, run, state, *, sample_ids=None, label_ids=None, label=None):
    """Sets the review state of the labels that meet all the criteria given."""
    other = UNPROMOTED if state == PROMOTED else PROMOTED
    wanted = {REVIEW: other}
    if label_ids is not None:
        wanted["_id"] = {"$in": label_ids}
    if label is not None:
        wanted["label"] = label
    query = {} if sample_ids is None else {"_id": {"$in": sample_ids}}
    if run.many:
        query[run.label_root] = {"$elemMatch": wanted}
        target = f"{run.label_root}.$[label].{REVIEW}"
        array_filters = [{f"label.{key}": value for key, value in wanted.items()}]
    else:
        query.update({f"{run.staging_field}.{key}": value for key, value in wanted.items()})
        target, array_filters = f"{run.staging_field}.{REVIEW}", None
    update = {"$set": {target: state}, "$currentDate": {"last_modified_at": True}}
    dataset._sample_collection.bulk_write([UpdateMany(query, update, array_filters=array_filters)])


def _in_review(dataset, run_id) -> Run:
    run = RunStore(dataset).get(run_id)
    if run.state is not RunState.IN_REVIEW:
        raise IllegalTransition(f"'{run.name}' is {run.status.lower()}; labels cannot move now")
    return run
