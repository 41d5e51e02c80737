"""Promote labels for approval, and undo it."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import IllegalTransition, LabelsChanged
from auto_labeling.core.run import Run, RunState
from auto_labeling.review import snapshot
from auto_labeling.review.criteria import Criteria
from auto_labeling.review.grid import Shown
from auto_labeling.storage import added_labels, fields, id_ranges
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import PROMOTED, REVIEW, UNPROMOTED
from auto_labeling.storage.runs import RunStore
from auto_labeling.storage.staging import count

#: Samples per update where labels are named by their ids: all are in its array filter.
_BATCH = 1_000

#: Updates at once, where labels are named by their ids.
_WRITERS = 4


def promote(dataset: Dataset, run_id: str, shown: Shown, expected: int | None) -> int:
    """Promotes the labels that the Review tab counts as current.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        shown: what the grid shows
        expected: the number of labels that the person saw; None if no one saw any

    Returns:
        the number of labels promoted

    Raises:
        LabelsChanged: if it is not ``expected`` labels; nothing is promoted then
        IllegalTransition: if the run is not in review
    """
    run = _in_review(dataset, run_id)
    criteria = shown.criteria(run)
    if criteria is not None:
        return _move(dataset, run, criteria, PROMOTED, expected)
    return _move_by_id(dataset, run, shown, PROMOTED, expected)


def undo(
    dataset: Dataset, run_id: str, label: str | None = None, chosen: Shown | None = None
) -> int:
    """Undoes the promotion of all labels, of one class, or of chosen ones.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        label (None): a class; None means all
        chosen (None): which labels, in place of ``label``

    Returns:
        the number of labels moved back

    Raises:
        IllegalTransition: if the run is not in review
    """
    run = _in_review(dataset, run_id)
    if chosen is None:
        of_class = Criteria() if label is None else Criteria(labels=(label,))
        return _move(dataset, run, of_class, UNPROMOTED)
    criteria = chosen.criteria(run)
    if criteria is None:
        return _move_by_id(dataset, run, chosen, UNPROMOTED)
    return _move(dataset, run, criteria, UNPROMOTED)


#: The id of a sample, and those of its labels.
_SampleLabels = tuple[ObjectId, list[ObjectId]]

_ID_ONLY: Document = {"$project": {"label._id": 1}}
_BY_SAMPLE: Document = {"$group": {"_id": "$_id", "labels": {"$push": "$label._id"}}}


def _move_by_id(
    dataset: Dataset, run: Run, shown: Shown, state: str, expected: int | None = None
) -> int:
    """Moves the labels that are shown to a review state by their ids; returns how many."""
    tab = "review" if state == PROMOTED else "approval"
    added_labels.settle(dataset, run)
    samples: Iterable[_SampleLabels]
    if shown.label_ids:
        labels = list(shown.aggregate(run, tab, [_ID_ONLY]))
        number = len(labels)
        samples = [(d["_id"], [d["label"]["_id"]]) for d in labels]
    else:
        number = next((d["n"] for d in shown.aggregate(run, tab, [{"$count": "n"}])), 0)
        samples = ((d["_id"], d["labels"]) for d in shown.aggregate(run, tab, [_BY_SAMPLE]))
    if expected is not None:
        _expect(number, expected)
    _set_by_id(dataset, run, samples, state)
    _in_review(dataset, run.id)
    return number


def _expect(number: int, expected: int) -> None:
    if number != expected:
        raise LabelsChanged(
            f"The labels have changed: there are now {number:,} to add, not {expected:,}. "
            "Nothing was added; check the labels and try again"
        )


def _move(
    dataset: Dataset, run: Run, criteria: Criteria, state: str, expected: int | None = None
) -> int:
    """Moves all labels that meet the criteria to a review state; returns how many."""
    other = UNPROMOTED if state == PROMOTED else PROMOTED
    with snapshot.of(dataset, run) as kept:
        if kept is not None and not kept.catch_up(dataset):
            kept = None
        if kept is None:
            added_labels.settle(dataset, run)
            number = _count(dataset, run, other, criteria)
        else:
            number = kept.count(other, criteria)
        if expected is not None:
            _expect(number, expected)
        if not number:
            return 0
        modified = _set_state(dataset, run, state, criteria)
        _in_review(dataset, run.id)
        if kept is not None and not kept.moved(dataset, criteria, state, modified):
            # Others wrote during this: the labels counted may not be those that were moved.
            kept.forget()
    return number


def _count(dataset: Dataset, run: Run, state: str, criteria: Criteria) -> int:
    """Counts without a snapshot."""
    if not criteria.allows(state):
        return 0
    query: Document = (
        {} if criteria.sample_ids is None else {"_id": {"$in": list(criteria.sample_ids)}}
    )
    return count(dataset, run, state, query=query, conditions=criteria.query())


def _set_state(dataset: Dataset, run: Run, state: str, criteria: Criteria) -> int:
    """Sets the review state of labels by what they are; returns how many samples it modified."""
    other = UNPROMOTED if state == PROMOTED else PROMOTED
    query, update, array_filters = _update(run, state, {REVIEW: other, **criteria.query()})
    samples = dataset._sample_collection
    if criteria.sample_ids is None:
        return id_ranges.update_many(samples, query, update, array_filters)
    modified = 0
    for first in range(0, len(criteria.sample_ids), _BATCH):
        query["_id"] = {"$in": list(criteria.sample_ids[first : first + _BATCH])}
        modified += samples.update_many(query, update, array_filters=array_filters).modified_count
    return modified


def _set_by_id(dataset: Dataset, run: Run, labels: Iterable[_SampleLabels], state: str) -> None:
    """Sets the review state of labels by their ids.

    Args:
        labels: an iterable of ``(sample id, label ids)`` pairs
        state: the review state that they get
    """
    other = UNPROMOTED if state == PROMOTED else PROMOTED
    labels = iter(labels)
    samples = dataset._sample_collection

    def write(batch: Sequence[_SampleLabels]) -> None:
        ids = [label for _, labels in batch for label in labels]
        query, update, array_filters = _update(run, state, {"_id": {"$in": ids}, REVIEW: other})
        query["_id"] = {"$in": [sample for sample, _ in batch]}
        samples.update_many(query, update, array_filters=array_filters)

    with ThreadPoolExecutor(_WRITERS) as pool:
        # A few batches at a time, so that the ids of a million labels are never all in memory.
        while batches := list(islice(iter(lambda: list(islice(labels, _BATCH)), []), _WRITERS)):
            list(pool.map(write, batches))


def _update(
    run: Run, state: str, conditions: Document
) -> tuple[Document, Document, list[Document] | None]:
    """Query, update and array filters that set the state of the labels that are as wanted."""
    stamp = {"$currentDate": {"last_modified_at": True}}
    if run.many:
        target = f"{run.label_root}.$[label].{REVIEW}"
        array_filters = [{f"label.{key}": value for key, value in conditions.items()}]
        return (
            {run.label_root: {"$elemMatch": conditions}},
            {"$set": {target: state}, **stamp},
            array_filters,
        )
    query = {f"{run.staging_field}.{key}": value for key, value in conditions.items()}
    return query, {"$set": {f"{run.staging_field}.{REVIEW}": state}, **stamp}, None


def _in_review(dataset: Dataset, run_id: str) -> Run:
    run = RunStore(dataset).get(run_id)
    if run.state is not RunState.IN_REVIEW:
        raise IllegalTransition(f"'{run.name}' is {run.status.lower()}; labels cannot be moved now")
    fields.require_staging_field(dataset, run)
    return run
