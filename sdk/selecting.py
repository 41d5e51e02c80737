"""Views of the staged labels that have some size, area and distance."""

from fiftyone.core.collections import SampleCollection
from fiftyone.core.view import DatasetView

from auto_labeling.review import measures
from auto_labeling.sdk.handle import Run


def labels_view(
    run: Run,
    view: SampleCollection | None = None,
    *,
    min_size: float | None = None,
    max_size: float | None = None,
    min_area: float | None = None,
    max_area: float | None = None,
    min_distance: float | None = None,
    max_distance: float | None = None,
) -> DatasetView:
    """Returns a view with the labels of a run that have some size, area and distance.

    Pass it as ``view`` to :func:`labels`, :func:`promote` or :func:`reject`, or show it in the App.

    Args:
        run: a run in review
        view (None): a view of the dataset, instead of the whole dataset
        min_size (None): the minimum length of the longest side: of a 3D box in the unit of the
            scene, of a box in an image as a part of the image's width or height
        max_size (None): the maximum length of the longest side
        min_area (None): the minimum area of the box in an image: up to 1 as a part of the image,
            above 1 in pixels, for which the samples need metadata
        max_area (None): the maximum area, the same way
        min_distance (None): the minimum distance of a 3D box's center from the origin of the
            scene, on the ground
        max_distance (None): the maximum distance

    Raises:
        ConfigError: if the labels have no such measure, or an area in pixels is not known

    Example:
        >>> al.labels(run, view=al.labels_view(run, min_size=0.01)).current
        12
    """
    run.dataset.reload()  # another process may have made the field since
    samples = run.reload().dataset if view is None else view
    limits = {
        "min_size": min_size,
        "max_size": max_size,
        "min_area": min_area,
        "max_area": max_area,
        "min_distance": min_distance,
        "max_distance": max_distance,
    }
    return measures.narrowed(samples, run.record, limits)
