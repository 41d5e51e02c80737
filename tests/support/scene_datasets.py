"""Small datasets of point clouds, 3D scenes and groups, and a 3D model for them."""

import os
import time
from pathlib import Path

import fiftyone as fo
import numpy as np
import pypcd4
from PIL import Image

#: Seconds that the model takes for each scene, so that something can be killed in the middle.
DELAY = "SCENE_DATASETS_DELAY"

#: Where the cubes of each cloud are: the center of each, x and y in meters, and its class.
CUBES = (((10.0, 0.0), "car"), ((20.0, 5.0), "pedestrian"))
SIZES = {"car": (4.0, 2.0, 1.5), "pedestrian": (0.6, 0.6, 1.8)}


def cloud(number=0):
    """Points on a floor and on the boxes of :data:`CUBES`, which move by a meter per number."""
    random = np.random.default_rng(number)
    floor = np.column_stack([random.uniform(0, 40, 400), random.uniform(-20, 20, 400)])
    parts = [np.column_stack([floor, np.zeros(400)])]
    for (x, y), label in CUBES:
        size = SIZES[label]
        points = random.uniform(-0.5, 0.5, (60, 3)) * size
        parts.append(points + np.array([x, y + number % 5, size[2] / 2 + 0.2]))
    return np.concatenate(parts).astype(np.float32)


def write_pcd(path, number=0):
    """Writes one of the clouds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pypcd4.PointCloud.from_xyz_points(cloud(number)).save(path)
    return str(path)


def write_scene(path, number=0):
    """Writes a scene with one of the clouds, moved by 100 meters along x."""
    write_pcd(path.with_suffix(".pcd"), number)
    scene = fo.Scene(camera=fo.PerspectiveCamera(up="Z"))
    scene.add(fo.PointCloud("lidar", path.with_suffix(".pcd").name, position=[100, 0, 0]))
    scene.write(str(path))
    return str(path)


def samples(folder: Path, number: int, kind="pcd"):
    """Samples of a kind: ``"pcd"``, ``"fo3d"`` or ``"group"``, of a camera and a point cloud."""
    made = []
    for i in range(number):
        if kind != "group":
            write = write_pcd if kind == "pcd" else write_scene
            made.append(fo.Sample(write(folder / f"{i:03}.{kind}", i), number=i, weather="dry"))
            continue
        group = fo.Group()
        folder.mkdir(parents=True, exist_ok=True)
        image = folder / f"{i:03}.png"
        Image.new("RGB", (64, 48), (20 * (i % 10), 90, 120)).save(image)
        lidar = write_pcd(folder / f"{i:03}.pcd", i)
        made.append(fo.Sample(str(image), group=group.element("camera"), number=i))
        made.append(fo.Sample(lidar, group=group.element("lidar"), number=i, weather="dry"))
    return made


def make(name, folder, number, kind="pcd"):
    """Makes a persistent dataset of :func:`samples`."""
    dataset = fo.Dataset(name, persistent=True)
    if kind == "group":
        dataset.add_group_field("group", default="lidar")
    dataset.add_samples(samples(Path(folder), number, kind), progress=False)
    return dataset


class Cubes:
    """A model without a class of FiftyOne: a box around the points above the floor, by place."""

    classes = ("car", "pedestrian")

    def predict(self, scene):
        """Finds the cubes; a scene far away has them far away."""
        time.sleep(float(os.environ.get(DELAY, "0")))
        return self.of_points(scene.points)

    def of_points(self, points):
        """The same, of the points alone."""
        above = points[points[:, 2] > 0.1]
        start = points[:, 0].min().round(-2)
        found = []
        for (x, _), label in CUBES:
            own = above[np.abs(above[:, 0] - start - x) < 3]
            low, high = own.min(axis=0), own.max(axis=0)
            found.append(
                fo.Detection(
                    label=label,
                    location=(low + high) / 2,
                    dimensions=high - low,
                    rotation=[0, 0, 0.0],
                    confidence=0.9 if label == "car" else 0.6,
                    num_points=len(own),
                )
            )
        return fo.Detections(detections=found)


class Unsound(Cubes):
    """Returns something wrong for some samples, by their number."""

    def predict(self, scene):
        """Asks for fields of the sample, and breaks what the number says."""
        assert scene["weather"] == scene.fields["weather"] == "dry" and scene.metadata is None
        found = super().predict(scene)
        first = found.detections[0]
        number = scene["number"]
        if number == 0:
            first.rotation = [0.2, 0, 0]
        elif number == 1:
            first.location = [float("nan"), 0, 0]
        elif number == 2:
            first.dimensions = [1, 0, 1]
        elif number == 3:
            return fo.Classification(label="car")
        elif number == 4:
            return fo.Detections(
                detections=[fo.Detection(label="car", bounding_box=[0, 0, 1, 1], confidence=1)]
            )
        elif number == 5:
            first.location = [1, 2]
        elif number == 6:
            return None
        elif number == 7:
            raise RuntimeError("out of ideas")
        elif number == 8:
            first.rotation = [0, 0, 4.0]
        return found


class NoPredict:
    """Not a model."""
