"""A person's own 3D model on point clouds, scenes and groups, from the form to approved boxes."""

import uuid
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import ConfigError, ModelUnavailable
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.models import trust
from auto_labeling.review import measures
from tests.support import scene_datasets
from tests.support.app_double import App, answer, page_of, send

MODULE = "tests.support.scene_datasets"
ANSWERS = {
    "task": "detection_3d",
    "model": "custom-python-3d-detection",
    "checkpoint": f"{MODULE}:Cubes",
    "label_field": "cubes",
}


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    monkeypatch.setenv(trust.SETTING, MODULE)


@pytest.fixture
def make(tmp_path):
    made = []

    def make(kind, number=3):
        name = f"test-{uuid.uuid4().hex[:12]}"
        made.append(scene_datasets.make(name, tmp_path / name, number, kind))
        return made[-1]

    yield make
    for dataset in made:
        dataset.delete()


def lidar(dataset):
    return dataset.select_group_slices("lidar") if dataset.media_type == "group" else dataset


@pytest.mark.parametrize("kind", ["pcd", "fo3d", "group"])
def test_boxes_are_made_reviewed_and_approved(make, kind):
    dataset = make(kind)
    before = dataset.get_field_schema(flat=True)
    [preview, *_] = al.preview(dataset, ANSWERS)
    assert len(preview.labels.detections) == 2 and not preview.error and not preview.tilted
    assert preview.picture(200)[:2] == b"\xff\xd8"
    assert dataset.get_field_schema(flat=True) == before
    assert al.preflight(dataset, ANSWERS).samples == 3
    run = al.start(dataset, ANSWERS, queue=False)
    al.generate(run)
    assert (run.samples, run.failed, run.generated) == (3, 0, 6)
    assert run.account.labeled == run.account.samples == 3
    assert al.promote(run, min_confidence=0.7) == 3
    al.approve(run)
    view = lidar(dataset)
    assert view.count("cubes.detections") == 3 and "cubes.detections.num_points" in before | (
        dataset.get_field_schema(flat=True)
    )
    for sample in view:
        [car] = sample.cubes.detections
        y = scene_datasets.CUBES[0][0][1] + sample.number % 5
        x = 110 if kind == "fo3d" else 10
        np.testing.assert_allclose(car.location[:2], [x, y], atol=0.4)
        assert car.rotation == [0.0, 0.0, 0.0] and car.num_points == 60
        np.testing.assert_allclose(car.dimensions, scene_datasets.SIZES["car"], atol=0.6)
    if kind == "group":
        assert dataset.select_group_slices("camera").count("cubes") == 0


def test_what_a_model_does_wrong_is_said_by_sample(make):
    dataset = make("pcd", 9)
    last = Path(dataset.last().filepath)
    last.write_bytes(last.read_bytes()[:200])
    run = al.start(dataset, ANSWERS, checkpoint=f"{MODULE}:Unsound", queue=False)
    al.generate(run)
    errors = {failure["filepath"][-7:-4]: failure["error"] for failure in al.failures(run)}
    assert errors.keys() == {"003", "004", "005", "007", "008"}
    assert errors["003"].endswith(
        "Unsound returns Classification; 3D detection needs Detections with 3D boxes"
    )
    assert "has no location, only a 2D bounding_box" in errors["004"]
    assert "has 2 numbers, not 3" in errors["005"] and "out of ideas" in errors["007"]
    assert errors["008"].startswith("The points of /") and "cut off" in errors["008"]
    assert run.account.left_out == {"not_finite": 1, "no_size": 1}
    assert (run.account.labeled, run.account.nothing_found, run.account.failed) == (3, 1, 5)
    record = labeling.get(dataset, run.id)
    assert record.tilted.startswith("1 sample has boxes that are turned about x or y.")
    tilted = dataset.first()[run.staging_field].detections[0]
    assert tilted.rotation == [0.2, 0, 0]
    told, _ = send(dataset, "open_run", run=run.id)
    assert "turned about x or y" in page_of(told)


def test_what_does_not_fit_is_refused_before_anything_is_written(make, dataset):
    clouds, grouped = make("pcd"), make("group")
    image_task = {"task": "detection", "model": "shapes-yolo", "label_field": "x"}
    for where, answers, field, words in (
        (dataset, ANSWERS, "target", "3D detection labels point clouds and 3D scenes, and this"),
        (clouds, image_task, "target", "Detection labels images, and this dataset holds point cl"),
        (grouped, {**ANSWERS, "group_slices": ["camera"]}, "group_slices", "It holds images"),
        (grouped, {**image_task, "group_slices": ["lidar"]}, "group_slices", "holds point clouds"),
        (clouds, {**ANSWERS, "model": "shapes-yolo"}, "model", "is for detection, not 3D detectio"),
    ):
        schema = where.get_field_schema()
        with pytest.raises(ConfigError) as refused:
            al.start(where, answers)
        assert words in refused.value.problems[field]
        assert where.get_field_schema() == schema and al.runs(where) == []
    run = al.start(clouds, ANSWERS, checkpoint=f"{MODULE}:NoPredict", queue=False)
    with pytest.raises(ModelUnavailable, match="a NoPredict, which has no method 'predict'"):
        labeling.generate(clouds, run.id)
    assert labeling.get(clouds, run.id).state is RunState.FAILED


def test_a_resumed_run_labels_what_is_left(make):
    dataset = make("group", 5)
    paths = lidar(dataset).values("filepath")
    whole = Path(paths[2]).read_bytes()
    Path(paths[2]).write_bytes(whole[:100])
    run = al.start(dataset, ANSWERS, queue=False)
    al.generate(run)
    first = {s.id: s[run.staging_field] for s in lidar(dataset) if s[run.staging_field]}
    assert (run.failed, len(first)) == (1, 4)
    Path(paths[2]).write_bytes(whole)
    al.resume(run, queue=False)
    al.generate(run)
    assert (run.failed, run.generated) == (0, 10)
    after = {s.id: s[run.staging_field] for s in lidar(dataset)}
    assert len(after) == 5 and all(after[i].to_dict() == first[i].to_dict() for i in first)


def test_the_panel_offers_what_fits(make):
    dataset, grouped = make("pcd"), make("group")
    told, state = send(dataset, "new_run")
    assert state["form"]["what"]["task"] == "detection_3d"
    page = page_of(told)
    assert "3D detection" in page and "Instance segmentation" not in page
    told, state = answer(
        dataset, state, checkpoint=ANSWERS["checkpoint"], label_field="cubes", confidence=""
    )
    told, state = send(dataset, "start", state)
    [run] = labeling.runs(dataset)
    assert (run.config.task, run.samples) == ("detection_3d", 3)
    told, state = send(grouped, "new_run")
    told, state = answer(grouped, state, group_slices=["camera"])
    told, state = answer(grouped, state, task="detection_3d")
    assert state["form"]["what"]["group_slices"] == []
    assert "Not offered (no points): camera" in page_of(told)
    assert "Generate labels for 3 samples" in page_of(told)


@pytest.mark.parametrize("kind", ["pcd", "group"])
def test_labels_are_chosen_by_size_and_distance_on_every_route(make, kind, capsys):
    """The car is 10 m away and 4 m long, the pedestrian 21 m and 1.8 m."""
    dataset = make(kind)
    run = al.start(dataset, ANSWERS, queue=False)
    al.generate(run)
    for limits, wanted in (
        ({"max_distance": 15}, {"car": 3, "pedestrian": 0}),
        ({"min_distance": 15, "min_size": 1}, {"car": 0, "pedestrian": 3}),
        ({"max_size": 1}, {"car": 0, "pedestrian": 0}),
        ({"min_size": 2.5, "max_size": 5, "max_distance": 5}, {"car": 0, "pedestrian": 0}),
        ({}, {"car": 3, "pedestrian": 3}),
    ):
        counted = al.labels(run, view=al.labels_view(run, **limits))
        assert {row.label: row.current for row in counted.rows} == wanted, limits
    app = App(dataset)  # the panel counts what a view of the App shows
    app.send("open_run", run_id=run.id)
    app.grid["view"] = al.labels_view(run, max_distance=15)._serialize()
    assert "3 of 6 labels" in app.send("on_change_view")
    assert cli.main(["promote", dataset.name, run.id, "--max-distance", "15"]) == 0
    assert {row.label: row.total for row in al.labels(run, "approval").rows} == {"car": 3}
    with pytest.raises(ConfigError, match="Only 3D boxes"):
        flat = run.record.model_copy(
            update={"config": run.config.model_copy(update={"task": al.Task.DETECTION})}
        )
        measures.narrowed(dataset, flat, {"min_distance": 1})


def test_the_fields_of_the_page_limit_what_the_grid_shows(make):
    run = al.start(make("pcd"), ANSWERS, queue=False)
    al.generate(run)
    app = App(run.dataset)
    app.send("open_run", run_id=run.id)
    app.grid["filters"] = {}

    def type_in(**typed):
        for name, value in typed.items():
            app.send("set_limit", path=f"limits.{name}", value=value)
        return {label: row[0] for label, row in app.table().items()}

    def in_grid():
        view = fo.DatasetView._build(run.dataset, app.grid["view"] or [])
        return view.count_values(f"{run.staging_field}.detections.label")

    assert type_in(max_distance="15") == {"car": "3 of 3", "pedestrian": "0 of 3"}
    assert in_grid() == {"car": 3}
    assert app.find("max_distance")["view"]["value"] == "15"
    assert type_in(max_distance="", min_distance="15.0") == {
        "car": "0 of 3",
        "pedestrian": "3 of 3",
    }
    assert type_in(min_size="1.5", max_size="1") == {"car": "0 of 3", "pedestrian": "0 of 3"}
    assert app.find("size_problem")["view"]["title"].startswith("The minimum size is above")
    assert type_in(max_size="", max_distance="nonsense") == {
        "car": "0 of 3",
        "pedestrian": "3 of 3",
    }
    app.send("clear_filters")
    assert in_grid() == {"car": 3, "pedestrian": 3} and not app.grid["view"]
    type_in(min_size="3")
    app.send("toggle_class", row=0)
    app.send("promote", **app.button("promote")["params"])
    assert al.labels(run, "approval").total == 3
    app.send("select_tab", tab="approval")
    assert not app.grid["view"], "each tab starts with all of its labels"
    app.send("select_tab", tab="review")
    type_in(min_size="1")
    app.send("go_home")
    assert not app.grid["view"]


def test_the_operators_limit_size_and_distance(make):
    run = al.start(make("group"), ANSWERS, queue=False)
    al.generate(run)

    def call(name, **params):
        uri = f"@auto-labeling/auto-labeling/{name}"
        context = {"dataset": run.dataset.name, "group_slice": "lidar"}
        params = {"run_id": run.id, **params}
        return foo.execute_operator(uri, context, params=params).result["labels"]

    assert call("promote_labels", max_distance=15, shown=True) == 3
    assert call("promote_labels", min_size=1, max_size=2.5, min_distance=15) == 3
    assert call("undo_promotion", min_size=3) == 3
    assert {row.label: row.total for row in al.labels(run, "approval").rows} == {"pedestrian": 3}
    with pytest.raises(Exception, match="Must be a number"):
        call("promote_labels", min_size="big")


def test_the_command_line_does_it_too(make, tmp_path, capsys):
    dataset = make("group")
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in ANSWERS.items()]
    pictures = tmp_path / "pictures"
    assert cli.main(["preview", dataset.name, *flags[:3], f"--output={pictures}"]) == 0
    assert "pedestrian" in capsys.readouterr().out and len(list(pictures.iterdir())) == 3
    assert cli.main(["run", dataset.name, *flags, "--here"]) == 0
    assert lidar(dataset).count("cubes_in_review.detections") == 6
    assert isinstance(dataset.get_field("cubes_in_review.detections.location"), fo.ListField)
