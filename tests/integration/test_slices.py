"""Labels on several slices of groups: what is chosen, promoted, counted and approved."""

import json
import uuid

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone import ViewField as F

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.names import PLUGIN
from auto_labeling.review import summary
from tests.support import scripted_model
from tests.support.app_double import App, page_of, send

#: Labels of each group: by slice, a class and a confidence each.
LABELS = {
    "left": [("car", 0.9), ("bus", 0.2)],
    "right": [("car", 0.8), ("car", 0.3), ("bus", 0.7)],
    "scene": [("car", 0.6)],
}
GROUPS = 4
ALL = 6 * GROUPS


@pytest.fixture
def grouped():
    """Groups of two images and a 3D scene; the right ones of even groups are tagged."""
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    dataset.add_group_field("group", default="left")
    samples = []
    for number in range(GROUPS):
        group = fo.Group()
        for name, labels in LABELS.items():
            boxes = [
                fo.Detection(label=label, confidence=sure, bounding_box=[0.1, 0.1, 0.5, 0.5])
                for label, sure in labels
            ]
            sample = fo.Sample(
                filepath=f"/{name}{number}.{'fo3d' if name == 'scene' else 'png'}",
                group=group.element(name),
                truth=fo.Detections(detections=boxes),
                number=number,
            )
            if name == "right" and number % 2 == 0:
                sample.tags.append("checked")
            samples.append(sample)
    dataset.add_samples(samples, progress=False)
    yield dataset
    dataset.delete()


@pytest.fixture
def run(grouped):
    return al.import_labels(grouped, "truth", "kept")


@pytest.fixture
def command(grouped, capsys):
    def command(verb, *arguments):
        status = cli.main([verb, grouped.name, "latest", *map(str, arguments), "--json"])
        printed = capsys.readouterr()
        return status, json.loads(printed.out) if printed.out else printed.err

    return command


def sdk_promote(dataset, run, command, **chosen):
    return al.promote(run, **chosen)


def cli_promote(dataset, run, command, **chosen):
    words = []
    for name, value in chosen.items():
        words += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    return command("promote", *words)[1]["labels"]


def operator_promote(dataset, run, command, **chosen):
    params = {"run_id": run.id, **chosen}
    uri = f"{PLUGIN}/promote_labels"
    return foo.execute_operator(uri, {"dataset": dataset.name}, params=params).result["labels"]


each_route = pytest.mark.parametrize("promote", [sdk_promote, cli_promote, operator_promote])


def approved(dataset):
    """The number of approved labels in each slice."""
    found = dict.fromkeys(LABELS, 0)
    for document in dataset._sample_collection.find():
        labels = (document.get("kept") or {}).get("detections") or ()
        found[document["group"]["name"]] += len(labels)
    return found


@each_route
def test_without_a_condition_all_slices_are_promoted_and_none_is_lost(
    grouped, run, command, promote
):
    assert command("labels")[1]["current"] == ALL
    assert promote(grouped, run, command) == ALL
    assert al.labels(run, "approval").current == al.labels(run, "approval").total == ALL
    assert al.approve(run).approved == ALL
    assert approved(grouped) == {name: GROUPS * len(labels) for name, labels in LABELS.items()}


@each_route
def test_a_condition_holds_in_every_slice(grouped, run, command, promote):
    assert promote(grouped, run, command, min_confidence=0.7) == 3 * GROUPS
    assert promote(grouped, run, command, classes=["bus"]) == GROUPS
    assert al.approve(run).approved == 4 * GROUPS
    assert approved(grouped) == {"left": 2 * GROUPS, "right": 2 * GROUPS, "scene": 0}


@each_route
def test_a_slice_that_is_named_is_the_only_one(grouped, run, command, promote):
    assert promote(grouped, run, command, group_slices=["right"]) == 3 * GROUPS
    assert command("labels", "--tab", "approval", "--group-slices", "left")[1]["current"] == 0
    assert promote(grouped, run, command, group_slices=["scene", "left"]) == 3 * GROUPS
    assert al.undo(run, group_slices=["left"], classes=["car"]) == GROUPS
    assert al.approve(run).approved == ALL - GROUPS


@each_route
def test_labels_and_samples_are_found_by_their_ids_in_any_slice(grouped, run, command, promote):
    scene = grouped.select_group_slices("scene").values("id")
    labels = grouped.select_group_slices("right").values(f"{run.staging_field}.detections.id")
    assert promote(grouped, run, command, sample_ids=scene[:2]) == 2
    assert promote(grouped, run, command, label_ids=labels[0]) == 3
    assert al.undo(run, sample_ids=scene) == 2


def test_undo_without_a_condition_takes_back_all_slices(grouped, run, command):
    al.promote(run)
    assert command("undo", "--dry-run")[1]["labels"] == ALL
    assert al.undo(run) == ALL
    al.promote(run)
    uri, params = f"{PLUGIN}/undo_promotion", {"run_id": run.id}
    context = {"dataset": grouped.name}
    assert foo.execute_operator(uri, context, params=params).result["labels"] == ALL
    assert al.labels(run, "approval").total == 0


def test_a_view_of_groups_is_applied_to_each_slice(grouped, run, command):
    field = f"{run.staging_field}.detections"
    assert al.labels(run, view=grouped).current == ALL
    assert al.labels(run, view=grouped.view()).current == ALL
    assert al.labels(run, view=grouped.match(F("number") < 2)).current == ALL // 2
    sure = grouped.filter_labels(run.staging_field, F("confidence") > 0.65)
    assert al.labels(run, view=sure).current == 3 * GROUPS
    some = grouped.select_group_slices(["right", "scene"], flat=False)
    assert al.labels(run, view=some).current == 4 * GROUPS
    assert al.labels(run, view=some, group_slices=["scene"]).current == GROUPS
    with pytest.raises(AutoLabelingError, match="no slice 'left'"):
        al.labels(run, view=some, group_slices=["left"])
    tagged = command("labels", "--tags", "checked")[1]
    assert tagged["current"] == 3 * GROUPS // 2
    grouped.save_view("sure", sure)
    ids = grouped.select_group_slices("right").values("id")
    both = command("labels", "--view", "sure", "--sample-ids", *ids[:2])[1]
    assert both["current"] == 4
    assert al.promote(run, view=sure) == 3 * GROUPS
    promoted = f"{field}.review"
    assert sum(grouped.select_group_slices("right").count_values(promoted).values()) == 12
    assert al.labels(run, "approval", view=sure).current == 3 * GROUPS


def test_a_flattened_view_names_its_slices(grouped, run):
    assert al.labels(run, view=grouped.select_group_slices("right")).current == 3 * GROUPS
    everything = grouped.select_group_slices(_allow_mixed=True)
    assert al.labels(run, view=everything).current == ALL
    patches = grouped.select_group_slices("right").to_patches(run.staging_field)
    assert al.labels(run, view=patches).current == 3 * GROUPS
    view = grouped.match(F("number") == 0)
    view.group_slice = "scene"
    assert al.labels(run, view=view).current == 1
    with pytest.raises(AutoLabelingError, match="groups"):
        al.promote(run, view=patches, group_slices=["right"])
    assert al.promote(run, group_slices=[]) == 0 and al.promote(run, sample_ids=[]) == 0


def test_dynamic_groups_are_chosen_with_all_their_samples(grouped, run):
    flat = grouped.select_group_slices(["left", "right"])
    assert al.labels(run, view=flat.group_by("number")).current == 5 * GROUPS


def test_what_the_grid_shows_is_one_slice(grouped, run):
    uri = f"{PLUGIN}/promote_labels"
    params = {"run_id": run.id, "shown": True}
    context = {"dataset": grouped.name, "group_slice": "right"}
    assert foo.execute_operator(uri, context, params=params).result["labels"] == 3 * GROUPS
    promoted = al.labels(run, "approval")
    assert promoted.current == promoted.total == 3 * GROUPS
    assert al.labels(run, "approval", group_slices=["right"]).current == 3 * GROUPS


def test_slices_that_do_not_exist_are_refused(grouped, run, command, dataset):
    boxes = [fo.Detection(label="car", bounding_box=[0, 0, 1, 1])]
    dataset.set_values("truth", [fo.Detections(detections=boxes)] * len(dataset))
    with pytest.raises(
        AutoLabelingError, match=r"no slice 'top'\. Choose from: left, right, scene"
    ):
        al.promote(run, group_slices=["top"])
    status, said = command("promote", "--group-slices", "top")
    assert status == 1 and "no slice 'top'" in str(said)
    flat = al.import_labels(dataset, "truth", "kept")
    with pytest.raises(AutoLabelingError, match="groups"):
        al.promote(flat, group_slices=["left"])


@pytest.fixture
def images(tmp_path):
    return scripted_model.write_images(tmp_path / "images", 8)


def test_a_run_labels_the_samples_with_a_tag_in_whatever_slice(images, capsys):
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    dataset.add_group_field("group", default="left")
    samples = []
    for number in range(4):
        group = fo.Group()
        for name, path in (("left", images[number]), ("right", images[4 + number])):
            tags = ["checked"] if name == "right" and number < 3 else []
            samples.append(fo.Sample(path, group=group.element(name), tags=tags))
        samples.append(fo.Sample(f"/{number}.pcd", group=group.element("lidar"), tags=["checked"]))
    dataset.add_samples(samples, progress=False)
    uninstall = scripted_model.install("detection")
    flags = ["--task", "detection", "--model", "scripted", "--label-field", "found", "--json"]
    try:
        status = cli.main(["run", dataset.name, *flags, "--tags", "checked"])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        ids = al.sample_ids(al.get(dataset, json.loads(printed.out)["id"]))
        assert sorted(ids) == sorted(
            dataset.select_group_slices("right").match_tags("checked").values("id")
        )
    finally:
        uninstall()
        dataset.delete()


def test_the_review_page_says_which_slice_the_grid_shows(grouped, run):
    _, state = send(grouped, "open_run", run_id=run.id, shown_slice="right")
    told, _ = send(grouped, "refresh", state, shown_slice="right")
    assert f"{3 * GROUPS} of {ALL} labels \u00b7 slice right" in str(page_of(told))


@pytest.fixture
def reviewing(grouped, run):
    """The panel in review, with the slice ``left`` in the grid."""
    grouped.group_slice = "left"
    app = App(grouped)
    app.send("on_load")
    app.send("open_run", run_id=run.id)
    return app


def test_the_other_slices_are_named_with_their_labels_and_a_click_away(grouped, reviewing):
    buttons = [reviewing.button(f"slice_{index}") for index in (0, 1)]
    assert [button["label"] for button in buttons] == [
        f"Show right ({3 * GROUPS})",
        f"Show scene ({GROUPS})",
    ]
    told = reviewing.send("show_slice", **buttons[0]["params"])
    assert '"slice": "right"' in told
    assert reviewing.button("promote")["label"] == f"Add {3 * GROUPS} labels for approval"
    assert reviewing.button("slice_0")["label"] == f"Show left ({2 * GROUPS})"
    assert "set_group_slice" not in reviewing.send("show_slice", slice="unknown")


def test_undo_of_a_class_leaves_the_slices_alone_that_the_grid_does_not_show(
    grouped, run, reviewing
):
    al.promote(run)
    reviewing.send("select_tab", tab="approval")
    table = reviewing.table("promoted")
    assert table["car"][0] == f"{GROUPS} of {4 * GROUPS}"
    reviewing.send("undo_class", row=list(table).index("car"))
    assert reviewing.notices == [f"{GROUPS} labels back in the Review tab"]
    by_slice = summary.slices(grouped, run.record, "approval")
    assert by_slice == {"left": GROUPS, "right": 3 * GROUPS, "scene": GROUPS}
    (action,) = reviewing.find("promoted")["view"]["row_actions"]
    shown = dict(zip(reviewing.table("promoted"), action["rows"], strict=True))
    assert shown == {"bus": True, "car": False}, "no button where the grid shows no label"


def test_the_question_names_the_slices_that_are_not_in_the_grid(grouped, run, reviewing):
    al.promote(run)
    reviewing.send("select_tab", tab="approval")
    assert reviewing.button("undo_all")["label"] == f"Undo all {ALL}"
    reviewing.send("ask_approve", run_id=run.id)
    said = reviewing.find("elsewhere")["view"]["title"]
    number = 4 * GROUPS
    assert said == (
        f"{number} of them are not in the grid, "
        f"but in the slices right ({3 * GROUPS}), scene ({GROUPS})."
    )
