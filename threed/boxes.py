"""A box around the points of one object: where it is, how it is turned, how large it is.

A lidar sees one or two sides of an object. Candidate boxes with those sides on the points (an
"L" from above) are compared: how far the points are from the box's near sides, how well its
picture fits each camera's 2D label, and how usual its size is. The best one is refined once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auto_labeling.threed.cameras import Camera
from auto_labeling.threed.iou import corners

_YAWS = np.radians(np.arange(0, 90, 4.0))
_LENGTHS = (0.85, 0.93, 1.0, 1.08, 1.18)
_SHIFTS = np.array([(i, j) for i in (0.0, 0.5, 1.0) for j in (0.0, 0.5, 1.0)])

_POINT_SPREAD = 0.08  # meters from a side, for a point on it
_SIZE_SPREAD = np.array([0.12, 0.1])  # of length and width, as a share
_PIXEL_SPREAD = 3.0  # pixels, of the edge of a 2D label
_MAX_POINTS = 100
_MOST_WEIGHT = 40  # what many points weigh, in points
_COMPARED = 300  # candidates whose points are looked at
_DEEP = 0.4  # meters
_SMALLEST = 0.2  # meters
_SEEN_THROUGH = 0.4  # meters within a box, on the way to a point behind it
_HIDING_COST, _MOST_HIDING = 0.5, 25.0  # for each such point, and at most
_MOST_BEYOND = 150  # points that are looked at


@dataclass(frozen=True)
class Sight:
    """A 2D label of an object in one camera.

    Attributes:
        camera: the camera
        box: ``(4,)`` pixels ``x1, y1, x2, y2``
        hidden: whether something nearer hides what is left, or right, of the label
    """

    camera: Camera
    box: np.ndarray
    hidden: tuple[bool, bool] = (False, False)


@dataclass(frozen=True)
class Fitted:
    """A box, and how well it fits.

    Attributes:
        box: ``(7,)`` center, length, width, height, yaw
        residual: the median distance of the points from the box's near sides, in meters
    """

    box: np.ndarray
    residual: float


def fit(
    points: np.ndarray,
    floor: float,
    sensor: np.ndarray,
    sights: Sequence[Sight],
    size: tuple[float, float, float] | None,
    beyond: np.ndarray | None = None,
) -> Fitted:
    """Fits a yaw-only box.

    Args:
        points: ``(N, 3)`` the object's points, at least 3, in meters
        floor: the height of the ground below it
        sensor: ``(3,)`` where the sensor was
        sights: its 2D labels
        size: usual length, width and height; None takes what the points show
        beyond: ``(M, 3)`` points behind the object or beside it, which no box may hide

    Returns:
        the box
    """
    height = max(_highest(points) - floor, _SMALLEST)
    if size is not None and height < 0.85 * size[2]:
        height = _height_in_pictures(points, floor, sights, size[2])
    few = points if len(points) <= _MAX_POINTS else points[:: -(-len(points) // _MAX_POINTS)]
    through = None if beyond is None else _through(beyond, points, sensor, floor, height)
    task = _Task(few[:, :2], floor, height, sensor[:2], sights, size, through)
    boxes = task.candidates(_YAWS, _LENGTHS if size is not None else (1.0,))
    best = task.best(boxes)
    for step in (1.0, 0.4):
        best = task.best(task.variants(best, step))
    residual = float(np.median(task.distances(best[None])[0]))
    best[6] = (best[6] + np.pi) % (2 * np.pi) - np.pi
    return Fitted(best, residual)


def projected(camera: Camera, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rectangles around boxes in a camera's image, clipped to it.

    Args:
        camera: the camera
        boxes: ``(N, 7)`` boxes

    Returns:
        ``(N, 4)`` pixels ``x1, y1, x2, y2``, and ``(N,)`` booleans: in the image
    """
    return rectangles(camera, corners(boxes).reshape(-1, 3), np.arange(0, 8 * len(boxes), 8))


def rectangles(
    camera: Camera, places: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rectangles around groups of positions in a camera's image, clipped to it.

    Args:
        camera: the camera
        places: ``(M, 3)`` the positions of all groups, one group after the other, in meters
        starts: ``(N,)`` the index at which each group starts; no group is empty

    Returns:
        ``(N, 4)`` pixels ``x1, y1, x2, y2``, zeros for what is not in the image, and ``(N,)``
        booleans: in the image
    """
    pixels, ahead = camera.project(places)
    low = np.minimum.reduceat(np.where(ahead[:, None], pixels, np.inf), starts)
    high = np.maximum.reduceat(np.where(ahead[:, None], pixels, -np.inf), starts)
    size = np.array([camera.width, camera.height], dtype=np.float64)
    seen = np.all((low <= high) & (low < size) & (high > 0), axis=1)
    shown = np.concatenate([np.clip(low, 0, size), np.clip(high, 0, size)], axis=1)
    return np.where(seen[:, None], shown, 0.0), seen


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The overlap (intersection over union) of each of N rectangles with each of M.

    Args:
        first: ``(N, 4)``: left, top, right, bottom
        second: ``(M, 4)``, in the same unit

    Returns:
        ``(N, M)``, from 0 to 1
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(np.maximum(r[:, 2:] - r[:, :2], 0), axis=1) for r in (first, second)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)


def _through(
    beyond: np.ndarray, points: np.ndarray, sensor: np.ndarray, floor: float, height: float
) -> np.ndarray:
    """The points whose beams pass the object at its height: ``(K, 2)``."""
    away = np.median(np.hypot(*(points[:, :2] - sensor[:2]).T))
    far = np.hypot(*(beyond[:, :2] - sensor[:2]).T)
    passing = sensor[2] + (beyond[:, 2] - sensor[2]) * (away / np.maximum(far, 1e-6))
    kept = (far > away) & (passing > floor + 0.2 * height) & (passing < floor + 0.9 * height)
    places = beyond[kept, :2]
    return places[:: -(-len(places) // _MOST_BEYOND)] if len(places) else places


def _highest(points: np.ndarray) -> float:
    """The height of the top, without a stray point."""
    return float(np.quantile(points[:, 2], 0.98) if len(points) > 50 else points[:, 2].max())


def _height_in_pictures(
    points: np.ndarray, floor: float, sights: Sequence[Sight], usual: float
) -> float:
    """The height at which the picture of the points' middle meets the top of the 2D labels."""
    middle = np.median(points[:, :2], axis=0)
    seen = max(_highest(points) - floor, _SMALLEST)
    heights = np.linspace(max(0.7 * usual, seen), max(1.3 * usual, seen), 13)
    places = np.column_stack([np.tile(middle, (13, 1)), floor + heights])
    costs = ((heights / usual - 1) / 0.1) ** 2
    for sight in sights:
        pixels, ahead = sight.camera.project(places)
        if sight.box[1] > 2 and ahead.all():
            costs = costs + _forgiving((pixels[:, 1] - sight.box[1]) / (2 * _PIXEL_SPREAD))
    return float(heights[int(np.argmin(costs))])


def _forgiving(off: np.ndarray) -> np.ndarray:
    """Squares that stop growing (Geman and McClure), for what may be hidden."""
    return 8 * off**2 / (8 + off**2)


class _Task:
    """One object: makes candidate boxes and tells their cost."""

    def __init__(
        self,
        places: np.ndarray,
        floor: float,
        height: float,
        sensor: np.ndarray,
        sights: Sequence[Sight],
        size: tuple[float, float, float] | None,
        through: np.ndarray | None,
    ) -> None:
        self._places = places
        self._floor = floor
        self._height = height
        self._sensor = sensor
        self._sights = sights
        self._size = size
        self._through = through

    def candidates(self, yaws: np.ndarray, scales: Sequence[float]) -> np.ndarray:
        """Boxes with their sides along the points, for each of ``yaws``: ``(N, 7)``."""
        cos, sin = np.cos(yaws), np.sin(yaws)
        axes = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], 1)
        low, high = _extents(self._places @ axes)
        seen = np.maximum(high - low, _SMALLEST)
        sides = np.maximum(self._sides(scales), seen[:, None])
        spare = sides - (high - low)[:, None]
        start = low[:, None, None] - spare[:, :, None] * _SHIFTS
        middle = np.einsum("yij,yskj->yski", axes, start + sides[:, :, None] / 2)
        made = np.empty((*middle.shape[:3], 5))
        made[..., :2], made[..., 2:4] = middle, sides[:, :, None]
        made[..., 4] = yaws[:, None, None]
        return self._whole(made.reshape(-1, 5))

    def _sides(self, scales: Sequence[float]) -> np.ndarray:
        """Usual lengths of the two sides, both ways around: ``(N, 2)``."""
        if self._size is None:
            return np.zeros((1, 2))
        usual = np.array([(self._size[0] * scale, self._size[1]) for scale in scales])
        return np.concatenate([usual, usual[:, ::-1]])

    def _whole(self, made: np.ndarray) -> np.ndarray:
        """``(N, 5)`` rows of place, sides and yaw as boxes, with the longer side along the yaw."""
        boxes = np.empty((len(made), 7))
        boxes[:, :2] = made[:, :2]
        boxes[:, 2], boxes[:, 5] = self._floor + self._height / 2, self._height
        boxes[:, 3:5], boxes[:, 6] = made[:, 2:4], made[:, 4]
        turned = boxes[:, 4] > boxes[:, 3]
        if self._size is not None and self._size[1] > self._size[0]:
            turned = ~turned
        boxes[turned, 3:5] = boxes[turned][:, [4, 3]]
        boxes[turned, 6] += np.pi / 2
        return boxes

    def variants(self, box: np.ndarray, step: float) -> np.ndarray:
        """Boxes that differ a little from one: turned, moved, larger and smaller."""
        turns = np.radians(np.array([-2.0, 0.0, 2.0]) * step)
        moves = np.array([-0.06, 0.0, 0.06]) * step
        grows = np.array([-0.05, 0.0, 0.05]) * step
        grid = np.stack(np.meshgrid(turns, moves, moves, grows, grows, indexing="ij"), -1)
        grid = grid.reshape(-1, 5)
        boxes = np.repeat(box[None], len(grid), axis=0)
        boxes[:, 6] += grid[:, 0]
        cos, sin = np.cos(box[6]), np.sin(box[6])
        boxes[:, 0] += grid[:, 1] * cos - grid[:, 2] * sin
        boxes[:, 1] += grid[:, 1] * sin + grid[:, 2] * cos
        boxes[:, 3:5] *= 1 + grid[:, 3:5]
        return boxes

    def best(self, boxes: np.ndarray) -> np.ndarray:
        """The box with the lowest cost: ``(7,)``."""
        costs = self._cheap_costs(boxes)
        if len(boxes) > _COMPARED:
            few = np.argpartition(costs, _COMPARED)[:_COMPARED]
            boxes, costs = boxes[few], costs[few]
        off = self.distances(boxes) / _POINT_SPREAD
        costs = costs + min(len(self._places), _MOST_WEIGHT) * _forgiving(off).mean(axis=1)
        if self._through is not None and len(self._through):
            costs = costs + self._hiding(boxes, self._through)
        return boxes[int(np.argmin(costs))]

    def _hiding(self, boxes: np.ndarray, through: np.ndarray) -> np.ndarray:
        """What it costs to stand where the sensor saw through: ``(N,)``."""
        enter, leave = np.zeros(1), np.ones(1)
        half = (boxes[:, 3:5] / 2).astype(np.float32)
        for axis, (along, sensor) in enumerate(self._local(boxes, through)):
            way = along - sensor
            way = np.where(np.abs(way) < 1e-6, 1e-6, way)
            size = half[:, axis, None]
            first, second = (-size - sensor) / way, (size - sensor) / way
            enter = np.maximum(enter, np.minimum(first, second))
            leave = np.minimum(leave, np.maximum(first, second))
        length = np.hypot(*(through - self._sensor).T)
        inside = (leave - enter) * length > _SEEN_THROUGH
        return np.minimum(_HIDING_COST * inside.sum(axis=1), _MOST_HIDING)

    def _cheap_costs(self, boxes: np.ndarray) -> np.ndarray:
        """How badly each box fits the pictures and the usual size: ``(N,)``."""
        costs = np.zeros(len(boxes))
        for sight in self._sights:
            costs += self._off_picture(boxes, sight)
        if self._size is None:
            return costs + 4 * boxes[:, 3:5].sum(axis=1)
        off = np.log(boxes[:, 3:5] / np.array(self._size[:2])) / _SIZE_SPREAD
        return costs + (np.minimum(np.abs(off), 4) ** 2).sum(axis=1)

    def distances(self, boxes: np.ndarray) -> np.ndarray:
        """The distance of each point from the sides that the sensor can see: ``(N, points)``.

        Points outside of a box count twice as far. What is deep inside is on its roof or seen
        through a window: it is at most 0.4 m from a side.
        """
        across = []
        beyond = 0.0
        half = (boxes[:, 3:5] / 2).astype(np.float32)
        for axis, (along, sensor) in enumerate(self._local(boxes, self._places)):
            size = half[:, axis, None]
            side = np.where(sensor >= 0, size, -size)
            past = np.maximum(np.abs(along) - size, 0)
            beyond = beyond + past * past
            across.append(np.where(np.abs(sensor) > size, np.abs(side - along), _DEEP))
        near = np.minimum(np.minimum(*across), _DEEP)
        return np.where(beyond > 0, 2 * np.sqrt(beyond), near)

    def _local(self, boxes: np.ndarray, places: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Points and sensor along both axes of boxes: ``(N, points)`` and ``(N, 1)`` for each."""
        center = boxes[:, None, :2].astype(np.float64)
        x, y = (np.append(places[:, i], self._sensor[i])[None] for i in (0, 1))
        x, y = (x - center[..., 0]).astype(np.float32), (y - center[..., 1]).astype(np.float32)
        cos = np.cos(boxes[:, 6]).astype(np.float32)[:, None]
        sin = np.sin(boxes[:, 6]).astype(np.float32)[:, None]
        both = (x * cos + y * sin, y * cos - x * sin)
        return [(one[:, :-1], one[:, -1:]) for one in both]

    def _off_picture(self, boxes: np.ndarray, sight: Sight) -> np.ndarray:
        """How far the edges of the boxes' pictures are from those of a 2D label: ``(N,)``."""
        shown, seen = projected(sight.camera, boxes)
        spread = _PIXEL_SPREAD + 0.01 * (sight.box[2] - sight.box[0])
        left = (shown[:, 0] - sight.box[0]) / spread
        right = (shown[:, 2] - sight.box[2]) / spread
        # Behind what hides it, an object may continue.
        left = np.maximum(left, 0) if sight.hidden[0] else left
        right = np.minimum(right, 0) if sight.hidden[1] else right
        return np.where(seen, _forgiving(left) + _forgiving(right), 32.0)


def _extents(local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From where to where ``(Y, N, 2)`` points are, without stray ones where there are many."""
    if local.shape[1] < 30:
        return local.min(axis=1), local.max(axis=1)
    low, high = np.quantile(local, [0.01, 0.99], axis=1)
    return low, high
