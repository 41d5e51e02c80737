"""Criteria that select labels of a run in the database, without a list of IDs."""

import math
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from auto_labeling.storage.mongo import Document


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
            if self.minimums and self.span is None:
                conditions["confidence"] = {"$gte": min(least for _, least in self.minimums)}
            conditions["$or"] = _above(self.minimums) or [{"label": {"$in": []}}]
        return conditions


def _above(minimums: tuple[tuple[str, float], ...]) -> list[Document]:
    """Conditions of which a label meets one if it is above the threshold of its class.

    Two levels of them: the database checks one condition after the other, so that many classes
    with a condition each would take several times as long.
    """
    each = [{"label": label, "confidence": {"$gte": least}} for label, least in sorted(minimums)]
    size = math.isqrt(len(each)) + 1
    parts = [each[first : first + size] for first in range(0, len(each), size)]
    return [{"label": {"$in": [one["label"] for one in part]}, "$or": part} for part in parts]
