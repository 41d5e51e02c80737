"""Carries out an action on labels in review: counted, recorded, written, and known in memory.

The labels are chosen by a predicate on them, where what is shown is one, or by their ids. The
action is in the run's history before the first label changes (``storage/history.py``).
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import IllegalTransition, LabelsChanged
from auto_labeling.core.history import Action, Step
from auto_labeling.core.run import Run, RunState
from auto_labeling.review import snapshot
from auto_labeling.review.criteria import Criteria
from auto_labeling.review.grid import TABS, Shown
from auto_labeling.review.snapshot import Snapshot
from auto_labeling.storage import added_labels, clock, fields, label_changes, staging
from auto_labeling.storage.history import HistoryStore
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import REVIEW
from auto_labeling.storage.runs import RunStore

#: Samples per update where labels are named by their ids, with few steps and with many.
_BATCH, _SMALL_BATCH = 1_000, 100

#: Steps from which the smaller batches are used: each step names all ids of its batch.
_MANY_STEPS = 5

#: Updates at once, where labels are named by their ids.
_WRITERS = 4

#: Samples of an action that are kept in its record, so that undoing it looks at no others.
MAX_KEPT_IDS = 1_000


@dataclass(frozen=True)
class Change:
    """What an action does with labels.

    Args:
        verb: its verb, as the history names it
        doing: the same within "3 labels to …", for people
        tab: the tab of the labels; None for all labels of the run
        steps: what changes; each label is in one step at most
        conditions: for each step, further conditions on its labels
        classes: what labels of each class are called afterwards, if that changes
        after: the review state that the labels get, if that changes
        about: which labels, in words
    """

    verb: str
    doing: str
    tab: str | None
    steps: tuple[Step, ...]
    conditions: tuple[Document, ...]
    classes: dict[str, str] | None = None
    after: str | None = None
    about: str = ""

    @property
    def before(self) -> str | None:
        """The review state of the labels; None for any."""
        return None if self.tab is None else TABS[self.tab]


def in_review(dataset: Dataset, run_id: str) -> Run:
    """Reads a run whose labels may be changed.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Returns:
        the run

    Raises:
        IllegalTransition: if the run is not in review
        FieldGone: if its staging field is missing
    """
    run = RunStore(dataset).get(run_id)
    if run.state is not RunState.IN_REVIEW:
        raise IllegalTransition(f"'{run.name}' is {run.status.lower()}; labels cannot be moved now")
    fields.require_staging_field(dataset, run)
    return run


def act(
    dataset: Dataset,
    run: Run,
    chosen: Shown | Criteria,
    change: Change,
    expected: int | None = None,
    by: str = "",
) -> int:
    """Carries out an action.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review
        chosen: which labels
        change: what is done with them
        expected (None): the number of labels that the person saw; None if no one saw any
        by (""): who does it

    Returns:
        the number of labels changed

    Raises:
        LabelsChanged: if it is not ``expected`` labels; nothing is changed then
        IllegalTransition: if the run is no longer in review
    """
    criteria = chosen if isinstance(chosen, Criteria) else chosen.criteria(run)
    if criteria is not None:
        return _act_on_all(dataset, run, criteria, change, expected, by)
    assert isinstance(chosen, Shown)
    return _act_by_id(dataset, run, chosen, change, expected, by)


def _act_on_all(
    dataset: Dataset, run: Run, criteria: Criteria, change: Change, expected: int | None, by: str
) -> int:
    """Changes all labels that meet the criteria; returns how many."""
    with snapshot.of(dataset, run) as kept:
        if kept is not None and not kept.catch_up(dataset):
            kept = None
        if kept is None:
            added_labels.settle(dataset, run)
            at, number = None, _count(dataset, run, criteria, change)
        else:
            at = kept.find(change.before, criteria)
            number = len(at)
        expect(number, expected, change.doing)
        if not number:
            return 0
        ids = criteria.sample_ids
        action = _begin(dataset, run, change, by, ids)
        query = _query(criteria, change)
        conditions = [_both(query, more) for more in change.conditions]
        modified = label_changes.write(dataset, run, action, conditions, ids)
        in_review(dataset, run.id)
        if kept is not None and at is not None:
            known = kept.changed(dataset, action.number, at, modified, change.after, change.classes)
            if not known:
                # Others wrote during this: the labels counted may not be those that were changed.
                kept.forget()
        return _finish(dataset, run, action, number, kept)


def _both(one: Document, other: Document) -> Document:
    return {**one, **other} if one.keys().isdisjoint(other) else {"$and": [one, other]}


def _query(criteria: Criteria, change: Change) -> Document:
    query = criteria.query()
    if change.classes is not None:
        query.pop("label", None)  # each step asks for its own class
    if change.before is not None:
        query[REVIEW] = change.before
    elif criteria.states is not None:
        query[REVIEW] = {"$in": list(criteria.states)}
    return query


def _count(dataset: Dataset, run: Run, criteria: Criteria, change: Change) -> int:
    """Counts without a snapshot."""
    if change.before is not None and not criteria.allows(change.before):
        return 0
    conditions = criteria.query()
    if change.before is None and criteria.states is not None:
        conditions[REVIEW] = {"$in": list(criteria.states)}
    ids = criteria.sample_ids
    query: Document = {} if ids is None else {"_id": {"$in": list(ids)}}
    return staging.count(dataset, run, change.before or "", query=query, conditions=conditions)


#: The id of a sample, and those of its labels.
_SampleLabels = tuple[ObjectId, list[ObjectId]]

_ID_ONLY: Document = {"$project": {"label._id": 1}}
_BY_SAMPLE: Document = {"$group": {"_id": "$_id", "labels": {"$push": "$label._id"}}}


def _act_by_id(
    dataset: Dataset, run: Run, shown: Shown, change: Change, expected: int | None, by: str
) -> int:
    """Changes the labels that are shown by their ids; returns how many."""
    added_labels.settle(dataset, run)
    samples: Iterable[_SampleLabels]
    of_classes: list[Document] = []
    if change.classes is not None:
        of_classes = [{"$match": {"label.label": {"$in": list(change.classes)}}}]
    ids = None
    if shown.label_ids:
        labels = list(shown.aggregate(run, change.tab, [*of_classes, _ID_ONLY]))
        number = len(labels)
        samples = [(d["_id"], [d["label"]["_id"]]) for d in labels]
        ids = tuple({d["_id"] for d in labels})
    else:
        counting = shown.aggregate(run, change.tab, [*of_classes, {"$count": "n"}])
        number = next((d["n"] for d in counting), 0)
        listed = shown.aggregate(run, change.tab, [*of_classes, _BY_SAMPLE])
        samples = ((d["_id"], d["labels"]) for d in listed)
    expect(number, expected, change.doing)
    return _act_on_named(dataset, run, samples, number, change, ids, by)


def act_on(
    dataset: Dataset,
    run: Run,
    samples: Sequence[_SampleLabels],
    number: int,
    change: Change,
    expected: int | None = None,
    by: str = "",
) -> int:
    """Carries out an action on labels that were found before.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review
        samples: the object id of each sample, and those of its labels
        number: how many labels these are
        change: what is done with them, where they are still in its tab
        expected (None): the number of labels that the person saw; None if no one saw any
        by (""): who does it

    Returns:
        the number of labels

    Raises:
        LabelsChanged: if it is not ``expected`` labels; nothing is changed then
        IllegalTransition: if the run is no longer in review
    """
    expect(number, expected, change.doing)
    ids = [sample for sample, _ in samples]
    return _act_on_named(dataset, run, samples, number, change, ids, by)


def _act_on_named(
    dataset: Dataset,
    run: Run,
    samples: Iterable[_SampleLabels],
    number: int,
    change: Change,
    ids: Sequence[ObjectId] | None,
    by: str,
) -> int:
    """Changes labels that are named by their ids; returns how many."""
    if not number:
        return 0
    action = _begin(dataset, run, change, by, ids)
    _write_by_id(dataset, run, action, samples, change)
    in_review(dataset, run.id)
    return _finish(dataset, run, action, number, None)


def _write_by_id(
    dataset: Dataset, run: Run, action: Action, labels: Iterable[_SampleLabels], change: Change
) -> None:
    labels = iter(labels)
    size = _BATCH if len(change.steps) < _MANY_STEPS else _SMALL_BATCH

    def write(batch: Sequence[_SampleLabels]) -> None:
        named: Document = {"_id": {"$in": [label for _, labels in batch for label in labels]}}
        if change.before is not None:
            named[REVIEW] = change.before
        conditions = [{**named, **more} for more in change.conditions]
        samples = [sample for sample, _ in batch]
        label_changes.write(dataset, run, action, conditions, samples)

    with ThreadPoolExecutor(_WRITERS) as pool:
        # A few batches at a time, so that the ids of a million labels are never all in memory.
        while batches := list(islice(iter(lambda: list(islice(labels, size)), []), _WRITERS)):
            list(pool.map(write, batches))


def expect(number: int, expected: int | None, doing: str) -> None:
    """Refuses an action on other labels than the person saw.

    Args:
        number: the number of labels
        expected: the number that the person saw; None if no one saw any
        doing: what would be done with them, for people

    Raises:
        LabelsChanged: if the numbers differ
    """
    if expected is not None and number != expected:
        raise LabelsChanged(
            f"The labels have changed: there are now {number:,} to {doing}, not "
            f"{expected:,}. Nothing was changed; check the labels and try again"
        )


def _begin(
    dataset: Dataset, run: Run, change: Change, by: str, ids: Sequence[ObjectId] | None
) -> Action:
    few = ids is not None and len(ids) <= MAX_KEPT_IDS
    action = Action(
        verb=change.verb,
        by=by,
        at=clock.stamp(),
        about=change.about,
        steps=change.steps,
        sample_ids=tuple(map(str, ids or ())) if few else None,
    )
    label_changes.declare(dataset, run, action)
    return HistoryStore(dataset).begin(run, action)


def _finish(dataset: Dataset, run: Run, action: Action, number: int, kept: Snapshot | None) -> int:
    """Notes that an action is done; one that was undone since leaves nothing behind."""
    if HistoryStore(dataset).finish(run, action, number):
        return number
    label_changes.revert(dataset, run, action)
    remains = label_changes.is_marked(dataset, run, action)
    HistoryStore(dataset).settle(run, action, remains)
    if kept is not None:
        kept.forget()
    return 0
