"""What 2D models see, in three dimensions: clusters of points are given to 2D labels.

In each camera the clusters and the labels are matched one to one, by the overlap of their
rectangles in the image. Labels of several cameras on one cluster are one object. The
recipe is that of VESPA (arXiv 2507.20397) and FGR (arXiv 2105.07647).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from auto_labeling.threed import boxes, clusters, iou, sizes
from auto_labeling.threed.matching import Label2D as Label2D
from auto_labeling.threed.matching import Pair, Shown, match
from auto_labeling.threed.matching import View as View

#: An object of fewer points gets no box.
MIN_POINTS = 5

#: Boxes that share more of their area from above are one object.
SAME_OBJECT = 0.25


@dataclass(frozen=True)
class Lifted:
    """An object in three dimensions.

    Attributes:
        label: its class
        box: ``(7,)`` center, length, width, height, yaw
        confidence: the 2D confidence times the overlap; None if its 2D labels have none
        overlap: of its points' rectangle with the best 2D label
        num_points: its points
        residual: the median distance of its points from the box's near sides, in meters
        sources: the ids of its 2D labels, the best one first
    """

    label: str
    box: np.ndarray
    confidence: float | None
    overlap: float
    num_points: int
    residual: float
    sources: tuple[str, ...]


@dataclass
class Result:
    """What became of a scene's 2D labels: each is the first source of an object, or in a list.

    Attributes:
        objects: the objects
        too_few: ids of labels that have fewer points than an object needs
        no_cluster: ids of labels that no group of points fits
        same_object: ids of labels of objects that another label stands for, usually that of
            another camera
    """

    objects: list[Lifted] = field(default_factory=list)
    too_few: list[str] = field(default_factory=list)
    no_cluster: list[str] = field(default_factory=list)
    same_object: list[str] = field(default_factory=list)


def lift(
    points: np.ndarray,
    views: Sequence[View],
    own_sizes: Mapping[str, tuple[float, float, float]] | None = None,
    min_points: int = MIN_POINTS,
) -> Result:
    """Finds the objects of a scene that its cameras' 2D labels are about.

    Args:
        points: ``(N, 3)`` positions in meters, z up
        views: the cameras and their 2D labels
        own_sizes: usual sizes of classes, before the known ones
        min_points: an object of fewer points gets no box

    Returns:
        the objects, and the labels that got none
    """
    result = Result()
    if not any(view.labels for view in views):
        return result
    sensor = np.mean([view.camera.position for view in views], axis=0)
    found = clusters.find(points, sensor)
    every = [Shown(found, view) for view in views]
    objects: dict[int, list[Pair]] = {}
    for shown in every:
        for pair in match(shown, own_sizes):
            objects.setdefault(pair.cluster, []).append(pair)
    made, few = [], set()
    for pairs in objects.values():
        group = np.unique(np.concatenate([pair.points for pair in pairs]))
        if len(group) >= min_points:
            made.append(_fitted(found, group, pairs, sensor, own_sizes))
        else:
            few |= {pair.label.id for pair in pairs}
    result.objects = _once(made)
    first = {one.sources[0] for one in result.objects}
    result.same_object = [i for one in made for i in one.sources if i not in first]
    done = {*first, *result.same_object}
    for shown in every:
        for label in shown.view.labels:
            if label.id not in done:
                is_bare = label.id in few or shown.count_inside(label) < min_points
                (result.too_few if is_bare else result.no_cluster).append(label.id)
    return result


def _fitted(
    found: clusters.Clusters,
    group: np.ndarray,
    pairs: list[Pair],
    sensor: np.ndarray,
    own_sizes: Mapping[str, tuple[float, float, float]] | None,
) -> Lifted:
    pairs = sorted(pairs, key=lambda pair: -(pair.label.confidence or 1.0) * pair.overlap)
    best = pairs[0]
    places = found.points[group]
    floor = float(found.ground.at(np.median(places, axis=0)[None])[0])
    sights = [
        boxes.Sight(pair.shown.view.camera, pair.label.box, pair.shown.hidden(group, pair.label))
        for pair in pairs
    ]
    size = sizes.size_of(best.label.label, own_sizes)
    beyond = _beyond(found, group, sensor, size) if any(map(_is_hidden, sights)) else None
    fitted = boxes.fit(places, floor, sensor, sights, size, beyond)
    confidence = best.label.confidence
    return Lifted(
        label=best.label.label,
        box=fitted.box,
        confidence=None if confidence is None else confidence * best.overlap,
        overlap=best.overlap,
        num_points=len(places),
        residual=fitted.residual,
        sources=tuple(pair.label.id for pair in pairs),
    )


def _is_hidden(sight: boxes.Sight) -> bool:
    return any(sight.hidden)


def _beyond(
    found: clusters.Clusters,
    group: np.ndarray,
    sensor: np.ndarray,
    size: tuple[float, float, float] | None,
) -> np.ndarray | None:
    """Points behind an object and beside it: where it cannot be, since the sensor saw through."""
    if size is None:
        return None
    middle = np.median(found.points[group, :2], axis=0) - sensor[:2]
    away = np.hypot(*middle)
    others = np.ones(len(found.points), dtype=bool)
    others[group] = False
    to = found.points[:, :2] - sensor[:2]
    ahead, aside = to @ middle / away, to @ np.array([-middle[1], middle[0]]) / away
    # As wide as the object may be, at its distance, and as deep as it may reach.
    width = np.hypot(*size[:2])
    others &= (ahead > away) & (np.abs(aside) * away < width * ahead)
    return found.points[others]


def _once(objects: list[Lifted]) -> list[Lifted]:
    """Keeps one of several boxes at the same place: the one with the better overlap."""
    order = sorted(objects, key=lambda one: -one.overlap)
    if len(order) < 2:
        return order
    shared = iou.iou_from_above(*[np.array([one.box for one in order])] * 2)
    kept: list[int] = []
    for number in range(len(order)):
        if all(shared[number, other] <= SAME_OBJECT for other in kept):
            kept.append(number)
    return [order[number] for number in kept]
