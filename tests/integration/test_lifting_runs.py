"""Runs that lift 2D labels of calibrated cameras into point clouds."""

import io

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core import box_sizes
from auto_labeling.core.account import LeftOut
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import Method
from auto_labeling.engine.ray import cluster
from auto_labeling.lifecycle import labeling
from auto_labeling.threed import calibration, iou
from tests.support import lidar_datasets, lidar_scenes
from tests.support.app_double import answer, page_of, send

SETTINGS = {
    "task": "detection_3d",
    "method": "lift_labels",
    "model": "lifted-labels",
    "source_field": "boxes",
    "label_field": "cuboids",
}


@pytest.fixture
def streets(dataset, tmp_path):
    return lidar_datasets.make(dataset, tmp_path, seeds=(1, 2))


def _run(dataset, **settings):
    config = labeling.check(dataset, {**SETTINGS, **settings})
    run = labeling.start(dataset, config, queue=False)
    return labeling.generate(dataset, run.id)


def _boxes(labels):
    rows = [[*d.location, *d.dimensions, d.rotation[2]] for d in labels.detections]
    return np.array(rows).reshape(-1, 7)


def test_labels_of_cameras_become_boxes_in_the_cloud(dataset, streets):
    run = _run(dataset)
    clouds = dataset.select_group_slices("lidar")
    hits = total = 0
    for sample, street in zip(clouds.sort_by("filepath"), streets, strict=True):
        made = _boxes(sample[run.staging_field])
        best = iou.iou_from_above(made, street.boxes).max(axis=0, initial=0)
        seen = {b.object for camera in street.seen for b in camera}
        known = [k for k in seen if street.counts()[k] >= 10]
        hits, total = hits + sum(best[k] >= 0.5 for k in known), total + len(known)
    assert hits >= 0.8 * total
    sample = clouds.first()
    box = sample[run.staging_field].detections[0]
    assert box.num_points >= 5 and box.residual < 1 and box.rotation[:2] == [0.0, 0.0]
    images = dataset.select_group_slices(["left", "right"])
    twins = {d.instance.id: d.label for image in images for d in image.boxes.detections}
    assert twins[box.instance.id] == box.label
    assert images.values(run.staging_field) == [None] * 4


def test_the_account_adds_up_and_names_the_reasons(dataset, streets):
    image = dataset.select_group_slices("left").first()
    sky = fo.Detection(label="car", bounding_box=[0.4, 0.0, 0.1, 0.05], confidence=0.9)
    image.boxes.detections.append(sky)
    image.save()
    run = _run(dataset)
    account = labeling.account(dataset, run)
    given = sum(len(s.boxes.detections) for s in dataset.select_group_slices(["left", "right"]))
    assert account.given == given
    assert account.left_out[LeftOut.TOO_FEW_POINTS] >= 1
    assert account.left_out[LeftOut.SAME_OBJECT] >= 1


def test_evaluation_of_approved_boxes_agrees_with_our_numbers(dataset, streets):
    run = _run(dataset)
    al.promote(al.get(dataset, run.id))
    al.approve(al.get(dataset, run.id))
    clouds = dataset.select_group_slices("lidar").clone()
    results = clouds.evaluate_detections(
        "cuboids", gt_field="truth", eval_key="e", iou=0.5, classwise=False
    )
    assert results is not None
    ours = 0
    for sample in clouds:
        overlap = iou.iou_3d(_boxes(sample.cuboids), _boxes(sample.truth))
        ours += len(_pairs(overlap))
    assert sum(clouds.values("e_tp")) == ours > 0
    clouds.delete()


def _pairs(overlap):
    pairs, rows, columns = [], set(), set()
    for flat in np.argsort(-overlap, axis=None):
        i, j = divmod(int(flat), overlap.shape[1])
        if overlap[i, j] >= 0.5 and i not in rows and j not in columns:
            pairs.append((i, j))
            rows.add(i)
            columns.add(j)
    return pairs


# --- what a run needs ---------------------------------------------------------------------------


def _problems(dataset, **settings):
    with pytest.raises(ConfigError) as error:
        labeling.check(dataset, {**SETTINGS, **settings})
    return error.value.problems


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"source_field": ""}, "source_field", "2D labels are lifted"),
        ({"source_field": "gone"}, "source_field", "no label field 'gone'"),
        ({"camera_slices": ["lidar"]}, "camera_slices", "holds no images"),
        ({"camera_slices": ["rear"]}, "camera_slices", "no slice 'rear'"),
        ({"reference_frame": "map"}, "reference_frame", "from the slice 'left' to 'map'"),
        ({"box_sizes": ["car: 4"]}, "box_sizes", "length, width and height"),
        ({"task": "detection"}, "method", "3D detection"),
        ({"model": "shapes-yolo"}, "model", "need no model"),
        (
            {"method": "one_stage", "model": "custom-python-3d-detection", "source_field": ""}
            | {"checkpoint": "mine:Model", "box_sizes": ["car: 4 x 2 x 2"]},
            "box_sizes",
            "Only runs that lift",
        ),
    ],
)
def test_what_a_run_lacks_is_named(dataset, streets, settings, field, words):
    assert words in _problems(dataset, **settings)[field]


def test_missing_calibration_is_refused_by_name(dataset, streets):
    intrinsics, transforms = dataset.camera_intrinsics, dataset.static_transforms
    dataset.camera_intrinsics = {"right": intrinsics["right"]}
    problem = _problems(dataset, camera_slices=["left", "right"])["camera_slices"]
    assert "dataset.camera_intrinsics['left']" in problem
    dataset.camera_intrinsics = intrinsics
    dataset.static_transforms = {"right::lidar": transforms["right::lidar"]}
    problem = _problems(dataset)["reference_frame"]
    assert "'left'" in problem and "right::lidar" in problem
    dataset.camera_intrinsics = {}
    assert "left, right" in _problems(dataset)["camera_slices"]


def test_points_in_the_world_frame_are_assumed_and_said(dataset, streets, tmp_path):
    lidar_datasets.calibrate(dataset, streets[0].cameras, frame="world")
    config = labeling.check(dataset, SETTINGS)
    closed, caution = labeling.cautions(dataset, config, 2)
    assert "'lidar'" in caution and "'world' is assumed" in caution and "'left'" in caution
    assert "static_transforms['lidar::world']" in closed, "as the App's viewer has it"
    assert _run(dataset).labels > 5
    named = labeling.check(dataset, {**SETTINGS, "label_field": "x", "reference_frame": "world"})
    assert labeling.cautions(dataset, named, 2) == (closed,)


def test_the_panel_asks_which_axes_the_points_have(dataset, streets):
    _, state = send(dataset, "new_run")
    lifting = {"task": "detection_3d", "method": "lift_labels", "source_field": "boxes"}
    told, state = answer(dataset, state, **lifting, label_field="cuboids")
    assert "Which axes" not in page_of(told), "transforms lead to the slice of the points"
    lidar_datasets.calibrate(dataset, streets[0].cameras, frame="world")
    told, state = answer(dataset, state, label_field="cuboids")
    assert "Which axes do the points of 'lidar' have?" in page_of(told)
    assert "Still needed: the reference frame of the points" in page_of(told)
    told, state = send(dataset, "start", state)
    assert "Choose the frame of the points" in page_of(told) and not labeling.runs(dataset)
    told, state = answer(dataset, state, reference_frame="world")
    told, state = send(dataset, "start", state)
    assert [run.config.reference_frame for run in labeling.runs(dataset)] == ["world"]


def test_a_chain_of_transforms_leads_to_the_points(dataset, streets):
    shift = np.eye(4)
    shift[:3, 3] = [3.0, -2.0, 1.0]
    lidar_datasets.calibrate(dataset, streets[0].cameras)
    moved = {}
    for name in ("left", "right"):
        pose = dataset.static_transforms[f"{name}::lidar"].transform_matrix
        moved[f"{name}::world"] = fo.StaticTransform.from_matrix(
            shift @ pose, source_frame=name, target_frame="world"
        )
    moved["lidar::world"] = fo.StaticTransform.from_matrix(
        shift, source_frame="lidar", target_frame="world"
    )
    dataset.static_transforms = moved
    config = labeling.check(dataset, SETTINGS)
    assert labeling.cautions(dataset, config, 2) == ()
    assert al.preflight(dataset, SETTINGS).warnings == _not_about_cameras(dataset)


def _not_about_cameras(dataset):
    warnings = al.preflight(dataset, SETTINGS).warnings
    return tuple(w for w in warnings if "camera" not in w)


def _turned(dataset, cameras, right):
    lidar_datasets.calibrate(
        dataset, [calibration.turned(camera, right, 0.0) for camera in cameras]
    )


def test_a_calibration_off_by_five_degrees_is_noticed_before_a_run(dataset, streets):
    assert not any("camera" in w for w in al.preflight(dataset, SETTINGS).warnings)
    _turned(dataset, streets[0].cameras, 5.0)
    warnings = [w for w in al.preflight(dataset, SETTINGS).warnings if "camera" in w]
    assert len(warnings) == 2
    assert all("may be calibrated wrongly" in w and "5° left" in w for w in warnings)
    with pytest.warns(al.RunWarning, match="may be calibrated wrongly"):
        al.start(dataset, SETTINGS, queue=False)
    ids = dataset.select_group_slices("lidar").values("id")
    config = labeling.draft({**SETTINGS, "label_field": "y"})
    assert len(labeling.trial(dataset, config, ids).warnings) == 2


@pytest.mark.soak
def test_calibration_of_each_sample_comes_first(dataset, streets):
    _turned(dataset, streets[0].cameras, 40.0)
    for camera in streets[0].cameras:
        pose = np.linalg.inv(camera.to_camera)
        for sample in dataset.select_group_slices(camera.name):
            sample["pose"] = fo.StaticTransform.from_matrix(
                pose, source_frame=camera.name, target_frame="lidar"
            )
            sample.save()
    assert _run(dataset).labels > 10


def test_a_group_without_images_fails_alone(dataset, streets):
    cloud = dataset.select_group_slices("lidar").first()
    lonely = [
        s.id for s in dataset.select_group_slices(["left", "right"]) if s.group.id == cloud.group.id
    ]
    dataset.delete_samples(lonely)
    run = _run(dataset)
    assert run.failed == 1
    [failure] = labeling.failures(dataset, run)
    assert "no image in left, right" in failure["error"]


@pytest.mark.soak
def test_labeling_again_writes_the_same(dataset, streets):
    first = _run(dataset)
    before = dataset.select_group_slices("lidar").values(
        f"{first.staging_field}.detections.location"
    )
    again = _run(dataset, label_field="twice")
    after = dataset.select_group_slices("lidar").values(
        f"{again.staging_field}.detections.location"
    )
    assert before == after


@pytest.mark.soak
def test_own_sizes_are_used(dataset, streets):
    run = _run(dataset, box_sizes={"car": (6.5, 1.8, 1.6)})
    assert run.config.box_sizes == ("car: 6.5 x 1.8 x 1.6",)
    lengths = [
        d.dimensions[0]
        for s in dataset.select_group_slices("lidar")
        for d in s[run.staging_field].detections
        if d.label == "car"
    ]
    assert np.median(lengths) > 5


def test_each_machine_must_read_clouds_and_images_whatever_the_grid_shows(dataset, streets):
    config = labeling.check(dataset, {**SETTINGS, "workers": 2})
    run = labeling.start(dataset, config, queue=False)
    dataset.group_slice = "left"
    with cluster.needs_of(dataset, run) as needs:
        group = dataset.get_group(dataset.first().group.id)
        assert {sample.filepath for sample in group.values()} <= set(needs.media)


# --- a 2D model on the cameras ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "task"), [("detector", "detection"), ("segmenter", "instance-segmentation")]
)
def test_what_a_2d_model_sees_is_lifted(dataset, tmp_path, monkeypatch, kind, task):
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    streets = lidar_datasets.make(dataset, tmp_path, seeds=(1, 2), painted=True)
    run = _run(
        dataset,
        method="lift_model",
        model=f"custom-python-{task}",
        checkpoint=f"tests.support.red_rectangles:{kind}",
        source_field="",
    )
    assert (run.failed, run.labels > 0) == (0, True)
    clouds = dataset.select_group_slices("lidar").sort_by("filepath")
    for sample, street in zip(clouds, streets, strict=True):
        painted = {lidar_datasets.largest(seen).object for seen in street.seen}
        for label in sample[run.staging_field].detections:
            away = np.hypot(*(street.boxes[list(painted), :2] - label.location[:2]).T)
            assert away.min() < 1.5
            assert label.confidence == pytest.approx(0.75 * label.overlap, abs=0.01)
            assert label.source_slice in ("left", "right")


# --- the panel ----------------------------------------------------------------------------------


def test_the_configure_page_asks_for_what_lifting_needs(dataset, streets):
    _, state = send(dataset, "new_run")
    told, state = answer(dataset, state, task="detection_3d")
    assert "Camera slices" not in page_of(told) and "Existing 2D labels" in page_of(told)
    told, state = answer(dataset, state, method="lift_labels")
    page = page_of(told)
    assert all(words in page for words in ("Camera slices", "Box sizes", "Reference frame"))
    _, state = answer(
        dataset,
        state,
        source_field="boxes",
        label_field="cuboids",
        box_sizes=["car: 4.5 x 1.9 x 1.6"],
        camera_slices=["left"],
    )
    told, state = send(dataset, "start", state)
    [run] = labeling.runs(dataset)
    assert run.config.method is Method.LIFT_LABELS and run.config.model == "lifted-labels"
    assert run.config.camera_slices == ("left",) and run.config.confidence is None
    assert run.config.box_sizes == ("car: 4.5 x 1.9 x 1.6",)
    done = labeling.generate(dataset, run.id)
    sources = dataset.select_group_slices("lidar").values(
        f"{done.staging_field}.detections.source_slice", unwind=True
    )
    assert set(sources) == {"left"}


def test_the_command_lifts(dataset, streets, capsys):
    arguments = ["--task", "detection_3d", "--method", "lift_labels", "--model", "lifted-labels"]
    arguments += [
        "--source-field",
        "boxes",
        "--box-sizes",
        "car: 4.6 x 2 x 1.7, truck: 7 x 2.5 x 3",
    ]
    arguments += ["--label-field", "cuboids"]
    assert cli.main(["run", dataset.name, *arguments, "--here"]) == 0, capsys.readouterr().err
    [run] = labeling.runs(dataset)
    assert set(box_sizes.read(run.config.box_sizes)) == {"car", "truck"} and run.labels > 5


def test_a_preview_draws_boxes_into_the_cameras_and_from_above(dataset, streets):
    cloud = dataset.select_group_slices("lidar").sort_by("filepath").first()
    [preview] = al.preview(dataset, SETTINGS, sample_ids=[cloud.id])
    assert len(preview.labels.detections) > 3
    picture = np.asarray(Image.open(io.BytesIO(preview.picture(600))).convert("RGB"))
    height = round(lidar_scenes.HEIGHT * 300 / lidar_scenes.WIDTH)
    cameras = picture[:height].max(axis=2) > 150
    for column, seen in enumerate(streets[0].seen):
        lifted = {d.source_label for d in preview.labels.detections}
        image = dataset.select_group_slices(("left", "right")[column]).sort_by("filepath").first()
        for label, box in zip(image.boxes.detections, seen, strict=True):
            if str(label.id) not in lifted or label.bounding_box[3] < 0.1:
                continue
            x1, y1, x2, y2 = (box.box * 300 / lidar_scenes.WIDTH).astype(int)
            part = cameras[y1 : y2 + 1, column * 300 + x1 : column * 300 + x2 + 1]
            assert part.any(), "a lifted object has its box in the image"
    assert (picture[height:].max(axis=2) > 150).any()
