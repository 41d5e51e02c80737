"""Warns of cameras that are calibrated wrongly: their 2D labels and the points do not meet."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from fiftyone.core.dataset import Dataset

from auto_labeling.core import box_sizes
from auto_labeling.core.run import Method, RunConfig
from auto_labeling.engine import lifting_model
from auto_labeling.lifecycle import validation
from auto_labeling.threed import calibration, lifting

#: Scenes that are looked at.
MAX_SCENES = 4

#: Scenes that are looked up, since some have no labels.
_AMONG = 16


def of_dataset(
    dataset: Dataset, config: RunConfig, sample_ids: Collection[str] | None
) -> list[str]:
    """Compares the labels of a field with the points of a few scenes.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration
        sample_ids: the ids of the target samples; None means all

    Returns:
        a sentence for each camera that may be calibrated wrongly; none if the run takes no labels
    """
    if config.method is not Method.LIFT_LABELS:
        return []
    ids = validation.frozen_ids(dataset, sample_ids, config)
    apart = max(len(ids) // _AMONG, 1)
    scenes = lifting_model.known_scenes(dataset, config, ids[::apart][:_AMONG])
    labeled = []
    for points, views in scenes:
        if any(view.labels for view in views):
            labeled.append((points, views))
        if len(labeled) == MAX_SCENES:
            break
    return of_scenes(labeled, config)


def of_scenes(
    scenes: Iterable[tuple[np.ndarray, Sequence[lifting.View]]], config: RunConfig
) -> list[str]:
    """Compares 2D labels with the points of scenes.

    Args:
        scenes: the points of each, and its cameras with their labels
        config: the run's configuration

    Returns:
        a sentence for each camera that may be calibrated wrongly
    """
    found = calibration.check(scenes, box_sizes.read(config.box_sizes))
    return [_sentence(one) for one in found if one.doubtful]


def _sentence(one: calibration.Agreement) -> str:
    said = (
        f"The camera '{one.camera}' may be calibrated wrongly: on average its 2D labels overlap "
        f"with the points by {one.overlap:.0%}"
    )
    if one.turned <= one.overlap + calibration.BETTER:
        return f"{said}. Check its intrinsics, its transform and the reference frame of the points"
    sides = ((one.turn[0], "right", "left"), (one.turn[1], "up", "down"))
    turns = [f"{abs(turn):g}° {more if turn > 0 else less}" for turn, more, less in sides if turn]
    return f"{said}. If it looked {' and '.join(turns)}, that would be {one.turned:.0%}"
