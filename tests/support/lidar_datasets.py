"""Grouped datasets of streets: a point cloud, two calibrated cameras, 2D labels and the truth."""

from collections.abc import Sequence
from pathlib import Path

import fiftyone as fo
import numpy as np
from PIL import Image, ImageDraw
from pypcd4 import PointCloud

from auto_labeling.threed.cameras import Camera
from tests.support import lidar_scenes

#: The seed of the cameras that all scenes share.
RIG = 5


def make(
    dataset: fo.Dataset,
    folder: Path,
    seeds: Sequence[int],
    kind: str = "plain",
    painted: bool = False,
) -> list[lidar_scenes.Street]:
    """Fills a dataset with groups: slices "lidar", "left" and "right".

    The field "boxes" of the images holds 2D labels, "truth" of the clouds the true boxes.

    Args:
        dataset: an empty dataset
        folder: where files go
        seeds: of the scenes, one a group
        kind: the kind of the scenes
        painted: whether the largest object of each image is red there

    Returns:
        the scenes
    """
    dataset.add_group_field("group", default="lidar")
    streets = [lidar_scenes.make(seed, kind, rig=RIG) for seed in seeds]
    blank = folder / "image.jpg"
    Image.new("RGB", (lidar_scenes.WIDTH, lidar_scenes.HEIGHT)).save(blank)
    samples = []
    for seed, street in zip(seeds, streets, strict=True):
        group = fo.Group()
        path = folder / f"{seed}.pcd"
        PointCloud.from_xyz_points(street.points).save(path)
        cloud = fo.Sample(filepath=str(path), group=group.element("lidar"))
        cloud["truth"] = truth(street)
        samples.append(cloud)
        for camera, seen in zip(street.cameras, street.seen, strict=True):
            image = folder / f"{seed}-{camera.name}.jpg"
            _paint(image, seen) if painted else image.hardlink_to(blank)
            sample = fo.Sample(filepath=str(image), group=group.element(camera.name))
            sample["boxes"] = fo.Detections(detections=[_detection(box) for box in seen])
            samples.append(sample)
    dataset.add_samples(samples)
    calibrate(dataset, streets[0].cameras)
    return streets


def calibrate(dataset: fo.Dataset, cameras: Sequence[Camera], frame: str = "lidar") -> None:
    """Stores cameras on a dataset, as people do: poses in the axes of the points."""
    dataset.camera_intrinsics = {c.name: _intrinsics(c) for c in cameras}
    dataset.static_transforms = {
        f"{c.name}::{frame}": fo.StaticTransform.from_matrix(
            np.linalg.inv(c.to_camera), source_frame=c.name, target_frame=frame
        )
        for c in cameras
    }
    if frame == "lidar":  # the App's 3D viewer needs a way from the points to the world
        dataset.static_transforms["lidar::world"] = fo.StaticTransform.from_matrix(
            np.eye(4), source_frame="lidar", target_frame="world"
        )
    dataset.save()


def truth(street: lidar_scenes.Street) -> fo.Detections:
    """The true boxes, as FiftyOne has them."""
    rows = zip(street.labels, street.boxes.tolist(), street.counts().tolist(), strict=True)
    return fo.Detections(
        detections=[
            fo.Detection(
                label=label,
                location=box[:3],
                dimensions=box[3:6],
                rotation=[0.0, 0.0, float(np.remainder(box[6] + np.pi, 2 * np.pi) - np.pi)],
                num_points=points,
            )
            for label, box, points in rows
        ]
    )


def _intrinsics(camera: Camera) -> fo.CameraIntrinsics:
    if camera.distortion is None:
        return fo.PinholeCameraIntrinsics.from_matrix(camera.matrix)
    names = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
    lens = dict(zip(names, camera.distortion.tolist(), strict=True))
    return fo.OpenCVCameraIntrinsics.from_matrix(camera.matrix, **lens)


def _detection(seen: lidar_scenes.Box2D) -> fo.Detection:
    x1, y1, x2, y2 = seen.box / np.tile([lidar_scenes.WIDTH, lidar_scenes.HEIGHT], 2)
    return fo.Detection(
        label=seen.label,
        bounding_box=[float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
        confidence=seen.confidence,
        instance=fo.Instance(),
    )


def largest(seen: Sequence[lidar_scenes.Box2D]) -> lidar_scenes.Box2D:
    """The object that fills most of an image."""
    return max(seen, key=lambda box: np.prod(box.box[2:] - box.box[:2]))


def _paint(path: Path, seen: Sequence[lidar_scenes.Box2D]) -> None:
    image = Image.new("RGB", (lidar_scenes.WIDTH, lidar_scenes.HEIGHT))
    ImageDraw.Draw(image).rectangle(largest(seen).box.tolist(), fill=(240, 20, 20))
    image.save(path, quality=95, subsampling=0)
