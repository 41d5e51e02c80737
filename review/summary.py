"""The numbers of a tab: labels per class, of how many, and their mean confidence."""

from dataclasses import dataclass

from auto_labeling.review.grid import Shown
from auto_labeling.run import Run
from auto_labeling.storage import staging


@dataclass(frozen=True)
class Row:
    """One class of a tab.

    Args:
        label: the class
        current: how many of its labels the grid shows, or are selected in it
        total: how many there are in the tab
        confidence: the mean confidence of the current ones; None if none has one
    """

    label: str
    current: int
    total: int
    confidence: float | None


@dataclass(frozen=True)
class Summary:
    """All classes of a tab, the largest first, and their sums."""

    rows: list
    current: int
    total: int
    confidence: float | None


def summarize(dataset, run: Run, shown: Shown, tab: str = "review") -> Summary:
    """Counts a tab's labels in the dataset and in what the grid shows.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run in review
        shown: what the grid shows
        tab ("review"): ``"review"`` or ``"approval"``
    """
    everything = Shown(dataset.view())
    totals = {g["_id"]: g for g in everything.aggregate(run, tab, [_GROUP])}
    current = {g["_id"]: g for g in shown.aggregate(run, tab, [_GROUP])}
    # A label written between the two counts may be in the second only.
    names = sorted(totals.keys() | current.keys(), key=lambda n: (-_count(totals, n), str(n)))
    rows = [
        Row(
            label=name,
            current=_count(current, name),
            total=max(_count(totals, name), _count(current, name)),
            confidence=current.get(name, {}).get("confidence"),
        )
        for name in names
    ]
    weight = sum(g["confident"] for g in current.values())
    return Summary(
        rows=rows,
        current=sum(row.current for row in rows),
        total=sum(row.total for row in rows),
        confidence=(
            sum(g["confidence"] * g["confident"] for g in current.values() if g["confident"])
            / weight
            if weight
            else None
        ),
    )


def count_promoted(dataset, run: Run) -> int:
    """Counts all promoted labels of a run."""
    return staging.count(dataset, run, staging.PROMOTED)


def count_unpromoted(dataset, run: Run) -> int:
    """Counts all labels of a run that are not promoted."""
    return staging.count(dataset, run, staging.UNPROMOTED)


_GROUP = {
    "$group": {
        "_id": "$label.label",
        "count": {"$sum": 1},
        "confidence": {"$avg": "$label.confidence"},
        "confident": {"$sum": {"$cond": [{"$isNumber": "$label.confidence"}, 1, 0]}},
    }
}


def _count(groups, name):
    return groups[name]["count"] if name in groups else 0
