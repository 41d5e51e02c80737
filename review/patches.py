"""Views of staged labels as patches: FiftyOne gives each a copy of the labels, which grows old."""

from collections.abc import Iterable, Mapping
from typing import Any

import fiftyone.core.patches as fop
import fiftyone.core.stages as fos
import fiftyone.core.view as fov
from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset

from auto_labeling.core.names import STAGING_SUFFIX
from auto_labeling.core.run import Run
from auto_labeling.review.grid_stages import view_with
from auto_labeling.storage import write_stamp

#: The settings of a view of patches that say what is copied.
_COPIED = ("other_fields", "keep_label_lists")

#: For each copy, the stamp of the samples that it was made from.
_copied_at: dict[str, write_stamp.Stamp | None] = {}


def narrowed(
    dataset: Dataset, request: Mapping[str, Any], run: Run | None, names: Iterable[str]
) -> fov.DatasetView:
    """A view with stages of ours, as ``grid_stages.view_with`` makes it.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        request: the App's request, as for :func:`auto_labeling.review.grid.shown`
        run: the run in review, if any
        names: our stages, as in ``grid_stages``

    Returns:
        the view
    """
    now = write_stamp.stamp(dataset)
    view = view_with(dataset, request, run, names)
    if view._dataset._is_generated:  # a copy made just now
        _copied_at[view._dataset.name] = now
    return view


def refresh(dataset: Dataset, view: SampleCollection) -> None:
    """Updates a view of staged labels as patches, which holds a copy of them.

    Args:
        dataset: the dataset of the run
        view: any view; only one of patches of a staging field is updated
    """
    stage = getattr(view, "_patches_stage", None)
    if not isinstance(view, fop.PatchesView) or not isinstance(stage, fos.ToPatches):
        return
    if not stage.field.endswith(STAGING_SUFFIX):
        return
    now, copied = write_stamp.stamp(dataset), view._dataset
    # A view object that was copied before keeps a dataset that another's reload has deleted.
    if copied.deleted:
        before = copied.name
        view.reload()
        _copied_at[before] = _copied_at[view._dataset.name] = now
    elif now is None or _copied_at.get(copied.name) != now:
        _copy_again(view, stage)
        _copied_at[copied.name] = now


def _copy_again(view: fop.PatchesView, stage: fos.ToPatches) -> None:
    """Replaces the labels in the existing dataset of patches.

    FiftyOne's own reload makes another dataset, and the App shows it only as another view.
    """
    settings = stage.config or {}
    options = {key: settings[key] for key in _COPIED if key in settings}
    labels = fop._make_patches_view(view._source_collection, stage.field, **options)
    fop._write_samples(view._dataset, labels)
