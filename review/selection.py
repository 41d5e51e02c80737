"""Labels selected by their properties rather than by the grid: for scripts and commands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import fiftyone.core.view as fov
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import Run
from auto_labeling.review import grid, patches
from auto_labeling.review.criteria import Criteria
from auto_labeling.storage.mongo import Document, below


@dataclass(frozen=True)
class Chosen(grid.Shown):
    """What :class:`auto_labeling.review.grid.Shown` is, narrowed by the labels' own values.

    Args:
        conditions: which confidences and classes
        without_confidence: whether only labels without confidence
        slices: where ``base`` is a view of groups: the slices that it is applied to, one by one;
            without any, the one that it shows
    """

    conditions: Criteria = field(default_factory=Criteria)
    without_confidence: bool = False
    slices: tuple[str, ...] = ()

    def criteria(self, run: Run) -> Criteria | None:
        """The choice as a predicate on the run's labels, if it is one."""
        plain = super().criteria(run)
        if plain is None or self.without_confidence:
            return None
        return replace(self.conditions, sample_ids=plain.sample_ids)

    def without_confidence_filter(self, run: Run) -> "Chosen":
        """The same, with labels of all confidences."""
        return replace(
            self, conditions=replace(self.conditions, span=None), without_confidence=False
        )

    def labels(self, run: Run, tab: str | None) -> list[Document]:
        """Builds an aggregation pipeline that yields a tab's labels among those chosen.

        Args:
            run: the run
            tab: the name of a tab

        Returns:
            the pipeline, as that of :class:`auto_labeling.review.grid.Shown`
        """
        conditions = below("label", self.conditions.query())
        if self.without_confidence:
            conditions["$nor"] = [{"label.confidence": {"$gte": float("-inf")}}]
        return [*super().labels(run, tab), {"$match": conditions}]

    def _is_of_all(self) -> bool:
        if not self.slices or self.base._all_stages:
            return super()._is_of_all()
        return set(self.slices) == set(self.base._dataset.group_slices)

    def _pipeline(self, view: SampleCollection, stages: list[Document]) -> list[Document]:
        if not self.slices:
            return super()._pipeline(view, stages)
        first, *others = (view._pipeline(pipeline=stages, group_slice=name) for name in self.slices)
        samples = view._dataset._sample_collection_name
        unions = [{"$unionWith": {"coll": samples, "pipeline": other}} for other in others]
        return [*first, *unions]


def choose(
    dataset: Dataset,
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: Iterable[str] | None = None,
    label_ids: Iterable[str] | None = None,
    sample_ids: Iterable[str] | None = None,
    view: SampleCollection | None = None,
    group_slices: Iterable[str] | None = None,
    as_shown: bool = False,
    minimums: Mapping[str, float] | None = None,
) -> Chosen:
    """Chooses labels of a run. What is None does not narrow; what is empty leaves nothing.

    In a grouped dataset, labels of all slices are chosen unless slices are named, by
    ``group_slices`` or by the view: ``select_group_slices()`` flattens it to some. A view of groups
    is applied to each slice by itself.

    Args:
        dataset: the run's :class:`fiftyone.core.dataset.Dataset`
        min_confidence (None): the least confidence, itself included
        max_confidence (None): the greatest confidence, itself included
        without_confidence (False): whether only labels that have no confidence
        classes (None): the classes
        label_ids (None): the ids of labels
        sample_ids (None): the ids of samples
        view (None): a view of the dataset, of samples or of the staged labels as patches
        group_slices (None): the names of slices of a grouped dataset
        as_shown (False): whether of a view of groups only what a grid shows of it is chosen: one
            slice, and one sample of each dynamic group
        minimums (None): a minimum confidence for each class; labels of other classes are not chosen

    Returns:
        the :class:`Chosen` labels

    Raises:
        ConfigError: with a sentence for every condition of another kind
        AutoLabelingError: if that cannot be a choice
    """
    lists = {"classes": classes, "label_ids": label_ids, "sample_ids": sample_ids}
    _require_lists(group_slices=group_slices, **lists)
    span = _span(min_confidence, max_confidence, without_confidence)
    base = _of_dataset(dataset, view, as_shown)
    patches.refresh(dataset, base)
    slices = _slices(base, group_slices, as_shown)
    samples, labels = _ids("sample", sample_ids), _ids("label", label_ids)
    if samples == () or labels == () or (group_slices is not None and not slices):
        base = base.limit(0) if base._dataset is dataset else base.select([])
    return Chosen(
        base=base,
        sample_ids=samples or (),
        label_ids=labels or (),
        conditions=Criteria(
            span=span,
            labels=None if classes is None else tuple(map(str, classes)),
            minimums=None if minimums is None else tuple(sorted(minimums.items())),
        ),
        without_confidence=without_confidence,
        slices=slices,
    )


def _slices(base: fov.DatasetView, names: Iterable[str] | None, as_shown: bool) -> tuple[str, ...]:
    """The slices that a view is applied to; none where it is not one of groups."""
    grouped = base.group_slices and not base._is_dynamic_groups
    if names is None:
        return _slices_of(base) if grouped and not as_shown else ()
    if not grouped:
        raise AutoLabelingError(
            "Slices can only be chosen in a grouped dataset or a view of groups"
        )
    names = tuple(dict.fromkeys(map(str, names)))
    if unknown := [name for name in names if name not in base.group_slices]:
        known = ", ".join(base.group_slices)
        raise AutoLabelingError(f"There is no slice '{unknown[0]}'. Choose from: {known}")
    return names


def _slices_of(base: fov.DatasetView) -> tuple[str, ...]:
    """All slices of a view of groups, unless a person has set the slice of this very view."""
    known = base.group_slices
    own = getattr(base, "_DatasetView__group_slice", None)
    # FiftyOne sets it too, where a stage leaves some of the slices only.
    return (own,) if own and len(known) == len(base._dataset.group_slices) else tuple(known)


def _require_lists(**lists: object) -> None:
    wrong = {
        name: f"This must be a list, not {type(value).__name__}"
        for name, value in lists.items()
        if value is not None and (isinstance(value, str) or not isinstance(value, Iterable))
    }
    if wrong:
        raise ConfigError(wrong)


def _span(least: float | None, greatest: float | None, without: bool) -> tuple[float, float] | None:
    """The range of confidence that is asked for, if one is."""
    bounds = {"min_confidence": least, "max_confidence": greatest}
    wrong = {
        name: f"A confidence must be a number from 0 to 1, not {value!r}"
        for name, value in bounds.items()
        if value is not None and not _is_confidence(value)
    }
    if not isinstance(without, bool):
        wrong["without_confidence"] = "This must be true or false"
    if wrong:
        raise ConfigError(wrong)
    if least is None and greatest is None:
        return None
    if without:
        raise AutoLabelingError(
            "Labels without a confidence cannot be combined with a confidence range"
        )
    # Without an end where none is asked for: a model's confidences may leave 0 to 1.
    low = float("-inf") if least is None else float(least)
    high = float("inf") if greatest is None else float(greatest)
    if low > high:
        raise AutoLabelingError(f"The minimum confidence {low:g} is above the maximum {high:g}")
    return low, high


def _is_confidence(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value <= 1


def _ids(kind: str, ids: Iterable[str] | None) -> tuple[str, ...] | None:
    if ids is None:
        return None
    ids = tuple(dict.fromkeys(map(str, ids)))
    for one in ids:
        if not ObjectId.is_valid(one):
            raise AutoLabelingError(f"'{one}' is not a {kind} ID")
    return ids


def _of_dataset(dataset: Dataset, view: SampleCollection | None, as_shown: bool) -> fov.DatasetView:
    if view is None:
        return dataset.view()
    if not isinstance(view, SampleCollection) or view._root_dataset.name != dataset.name:
        raise AutoLabelingError(f"The view does not belong to the dataset '{dataset.name}'")
    view = view if isinstance(view, fov.DatasetView) else view.view()
    return view.flatten() if view._is_dynamic_groups and not as_shown else view
