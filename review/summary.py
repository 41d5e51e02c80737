"""The numbers of a tab: labels per class, selected and in total, and mean confidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from fiftyone.core.dataset import Dataset
from fiftyone.core.media import GROUP

from auto_labeling.core.account import Decision
from auto_labeling.core.run import Run
from auto_labeling.review import snapshot
from auto_labeling.review.grid import TABS, Shown
from auto_labeling.review.label_counts import Hundredths
from auto_labeling.review.snapshot import BINS, Group
from auto_labeling.storage import added_labels, staging
from auto_labeling.storage import approval_counts as deciding
from auto_labeling.storage.mongo import Document


@dataclass(frozen=True)
class Row:
    """One class of a tab.

    Args:
        label: the class
        current: how many of its labels the grid shows, or are selected in it
        total: how many there are in the tab
        confidence: the mean confidence of the current ones; None if none has one
        not_looked_at: how many labels of the class are neither promoted nor rejected
        promoted: how many are promoted
        rejected: how many are rejected
    """

    label: str
    current: int
    total: int
    confidence: float | None
    not_looked_at: int = 0
    promoted: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class Summary:
    """The classes of a tab of the review, the largest first, and their sums.

    Args:
        rows: a list of :class:`Row`
        current: how many labels the grid shows, or are selected in it
        total: how many there are in the tab
        confidence: the mean confidence of the current ones; None if none has one
        without_confidence: how many of the current ones have none
        totals: the number of labels in each tab
        without_labels: how many samples the run has tried that have no label at all
        has_confidence: whether any label of the run has one
    """

    rows: list[Row]
    current: int
    total: int
    confidence: float | None
    without_confidence: int
    totals: dict[str, int]
    without_labels: int
    has_confidence: bool = True


def summarize(dataset: Dataset, run: Run, shown: Shown, tab: str = "review") -> Summary:
    """Counts a tab's labels in the dataset and in what the grid shows.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review
        shown: what the grid shows
        tab ("review"): the name of a tab, of ``grid.TABS``

    Returns:
        the :class:`Summary`
    """
    criteria = shown.criteria(run)
    with snapshot.of(dataset, run) as kept:
        if kept is not None and kept.catch_up(dataset):
            everything = {tab: kept.table(state) for tab, state in TABS.items()}
            current = None if criteria is None else kept.table(TABS[tab], criteria)
            without = kept.without_labels() if run.many else None
        else:
            added_labels.settle(dataset, run)
            everything = {tab: _groups(_everything(dataset), run, tab) for tab in TABS}
            current = without = None
    if current is None:
        current = _groups(shown, run, tab)
    if without is None:
        labels = sum(group.count for of in everything.values() for group in of.values())
        without = staging.count_without_label(dataset, run, labels)
    return _summary(everything, current, tab, without)


def spreads(dataset: Dataset, run: Run, shown: Shown, tab: str = "review") -> dict[str, np.ndarray]:
    """Counts labels by class and by confidence, in :data:`BINS` parts of [0, 1].

    The grid's own filter on confidence does not count, since a spread is where it is chosen.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review
        shown: what the grid shows
        tab ("review"): the name of a tab, of ``grid.TABS``

    Returns:
        a dict from class to an array of :data:`BINS` counts; classes without any such label are
        left out
    """
    shown = shown.without_confidence_filter(run)
    criteria = shown.criteria(run)
    with snapshot.of(dataset, run) as kept:
        if criteria is not None and kept is not None and kept.catch_up(dataset):
            return kept.spread(TABS[tab], criteria)
    bin_of = {"$min": [BINS - 1, {"$floor": {"$multiply": ["$label.confidence", BINS]}}]}
    numbers = {"$match": {"label.confidence": {"$gte": 0, "$lte": 1}}}
    group = {"$group": {"_id": {"l": "$label.label", "b": bin_of}, "n": {"$sum": 1}}}
    counts: dict[str, np.ndarray] = {}
    for result in shown.aggregate(run, tab, [numbers, group]):
        label = result["_id"].get("l")
        row = counts.setdefault(label, np.zeros(BINS, dtype=np.int64))
        row[int(result["_id"]["b"])] = result["n"]
    return counts


def hundredths(dataset: Dataset, run: Run, shown: Shown, tab: str = "review") -> Hundredths | None:
    """Counts labels by each hundredth of confidence, as the grid shows them without its range.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review
        shown: what the grid shows
        tab ("review"): the name of a tab, of ``grid.TABS``

    Returns:
        the counts; None where they are not in memory, or the grid shows something else too
    """
    criteria = shown.without_confidence_filter(run).criteria(run)
    with snapshot.of(dataset, run) as kept:
        if criteria is None or kept is None or not kept.catch_up(dataset):
            return None
        return kept.hundredths(TABS[tab], criteria)


def slices(dataset: Dataset, run: Run, tab: str) -> dict[str, int]:
    """How many labels of a tab are in each slice of a grouped dataset; none in any other.

    Args:
        dataset: the run's dataset
        run: the run
        tab: the name of a tab

    Returns:
        a dict from slice to number; empty if the dataset has no groups
    """
    if dataset.media_type != GROUP:
        return {}
    root = run.label_root
    pipeline: list[Document] = [{"$match": {run.staging_field: {"$type": "object"}}}]
    if run.many:
        pipeline.append({"$unwind": f"${root}"})
    pipeline += [
        {"$match": {f"{root}.{staging.REVIEW}": TABS[tab]}},
        {"$group": {"_id": f"${dataset.group_field}.name", "labels": {"$sum": 1}}},
    ]
    result = dataset._sample_collection.aggregate(pipeline)
    counts = {of["_id"]: of["labels"] for of in result}
    return {one: counts.get(one, 0) for one in dataset.group_slices}


def rejected(dataset: Dataset, run: Run) -> dict[str, int]:
    """Counts the rejected labels by class.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review

    Returns:
        a dict from class to number, the largest first
    """
    with snapshot.of(dataset, run) as kept:
        if kept is not None and kept.catch_up(dataset):
            groups = kept.table(TABS["rejected"])
        else:
            groups = _groups(_everything(dataset), run, "rejected")
    sizes = {label: group.count for label, group in groups.items()}
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], str(item[0]))))


def histogram(spread: Mapping[str, np.ndarray]) -> list[int]:
    """The spread of all classes together."""
    return sum(spread.values(), np.zeros(BINS, dtype=np.int64)).tolist()


def decision(dataset: Dataset, run: Run, source: bool = True) -> Decision:
    """Counts what an approval would keep and delete now.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review
        source (True): whether people's changes to a source that will be replaced count, too

    Returns:
        the :class:`auto_labeling.core.account.Decision`
    """
    with snapshot.of(dataset, run) as kept:
        if kept is not None and kept.catch_up(dataset):
            counted = kept.decision()
            return deciding.with_source(dataset, run, counted) if source else counted
    return deciding.count(dataset, run, source)


def settle(dataset: Dataset, run: Run) -> bool:
    """Marks the labels that people have added.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review

    Returns:
        whether there were any since the last time
    """
    with snapshot.of(dataset, run) as kept:
        if kept is not None:
            before = kept.marked
            if kept.catch_up(dataset):
                return kept.marked != before
    return added_labels.settle(dataset, run) > 0


def _summary(
    everything: Mapping[str, Mapping[str, Group]],
    current: Mapping[str, Group],
    tab: str,
    without: int,
) -> Summary:
    totals = everything[tab]
    # A label written between the two counts may be in the second only.
    names = sorted(totals.keys() | current.keys(), key=lambda n: (-_of(totals, n).count, str(n)))
    rows = [
        Row(
            label=name,
            current=_of(current, name).count,
            total=max(_of(totals, name).count, _of(current, name).count),
            confidence=_mean([_of(current, name)]),
            not_looked_at=_of(everything["review"], name).count,
            promoted=_of(everything["approval"], name).count,
            rejected=_of(everything["rejected"], name).count,
        )
        for name in names
    ]
    return Summary(
        rows=rows,
        current=sum(row.current for row in rows),
        total=sum(row.total for row in rows),
        confidence=_mean(current.values()),
        without_confidence=sum(group.count - group.confident for group in current.values()),
        totals={name: sum(group.count for group in of.values()) for name, of in everything.items()},
        without_labels=without,
        has_confidence=any(g.confident for of in everything.values() for g in of.values()),
    )


def _groups(shown: Shown, run: Run, tab: str) -> dict[str, Group]:
    number = {"$and": [{"$isNumber": "$label.confidence"}, {"$gte": ["$label.confidence", _LEAST]}]}
    stage = {
        "$group": {
            "_id": "$label.label",
            "count": {"$sum": 1},
            "total": {"$sum": {"$cond": [number, "$label.confidence", 0]}},
            "confident": {"$sum": {"$cond": [number, 1, 0]}},
        }
    }
    return {
        group["_id"]: Group(group["count"], group["confident"], group["total"])
        for group in shown.aggregate(run, tab, [stage])
    }


def _everything(dataset: Dataset) -> Shown:
    """All samples; of a grouped dataset, those of all slices."""
    if dataset.media_type != GROUP:
        return Shown(dataset.view())
    return Shown(dataset.select_group_slices(_allow_mixed=True))


#: Every number but NaN is at least this.
_LEAST = float("-inf")


def _of(groups: Mapping[str, Group], name: str) -> Group:
    return groups.get(name) or Group()


def _mean(groups: Iterable[Group]) -> float | None:
    groups = list(groups)
    confident = sum(group.confident for group in groups)
    return sum(group.total for group in groups) / confident if confident else None
