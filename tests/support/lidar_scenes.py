"""Streets made of boxes, as a lidar of 64 beams and two cameras see them.

Everything is cast ray by ray, so that what stands in front hides what is behind, for the lidar
and for each camera from its own place.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from auto_labeling.threed import lifting
from auto_labeling.threed.cameras import Camera

#: Mean sizes of objects (length, width, height) and their spread, in meters. Between KITTI's and
#: nuScenes' means, so that they are no model's prior.
SIZES = {
    "car": ((4.3, 1.8, 1.6), (0.3, 0.1, 0.1)),
    "truck": ((7.2, 2.5, 3.0), (0.8, 0.12, 0.25)),
    "pedestrian": ((0.7, 0.65, 1.75), (0.08, 0.06, 0.1)),
    "cyclist": ((1.75, 0.65, 1.7), (0.1, 0.06, 0.1)),
}
_SHARES = {"car": 0.45, "truck": 0.15, "pedestrian": 0.25, "cyclist": 0.15}

WIDTH, HEIGHT, FOCAL = 1280, 720, 900.0

#: Each camera pixel that is cast stands for this many, in both directions.
_STRIDE = 4
_GROUND = -1
_SKY = -2
_CLUTTER = 1000


@dataclass
class Solid:
    """A box in the street: its center, sizes, and rotation matrix."""

    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray


@dataclass
class Box2D:
    """What a 2D model says: pixels ``x1, y1, x2, y2``, and the object's number."""

    object: int
    label: str
    box: np.ndarray
    confidence: float
    mask: np.ndarray


@dataclass
class Street:
    """One scene.

    Attributes:
        points: ``(N, 3)`` float32, in meters
        owners: ``(N,)`` the object that each point is on; negative or large if none
        boxes: ``(K, 7)`` true boxes
        labels: their classes
        cameras: two of them
        seen: for each camera, what the 2D model says
    """

    points: np.ndarray
    owners: np.ndarray
    boxes: np.ndarray
    labels: list[str]
    cameras: list[Camera]
    seen: list[list[Box2D]] = field(default_factory=list)

    def counts(self) -> np.ndarray:
        """The number of points on each object."""
        return np.array([(self.owners == k).sum() for k in range(len(self.boxes))])


def make(
    seed: int,
    kind: str = "plain",
    objects: int = 8,
    jitter: float = 2.0,
    rig: int | None = None,
) -> Street:
    """Makes a scene.

    Args:
        seed: the same number gives the same scene
        kind: "plain", "slope", "rain", "occluded" or "distorted"
        objects: how many objects
        jitter: the standard deviation of the edges of 2D boxes, in pixels
        rig: the seed of the cameras' places, for scenes that share them; by default, each has its
            own
    """
    rng = np.random.default_rng(seed)
    of_rig = rng if rig is None else np.random.default_rng(rig)
    ground = _Ground(rng, slope=kind == "slope")
    solids, boxes, labels = _objects(rng, ground, objects)
    hidden = [_occluder(rng, ground, box) for box in boxes] if kind == "occluded" else []
    clutter = hidden + _clutter(rng, ground, boxes)
    world = _rigid(of_rig)
    lidar = np.array([0.0, 0.0, ground.height(0.0, 0.0) + rng.uniform(1.6, 2.0)])
    directions = _beams()
    distance, owner = _cast(lidar, directions, solids, clutter, ground)
    if kind == "rain":
        distance, owner = _rain(rng, distance, owner)
    hit = np.isfinite(distance) & (distance < 80)
    noisy = distance[hit] + rng.normal(0, 0.02, hit.sum())
    points = lidar + directions[hit] * noisy[:, None]
    street = Street(
        points, owner[hit], boxes, labels, _cameras(of_rig, ground, kind == "distorted")
    )
    for camera in street.cameras:
        street.seen.append(_see(rng, camera, solids, labels, clutter, ground, jitter))
    return _moved(street, world)


class _Ground:
    """A plane, and perhaps a second one that rises out of it."""

    def __init__(self, rng, slope):
        self.planes = [np.zeros(3)]  # z = a + b x + c y
        if slope:
            tilt = np.radians(rng.uniform(1, 3))
            side = rng.uniform(0, 2 * np.pi)
            first = np.array([0.0, np.tan(tilt) * np.cos(side), np.tan(tilt) * np.sin(side)])
            grade, start = np.tan(np.radians(rng.uniform(5, 10))), rng.uniform(8, 20)
            toward = rng.uniform(-0.6, 0.6)
            along = grade * np.array([-start, np.cos(toward), np.sin(toward)])
            self.planes = [first, first + along]

    def height(self, x, y):
        return np.max([a + b * x + c * y for a, b, c in self.planes], axis=0)

    def normal(self, x, y):
        values = [a + b * x + c * y for a, b, c in self.planes]
        _, b, c = self.planes[int(np.argmax(values))]
        normal = np.array([-b, -c, 1.0])
        return normal / np.linalg.norm(normal)

    def cast(self, origin, directions):
        best = np.full(len(directions), np.inf)
        for a, b, c in self.planes:
            above = origin[2] - (a + b * origin[0] + c * origin[1])
            down = b * directions[:, 0] + c * directions[:, 1] - directions[:, 2]
            with np.errstate(divide="ignore"):
                best = np.minimum(best, np.where(down > 1e-6, above / down, np.inf))
        return best


def _yaw_matrix(yaw):
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _standing(ground, x, y, size, yaw):
    """A solid on the ground, tilted as the ground is."""
    normal = ground.normal(x, y)
    ahead = _yaw_matrix(yaw)[:, 0]
    ahead = ahead - normal * (ahead @ normal)
    ahead /= np.linalg.norm(ahead)
    rotation = np.column_stack([ahead, np.cross(normal, ahead), normal])
    center = np.array([x, y, ground.height(x, y)]) + normal * size[2] / 2
    return Solid(center, np.asarray(size), rotation)


def _objects(rng, ground, count):
    solids, boxes, labels = [], [], []
    names, shares = list(_SHARES), list(_SHARES.values())
    while len(boxes) < count:
        label = rng.choice(names, p=shares)
        mean, spread = (np.array(v) for v in SIZES[label])
        size = np.maximum(rng.normal(mean, spread), mean * 0.7)
        reach, angle = np.sqrt(rng.uniform(6.0**2, 42.0**2)), np.radians(rng.uniform(-50, 50))
        x, y, yaw = reach * np.cos(angle), reach * np.sin(angle), rng.uniform(-np.pi, np.pi)
        radius = np.hypot(*size[:2]) / 2
        if any(np.hypot(x - b[0], y - b[1]) < radius + np.hypot(*b[3:5]) / 2 + 0.8 for b in boxes):
            continue
        solid = _standing(ground, x, y, size, yaw)
        solids.append(solid)
        boxes.append([*solid.center, *size, yaw])
        labels.append(str(label))
    return solids, np.array(boxes), labels


def _clutter(rng, ground, boxes):
    made = []

    def free(x, y, radius):
        return all(np.hypot(x - b[0], y - b[1]) > radius + np.hypot(*b[3:5]) / 2 for b in boxes)

    for kind, count in (("pole", 6), ("bush", 5)):
        for _ in range(count):
            reach, angle = rng.uniform(5, 45), np.radians(rng.uniform(-60, 60))
            x, y = reach * np.cos(angle), reach * np.sin(angle)
            size = [0.2, 0.2, rng.uniform(3, 6)] if kind == "pole" else rng.uniform(0.6, 1.6, 3)
            if free(x, y, np.hypot(size[0], size[1]) / 2 + 0.6):
                made.append(_standing(ground, x, y, size, rng.uniform(0, np.pi)))
    for _ in range(3):
        angle, reach = np.radians(rng.uniform(-60, 60)), rng.uniform(48, 70)
        x, y = reach * np.cos(angle), reach * np.sin(angle)
        size = [0.4, rng.uniform(10, 40), rng.uniform(3, 10)]
        made.append(_standing(ground, x, y, size, angle + rng.uniform(-0.4, 0.4)))
    return made


def _occluder(rng, ground, box):
    """Something that hides about 60 % of an object from where the lidar is."""
    angle, reach = np.arctan2(box[1], box[0]), np.hypot(box[0], box[1])
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) / 2
    corners = (signs * box[3:5]) @ _yaw_matrix(box[6])[:2, :2].T + box[:2]
    angles = np.arctan2(corners[:, 1], corners[:, 0]) - angle
    low, high = angles.min(), angles.max()
    covered = 0.6 * (high - low)
    middle = (low + covered / 2) if rng.random() < 0.5 else (high - covered / 2)
    near = max(reach * rng.uniform(0.6, 0.8), 2.5)
    near = min(near, reach - np.hypot(*box[3:5]) / 2 - 0.8)
    size = [0.15, covered * near, max(box[5] * 1.3, 2.2)]
    x, y = near * np.cos(angle + middle), near * np.sin(angle + middle)
    return _standing(ground, x, y, size, angle + middle)


def _beams():
    """64 beams of a rotating lidar, over 120 degrees: about 33,000 returns."""
    up = np.radians(np.linspace(-24.8, 2.0, 64))
    around = np.radians(np.arange(-60, 60, 0.2))
    up, around = np.meshgrid(up, around, indexing="ij")
    flat = np.cos(up)
    return np.stack([flat * np.cos(around), flat * np.sin(around), np.sin(up)], -1).reshape(-1, 3)


def _cast(origin, directions, solids, clutter, ground):
    """The distance to what each ray meets first, and what that is."""
    best, owner = ground.cast(origin, directions), np.full(len(directions), _GROUND)
    owner[~np.isfinite(best)] = _SKY
    for number, solid in [*enumerate(solids), *enumerate(clutter, _CLUTTER)]:
        to = solid.center - origin
        away, radius = np.linalg.norm(to), np.linalg.norm(solid.size) / 2
        cosine = 0.0 if away <= radius else np.sqrt(1 - (radius / away) ** 2)
        near = np.flatnonzero(directions @ (to / away) >= cosine - 1e-9)
        local = directions[near] @ solid.rotation
        start = -to @ solid.rotation
        with np.errstate(divide="ignore", invalid="ignore"):
            first = (-solid.size / 2 - start) / local
            second = (solid.size / 2 - start) / local
        enter = np.minimum(first, second).max(axis=1)
        leave = np.maximum(first, second).min(axis=1)
        hit = (enter > 0.3) & (enter <= leave) & (enter < best[near])
        best[near[hit]], owner[near[hit]] = enter[hit], number
    return best, owner


def _rain(rng, distance, owner):
    wet = rng.random(len(distance)) < 0.10
    far = np.where(np.isfinite(distance), np.minimum(distance, 40.0), 40.0)
    distance = np.where(wet, rng.uniform(1.0, far), distance)
    return distance, np.where(wet, _SKY, owner)


def _cameras(rng, ground, distorted):
    made = []
    for name, side in (("left", 1), ("right", -1)):
        yaw = np.radians(side * rng.uniform(22, 28))
        pitch, roll = np.radians(rng.uniform(0, 4)), np.radians(rng.uniform(-2, 2))
        forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        axes = np.column_stack([[np.sin(yaw), -np.cos(yaw), 0], [0, 0, -1], forward])
        turn = (
            cv2.Rodrigues(np.array([-pitch, 0.0, 0.0]))[0]
            @ cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
        )
        pose = np.eye(4)
        pose[:3, :3] = axes @ turn
        height = ground.height(0.0, 0.0)
        pose[:3, 3] = [
            rng.uniform(-0.5, 1.0),
            side * rng.uniform(0, 0.8),
            height + rng.uniform(1.3, 1.9),
        ]
        focal = FOCAL * rng.uniform(0.95, 1.05)
        matrix = np.array(
            [[focal, 0, WIDTH / 2 + rng.uniform(-10, 10)], [0, focal, HEIGHT / 2], [0, 0, 1.0]]
        )
        lens = np.array([-0.28, 0.08, 0.001, -0.001, 0, 0, 0, 0]) if distorted else None
        made.append(Camera(name, matrix, np.linalg.inv(pose), WIDTH, HEIGHT, lens))
    return made


def _see(rng, camera, solids, labels, clutter, ground, jitter):
    u, v = np.meshgrid(np.arange(0, WIDTH, _STRIDE) + 1.5, np.arange(0, HEIGHT, _STRIDE) + 1.5)
    pixels = np.stack([u, v], -1).reshape(-1, 1, 2)
    flat = cv2.undistortPoints(pixels, camera.matrix, camera.distortion).reshape(-1, 2)
    rays = np.column_stack([flat, np.ones(len(flat))]) @ camera.to_camera[:3, :3]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    _, owner = _cast(camera.position, rays, solids, clutter, ground)
    seen = owner.reshape(u.shape)
    found = []
    for number, solid in enumerate(solids):
        mask = seen == number
        outline = _outline(camera, solid)
        if mask.sum() < 12 or outline is None:
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        visible = _STRIDE * np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1.0])
        box = np.where(np.abs(visible - outline) <= 6, outline, visible)
        if mask.sum() * _STRIDE**2 < 0.2 * np.prod(outline[2:] - outline[:2]):
            continue
        box = box + rng.normal(0, jitter, 4)
        box = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
        found.append(Box2D(number, labels[number], box, float(rng.uniform(0.5, 1.0)), mask))
    return found


def _outline(camera, solid):
    """The rectangle around an object in an image, clipped to it."""
    side = np.linspace(-0.5, 0.5, 12)
    grid = np.stack(np.meshgrid(side, side, side), -1).reshape(-1, 3)
    grid = grid[(np.abs(grid) == 0.5).sum(axis=1) >= 2]
    pixels, ahead = camera.project((grid * solid.size) @ solid.rotation.T + solid.center)
    if not ahead.any():
        return None
    pixels = np.clip(pixels[ahead], 0, [WIDTH, HEIGHT])
    return np.array([*pixels.min(axis=0), *pixels.max(axis=0)])


def _rigid(rng):
    """Where the whole scene is: turned around the vertical axis, and moved."""
    moved = np.eye(4)
    moved[:3, :3] = _yaw_matrix(rng.uniform(-np.pi, np.pi))
    moved[:3, 3] = rng.uniform(-20, 20, 3) * [1, 1, 0.1]
    return moved


def _moved(street, world):
    turn, shift = world[:3, :3], world[:3, 3]
    back = np.linalg.inv(world)
    boxes = street.boxes.copy()
    boxes[:, :3] = boxes[:, :3] @ turn.T + shift
    boxes[:, 6] += np.arctan2(turn[1, 0], turn[0, 0])
    cameras = [
        Camera(c.name, c.matrix, c.to_camera @ back, c.width, c.height, c.distortion)
        for c in street.cameras
    ]
    points = (street.points @ turn.T + shift).astype(np.float32)
    return Street(points, street.owners, boxes, street.labels, cameras, street.seen)


def views(street: Street, masks: bool = False) -> list[lifting.View]:
    """What a street's 2D model says, as lifting takes it."""
    return [
        lifting.View(camera, [_label(number, box, masks) for box in seen])
        for number, (camera, seen) in enumerate(zip(street.cameras, street.seen, strict=True))
    ]


def _label(camera: int, seen: Box2D, masks: bool) -> lifting.Label2D:
    mask = None
    if masks:
        x1, y1, x2, y2 = np.round(seen.box / _STRIDE).astype(int)
        mask = seen.mask[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    return lifting.Label2D(f"{camera}-{seen.object}", seen.label, seen.box, seen.confidence, mask)
