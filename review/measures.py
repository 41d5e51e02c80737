"""The size, the area and the distance of labels, as conditions that the database checks.

A label's size is the length of its longest side: of a 3D box in the unit of the scene, of a box in
an image as a part of the image's width or height. Its area is that of its box in the image. Its
distance is that of a 3D box's center from the origin of the scene, on the ground.
"""

from collections.abc import Callable, Mapping
from typing import Any

import fiftyone.core.stages as fos
from fiftyone import ViewExpression, ViewField
from fiftyone.core.collections import SampleCollection
from fiftyone.core.view import DatasetView

from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import Run, Task
from auto_labeling.storage.mongo import Document

#: The lowest and the highest value that is wanted; None for no limit.
_Limits = tuple[float | None, float | None]

#: The limits by name, as conditions of labels have them.
NAMES = ("min_size", "max_size", "min_area", "max_area", "min_distance", "max_distance")

#: Limits of the area above this are in pixels, others a part of the image.
WHOLE_IMAGE = 1.0


def narrowed(
    samples: SampleCollection, run: Run, limits: Mapping[str, float | None]
) -> DatasetView:
    """Keeps the labels of a run that have some size, area and distance.

    Args:
        samples: a dataset or a view of it
        run: a run in review
        limits: the limits by their name in :data:`NAMES`; both are within. None for no limit

    Returns:
        a view of the samples, with these labels of the run alone

    Raises:
        ConfigError: if the labels have no such measure, or an area in pixels is not known
    """
    task, problems = run.config.task, {}
    if task is Task.CLASSIFICATION:
        problems["size"] = "Labels of whole images have no size"
    for name in (name for name in NAMES if limits.get(name) is not None):
        if name.endswith("distance") and not task.is_3d:
            problems[name] = "Only 3D boxes have a distance"
        elif name.endswith("area") and task.is_3d:
            problems[name] = "3D boxes have no area; limit their size"
        elif name.endswith("area") and _is_in_pixels(limits[name]) and _lacks_sizes(samples, run):
            problems[name] = (
                "An area in pixels needs the sizes of the images. Run dataset.compute_metadata() "
                "first, or give the area as a part of the image, from 0 to 1"
            )
    if problems:
        raise ConfigError(problems)
    return samples.add_stage(stage(run, limits))


def stage(run: Run, limits: Mapping[str, float | None]) -> fos.ViewStage:
    """Makes the view stage that keeps the labels of a run that have some size, area and distance.

    Args:
        run: a run in review, whose labels have all that is limited
        limits: the limits by their name in :data:`NAMES`; both are within. None for no limit

    Returns:
        the stage
    """
    conditions = [
        *_between(_size(run.config.task), _pair(limits, "size")),
        *_between(_distance(), _pair(limits, "distance")),
    ]
    least, most = _pair(limits, "area")
    for pair in ((least, None), (None, most)):  # one may be in pixels, and the other not
        in_pixels = any(map(_is_in_pixels, pair))
        conditions += _between(_area(in_pixels), pair)
    wanted = conditions[0] if conditions else ViewExpression.literal(True)
    for condition in conditions[1:]:
        wanted = wanted & condition
    return fos.FilterLabels(run.staging_field, wanted)


def _pair(limits: Mapping[str, float | None], measure: str) -> _Limits:
    return limits.get(f"min_{measure}"), limits.get(f"max_{measure}")


def _is_in_pixels(area: float | None) -> bool:
    return area is not None and area > WHOLE_IMAGE


def _lacks_sizes(samples: SampleCollection, run: Run) -> bool:
    """Whether the size of an image with labels is not known."""
    query: Document = {
        run.staging_field: {"$type": "object"},
        "$or": [{f"metadata.{side}": {"$not": {"$gt": 0}}} for side in ("width", "height")],
    }
    dataset = samples._root_dataset
    return dataset._sample_collection.find_one(query, {"_id": 1}) is not None


def _area(in_pixels: bool) -> ViewExpression:
    """The area of a box: a part of the image, or in pixels."""
    width, height = (ViewField("bounding_box")[index] for index in (2, 3))
    area = width * height
    if in_pixels:
        area = area * ViewField("$metadata.width") * ViewField("$metadata.height")
    return area


def _size(task: Task) -> ViewExpression:
    sides = ViewField("dimensions") if task.is_3d else ViewField("bounding_box")[2:4]
    return sides.max()


def _distance() -> ViewExpression:
    x, y = (ViewField("location")[index] for index in (0, 1))
    return (x * x + y * y).sqrt()


def _between(measured: ViewExpression, limits: _Limits) -> list[Any]:
    """The conditions of the limits that are given; a label without the measure meets none."""
    compare: tuple[Callable[[float], Any], ...] = (measured.__ge__, measured.__le__)
    pairs = zip(compare, limits, strict=True)
    given = [test(limit) for test, limit in pairs if limit is not None]
    return [measured.is_number() & condition for condition in given]
