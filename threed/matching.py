"""Which cluster of points belongs to which 2D label of a camera: matched one to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from auto_labeling.threed import boxes, clusters, sizes
from auto_labeling.threed.cameras import Camera

#: A cluster and a 2D label that overlap less do not belong together.
MIN_OVERLAP = 0.1

_INSIDE = 0.7  # the share of a fragment's points that must be within the 2D label
_EDGE_POINTS = 100  # of a cluster, to draw the rectangle around it
_STRIP_PIXELS = 8.0  # beside a label, where something nearer may hide the rest of the object
_HEIGHT_POWER = 1.5  # how much the height of a picture counts, beside its overlap
_LARGEST = 1.5  # times the usual size: what is larger is not the object


@dataclass(frozen=True)
class Label2D:
    """A 2D label of one camera.

    Attributes:
        id: what the caller knows it by
        label: its class
        box: ``(4,)`` pixels ``x1, y1, x2, y2``
        confidence: from 0 to 1; None if the label has none
        mask: ``(rows, columns)`` booleans within its box, or None
    """

    id: str
    label: str
    box: np.ndarray
    confidence: float | None = None
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class View:
    """A camera and its 2D labels."""

    camera: Camera
    labels: Sequence[Label2D]


@dataclass(frozen=True)
class Pair:
    """A cluster and a 2D label that belong together."""

    cluster: int
    points: np.ndarray
    label: Label2D
    overlap: float
    shown: "Shown"


def best_overlaps(
    found: clusters.Clusters,
    view: View,
    own_sizes: Mapping[str, tuple[float, float, float]] | None = None,
) -> np.ndarray:
    """How well each label of a view fits the cluster that fits it best.

    Args:
        found: a scene's clusters
        view: a camera and its labels
        own_sizes: usual sizes of classes, before the known ones

    Returns:
        ``(labels,)`` numbers from 0 to 1
    """
    if not found.groups or not view.labels:
        return np.zeros(len(view.labels))
    return _scores(Shown(found, view), _usual(view, own_sizes)).max(axis=0)


def _usual(
    view: View, own_sizes: Mapping[str, tuple[float, float, float]] | None
) -> list[tuple[float, float, float] | None]:
    return [sizes.size_of(label.label, own_sizes) for label in view.labels]


def _scores(shown: "Shown", usual: list[tuple[float, float, float] | None]) -> np.ndarray:
    """How well clusters and labels fit: ``(clusters, labels)``, from 0 to 1."""
    labels = shown.view.labels
    scores = np.zeros((len(shown.found.groups), len(labels)))
    for column, (label, size) in enumerate(zip(labels, usual, strict=True)):
        scores[:, column] = boxes.overlaps(shown.rectangles(size), label.box[None])[:, 0]
        for row in np.flatnonzero(scores[:, column] >= MIN_OVERLAP / 2):
            scores[row, column] *= shown.plausible(int(row), label, size)
    return scores


def _as_high(rectangles: np.ndarray, box: np.ndarray) -> np.ndarray:
    """How well the heights of ``(N, 4)`` rectangles fit that of a label: ``(N,)``, up to 1.

    What stands nearer looks higher, so this tells an object from what hides a part of it.
    """
    heights = np.maximum(rectangles[:, 3] - rectangles[:, 1], 1e-6)
    wanted = max(float(box[3] - box[1]), 1e-6)
    return np.minimum(heights / wanted, wanted / heights)


def match(shown: "Shown", own_sizes: Mapping[str, tuple[float, float, float]] | None) -> list[Pair]:
    """Pairs of a cluster and a label, one to one.

    Args:
        shown: the clusters as the camera sees them
        own_sizes: usual sizes in meters by class, beside the known ones

    Returns:
        a :class:`Pair` for each label with a cluster
    """
    labels, groups = shown.view.labels, shown.found.groups
    if not labels or not groups:
        return []
    usual = _usual(shown.view, own_sizes)
    scores = _scores(shown, usual)
    ranks = scores.copy()
    for column, (label, size) in enumerate(zip(labels, usual, strict=True)):
        if size is not None:
            ranks[:, column] *= _as_high(shown.rectangles(size), label.box) ** _HEIGHT_POWER
    rows, columns = linear_sum_assignment(-ranks)
    pairs = [(r, c) for r, c in zip(rows, columns, strict=True) if scores[r, c] >= MIN_OVERLAP]
    taken = {int(row) for row, _ in pairs}
    made = []
    for row, column in pairs:
        label, size = labels[column], usual[column]
        group, overlap = shown.with_fragments(int(row), label, size, taken)
        made.append(Pair(int(row), group, label, overlap, shown))
    return made


class Shown:
    """A scene's clusters as one camera sees them."""

    def __init__(self, found: clusters.Clusters, view: View) -> None:
        self.found = found
        self.view = view
        self._pixels, self._ahead = view.camera.project(found.points)
        self._known: dict[float, np.ndarray] = {}

    def rectangles(self, size: tuple[float, float, float] | None) -> np.ndarray:
        """The rectangles around all clusters, each as high as its class: ``(N, 4)``."""
        height = size[2] if size is not None else 0.0
        if height not in self._known:
            self._known[height] = self._rectangles(self.found.groups, height)
        return self._known[height]

    def _rectangles(self, groups: Sequence[np.ndarray], height: float) -> np.ndarray:
        """The rectangles around points, from the ground to their top or the usual height.

        The ground has taken the lowest points, and a lidar's highest beam may be below the top.
        """
        few = [group[:: max(len(group) // _EDGE_POINTS, 1)] for group in groups]
        starts = np.cumsum([0, *(len(group) for group in few[:-1])])
        every = np.concatenate(few)
        places = self.found.points[every]
        floor = places[:, 2] - self.found.above[every]
        highest = np.maximum.reduceat(places[:, 2], starts)
        top = np.repeat(highest, np.diff([*starts, len(every)]))
        if height:
            top = np.maximum(floor + height, top)
        flat = places[:, :2]
        corners = np.stack([np.column_stack([flat, floor]), np.column_stack([flat, top])], axis=1)
        return boxes.rectangles(self.view.camera, corners.reshape(-1, 3), 2 * starts)[0]

    def inside(self, group: np.ndarray, label: Label2D) -> np.ndarray:
        """Which points of a group are within a label: its mask, or its box.

        Args:
            group: the indices of the points
            label: a label of the image

        Returns:
            a bool array, one value for each point
        """
        pixels, box = self._pixels[group], label.box
        within = self._ahead[group] & (pixels >= box[:2]).all(axis=1)
        within &= (pixels <= box[2:]).all(axis=1)
        if label.mask is None or not label.mask.size or not within.any():
            return within
        rows, columns = label.mask.shape
        part = (pixels[within] - box[:2]) / np.maximum(box[2:] - box[:2], 1e-6)
        at = np.minimum((part * (columns, rows)).astype(int), (columns - 1, rows - 1))
        within[within] = label.mask[at[:, 1], at[:, 0]]
        return within

    def count_inside(self, label: Label2D) -> int:
        """The points above the ground that are within a label."""
        above = np.flatnonzero(self.found.above > clusters.GROUND_MARGIN)
        return int(self.inside(above, label).sum())

    def plausible(self, row: int, label: Label2D, size: tuple[float, float, float] | None) -> float:
        """How well a cluster can be an object of the label's class: a factor from 0 to 1.

        Args:
            row: the index of the cluster
            label: a label of the image
            size: its usual size in meters: length, width, height; None if unknown
        """
        group = self.found.groups[row]
        factor = float(self.inside(group, label).mean()) ** 0.5
        if size is not None and self._reach(group) > _LARGEST * np.hypot(*size[:2]):
            factor *= 0.3
        return factor

    def with_fragments(
        self,
        row: int,
        label: Label2D,
        size: tuple[float, float, float] | None,
        taken: set[int],
    ) -> tuple[np.ndarray, float]:
        """A cluster's points with those of other parts of the same object, and the overlap.

        Args:
            row: the index of the cluster
            label: a label of the image
            size: its usual size in meters: length, width, height; None if unknown
            taken: the indices of clusters that other labels have

        Returns:
            ``(indices of the points, overlap from 0 to 1)``
        """
        group, shown = self.found.groups[row], self.rectangles(size)
        overlap = boxes.overlaps(shown[row][None], label.box[None])[0, 0]
        if size is None:
            return group, float(overlap)
        limit = 1.15 * np.hypot(*size[:2])
        for other in np.flatnonzero(boxes.overlaps(shown, label.box[None])[:, 0] > 0):
            part = self.found.groups[other]
            if int(other) in taken or self.inside(part, label).mean() < _INSIDE:
                continue
            both = np.concatenate([group, part])
            if self._reach(both) > limit:
                continue
            grown = boxes.overlaps(self._rectangles([both], size[2]), label.box[None])[0, 0]
            if grown > overlap:
                group, overlap = both, grown
        return group, float(overlap)

    def hidden(self, group: np.ndarray, label: Label2D) -> tuple[bool, bool]:
        """Whether something nearer is right beside a label: on its left, on its right.

        Args:
            group: the indices of the points of a cluster
            label: a label of the image
        """
        camera, box = self.view.camera, label.box
        position = camera.position
        away = float(np.median(np.linalg.norm(self.found.points[group] - position, axis=1)))
        strip = max(0.15 * (box[2] - box[0]), _STRIP_PIXELS)
        middle = 0.25 * (box[3] - box[1])
        pixels = self._pixels
        rows = self._ahead & (pixels[:, 1] > box[1] + middle) & (pixels[:, 1] < box[3] - middle)
        sides = []
        for start, end in ((box[0] - strip, box[0]), (box[2], box[2] + strip)):
            beside = np.flatnonzero(rows & (pixels[:, 0] > start) & (pixels[:, 0] < end))
            distance = np.linalg.norm(self.found.points[beside] - position, axis=1)
            sides.append(len(beside) > 1 and bool((distance < 0.93 * away).mean() > 0.5))
        return sides[0], sides[1]

    def _reach(self, group: np.ndarray) -> float:
        places = self.found.points[group, :2]
        return float(np.hypot(*(places.max(axis=0) - places.min(axis=0))))
