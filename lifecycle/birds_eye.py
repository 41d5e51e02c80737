"""A slice with pictures from above, for the grid and for 2D models; their boxes back in 3D."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.labels as fol
import fiftyone.core.media as fom
import numpy as np
from fiftyone.core.dataset import Dataset
from PIL import Image

from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError, ConfigError, FailureReason
from auto_labeling.core.run import Task
from auto_labeling.lifecycle import media
from auto_labeling.storage import group_members, projections, samples
from auto_labeling.threed import clusters, sizes
from auto_labeling.threed.above import Frame, around, picture, rectangle
from auto_labeling.threed.scenes import read_points

#: What pictures show by default, in meters around the origin of the points.
BOUNDS = ((-50.0, -50.0, -3.0), (50.0, 50.0, 5.0))

#: Pixels per meter.
SCALE = 10.0

#: The height of boxes of unknown classes without points, in meters.
_HEIGHT = 1.5

_AT_ONCE = 100
_IN_3D = (fom.POINT_CLOUD, fom.THREE_D)
#: Point clouds that are compared with the bounds before anything is written.
_LOOKED_AT = 3
_MAX_PIXELS = 64_000_000

Bounds = tuple[Sequence[float], Sequence[float]]


def bounds_of(typed: str) -> Bounds:
    """Reads bounds as people type them.

    Args:
        typed: six numbers, separated by commas: the smallest x, y and z, and the largest; empty for
            the default

    Raises:
        ConfigError: if it is something else
    """
    if not typed.strip():
        return BOUNDS
    try:
        numbers = [float(part) for part in typed.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or not np.isfinite(numbers).all():
        raise ConfigError(
            {"bounds": "Bounds are six numbers: the smallest x, y and z, then the largest"}
        )
    return numbers[:3], numbers[3:]


def make_slice(
    dataset: Dataset,
    folder: str,
    name: str = "birds_eye",
    points_slice: str = "",
    bounds: Bounds = BOUNDS,
    scale: float = SCALE,
) -> int:
    """Adds a slice with a picture from above to each group that has a point cloud.

    The bounds are the same for all pictures, so that a pixel is always as large. A group that has
    the slice already keeps its sample, and gets its picture again. Point clouds without a picture
    for the App's grid get this one; in a dataset without groups, that is all that is done.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset` with point clouds or 3D scenes
        folder: the full path of a folder for the pictures
        name ("birds_eye"): the name of the slice
        points_slice (""): the slice of the points; by default, the first that has some
        bounds: the smallest and largest x, y and z that are shown, in meters
        scale (10.0): pixels per meter

    Returns:
        how many pictures were written

    Raises:
        ConfigError: with a sentence for every wrong argument
        AutoLabelingError: if point clouds cannot be read, once all others have their pictures
    """
    frame, source = _frame(bounds, scale), _source(dataset, points_slice)
    problems = _problems(dataset, folder, name, source, frame)
    ids = samples.in_slices(dataset, [source]) if source else [i for i, _ in samples.files(dataset)]
    if not problems and (outside := _outside(dataset, ids[:_LOOKED_AT], frame)):
        problems = {"bounds": outside}
    if problems:
        raise ConfigError(problems)
    Path(folder).mkdir(parents=True, exist_ok=True)
    projections.declare(dataset)
    written, unread = 0, list[str]()
    for first in range(0, len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        known = group_members.beside(dataset, some, [name]) if source else {}
        groups = group_members.group_ids(dataset, some) if source else {}
        added, drawn = [], {}
        for sample_id, values in samples.read(dataset, some):
            path = os.path.join(folder, f"{sample_id}.png")
            try:
                points = read_points(values["filepath"])
            except AutoLabelingError as error:
                unread.append(str(error))
                continue
            Image.fromarray(picture(points, frame)).save(path)
            drawn[sample_id] = projections.of_picture(path, frame.low, frame.high, frame.size)
            written += 1
            if sample_id in known and not known[sample_id][1]:
                element = fo.Group(id=groups[sample_id]).element(name)
                added.append(fo.Sample(filepath=path, **{dataset.group_field: element}))
        if added:
            dataset.add_samples(added, progress=False)
        projections.keep(dataset, drawn)
    if unread:
        raise AutoLabelingError(
            f"{text.count(written, 'picture')} written; {text.count(len(unread), 'point cloud')} "
            f"cannot be read. The first: {unread[0]}",
            reason=FailureReason.POINTS_UNREADABLE,
        )
    return written


def _outside(dataset: Dataset, sample_ids: Sequence[str], frame: Frame) -> str:
    """Says that pictures would be empty, as the bounds hold no point of some clouds."""
    clouds = []
    for _, values in samples.read(dataset, sample_ids):
        with contextlib.suppress(AutoLabelingError):  # which the caller meets again
            clouds.append(read_points(values["filepath"]))
    low, high = np.array(frame.low), np.array(frame.high)
    some = [points for points in clouds if len(points)]
    if not some or any(((p >= low) & (p < high)).all(axis=1).any() for p in some):
        return ""
    least, most = (f(np.concatenate(some), axis=0) for f in (np.min, np.max))
    spans = zip("xyz", least, most, strict=True)
    return "No point of the first point clouds is within the bounds. They span " + ", ".join(
        f"{axis} {start:,.1f} to {end:,.1f}" for axis, start, end in spans
    )


def boxes_in_3d(
    dataset: Dataset,
    field: str,
    label_field: str,
    name: str = "birds_eye",
    points_slice: str = "",
    bounds: Bounds = BOUNDS,
    scale: float = SCALE,
) -> int:
    """Turns labels of pictures from above into 3D boxes, in a new field of the point clouds.

    Rotated boxes are closed polylines of four points, and the rectangles around masks; detections
    without a mask are boxes along the axes. A box stands on the ground, and is as high as its
    points, or as its class usually is.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        field: the field of the pictures' labels
        label_field: the new field
        name ("birds_eye"): the slice of the pictures
        points_slice (""): the slice of the points; by default, the first that has some
        bounds: as for :func:`make_slice`
        scale (10.0): as for :func:`make_slice`

    Returns:
        how many boxes were made

    Raises:
        ConfigError: with a sentence for every wrong argument
    """
    frame, source = _frame(bounds, scale), _source(dataset, points_slice)
    problems = _points_problems(dataset, source)
    if dataset.has_field(label_field):
        problems["label_field"] = f"There is a field '{label_field}' already; choose a new one"
    if not dataset.has_field(field):
        problems["field"] = f"There is no field '{field}'"
    if name not in (dataset.group_media_types or {}):
        problems["name"] = f"There is no slice '{name}'"
    if problems:
        raise ConfigError(problems)
    dataset.add_sample_field(
        label_field, fo.EmbeddedDocumentField, embedded_doc_type=fol.Detections
    )
    made, boxes = 0, {}
    for picture_sample in dataset.select_group_slices(name).iter_samples():
        labels = picture_sample[field]
        if labels is not None:
            boxes[picture_sample[dataset.group_field].id] = labels
    values = {}
    for cloud in dataset.select_group_slices(source).iter_samples():
        labels = boxes.get(cloud[dataset.group_field].id)
        if labels is not None:
            found = list(_boxes(labels, read_points(cloud.filepath), frame))
            values[cloud.id] = fol.Detections(detections=found)
            made += len(found)
    dataset.select_group_slices(source).set_values(label_field, values, key_field="id")
    return made


def _boxes(labels: Any, points: np.ndarray, frame: Frame) -> Iterator[fol.Detection]:
    """The 3D boxes of a picture's labels."""
    ground = clusters.find_ground(np.asarray(points, dtype=np.float64)) if len(points) else None
    for label, corners in _corners(labels, frame):
        center, sides, yaw = rectangle(corners)
        floor = float(ground.at(center[None])[0]) if ground is not None else 0.0
        top = floor + _height(label.label, center, sides, yaw, points, floor)
        yield fol.Detection(
            label=label.label,
            confidence=label.confidence,
            location=[float(center[0]), float(center[1]), (floor + top) / 2],
            dimensions=[float(sides[0]), float(sides[1]), top - floor],
            rotation=[0.0, 0.0, yaw],
        )


def _height(
    name: str, center: np.ndarray, sides: np.ndarray, yaw: float, points: np.ndarray, floor: float
) -> float:
    """How high what stands in a rectangle is, in meters."""
    usual = sizes.size_of(name or "")
    moved = points[:, :2] - center
    cos, sin = np.cos(yaw), np.sin(yaw)
    along, aside = moved[:, 0] * cos + moved[:, 1] * sin, moved[:, 1] * cos - moved[:, 0] * sin
    inside = (np.abs(along) <= sides[0] / 2) & (np.abs(aside) <= sides[1] / 2)
    above = points[inside, 2] - floor
    above = above[above > clusters.GROUND_MARGIN]
    if len(above) < clusters.MIN_POINTS:
        return usual[2] if usual else _HEIGHT
    return float(np.quantile(above, 0.98))


def _corners(labels: Any, frame: Frame) -> Iterator[tuple[Any, np.ndarray]]:
    """Labels with the four corners of their rectangles, in meters."""
    size = np.array(frame.size, dtype=np.float64)
    if isinstance(labels, fol.Detections):
        for label in labels.detections:
            x, y, width, height = label.bounding_box
            if label.has_mask and (mask := np.asarray(label.get_mask()) > 0).any():
                corner, sides = np.array([x, y]) * size, np.array([width, height]) * size
                yield label, frame.to_scene(corner + around(mask) * sides)
                continue
            ring = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
            yield label, frame.to_scene(np.array(ring) * size)
    elif isinstance(labels, fol.Polylines):
        for label in labels.polylines:
            if len(label.points) == 1 and len(label.points[0]) == 4:
                yield label, frame.to_scene(np.array(label.points[0]) * size)


def _problems(
    dataset: Dataset, folder: str, name: str, source: str, frame: Frame
) -> dict[str, str]:
    problems = {}
    if dataset.media_type not in _IN_3D:
        problems = _points_problems(dataset, source)
    kinds = dataset.group_media_types or {}
    if kinds.get(name, fom.IMAGE) != fom.IMAGE:
        problems["name"] = f"The slice '{name}' holds {kinds[name]}: choose another name"
    if not os.path.isabs(folder):
        problems["folder"] = "Enter the full path of the folder, such as /data/birds_eye"
    if any(low >= high for low, high in zip(frame.low, frame.high, strict=True)):
        problems["bounds"] = "Each lower bound must be below the upper one"
    elif not 0 < frame.scale < np.inf or np.prod(frame.size, dtype=float) > _MAX_PIXELS:
        problems["scale"] = "The pictures must have between 1 and 64,000,000 pixels"
    return problems


def _points_problems(dataset: Dataset, source: str) -> dict[str, str]:
    if not dataset.group_media_types:
        return {"dataset": "A bird's-eye slice needs a grouped dataset with point clouds"}
    if source not in media.slices_to_label(dataset, Task.DETECTION_3D):
        return {"points_slice": f"The slice '{source}' holds no point clouds"}
    return {}


def _source(dataset: Dataset, points_slice: str) -> str:
    """The slice of the points: the one that is named, or the first."""
    return points_slice or next(iter(media.slices_to_label(dataset, Task.DETECTION_3D)), "")


def _frame(bounds: Bounds, scale: float) -> Frame:
    return Frame(_triple(bounds[0]), _triple(bounds[1]), float(scale))


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
