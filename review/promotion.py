"""Promote labels for approval, reject them, and undo both."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, IllegalTransition, LabelsChanged
from auto_labeling.core.run import Run, RunState
from auto_labeling.review import snapshot
from auto_labeling.review.criteria import Criteria
from auto_labeling.review.grid import TABS, Shown
from auto_labeling.storage import added_labels, fields, id_ranges
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import PROMOTED, REJECTED, REVIEW, UNPROMOTED
from auto_labeling.storage.runs import RunStore
from auto_labeling.storage.staging import count

#: Samples per update where labels are named by their ids: all are in its array filter.
_BATCH = 1_000

#: Updates at once, where labels are named by their ids.
_WRITERS = 4


@dataclass(frozen=True)
class _Move:
    """A change of review state.

    Args:
        tab: the tab of the labels that change
        after: the review state that they get
        verb: what is done with them, for people
    """

    tab: str
    after: str
    verb: str

    @property
    def before(self) -> str:
        """The review state that the labels have."""
        return TABS[self.tab]


_PROMOTE = _Move("review", PROMOTED, "add")
_REJECT = _Move("review", REJECTED, "reject")
_UNDO = {tab: _Move(tab, UNPROMOTED, "undo") for tab in ("approval", "rejected")}


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
    return _moved(dataset, run_id, shown, _PROMOTE, expected)


def reject(dataset: Dataset, run_id: str, shown: Shown, expected: int | None) -> int:
    """Rejects the labels that the Review tab counts as current.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        shown: what the grid shows
        expected: the number of labels that the person saw; None if no one saw any

    Returns:
        the number of labels rejected

    Raises:
        LabelsChanged: if it is not ``expected`` labels; nothing is rejected then
        IllegalTransition: if the run is not in review
    """
    return _moved(dataset, run_id, shown, _REJECT, expected)


def undo(
    dataset: Dataset,
    run_id: str,
    label: str | None = None,
    chosen: Shown | None = None,
    tab: str = "approval",
) -> int:
    """Undoes the promotion, or the rejection, of all labels, of one class, or of chosen ones.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        label (None): a class; None means all
        chosen (None): which labels, in place of ``label``
        tab ("approval"): the tab that the labels are in: ``"approval"`` or ``"rejected"``

    Returns:
        the number of labels moved back

    Raises:
        AutoLabelingError: if labels of that tab cannot be moved back
        IllegalTransition: if the run is not in review
    """
    if tab not in _UNDO:
        raise AutoLabelingError(f"Choose the labels to move back from: {', '.join(_UNDO)}")
    if chosen is not None:
        return _moved(dataset, run_id, chosen, _UNDO[tab])
    run = _in_review(dataset, run_id)
    of_class = Criteria() if label is None else Criteria(labels=(label,))
    return _move(dataset, run, of_class, _UNDO[tab])


def _moved(
    dataset: Dataset, run_id: str, shown: Shown, move: _Move, expected: int | None = None
) -> int:
    run = _in_review(dataset, run_id)
    criteria = shown.criteria(run)
    if criteria is None:
        return _move_by_id(dataset, run, shown, move, expected)
    return _move(dataset, run, criteria, move, expected)


#: The id of a sample, and those of its labels.
_SampleLabels = tuple[ObjectId, list[ObjectId]]

_ID_ONLY: Document = {"$project": {"label._id": 1}}
_BY_SAMPLE: Document = {"$group": {"_id": "$_id", "labels": {"$push": "$label._id"}}}


def _move_by_id(
    dataset: Dataset, run: Run, shown: Shown, move: _Move, expected: int | None = None
) -> int:
    """Moves the labels that are shown to a review state by their ids; returns how many."""
    added_labels.settle(dataset, run)
    samples: Iterable[_SampleLabels]
    if shown.label_ids:
        labels = list(shown.aggregate(run, move.tab, [_ID_ONLY]))
        number = len(labels)
        samples = [(d["_id"], [d["label"]["_id"]]) for d in labels]
    else:
        number = next((d["n"] for d in shown.aggregate(run, move.tab, [{"$count": "n"}])), 0)
        samples = ((d["_id"], d["labels"]) for d in shown.aggregate(run, move.tab, [_BY_SAMPLE]))
    if expected is not None:
        _expect(number, expected, move)
    _set_by_id(dataset, run, samples, move)
    _in_review(dataset, run.id)
    return number


def _expect(number: int, expected: int, move: _Move) -> None:
    if number != expected:
        raise LabelsChanged(
            f"The labels have changed: there are now {number:,} to {move.verb}, not "
            f"{expected:,}. Nothing was changed; check the labels and try again"
        )


def _move(
    dataset: Dataset, run: Run, criteria: Criteria, move: _Move, expected: int | None = None
) -> int:
    """Moves all labels that meet the criteria to a review state; returns how many."""
    with snapshot.of(dataset, run) as kept:
        if kept is not None and not kept.catch_up(dataset):
            kept = None
        if kept is None:
            added_labels.settle(dataset, run)
            number = _count(dataset, run, move.before, criteria)
        else:
            number = kept.count(move.before, criteria)
        if expected is not None:
            _expect(number, expected, move)
        if not number:
            return 0
        modified = _set_state(dataset, run, move, criteria)
        _in_review(dataset, run.id)
        if kept is not None and not kept.moved(
            dataset, criteria, move.before, move.after, modified
        ):
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


def _set_state(dataset: Dataset, run: Run, move: _Move, criteria: Criteria) -> int:
    """Sets the review state of labels by what they are; returns how many samples it modified."""
    conditions = {REVIEW: move.before, **criteria.query()}
    query, update, array_filters = _update(run, move.after, conditions)
    samples = dataset._sample_collection
    if criteria.sample_ids is None:
        return id_ranges.update_many(samples, query, update, array_filters)
    modified = 0
    for first in range(0, len(criteria.sample_ids), _BATCH):
        query["_id"] = {"$in": list(criteria.sample_ids[first : first + _BATCH])}
        modified += samples.update_many(query, update, array_filters=array_filters).modified_count
    return modified


def _set_by_id(dataset: Dataset, run: Run, labels: Iterable[_SampleLabels], move: _Move) -> None:
    """Sets the review state of labels by their ids.

    Args:
        labels: an iterable of ``(sample id, label ids)`` pairs
        move: their change of review state
    """
    labels = iter(labels)
    samples = dataset._sample_collection

    def write(batch: Sequence[_SampleLabels]) -> None:
        ids = [label for _, labels in batch for label in labels]
        conditions = {"_id": {"$in": ids}, REVIEW: move.before}
        query, update, array_filters = _update(run, move.after, conditions)
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
