"""Points that belong together: the ground is taken away, and what stands on it is grouped.

The ground is a smooth surface, fitted to the lowest points in robust rounds, so that slopes
and hills are ground while cars and walls are not.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg
from scipy.spatial import cKDTree

#: Points lower than this above the ground, in meters, belong to it.
GROUND_MARGIN = 0.2

#: Fewer points make no cluster.
MIN_POINTS = 3

#: Bands of distance from the sensor in meters: their end, the gap that points of one object may
#: have, and the number of points around a point that tells it from noise.
_BANDS = ((15.0, 0.45, 5), (30.0, 0.7, 4), (np.inf, 1.1, 3))

#: A point counts once in each cube of this share of the gap.
_CUBE = 0.3

_FARTHEST = 120.0  # meters; lidars see little beyond

_KNOTS = 4.0  # meters between the heights that make the surface of the ground
_LOWEST_IN = 1.0  # the lowest point of each square of this many meters is looked at
_STIFFNESS = 0.3
_SPREADS = (1.5, 0.6, 0.3, 0.15, 0.15)  # meters; what counts as near the ground, round by round


@dataclass
class Ground:
    """The height of the ground: a grid of heights, with straight lines between them.

    Attributes:
        corner: ``(2,)`` position of the grid's first height
        heights: ``(rows, columns)`` in meters
    """

    corner: np.ndarray
    heights: np.ndarray

    def at(self, places: np.ndarray) -> np.ndarray:
        """The height of the ground at ``(N, 2+)`` positions, in meters."""
        flat = self.heights.ravel()
        return _between(self.corner, self.heights.shape, np.asarray(places)[:, :2]) @ flat


@dataclass
class Clusters:
    """A scene's points, without the ground, in groups.

    Attributes:
        points: ``(N, 3)`` all points
        above: ``(N,)`` heights above the ground, in meters
        groups: for each cluster, the indices of its points
        ground: the ground's surface
    """

    points: np.ndarray
    above: np.ndarray
    groups: list[np.ndarray]
    ground: Ground


def find(points: np.ndarray, sensor: np.ndarray) -> Clusters:
    """Groups all points of a scene, once.

    Args:
        points: ``(N, 3)`` positions in meters, z up
        sensor: ``(3,)`` where the sensor was

    Returns:
        the clusters
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    distance = np.hypot(*(points[:, :2] - sensor[:2]).T)
    points = points[np.isfinite(points).all(axis=1) & (distance < _FARTHEST)]
    if len(points) < MIN_POINTS:
        flat = Ground(np.zeros(2), np.zeros((2, 2)))
        return Clusters(points, np.zeros(len(points)), [], flat)
    ground = find_ground(points)
    above = points[:, 2] - ground.at(points)
    standing = np.flatnonzero(above > GROUND_MARGIN)
    groups = [standing[group] for group in _groups(points[standing], sensor)]
    return Clusters(points, above, groups, ground)


def find_ground(points: np.ndarray) -> Ground:
    """Fits the ground to a scene's lowest points.

    It minimizes the distances to them, those far away counting little (Cauchy's weights), and
    the curvature of the surface.

    Args:
        points: ``(N, 3)`` positions in meters

    Returns:
        the ground
    """
    lowest = _lowest(points)
    corner = lowest[:, :2].min(axis=0) - _KNOTS
    shape = tuple(np.ceil((lowest[:, :2].max(axis=0) - corner) / _KNOTS).astype(int) + 2)
    at = _between(corner, shape, lowest[:, :2])
    bending = _bending(shape)
    heights = _plane(lowest)
    found = np.zeros(at.shape[1])
    for spread in _SPREADS:
        off = lowest[:, 2] - heights
        weights = 1 / (1 + (off / spread) ** 2) ** 2
        weighted = at.T.multiply(weights[None]).tocsr()
        found = sparse_linalg.spsolve((weighted @ at + bending).tocsc(), weighted @ lowest[:, 2])
        heights = at @ found
    return Ground(corner, found.reshape(shape))


def _lowest(points: np.ndarray) -> np.ndarray:
    """The lowest point of each square."""
    cells = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / _LOWEST_IN).astype(np.int64)
    keys = cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]
    order = np.lexsort((points[:, 2], keys))
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return points[order[first]]


def _plane(lowest: np.ndarray) -> np.ndarray:
    """The heights of a plane below most points: a fit that forgives points above it."""
    flat = lowest[:, :2] - lowest[:, :2].mean(axis=0)
    rows = np.column_stack([np.ones(len(flat)), flat])
    weights = np.ones(len(flat))
    heights = np.zeros(len(flat))
    # A weak pull to level, for clouds that are one line seen from above.
    level = np.diag([0.0, 1.0, 1.0])
    for _ in range(20):
        weighted = rows * weights[:, None]
        plane = np.linalg.solve(weighted.T @ rows + level, weighted.T @ lowest[:, 2])
        heights = rows @ plane
        off = lowest[:, 2] - heights
        weights = np.where(off > 0, 0.1, 0.9) / np.maximum(np.abs(off), 0.05)
    return heights


def _between(corner: np.ndarray, shape: tuple[int, ...], places: np.ndarray) -> sparse.csr_matrix:
    """The shares of the grid's four heights around each place: ``(N, heights)``."""
    steps = np.clip((places - corner) / _KNOTS, 0, np.array(shape) - 1.001)
    cell = np.floor(steps).astype(np.int64)
    part = steps - cell
    rows = np.repeat(np.arange(len(places)), 4)
    columns, shares = [], []
    for i in (0, 1):
        for j in (0, 1):
            columns.append((cell[:, 0] + i) * shape[1] + cell[:, 1] + j)
            shares.append(np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1]))
    values = np.stack(shares, axis=1).ravel()
    return sparse.csr_matrix(
        (values, (rows, np.stack(columns, axis=1).ravel())),
        shape=(len(places), shape[0] * shape[1]),
    )


def _bending(shape: tuple[int, ...]) -> sparse.csr_matrix:
    """What curvature costs: the squared second differences in both directions."""

    def second(count: int) -> sparse.csr_matrix:
        return sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(max(count - 2, 0), count)).tocsr()

    def first(count: int) -> sparse.csr_matrix:
        return sparse.diags([-1.0, 1.0], [0, 1], shape=(count - 1, count)).tocsr()

    along = sparse.kron(second(shape[0]), sparse.eye(shape[1]))
    across = sparse.kron(sparse.eye(shape[0]), second(shape[1]))
    twist = sparse.kron(first(shape[0]), first(shape[1]))
    rows = sparse.vstack([along, across, np.sqrt(2) * twist]).tocsr()
    return _STIFFNESS * (rows.T @ rows) + 1e-9 * sparse.eye(rows.shape[1])


def _groups(points: np.ndarray, sensor: np.ndarray) -> list[np.ndarray]:
    """Density-based clusters (DBSCAN's core points), with gaps that grow with the distance."""
    if not len(points):
        return []
    away = np.hypot(*(points[:, :2] - sensor[:2]).T)
    gaps, needed = np.empty(len(points)), np.empty(len(points), dtype=np.int64)
    start = 0.0
    for end, gap, least in _BANDS:
        band = (away >= start) & (away < end)
        gaps[band], needed[band], start = gap, least, end
    cubes, inverse, held = _cubes(points, gaps)
    centers = points[cubes]
    pairs = _near_pairs(centers, away[cubes])
    around = held.copy()
    np.add.at(around, pairs[:, 0], held[pairs[:, 1]])
    np.add.at(around, pairs[:, 1], held[pairs[:, 0]])
    core = around >= needed[cubes]
    pairs = pairs[core[pairs].all(axis=1)]
    links = sparse.coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(cubes), len(cubes)))
    _, labels = csgraph.connected_components(links, directed=False)
    labels = np.where(core, labels, -1)[inverse]
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    parts = np.split(order, starts) if len(starts) else []
    return [part for part in parts if len(part) >= MIN_POINTS and labels[part[0]] >= 0]


def _cubes(points: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One point of each small cube, the cube of each point, and how many points it holds."""
    cells = np.floor(points / (gaps * _CUBE)[:, None]).astype(np.int64)
    cells -= cells.min(axis=0)
    size = cells.max(axis=0) + 1
    band = (gaps * 100).astype(np.int64)
    keys = ((band * size[0] + cells[:, 0]) * size[1] + cells[:, 1]) * size[2] + cells[:, 2]
    _, first, inverse, held = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    return first, inverse.ravel(), held


def _near_pairs(centers: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Pairs of positions within the gap of their band: ``(P, 2)`` indices.

    Each band is looked at with a little of the next, so that no object is cut in two.
    """
    pairs, start = [], 0.0
    for end, gap, _ in _BANDS:
        band = np.flatnonzero((away >= start) & (away < end + gap))
        if len(band) > 1:
            found = cKDTree(centers[band]).query_pairs(gap, output_type="ndarray")
            pairs.append(band[found])
        start = end
    return np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
