"""Criteria that select labels of a run in the database, without a list of IDs."""

from dataclasses import dataclass
from typing import Any

from bson import ObjectId


@dataclass(frozen=True)
class Criteria:
    """A predicate on staged labels. What is None does not narrow.

    Args:
        states: review states, beside the one that is asked for
        span: a ``(low, high)`` range of confidence, both ends within; labels without
            confidence are in none
        labels: classes
        sample_ids: object ids of samples
        minimums: a minimum confidence for each of some classes; labels of other classes do not meet
            it
    """

    states: tuple[str, ...] | None = None
    span: tuple[float, float] | None = None
    labels: tuple[str, ...] | None = None
    sample_ids: tuple[ObjectId, ...] | None = None
    minimums: tuple[tuple[str, float], ...] | None = None

    def allows(self, state: str) -> bool:
        """Whether labels of a review state can meet the criteria at all."""
        return self.states is None or state in self.states

    def query(self) -> dict[str, Any]:
        """What a label must be, as a query on a label's own attributes."""
        conditions: dict[str, Any] = {}
        if self.span is not None:
            conditions["confidence"] = {"$gte": self.span[0], "$lte": self.span[1]}
        if self.labels is not None:
            conditions["label"] = {"$in": list(self.labels)}
        if self.minimums is not None:
            # Classes with the same minimum are one condition.
            classes: dict[float, list[str]] = {}
            for label, least in self.minimums:
                classes.setdefault(least, []).append(label)
            each = [
                {"label": {"$in": names}, "confidence": {"$gte": least}}
                for least, names in classes.items()
            ]
            conditions["$or"] = each or [{"label": {"$in": []}}]
        return conditions
