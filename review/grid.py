"""What the grid shows, and the sidebar filters that keep panel and grid in sync.

``ctx.view`` will not do: under a saved view it leaves out the sidebar's filters and the
lasso of the embeddings panel.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import fiftyone.core.view as fov
import fiftyone.server.view as fosv
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset
from fiftyone.core.media import GROUP

from auto_labeling.core.run import Run
from auto_labeling.review import patches
from auto_labeling.review.criteria import Criteria
from auto_labeling.review.grid_request import reading
from auto_labeling.review.grid_stages import is_filterable, lasso
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.staging import PROMOTED, REJECTED, REVIEW, UNPROMOTED

#: The tabs of the review page and, within Approval, the rejected labels; and the review state of
#: the labels that each shows.
TABS = {"review": UNPROMOTED, "approval": PROMOTED, "rejected": REJECTED}

#: The tabs that the review page has.
PAGE_TABS = ("review", "approval")


@dataclass(frozen=True)
class Shown:
    """What the grid shows and what is selected in it.

    Args:
        base: the :class:`fiftyone.core.view.DatasetView`, before the sidebar's filters
        filters: the sidebar's filters
        sample_ids: the ids of the selected samples, if any
        label_ids: the ids of the selected labels, if any; they win over samples
        label_sample_ids: the ids of the samples that hold the selected labels
        lasso: the number of samples that a lasso in another panel holds; ``base`` has no others
    """

    base: fov.DatasetView
    filters: dict[str, Any] = field(default_factory=dict)
    sample_ids: tuple[str, ...] = field(default=())
    label_ids: tuple[str, ...] = field(default=())
    label_sample_ids: tuple[str, ...] = field(default=())
    lasso: int = 0

    @cached_property
    def view(self) -> fov.DatasetView:
        """What the grid shows, independent of the selection."""
        return _filtered(self.base, self.filters)

    def criteria(self, run: Run) -> Criteria | None:
        """What is shown and selected as a predicate on the run's labels, if it is one.

        It is where the whole dataset is shown, and filtered by the run's labels alone.
        """
        if self.label_ids or not self._is_of_all():
            return None
        known: dict[str, Any] = {REVIEW: None, "confidence": None, "label": None}
        prefix = f"{run.label_root}."
        for path, sidebar_filter in self.filters.items():
            name = path.removeprefix(prefix)
            kind = "range" if name == "confidence" else "values"
            if path == name or name not in known or not _is_plain(sidebar_filter, kind):
                return None
            known[name] = tuple(sidebar_filter[kind])
        if not all(map(is_filterable, map(str, known["label"] or ()))):
            return None
        return Criteria(
            states=known[REVIEW],
            span=known["confidence"],
            labels=known["label"],
            sample_ids=tuple(map(ObjectId, self.sample_ids)) if self.sample_ids else None,
        )

    def _is_of_all(self) -> bool:
        """Whether all samples of the dataset are shown, before the sidebar's filters."""
        shown = self.base._dataset
        # A grid of groups shows one slice of them.
        return not (self.base._all_stages or shown._is_generated or shown.media_type == GROUP)

    def without_confidence_filter(self, run: Run) -> "Shown":
        """The same, with labels of all confidences."""
        path = f"{label_root(self.base, run)}.confidence"
        return replace(self, filters={p: f for p, f in self.filters.items() if p != path})

    def of_class(self, label: str) -> "Shown":
        """The same, with the labels of one class alone."""
        return _OfClass(**{f.name: getattr(self, f.name) for f in fields(self)}, label=label)

    def labels(self, run: Run, tab: str | None) -> list[Document]:
        """Builds an aggregation pipeline that yields a tab's labels in what is shown.

        Args:
            run: the run
            tab: the name of a tab; None for the labels of all

        Returns:
            the pipeline; run it on the view's own collection. Each document has ``_id`` (the
            sample's) and ``label`` (the label document)
        """
        view, generated = self.base, self.base._dataset._is_generated
        # The sidebar's filters look at each sample alone: fewer samples first is the same.
        if self.label_ids and self.label_sample_ids and not generated:
            view = view.select(list(self.label_sample_ids))
        elif self.sample_ids and not self.label_ids:
            view = view.select(list(self.sample_ids))
        view = _filtered(view, self.filters)
        root = label_root(view, run)
        stages: list[Document] = [{"$match": {run.staging_field: {"$type": "object"}}}]
        sample_id = "$_sample_id" if generated else "$_id"
        stages.append({"$project": {"_id": sample_id, "label": f"${root}"}})
        if root != run.staging_field:
            stages.append({"$unwind": "$label"})
        conditions: Document = {} if tab is None else {f"label.{REVIEW}": TABS[tab]}
        if self.label_ids:
            conditions["label._id"] = {"$in": [ObjectId(i) for i in self.label_ids]}
        stages.append({"$match": conditions})
        return self._pipeline(view, stages)

    def _pipeline(self, view: SampleCollection, stages: list[Document]) -> list[Document]:
        """The aggregation pipeline of a view, with further stages."""
        return view._pipeline(pipeline=stages)

    def aggregate(self, run: Run, tab: str | None, stages: list[Document]) -> Iterator[Document]:
        """Runs further aggregation stages over :meth:`labels`.

        Args:
            run: the run
            tab: the name of a tab
            stages: the further stages

        Returns:
            an iterator of the documents that they yield
        """
        collection = self.base._dataset._sample_collection
        return collection.aggregate(self.labels(run, tab) + stages, allowDiskUse=True)


@dataclass(frozen=True)
class _OfClass(Shown):
    label: str = ""

    def criteria(self, run: Run) -> Criteria | None:
        plain = super().criteria(run)
        if plain is None:
            return None
        is_shown = plain.labels is None or self.label in plain.labels
        return replace(plain, labels=(self.label,) if is_shown else ())

    def labels(self, run: Run, tab: str | None) -> list[Document]:
        return [*super().labels(run, tab), {"$match": {"label.label": self.label}}]


def shown(dataset: Dataset, request: Mapping[str, Any]) -> Shown:
    """Computes what the grid shows.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        request: the App's request: keys ``view``, ``view_name``, ``filters``,
            ``extended``, ``group_slice``, ``selected`` and ``selected_labels``

    Returns:
        the :class:`Shown`
    """
    with reading("view"):
        view = fosv.get_view(
            dataset, view_name=request.get("view_name"), stages=request.get("view")
        )
        if extended := request.get("extended"):
            stages = copy.deepcopy(extended)
            view = fosv.get_extended_view(view, None, extended_stages=stages)
    patches.refresh(dataset, view)
    labels = request.get("selected_labels") or ()
    return Shown(
        base=view,
        filters=copy.deepcopy(request.get("filters") or {}),
        sample_ids=tuple(request.get("selected") or ()),
        label_ids=tuple(label["label_id"] for label in labels),
        label_sample_ids=tuple({label["sample_id"] for label in labels if label.get("sample_id")}),
        lasso=len(lasso(request)),
    )


def label_root(view: SampleCollection, run: Run) -> str:
    """The path of a run's labels in a view; in one of patches, each sample is a label.

    Args:
        view: a view of the dataset
        run: the run

    Returns:
        the path, such as ``"boxes_in_review.detections"``
    """
    if view._dataset._is_generated and view._is_patches:
        return run.staging_field
    return run.label_root


def _filtered(view: fov.DatasetView, filters: dict[str, Any]) -> fov.DatasetView:
    if not filters:
        return view
    with reading("filters"):
        return fosv.get_extended_view(view, copy.deepcopy(filters))


def _is_plain(sidebar_filter: Mapping[str, Any], kind: str) -> bool:
    """Whether a sidebar filter is just a range or a list of values, filtering labels."""
    values = sidebar_filter.get(kind)
    if not values or None in values:
        return False
    return not any(value for key, value in sidebar_filter.items() if key != kind)


def root_in(request: Mapping[str, Any], run: Run) -> str:
    """The path of a run's labels in the sidebar of the view that a request is from.

    Args:
        request: the App's request, as for :func:`shown`
        run: the run

    Returns:
        the path
    """
    classes = [str(stage.get("_cls")) for stage in request.get("view") or ()]
    return run.staging_field if any(c.endswith(".ToPatches") for c in classes) else run.label_root


def tab_filters(
    root: str,
    tab: str,
    *,
    confidence: tuple[float, float] | None = None,
    label: str | None = None,
    again: bool = False,
) -> dict[str, Any]:
    """The sidebar filters that make the grid show a tab's labels.

    Args:
        root: the path of the run's labels
        tab: the name of a tab
        confidence (None): a ``(low, high)`` range in [0, 1]; None means the full range,
            for which there must be no filter, or labels without confidence are lost
        label (None): one class
        again (False): whether to write the same in another way, which makes the App ask again
    """
    filters = {f"{root}.{REVIEW}": _values([TABS[tab]])}
    if again:
        filters[f"{root}.{REVIEW}"]["none"] = False
    if confidence is not None:
        low, high = confidence
        filters[f"{root}.confidence"] = {
            "range": [low, high],
            "exclude": False,
            "isMatching": False,
        }
    if label is not None:
        filters[f"{root}.label"] = _values([label])
    return filters


def merged(filters: Mapping[str, Any] | None, run: Run, own: Mapping[str, Any]) -> dict[str, Any]:
    """Replaces the sidebar's filters on the run's staging field.

    Args:
        filters: the sidebar's current filters, or None
        run: the run
        own: the filters on the staging field; empty to lift them

    Returns:
        all filters
    """
    return {**others(filters, run.staging_field), **own}


def others(filters: Mapping[str, Any] | None, field: str) -> dict[str, Any]:
    """The sidebar's filters on other fields.

    Args:
        filters: the sidebar's current filters, or None
        field: the name of a field

    Returns:
        those on all fields but this one
    """
    return {p: f for p, f in (filters or {}).items() if not p.startswith(f"{field}.")}


def same(given: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether a filter of the sidebar does the same as another.

    Args:
        given: the sidebar's filter, which may hold more keys, if these are off; or None
        other: the filter to compare it with

    Returns:
        True if each key is the same in both
    """
    given = given or {}
    return all(given.get(key, False) == other.get(key, False) for key in {*given, *other})


def read_filters(
    filters: Mapping[str, Any] | None, root: str
) -> tuple[tuple[float, float] | None, str | None]:
    """Reads the sidebar's filters on a run's labels.

    Args:
        filters: the sidebar's filters, or None
        root: the path of the run's labels

    Returns:
        ``(confidence, label)``: a ``(low, high)`` range or None, and a class or None (None as well
        if several are chosen)
    """
    filters = filters or {}
    span = (filters.get(f"{root}.confidence") or {}).get("range")
    values: Sequence[str] = (filters.get(f"{root}.label") or {}).get("values") or ()
    confidence = None
    if span:
        low, high = span
        confidence = (0.0 if low is None else low, 1.0 if high is None else high)
    return confidence, values[0] if len(values) == 1 else None


def _values(values: Sequence[str]) -> dict[str, Any]:
    return {"values": values, "exclude": False, "isMatching": False}
