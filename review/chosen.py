"""Labels that are chosen by what they are, not by what a grid shows: for scripts and commands."""

from dataclasses import dataclass, field, replace

import fiftyone.core.view as fov
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from auto_labeling.errors import AutoLabelingError
from auto_labeling.review import grid
from auto_labeling.review.criteria import Criteria
from auto_labeling.run import Run


@dataclass(frozen=True)
class Chosen(grid.Shown):
    """What :class:`auto_labeling.review.grid.Shown` is, narrowed by the labels' own values.

    Args:
        wanted: which confidences and classes
        without_confidence: whether only labels without confidence
    """

    wanted: Criteria = field(default_factory=Criteria)
    without_confidence: bool = False

    def criteria(self, run: Run) -> Criteria | None:
        """The choice as a predicate on the run's labels, if it is one."""
        plain = super().criteria(run)
        if plain is None or self.without_confidence:
            return None
        return replace(self.wanted, sample_ids=plain.sample_ids)

    def without_confidence_filter(self, run: Run) -> "Chosen":
        """The same, with labels of all confidences."""
        return replace(self, wanted=replace(self.wanted, span=None), without_confidence=False)

    def labels(self, run: Run, tab: str) -> list[dict]:
        """An aggregation pipeline that yields a tab's labels among those chosen."""
        wanted = {f"label.{name}": value for name, value in self.wanted.wanted().items()}
        if self.without_confidence:
            wanted["$nor"] = [{"label.confidence": {"$gte": float("-inf")}}]
        return [*super().labels(run, tab), {"$match": wanted}]


def choose(
    dataset,
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes=None,
    label_ids=None,
    sample_ids=None,
    view: SampleCollection | None = None,
) -> Chosen:
    """Chooses labels of a run. What is None does not narrow; what is empty leaves nothing.

    Args:
        dataset: the run's :class:`fiftyone.core.dataset.Dataset`
        min_confidence (None): the least confidence, itself included
        max_confidence (None): the greatest confidence, itself included
        without_confidence (False): whether only labels that have no confidence
        classes (None): the classes
        label_ids (None): the ids of labels
        sample_ids (None): the ids of samples
        view (None): a view of the dataset, of samples or of the staged labels as patches

    Raises:
        AutoLabelingError: if that cannot be a choice
    """
    low, high = _bound(min_confidence, 0.0), _bound(max_confidence, 1.0)
    narrowed = min_confidence is not None or max_confidence is not None
    if narrowed and without_confidence:
        raise AutoLabelingError("Labels without confidence lie in no range of confidence")
    if low > high:
        raise AutoLabelingError(f"No confidence is at least {low:g} and at most {high:g}")
    base = dataset.view() if view is None else _of_dataset(dataset, view)
    samples, labels = _ids("sample", sample_ids), _ids("label", label_ids)
    if samples == () or labels == ():
        base = base.limit(0) if base._dataset is dataset else base.select([])
    grid.refresh_patches(dataset, base)
    return Chosen(
        base=base,
        sample_ids=samples or (),
        label_ids=labels or (),
        wanted=Criteria(
            span=(low, high) if narrowed else None,
            labels=None if classes is None else tuple(map(str, classes)),
        ),
        without_confidence=without_confidence,
    )


def _bound(value, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise AutoLabelingError(f"A confidence is a number from 0 to 1, not {value!r}")
    return float(value)


def _ids(kind: str, ids) -> tuple | None:
    if ids is None:
        return None
    ids = tuple(dict.fromkeys(map(str, ids)))
    for one in ids:
        if not ObjectId.is_valid(one):
            raise AutoLabelingError(f"'{one}' is no id of a {kind}")
    return ids


def _of_dataset(dataset, view) -> fov.DatasetView:
    if not isinstance(view, SampleCollection) or view._root_dataset.name != dataset.name:
        raise AutoLabelingError(f"The view is not one of the dataset '{dataset.name}'")
    return view if isinstance(view, fov.DatasetView) else view.view()
