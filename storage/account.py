"""The account of a run: what happened to its samples, and to its model's labels.

Nothing is counted along the way. What is stored of each sample and each chunk is added up, so that
a chunk that is done again after a crash changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.account import Account, LeftOut
from auto_labeling.core.run import Run, RunState
from auto_labeling.storage.chunk_work import Work, undecided
from auto_labeling.storage.chunks import CHUNKS_AT_ONCE, ChunkStore
from auto_labeling.storage.mongo import Document, Expression
from auto_labeling.storage.review_states import is_added


def account(dataset: Dataset, run: Run) -> Account | None:
    """What became of a run's samples, and of the labels that its model gave, as of now.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        an :class:`auto_labeling.core.account.Account`; of a run that is approved, as it was when
        generation ended, and None if that was by a version that kept none
    """
    if run.state in (RunState.APPROVING, RunState.APPROVED, RunState.DELETING):
        return run.account
    return add_up(dataset, run)


def account_fields(dataset: Dataset, run: Run) -> dict[str, Any]:
    """Takes the current account of a run, as fields of its record.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        a dict with keys ``account`` and ``dropped``, the number of labels over the limit
    """
    current = add_up(dataset, run)
    return {"account": current, "dropped": current.left_out.get(LeftOut.OVER_LIMIT, 0)}


def add_up(dataset: Dataset, run: Run) -> Account:
    """Adds up the account of a run whose labels are staged.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the :class:`auto_labeling.core.account.Account`
    """
    if run.source:
        return _of_copies(dataset, run)
    sums = _Sums()
    chunks = ChunkStore(dataset)
    for first in range(0, run.chunks, CHUNKS_AT_ONCE):
        indices = range(first, min(first + CHUNKS_AT_ONCE, run.chunks))
        parts = list(chunks.read(run.id, indices).values())
        states = dict(_states(dataset, run, [i for ids, _ in parts for i in ids]))
        for ids, work in parts:
            sums.add_samples(ids, work, states, run.many)
            _add_labels(sums, dataset, run, ids, work)
    staged_classes = _classes(dataset, run)
    return Account(
        samples=run.samples,
        **sums.samples,
        staged=sums.staged,
        left_out=sums.left_out if sums.is_counted else _counted_before(run),
        not_found=tuple(name for name in run.config.classes if name not in staged_classes),
        classes=len(staged_classes),
    )


def _counted_before(run: Run) -> dict[LeftOut, int]:
    """Runs of older versions counted those over the limit alone, and on the record."""
    return {LeftOut.OVER_LIMIT: run.dropped} if run.dropped else {}


class _Sums:
    """Adds up chunks."""

    def __init__(self) -> None:
        names = ("labeled", "nothing_found", "failed", "not_processed", "deleted")
        self.samples = dict.fromkeys(names, 0)
        self.staged = 0
        self.left_out: dict[LeftOut, int] = {}
        self.is_counted = False

    def add_samples(
        self, ids: Sequence[str], work: Work, states: Mapping[str, str], many: bool
    ) -> None:
        """Adds the samples of a chunk.

        Args:
            ids: their ids
            work: the chunk's work
            states: of :func:`_states`
            many: whether a sample holds a list of labels
        """
        failed = {failure["sample_id"] for failure in work.get("failures") or ()}
        # Samples without the staging field: where a list should be, they were not processed. Of a
        # single label, it may be that none was found; of samples that nothing says that of, not.
        untried = set() if "failures" in work else undecided(work, ids, many)
        for sample_id in ids:
            state = states.get(sample_id)
            if state == "missing":
                is_done = not many and sample_id not in untried
                state = "empty" if is_done and sample_id not in failed else "waiting"
            if state == "waiting" and sample_id in failed:
                state = "failed"
            self.samples[_NAMES[state]] += 1

    def add_labels(self, labels: int, left_out: Mapping[str, int]) -> None:
        """Adds labels that were staged, and those that were left out."""
        self.staged += labels
        for value, number in left_out.items():
            reason = LeftOut(value)
            self.left_out[reason] = self.left_out.get(reason, 0) + number


_NAMES: dict[str | None, str] = {
    "labeled": "labeled",
    "empty": "nothing_found",
    "waiting": "not_processed",
    "failed": "failed",
    None: "deleted",
}


def _add_labels(sums: _Sums, dataset: Dataset, run: Run, ids: Sequence[str], work: Work) -> None:
    before = work.get("account")
    if before is not None:
        sums.is_counted = True
        sums.add_labels(before["labels"], before["left_out"])
        ids = work.get("again", ())
    if ids:
        sums.add_labels(count_waiting_and_labels(dataset, run, ids)[1], {})
    for counts in (work.get("left_out") or {}).values():
        sums.is_counted = True
        sums.add_labels(0, counts)


def count_waiting_and_labels(
    dataset: Dataset, run: Run, sample_ids: Iterable[str]
) -> tuple[int, int]:
    """Counts the samples that wait for labels, and the run's labels in the others.

    Labels that a person has added since do not count.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        sample_ids: the ids of the samples

    Returns:
        ``(waiting, labels)``: a number of samples and a number of labels
    """
    field, root = f"${run.staging_field}", f"${run.label_root}"
    if run.many:
        ours = {"input": root, "as": "label", "cond": _is_ours("$$label", run)}
        labels: Document = {"$cond": [{"$isArray": root}, {"$size": {"$filter": ours}}, 0]}
    else:
        labels = {"$cond": [{"$and": [_is_label(field), _is_ours(field, run)]}, 1, 0]}
    is_waiting = {"$cond": [{"$eq": [{"$type": field}, "null"]}, 1, 0]}
    group = {"_id": None, "waiting": {"$sum": is_waiting}, "labels": {"$sum": labels}}
    counts = next(iter(_aggregate(dataset, sample_ids, {"$group": group})), None)
    return (counts["waiting"], counts["labels"]) if counts else (0, 0)


def _is_ours(label: str, run: Run) -> Document:
    return {"$not": is_added(label, run)}


def _is_label(value: str) -> Document:
    return {"$eq": [{"$type": value}, "object"]}


def _states(dataset: Dataset, run: Run, sample_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """``(sample id, state)`` of the samples that exist: labeled, empty, waiting or missing."""
    kind = {"$type": f"${run.staging_field}"}
    full: Expression = "labeled"
    if run.many:
        some = {"$gt": [{"$size": {"$ifNull": [f"${run.label_root}", []]}}, 0]}
        full = {"$cond": [some, "labeled", "empty"]}
    branches = [
        {"case": {"$eq": [kind, "object"]}, "then": full},
        {"case": {"$eq": [kind, "null"]}, "then": "waiting"},
    ]
    state = {"$switch": {"branches": branches, "default": "missing"}}
    for document in _aggregate(dataset, sample_ids, {"$project": {"state": state}}):
        yield str(document["_id"]), document["state"]


def _aggregate(dataset: Dataset, sample_ids: Iterable[str], stage: Document) -> Iterator[Document]:
    query = {"_id": {"$in": [ObjectId(sample_id) for sample_id in sample_ids]}}
    return dataset._sample_collection.aggregate([{"$match": query}, stage])


def _classes(dataset: Dataset, run: Run) -> set[str]:
    """The classes of which there are staged labels."""
    return {*dataset._sample_collection.distinct(f"{run.label_root}.label")} - {None}


def _of_copies(dataset: Dataset, run: Run) -> Account:
    """Existing labels: which samples they are of is known only as long as these hold them."""
    field = run.staging_field
    samples = dataset._sample_collection
    held = samples.count_documents({field: {"$type": "object"}})
    empty = samples.count_documents({run.label_root: {"$size": 0}}) if run.many else 0
    waiting = samples.count_documents({field: {"$type": "null"}})
    return Account(
        samples=run.samples,
        labeled=held - empty,
        nothing_found=empty,
        not_processed=waiting,
        deleted=max(0, run.samples - held - waiting),
        staged=run.labels,
        classes=len(_classes(dataset, run)),
    )
