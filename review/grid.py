"""What the grid shows, and the sidebar filters through which panel and grid are one.

``ctx.view`` will not do: under a saved view it leaves out the sidebar's filters and the
lasso of the embeddings panel.
"""

import copy
from dataclasses import dataclass, field

import fiftyone.core.view as fov
import fiftyone.server.view as fosv
from bson import ObjectId

from auto_labeling.run import Run
from auto_labeling.storage.staging import PROMOTED, REVIEW, UNPROMOTED

#: The tabs of the review page, and the review state of the labels that each shows.
TABS = {"review": UNPROMOTED, "approval": PROMOTED}


@dataclass(frozen=True)
class Shown:
    """What the grid shows and what is selected in it.

    Args:
        view: a :class:`fiftyone.core.view.DatasetView`
        sample_ids: the ids of the selected samples, if any
        label_ids: the ids of the selected labels, if any; they win over samples
    """

    view: fov.DatasetView
    sample_ids: tuple = field(default=())
    label_ids: tuple = field(default=())

    def labels(self, run: Run, tab: str) -> list[dict]:
        """An aggregation pipeline that yields a tab's labels in what is shown.

        Returns:
            the pipeline; run it on the view's own collection. Each document has
            ``_id`` (the sample's) and ``label`` (the label document)
        """
        view = self.view
        if self.sample_ids and not self.label_ids:
            view = view.select(list(self.sample_ids))
        stages = [{"$match": {run.staging_field: {"$type": "object"}}}]
        stages.append({"$project": {"label": f"${run.label_root}"}})
        if run.many:
            stages.append({"$unwind": "$label"})
        wanted = {f"label.{REVIEW}": TABS[tab]}
        if self.label_ids:
            wanted["label._id"] = {"$in": [ObjectId(i) for i in self.label_ids]}
        stages.append({"$match": wanted})
        return view._pipeline(pipeline=stages)

    def aggregate(self, run: Run, tab: str, stages: list):
        """Runs further aggregation stages over :meth:`labels`."""
        collection = self.view._dataset._sample_collection
        return collection.aggregate(self.labels(run, tab) + stages, allowDiskUse=True)


def shown(dataset, request: dict) -> Shown:
    """Computes what the grid shows.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        request: the App's request: keys ``view``, ``view_name``, ``filters``,
            ``extended``, ``group_slice``, ``selected`` and ``selected_labels``
    """
    view_name = request.get("view_name")
    view = fosv.get_view(dataset, view_name=view_name, stages=request.get("view"))
    filters = copy.deepcopy(request.get("filters")) or None
    extended = copy.deepcopy(request.get("extended")) or None
    if filters or extended:
        view = fosv.get_extended_view(view, filters, extended_stages=extended)
    labels = request.get("selected_labels") or ()
    return Shown(
        view=view,
        sample_ids=tuple(request.get("selected") or ()),
        label_ids=tuple(label["label_id"] for label in labels),
    )


def tab_filters(run: Run, tab: str, *, confidence=None, label=None) -> dict:
    """The sidebar filters that make the grid show a tab's labels.

    Args:
        run: the run
        tab: ``"review"`` or ``"approval"``
        confidence (None): a ``(low, high)`` range in [0, 1]; None means the full range,
            for which there must be no filter, or labels without confidence are lost
        label (None): one class
    """
    filters = {f"{run.label_root}.{REVIEW}": _values([TABS[tab]])}
    if confidence is not None:
        low, high = confidence
        filters[f"{run.label_root}.confidence"] = {
            "range": [low, high],
            "exclude": False,
            "isMatching": False,
        }
    if label is not None:
        filters[f"{run.label_root}.label"] = _values([label])
    return filters


def merged(filters, run: Run, wanted: dict) -> dict:
    """The sidebar's filters, with those on the run's staging field replaced.

    Args:
        filters: the sidebar's filters as they are, or None
        run: the run
        wanted: what to filter the staging field by; empty to lift its filters
    """
    prefix = f"{run.staging_field}."
    others = {path: f for path, f in (filters or {}).items() if not path.startswith(prefix)}
    return {**others, **wanted}


def read_filters(filters, run: Run) -> tuple:
    """What the sidebar's filters on the staging field say now.

    Returns:
        ``(confidence, label)``: a ``(low, high)`` range or None, and a class or None
        (None as well if several are chosen)
    """
    filters = filters or {}
    span = (filters.get(f"{run.label_root}.confidence") or {}).get("range")
    values = (filters.get(f"{run.label_root}.label") or {}).get("values") or ()
    confidence = None
    if span:
        low, high = span
        confidence = (0.0 if low is None else low, 1.0 if high is None else high)
    return confidence, values[0] if len(values) == 1 else None


def _values(values):
    return {"values": values, "exclude": False, "isMatching": False}
