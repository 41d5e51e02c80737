"""The slice with pictures from above: its pixels, and its labels back in 3D."""

import uuid
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from PIL import Image, ImageDraw

from auto_labeling import cli
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.lifecycle import birds_eye
from auto_labeling.threed import iou
from auto_labeling.threed.above import Frame, picture
from tests.support import lidar_datasets, scene_datasets

BOUNDS = ((-70.0, -70.0, -10.0), (70.0, 70.0, 15.0))


@pytest.fixture
def streets(dataset, tmp_path):
    return lidar_datasets.make(dataset, tmp_path, seeds=(1, 2))


def test_a_point_is_where_the_way_back_says():
    frame = Frame((-10.0, -20.0, 0.0), (30.0, 20.0, 2.0), 5.0)
    drawn = picture(np.array([[12.3, -7.1, 1.5], [99.0, 0.0, 1.0], [0.0, 0.0, 9.0]]), frame)
    rows, columns = np.nonzero(drawn.max(axis=2) > 100)
    assert drawn.shape == (200, 200, 3) and len(rows) == 1
    back = frame.to_scene(np.array([[columns[0] + 0.5, rows[0] + 0.5]]))
    assert np.abs(back - [[12.3, -7.1]]).max() <= 0.5 / 5


def test_rotated_boxes_of_the_pictures_become_the_true_boxes(dataset, streets, tmp_path):
    folder = str(tmp_path / "above")
    assert birds_eye.make_slice(dataset, folder, bounds=BOUNDS) == 2
    assert dataset.group_media_types["birds_eye"] == "image"
    assert birds_eye.make_slice(dataset, folder, bounds=BOUNDS) == 2, "again adds nothing"
    shown = dataset.select_group_slices("lidar").first()["orthographic_projection_metadata"]
    assert (shown.filepath, shown.min_bound) == (f"{folder}/{dataset.first().id}.png", [-70, -70])
    assert (shown.width, shown.height) == (1400, 1400), "the grid draws the clouds so"
    pictures = dataset.select_group_slices("birds_eye")
    assert len(pictures) == 2
    frame = Frame(*BOUNDS, birds_eye.SCALE)
    clouds = {s.group.id: s for s in dataset.select_group_slices("lidar")}
    for sample in pictures:
        assert Image.open(sample.filepath).size == frame.size
        truth = clouds[sample.group.id].truth.detections
        rows = np.array([[*d.location, *d.dimensions, d.rotation[2]] for d in truth])
        rings = iou.corners_from_above(rows)
        sample["seen"] = fo.Polylines(
            polylines=[
                fo.Polyline(
                    label=d.label,
                    closed=True,
                    points=[(frame.to_pixels(ring) / frame.size).tolist()],
                    confidence=0.9,
                )
                for d, ring in zip(truth, rings, strict=True)
            ]
        )
        sample.save()
    assert birds_eye.boxes_in_3d(dataset, "seen", "cuboids", bounds=BOUNDS) == 16
    for cloud in dataset.select_group_slices("lidar"):
        made, true = (
            np.array([[*d.location, *d.dimensions, d.rotation[2]] for d in labels.detections])
            for labels in (cloud.cuboids, cloud.truth)
        )
        assert np.diag(iou.iou_from_above(made, true)).min() > 0.95
        seen = np.array([d.num_points for d in cloud.truth.detections]) > 300
        assert np.abs(made[seen, 2] - true[seen, 2]).max() < 0.4


def _with_masks(truth, frame):
    """2D labels as a segmenter makes them: each rectangle as a mask within its upright box."""
    labels = []
    for label in truth.detections:
        row = np.array([[*label.location, *label.dimensions, label.rotation[2]]])
        ring = frame.to_pixels(iou.corners_from_above(row)[0])
        image = Image.new("1", frame.size)
        ImageDraw.Draw(image).polygon([tuple(corner) for corner in ring], fill=1)
        rows, columns = np.nonzero(np.asarray(image))
        top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        box = np.array([left, top, right - left, bottom - top]) / np.tile(frame.size, 2)
        mask = np.asarray(image)[top:bottom, left:right]
        labels.append(fo.Detection(label=label.label, bounding_box=box.tolist(), mask=mask))
    return fo.Detections(detections=labels)


def test_masks_become_turned_boxes_by_operators_and_commands(dataset, streets, tmp_path, capsys):
    def call(name, **params):
        uri, context = f"@auto-labeling/auto-labeling/{name}", {"dataset": dataset.name}
        return foo.execute_operator(uri, context, params=params).result

    folder, bounds = str(tmp_path / "above"), "-70, -70, -10, 70, 70, 15"
    assert call("make_birds_eye", folder=folder, bounds=bounds) == {"pictures": 2}
    dataset.reload()
    frame = Frame(*BOUNDS, birds_eye.SCALE)
    clouds = {s.group.id: s for s in dataset.select_group_slices("lidar")}
    for sample in dataset.select_group_slices("birds_eye"):
        sample["seen"] = _with_masks(clouds[sample.group.id].truth, frame)
        sample.save()
    params = {"field": "seen", "label_field": "by_operator", "bounds": bounds}
    assert call("lift_birds_eye", **params) == {"labels": 16}
    arguments = ["birds-eye-boxes", dataset.name, "--field", "seen", "--label-field", "by_command"]
    assert cli.main([*arguments, f"--bounds={bounds}"]) == 0
    assert "16 labels" in capsys.readouterr().out
    assert cli.main(["birds-eye", dataset.name, folder, f"--bounds={bounds}"]) == 0
    dataset.reload()
    for cloud in dataset.select_group_slices("lidar"):
        made, same, true = (
            np.array([[*d.location, *d.dimensions, d.rotation[2]] for d in labels.detections])
            for labels in (cloud.by_operator, cloud.by_command, cloud.truth)
        )
        overlaps, areas = np.diag(iou.iou_from_above(made, true)), true[:, 3] * true[:, 4]
        assert (made == same).all() and overlaps.min() > 0.5, "a pixel is 0.1 m"
        assert overlaps[areas > 5].min() > 0.8
    with pytest.raises(Exception, match="six numbers"):
        call("make_birds_eye", folder=folder, bounds="1, 2")


def test_what_is_wrong_is_named_and_nothing_is_written(dataset, streets, tmp_path):
    with pytest.raises(ConfigError) as error:
        birds_eye.make_slice(dataset, "above", name="lidar", bounds=((0, 0, 0), (0, 1, 1)))
    assert set(error.value.problems) == {"folder", "name", "bounds"}
    with pytest.raises(ConfigError) as error:
        birds_eye.boxes_in_3d(dataset, "gone", "truth")
    assert set(error.value.problems) == {"field", "label_field", "name"}
    with pytest.raises(ConfigError) as error:
        birds_eye.boxes_in_3d(dataset, "boxes", "cuboids", name="left", points_slice="right")
    assert set(error.value.problems) == {"points_slice"}
    assert not dataset.has_field("cuboids")
    assert set(dataset.group_media_types) == {"lidar", "left", "right"}


def test_bounds_without_points_are_refused_and_one_bad_cloud_costs_no_other(
    dataset, streets, tmp_path
):
    folder = tmp_path / "above"
    far = ((3000.0, 1600.0, 0.0), (3100.0, 1700.0, 40.0))
    with pytest.raises(ConfigError) as error:
        birds_eye.make_slice(dataset, str(folder), bounds=far)
    assert "They span x " in error.value.problems["bounds"]
    assert not folder.exists() and "birds_eye" not in dataset.group_media_types
    bad = dataset.select_group_slices("lidar").first()
    Path(bad.filepath).write_bytes(b"no points")
    with pytest.raises(AutoLabelingError, match="1 picture written; 1 point cloud cannot be read"):
        birds_eye.make_slice(dataset, str(folder), bounds=BOUNDS)
    assert len(dataset.select_group_slices("birds_eye")) == 1


def test_scenes_without_groups_get_tiles_where_their_nodes_place_them(tmp_path):
    dataset = scene_datasets.make(
        f"test-{uuid.uuid4().hex[:12]}", tmp_path, 2, "fo3d"
    )  # moved by 100 m along x
    bounds = ((90.0, -25.0, -3.0), (150.0, 25.0, 5.0))
    assert birds_eye.make_slice(dataset, str(tmp_path / "above"), bounds=bounds) == 2
    for sample in dataset:
        shown = sample["orthographic_projection_metadata"]
        drawn = np.asarray(Image.open(shown.filepath)).max(axis=2) > 60
        assert drawn.sum() > 100 and (shown.width, shown.height) == (600, 500)
    assert dataset.media_type == "3d" and len(dataset) == 2
    dataset.delete()
