"""2D labels lifted into streets whose truth is known; what wrong calibration does to it."""

import functools

import cv2
import numpy as np
import pytest

from auto_labeling.threed import boxes, calibration, clusters, iou, lifting
from auto_labeling.threed.cameras import Camera
from tests.support import lidar_scenes

#: Kinds of scenes, and the share of objects that must be found in a few of them.
LEAST = {"plain": 0.8, "slope": 0.6, "rain": 0.6, "occluded": 0.35, "distorted": 0.8}

_made = functools.cache(lidar_scenes.make)


def _seed():
    return int(np.random.default_rng().integers(1 << 30))


def _hits(street, result):
    """The number of true boxes of ten points and a 2D label, and how many were found."""
    made = np.array([one.box for one in result.objects]).reshape(-1, 7)
    seen = {box.object for camera in street.seen for box in camera}
    known = [k for k in seen if street.counts()[k] >= 10]
    best = iou.iou_from_above(made, street.boxes).max(axis=0, initial=0)
    return len(known), sum(best[k] >= 0.5 for k in known)


@pytest.mark.parametrize(("kind", "least"), list(LEAST.items()))
def test_objects_are_found_where_they_are(kind, least):
    first = _seed()
    known = hits = 0
    for seed in range(first, first + 3):
        street = lidar_scenes.make(seed, kind)
        counts = _hits(street, lifting.lift(street.points, lidar_scenes.views(street)))
        known, hits = known + counts[0], hits + counts[1]
    assert hits >= least * known, f"{kind}, seed {first}: {hits} of {known}"


def test_boxes_are_yaw_only_and_carry_what_they_came_from():
    street = _made(2, "plain")
    result = lifting.lift(street.points, lidar_scenes.views(street))
    every = {f"{c}-{b.object}" for c, seen in enumerate(street.seen) for b in seen}
    first = [one.sources[0] for one in result.objects]
    others = result.same_object + result.too_few + result.no_cluster
    assert result.objects and result.same_object
    assert len(first + others) == len(every) and set(first + others) == every
    for one in result.objects:
        assert one.box.shape == (7,) and np.isfinite(one.box).all()
        assert one.num_points >= lifting.MIN_POINTS and one.residual < 0.5
        assert 0 < one.confidence <= one.overlap <= 1


def test_an_object_that_two_cameras_see_is_one():
    for seed in (1, 2, 3):
        street = _made(seed, "plain")
        result = lifting.lift(street.points, lidar_scenes.views(street))
        both = set.intersection(*({b.object for b in seen} for seen in street.seen))
        for number in both:
            names = {f"0-{number}", f"1-{number}"}
            assert sum(bool(names & set(one.sources)) for one in result.objects) <= 1


def test_masks_do_not_make_it_worse():
    street = _made(3, "plain")
    plain = _hits(street, lifting.lift(street.points, lidar_scenes.views(street)))
    masked = _hits(street, lifting.lift(street.points, lidar_scenes.views(street, masks=True)))
    assert masked[1] >= plain[1] - 1


def test_labels_without_points_are_named():
    street = _made(3, "plain")
    sky = lifting.Label2D("sky", "car", np.array([600.0, 0.0, 700.0, 40.0]), 0.9)
    view = lifting.View(street.cameras[0], [sky])
    result = lifting.lift(street.points, [view])
    assert result.objects == [] and result.too_few == ["sky"]
    assert lifting.lift(np.empty((0, 3)), [view]).too_few == ["sky"]


def test_own_sizes_come_first():
    street = _made(3, "plain")
    views = lidar_scenes.views(street)
    result = lifting.lift(street.points, views, {"Car": (6.5, 1.8, 1.6)})
    lengths = [one.box[3] for one in result.objects if one.label == "car"]
    assert lengths and np.median(lengths) > 5


def test_classes_of_unknown_size_get_the_extent_of_their_points():
    street = _made(3, "plain")
    views = [
        lifting.View(
            v.camera, [lifting.Label2D(x.id, "thing", x.box, x.confidence) for x in v.labels]
        )
        for v in lidar_scenes.views(street)
    ]
    result = lifting.lift(street.points, views)
    assert len(result.objects) >= 3
    assert all((one.box[3:6] < 12).all() for one in result.objects)


def test_the_ground_is_found_on_a_slope():
    street = lidar_scenes.make(_seed(), "slope")
    sensor = np.mean([c.position for c in street.cameras], axis=0)
    found = clusters.find(street.points, sensor)
    on_ground = np.abs(found.above[street.owners == -1]) < clusters.GROUND_MARGIN
    assert on_ground.mean() > 0.98


# --- wrong calibration --------------------------------------------------------------------------


def _scenes(change, kind="plain"):
    for seed in (1, 2, 3):
        street = _made(seed, kind)
        yield (
            street.points,
            [lifting.View(change(v.camera), v.labels) for v in lidar_scenes.views(street)],
        )


def _transform_ignored(camera):
    return Camera(camera.name, camera.matrix, np.eye(4), camera.width, camera.height)


def _axes_swapped(camera):
    """x forward, as a lidar has it, taken for a camera's axes."""
    swap = np.eye(4)[[2, 0, 1, 3]]
    return Camera(camera.name, camera.matrix, swap @ camera.to_camera, camera.width, camera.height)


@pytest.mark.parametrize("kind", ["plain", "distorted"])
def test_a_right_calibration_raises_no_doubt(kind):
    for one in calibration.check(_scenes(lambda camera: camera, kind)):
        assert not one.doubtful, one
        assert max(map(abs, one.turn)) <= 2.5


@pytest.mark.parametrize(("right", "up"), [(5, 0), (-5, 0), (0, 5), (0, -5)])
def test_five_degrees_raise_doubt_and_say_which_way(right, up):
    found = calibration.check(_scenes(lambda c: calibration.turned(c, right, up)))
    for one in found:
        assert one.doubtful, one
        assert np.hypot(one.turn[0] + right, one.turn[1] + up) <= 2.5


@pytest.mark.parametrize("change", [_transform_ignored, _axes_swapped])
def test_wrong_axes_raise_doubt_and_give_no_boxes(change):
    scenes = list(_scenes(change))
    assert all(one.doubtful for one in calibration.check(scenes))
    made = [lifting.lift(points, views) for points, views in scenes]
    labels = sum(len(view.labels) for _, views in scenes for view in views)
    assert sum(len(one.objects) for one in made) < 0.3 * labels


# --- cameras ------------------------------------------------------------------------------------


def test_projection_is_fiftyones_with_and_without_distortion():
    import fiftyone as fo

    rng = np.random.default_rng()
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(rng.normal(0, 1, 3))[0]
    pose[:3, 3] = rng.uniform(-5, 5, 3)
    matrix = np.array([[800.0, 0, 640], [0, 810.0, 360], [0, 0, 1]])
    ahead = np.column_stack([rng.uniform(-3, 3, (50, 2)), rng.uniform(6, 30, 50)])
    points = ahead @ pose[:3, :3].T + pose[:3, 3]
    transform = fo.StaticTransform.from_matrix(pose, source_frame="camera", target_frame="world")
    lens = {"k1": -0.2, "k2": 0.05, "p1": 0.001, "p2": -0.002}
    fish = {"k1": 0.05, "k2": -0.01, "k3": 0.0, "k4": 0.0}
    cases = [
        (fo.PinholeCameraIntrinsics, {}, False),
        (fo.OpenCVCameraIntrinsics, lens, False),
        (fo.OpenCVFisheyeCameraIntrinsics, fish, True),
    ]
    for model, terms, fisheye in cases:
        intrinsics = model(fx=800.0, fy=810.0, cx=640.0, cy=360.0, **terms)
        expected = fo.CameraProjector(intrinsics, transform).project(points)
        distortion = intrinsics.get_distortion_coeffs()
        camera = Camera("c", matrix, np.linalg.inv(pose), 1280, 720, distortion, fisheye)
        pixels, seen = camera.project(points)
        assert seen.all()
        np.testing.assert_allclose(pixels, expected, atol=1e-6)


def test_a_distorting_lens_does_not_fold_the_surroundings_into_the_image():
    matrix = np.array([[600.0, 0, 640], [0, 600.0, 360], [0, 0, 1]])
    lens = np.array([-0.3, 0.08, 0, 0, 0, 0, 0, 0])
    camera = Camera("c", matrix, np.eye(4), 1280, 720, lens)
    around = np.radians(np.arange(60, 120, 2.0))
    points = np.column_stack([np.sin(around), np.zeros(30), np.cos(around)]) * 20
    assert not camera.sees(points).any()


def test_no_box_stands_where_the_sensor_saw_through():
    """A short face of a car may be its rear, or the rest of its side is hidden."""
    rng = np.random.default_rng(0)
    sensor = np.array([0.0, 0.9, 1.8])
    face = np.column_stack([np.full(40, 10.0), rng.uniform(0, 1.8, 40), rng.uniform(0.3, 1.5, 40)])
    beside = np.concatenate([rng.uniform(-2.5, -0.4, 60), rng.uniform(2.2, 4.3, 60)])
    at_face = np.column_stack([np.full(120, 10.3), beside, np.ones(120)])
    beyond = sensor + (at_face - sensor) * 2
    size = (4.63, 1.97, 1.74)

    def along(beyond):
        box = boxes.fit(face, 0.0, sensor, [], size, beyond).box
        return abs(np.cos(box[6]))

    assert along(None) < 0.3, "without them it is the side of a car"
    assert along(beyond) > 0.95, "the sensor saw through where its ends would be: its rear"
