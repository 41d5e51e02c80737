"""View stages that the panel adds to the grid, where no sidebar filter can do it.

The sidebar's "none" keeps the wrong samples, and to its database query the name of a class that
begins with a "$" is the name of a field; samples without labels have nothing to filter by; and
patches are another kind of view. Each of our stages carries a mark, and they stand at the end of
the view: so what the user's own view is can always be told, and given back.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import fiftyone.core.stages as fos
import fiftyone.core.view as fov
import fiftyone.server.view as fosv
from fiftyone import ViewExpression, ViewField
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run
from auto_labeling.review import measures
from auto_labeling.review.grid_request import reading
from auto_labeling.storage import staging

#: Labels without confidence alone.
WITHOUT_CONFIDENCE = "without confidence"

#: Samples in which nothing was found.
WITHOUT_LABELS = "without labels"

#: The start of the name of a stage that keeps some samples, and the rest of it for failed ones.
SAMPLES, FAILED = "samples ", "samples failed "

#: Each label as a sample of its own.
PATCHES = "patches"

#: The samples that a lasso in another panel holds: as a stage before that of patches, which have
#: other ids than the App's lasso could keep.
LASSO = "lasso"

#: The App's lasso, as a stage of a request.
SELECT = f"{fos.Select.__module__}.{fos.Select.__name__}"

#: Samples that a stage names one by one.
MAX_IDS = 5_000

_CLASS = "class "

#: The start of the name of a stage that keeps 3D boxes by size and distance.
_LIMITS = "limits "

#: Marks our stages; to FiftyOne it is a stage's id.
_OURS = "auto-labeling: "


def only_class(label: str) -> str:
    """The name of the stage that keeps one class."""
    return _CLASS + label


def class_of(names: Iterable[str]) -> str | None:
    """The class that one of the stages keeps, if one does."""
    return next((n.removeprefix(_CLASS) for n in names if n.startswith(_CLASS)), None)


def within(limits: Mapping[str, float]) -> str:
    """The name of the stage that keeps labels by size and distance.

    Args:
        limits: the limits by their name in :data:`measures.NAMES`

    Returns:
        the name, from which :func:`limits_of` reads them again
    """
    return _LIMITS + json.dumps({name: limits[name] for name in measures.NAMES if name in limits})


def limits_of(names: Iterable[str]) -> dict[str, float]:
    """The limits of size and distance that one of the stages keeps to; empty if none does."""
    text = next((n.removeprefix(_LIMITS) for n in names if n.startswith(_LIMITS)), "{}")
    try:
        limits = json.loads(text)
    except ValueError:  # a browser can send any name
        return {}
    limits = limits if isinstance(limits, dict) else {}
    return {n: limits[n] for n in measures.NAMES if type(limits.get(n)) in (int, float)}


def with_limits(before: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Adds the limits of size and distance that the view has to other stages for it.

    Args:
        before: the names of our stages in the view
        names: those that take their place, perhaps with other limits

    Returns:
        their names, with the limits first; without where samples without labels are shown
    """
    names = tuple(names)
    if not any(name.startswith((_LIMITS, WITHOUT_LABELS, SAMPLES)) for name in names):
        names = (*(name for name in before if name.startswith(_LIMITS)), *names)
    return tuple(name for name in names if name != within({}))


def patches_of(label: str | None) -> tuple[str, ...]:
    """The names of the stages for patches: of one class alone, since making each takes long."""
    return (PATCHES,) if label is None else (only_class(label), PATCHES)


def is_filterable(label: str) -> bool:
    """Whether a filter of the sidebar can keep a class; else it takes a stage."""
    return bool(label) and not label.startswith("$")


def of(request: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of our stages in a request's view, in their order."""
    marks = [str(stage.get("_uuid")) for stage in request.get("view") or ()]
    users = len(marks)
    while users and marks[users - 1].startswith(_OURS):
        users -= 1
    return tuple(mark.removeprefix(_OURS) for mark in marks[users:])


def lasso(request: Mapping[str, Any]) -> list[str]:
    """The ids of the samples that a lasso holds, be it the App's own or our stage."""
    extended = (request.get("extended") or {}).get(SELECT) or {}
    if ids := extended.get("sample_ids"):
        return list(ids)
    stages = (s for s in request.get("view") or () if s.get("_uuid") == _OURS + LASSO)
    return next((list(dict(stage["kwargs"])["sample_ids"]) for stage in stages), [])


def view_text(request: Mapping[str, Any]) -> str:
    """A request's view as text, to see whether it has changed."""
    # Without where the labels of patches are copied to: that changes while the view remains.
    stages = [
        (stage["_cls"], [kwarg for kwarg in stage.get("kwargs") or () if kwarg[0] != "_state"])
        for stage in request.get("view") or ()
    ]
    return json.dumps(stages, sort_keys=True, default=str)


def view_with(
    dataset: Dataset, request: Mapping[str, Any], run: Run | None, names: Iterable[str]
) -> fov.DatasetView:
    """Builds a request's view, with these stages of ours in place of those that it has.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        request: the App's request
        run: the run; None if there are no names
        names: the names of the stages, in their order

    Returns:
        the view

    Raises:
        Unreadable: if FiftyOne cannot make the view
    """
    stages = list(request.get("view") or ())
    users = stages[: len(stages) - len(of(request))]
    with reading("view"):
        view = fosv.get_view(dataset, view_name=request.get("view_name"), stages=users)
        if run is None:
            return view
        for name in names:  # the view may be without the run's field, or the run closed since
            view = view.add_stage(marked(_stage(dataset, run, name, request), name))
    return view


def marked(stage: fos.ViewStage, name: str) -> fos.ViewStage:
    """Marks a stage as ours, so that :func:`of` finds it at the end of a view.

    Args:
        stage: the stage, which is changed
        name: the name that :func:`of` gives

    Returns:
        the same stage
    """
    stage._uuid = _OURS + name  # type: ignore[assignment]  # FiftyOne declares it as None
    return stage


def _stage(dataset: Dataset, run: Run, name: str, request: Mapping[str, Any]) -> fos.ViewStage:
    if name == PATCHES:
        return fos.ToPatches(run.staging_field, other_fields=_filtered(dataset, run, request))
    if name == LASSO:
        return fos.Select(lasso(request))
    if name == WITHOUT_LABELS and run.many:
        return fos.Match({f"{run.staging_field}.detections": {"$size": 0}})
    if name == WITHOUT_LABELS:
        return fos.Select(staging.ids_without_label(dataset, run)[:MAX_IDS])
    if name.startswith(_LIMITS):
        return measures.stage(run, limits_of([name]))
    confidence = ViewField("confidence")
    if name == WITHOUT_CONFIDENCE:
        condition = ~(confidence.is_number() & (confidence >= float("-inf")))
    else:
        condition = ViewField("label") == ViewExpression.literal(class_of([name]))
    return fos.FilterLabels(run.staging_field, condition)


def _filtered(dataset: Dataset, run: Run, request: Mapping[str, Any]) -> list[str] | None:
    """The fields of a person's own filters: patches without them could not be filtered by them."""
    roots = {path.split(".")[0] for path in request.get("filters") or ()}
    roots.discard(run.staging_field)
    return sorted(root for root in roots if dataset.has_field(root)) or None
