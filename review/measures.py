"""The size and the distance of labels, as conditions that the database checks.

A label's size is the length of its longest side: of a 3D box in the unit of the scene, of a box in
an image as a part of the image's width or height. Its distance is that of a 3D box's center from
the origin of the scene, on the ground.
"""

from collections.abc import Callable
from typing import Any

import fiftyone.core.stages as fos
from fiftyone import ViewExpression, ViewField
from fiftyone.core.collections import SampleCollection
from fiftyone.core.view import DatasetView

from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import Run, Task

#: The lowest and the highest value that is wanted; None for no limit.
Limits = tuple[float | None, float | None]

#: The limits by name, as conditions of labels have them.
NAMES = ("min_size", "max_size", "min_distance", "max_distance")


def narrowed(samples: SampleCollection, run: Run, size: Limits, distance: Limits) -> DatasetView:
    """Keeps the labels of a run that have some size and distance.

    Args:
        samples: a dataset or a view of it
        run: a run in review
        size: the limits of the size, both within
        distance: the limits of the distance, both within

    Returns:
        a view of the samples, with these labels of the run alone

    Raises:
        ConfigError: if the labels have no size, or no distance
    """
    problems = {}
    if run.config.task is Task.CLASSIFICATION:
        problems["size"] = "Labels of whole images have no size"
    if distance != (None, None) and not run.config.task.is_3d:
        problems["distance"] = "Only 3D boxes have a distance"
    if problems:
        raise ConfigError(problems)
    return samples.add_stage(stage(run, size, distance))


def stage(run: Run, size: Limits, distance: Limits) -> fos.ViewStage:
    """Makes the view stage that keeps the labels of a run that have some size and distance.

    Args:
        run: a run in review, whose labels have both
        size: the limits of the size, both within
        distance: the limits of the distance, both within

    Returns:
        the stage
    """
    conditions = [
        *_between(_size(run.config.task), size),
        *_between(_distance(), distance),
    ]
    wanted = conditions[0] if conditions else ViewExpression.literal(True)
    for condition in conditions[1:]:
        wanted = wanted & condition
    return fos.FilterLabels(run.staging_field, wanted)


def _size(task: Task) -> ViewExpression:
    sides = ViewField("dimensions") if task.is_3d else ViewField("bounding_box")[2:4]
    return sides.max()


def _distance() -> ViewExpression:
    x, y = (ViewField("location")[index] for index in (0, 1))
    return (x * x + y * y).sqrt()


def _between(measured: ViewExpression, limits: Limits) -> list[Any]:
    """The conditions of the limits that are given; a label without the measure meets none."""
    compare: tuple[Callable[[float], Any], ...] = (measured.__ge__, measured.__le__)
    pairs = zip(compare, limits, strict=True)
    given = [test(limit) for test, limit in pairs if limit is not None]
    return [measured.is_number() & condition for condition in given]
