"""Whether cameras are where their calibration says: do 2D labels and clusters of points meet?

With a wrong calibration they do not, and often they would if the camera were turned a little.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auto_labeling.threed import clusters, matching
from auto_labeling.threed.cameras import Camera

#: Below this mean overlap, points and labels do not meet.
LOW_OVERLAP = 0.35

#: A turned camera must fit better by this much for a warning.
BETTER = 0.12

#: With fewer labels there is no verdict.
MIN_LABELS = 5

_FEW_POINTS = 40  # of a cluster

#: The turns that are tried, in degrees, to the right and upwards.
_TURNS = (-5.0, -2.5, 0.0, 2.5, 5.0)


@dataclass(frozen=True)
class Agreement:
    """How well one camera's labels agree with the points.

    Attributes:
        camera: its name
        labels: how many labels were looked at
        overlap: the mean overlap of each label with its best cluster, from 0 to 1
        turned: the mean overlap if the camera were turned
        turn: that turn in degrees, to the right and upwards
    """

    camera: str
    labels: int
    overlap: float
    turned: float
    turn: tuple[float, float]

    @property
    def doubtful(self) -> bool:
        """Whether the calibration may be wrong."""
        if self.labels < MIN_LABELS:
            return False
        return self.overlap < LOW_OVERLAP or self.turned > self.overlap + BETTER


def check(
    scenes: Iterable[tuple[np.ndarray, Sequence[matching.View]]],
    own_sizes: Mapping[str, tuple[float, float, float]] | None = None,
) -> list[Agreement]:
    """Compares the labels of a few scenes with their points.

    Args:
        scenes: the points of each scene, ``(N, 3)`` in meters, and its cameras with their labels
        own_sizes: usual sizes of classes, before the known ones

    Returns:
        the agreement of each camera, in the order in which they come
    """
    sums: dict[str, np.ndarray] = {}
    labels: dict[str, int] = {}
    for points, views in scenes:
        sensor = np.mean([view.camera.position for view in views], axis=0)
        found = _thinned(clusters.find(points, sensor))
        for view in views:
            name = view.camera.name
            total = sums.setdefault(name, np.zeros((len(_TURNS), len(_TURNS))))
            labels[name] = labels.get(name, 0) + len(view.labels)
            if view.labels:
                total += _overlaps(found, view, own_sizes)
    return [_agreement(name, labels[name], total) for name, total in sums.items()]


def turned(camera: Camera, right: float, up: float) -> Camera:
    """A camera that looks further to the right and upwards.

    Args:
        camera: the camera
        right: the angle in degrees
        up: the angle in degrees

    Returns:
        another camera
    """
    yaw, pitch = np.radians([-right, up])
    around_y = np.eye(4)
    around_y[0, 0] = around_y[2, 2] = np.cos(yaw)
    around_y[0, 2], around_y[2, 0] = np.sin(yaw), -np.sin(yaw)
    around_x = np.eye(4)
    around_x[1, 1] = around_x[2, 2] = np.cos(pitch)
    around_x[1, 2], around_x[2, 1] = np.sin(pitch), -np.sin(pitch)
    return replace(camera, to_camera=around_x @ around_y @ camera.to_camera)


def _thinned(found: clusters.Clusters) -> clusters.Clusters:
    """The clusters with few points each, since many turns are tried."""
    groups = [group[:: max(len(group) // _FEW_POINTS, 1)] for group in found.groups]
    ends = np.cumsum([len(group) for group in groups], dtype=np.int64)
    kept = np.concatenate(groups) if groups else np.empty(0, dtype=np.int64)
    parts = np.split(np.arange(len(kept)), ends[:-1]) if groups else []
    return clusters.Clusters(found.points[kept], found.above[kept], parts, found.ground)


def _overlaps(
    found: clusters.Clusters,
    view: matching.View,
    own_sizes: Mapping[str, tuple[float, float, float]] | None,
) -> np.ndarray:
    """The summed overlap of a view's labels, for each turn."""
    sums = np.zeros((len(_TURNS), len(_TURNS)))
    for i, right in enumerate(_TURNS):
        for j, up in enumerate(_TURNS):
            moved = matching.View(turned(view.camera, right, up), view.labels)
            sums[i, j] = matching.best_overlaps(found, moved, own_sizes).sum()
    return sums


def _agreement(name: str, labels: int, sums: np.ndarray) -> Agreement:
    means = sums / max(labels, 1)
    i, j = (int(v) for v in np.unravel_index(int(np.argmax(means)), means.shape))
    still = _TURNS.index(0.0)
    best = (_TURNS[i], _TURNS[j])
    return Agreement(name, labels, float(means[still, still]), float(means[i, j]), best)
