"""Possible mistakes cause a warning before a run starts, on every route; they do not stop it."""

import json
import warnings
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import ExecutionContext

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import ConfigError, RunWarning
from auto_labeling.core.names import PLUGIN
from auto_labeling.operators.starting import StartRun
from auto_labeling.storage import mask_locations
from tests.support.app_double import answer, page_of, send


@pytest.fixture
def task():
    return "classification"


ANSWERS = {"task": "classification", "model": "scripted", "label_field": "kinds"}
FLAGS = [f"--{key.replace('_', '-')}={value}" for key, value in ANSWERS.items()]


@pytest.fixture
def boxed(numbered, model):
    """Images with two boxes each."""
    for sample in numbered.iter_samples(autosave=True, progress=False):
        boxes = ([0.1, 0.1, 0.5, 0.5], [0.4, 0.4, 0.5, 0.5])
        found = [fo.Detection(label="thing", bounding_box=box) for box in boxes]
        sample["boxes"] = fo.Detections(detections=found)
    return numbered


def started(ask):
    """What Python warns of while ``ask`` runs."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ask()
    return [str(one.message) for one in said if issubclass(one.category, RunWarning)]


def test_of_patches_it_is_said_that_whole_images_are_classified(boxed, capsys, tmp_path):
    patches = boxed.limit(18).to_patches("boxes")
    wanted = "The view shows 36 patches; the run labels the 18 whole images they come from, each"
    assert al.preflight(patches, ANSWERS).warnings[0].startswith(wanted)
    (said,) = started(lambda: al.start(patches, ANSWERS, queue=False))
    assert said.startswith(wanted) and 'label_field="boxes"' in said
    al.delete(al.get(boxed, "latest"))
    assert started(lambda: al.start(boxed.limit(3), ANSWERS, queue=False)) == []
    al.delete(al.get(boxed, "latest"))

    boxed.save_view("things", patches)
    for more in (["--dry-run"], []):
        assert cli.main(["run", boxed.name, *FLAGS, "--view", "things", *more]) == 0
        assert f"warning: {wanted}" in capsys.readouterr().err
    assert al.get(boxed, "latest").samples == 18

    context = {"dataset": boxed.name, "view": patches}
    params = {**ANSWERS, "label_field": "more", "target": "view"}
    done = foo.execute_operator(f"{PLUGIN}/start_run", context, params=params).result
    assert done["samples"] == 18 and done["warnings"][0].startswith(wanted)
    params["label_field"] = "others"
    request = {"dataset_name": boxed.name, "view": patches._serialize(), "params": params}
    asked = StartRun(_builtin=False).resolve_input(ExecutionContext(request)).to_json()
    assert asked["type"]["properties"]["caution_0"]["view"]["label"].startswith(wanted)


def test_what_is_said_of_patches_does_what_it_says(boxed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view = boxed.limit(5).to_patches("boxes")
    (said,) = al.preflight(view, ANSWERS).warnings[:1]
    export, load = said.split("`")[1::2]
    names = {"view": view, "fo": fo}
    eval(export, names)
    crops = eval(load, names)
    try:
        assert len(crops) == 10
        run = al.start(crops, ANSWERS, queue=False)
        assert run.samples == 10
    finally:
        crops.delete()


def test_the_target_line_of_the_page_says_what_patches_stand_for(boxed):
    patches = boxed.limit(18).to_patches("boxes")._serialize()
    _, state = send(boxed, "new_run")
    for task, end in (("classification", "each with one label"), ("detection", "they come from")):
        told, state = answer(boxed, state, task=task, target="view")
        assert "whole images" not in str(page_of(told))
        told, state = _with_view(boxed, state, patches)
        said = str(page_of(told))
        assert "shows 36 patches; the run labels the 18 whole images" in said and end in said


def _with_view(dataset, state, view):
    """The page as the App draws it while the grid shows a view."""
    from fiftyone.operators.executor import Executor

    from tests.support.app_double import PANEL

    params = {
        "panel_id": state["panel_of_test"],
        "window": {"id": f"window of {state['panel_of_test']}", "state": state},
        "__method__": "on_change_view",
    }
    request = {"dataset_name": dataset.name, "view": view, "params": params, "filters": {}}
    ctx = ExecutionContext(
        request_params=request, executor=Executor(), operator_uri=PANEL.uri, required_secrets=[]
    )
    PANEL.execute(ctx)
    return [r.to_json() for r in ctx.executor._requests], state


def test_of_groups_it_is_said_which_samples_are_labeled(boxed):
    dynamic = boxed.group_by("mine.detections.label")
    (said,) = al.preflight(dynamic, ANSWERS).warnings[:1]
    assert said == "The run labels 40 samples: all in the 1 group of the view"
    grouped = fo.Dataset()
    grouped.add_group_field("group", default="left")
    for path in boxed.values("filepath")[:3]:
        group = fo.Group()
        grouped.add_samples(
            [fo.Sample(path, group=group.element(name)) for name in ("left", "right")],
            progress=False,
        )
    view = grouped.limit(2)
    (said,) = started(lambda: al.start(view, ANSWERS, queue=False))
    assert said == "The run labels 4 samples: those in left, right of the 2 groups of the view"
    chosen = al.preflight(view, {**ANSWERS, "label_field": "more"}, group_slices=["right"])
    assert "2 samples: those in right of" in chosen.warnings[0]
    grouped.delete()


def test_frames_and_clips_are_refused_with_what_works():
    videos = fo.Dataset()
    videos.add_sample(fo.Sample("/a.mp4"))
    videos.media_type  # noqa: B018
    with pytest.raises(ConfigError, match="to_frames"):
        al.start(videos, ANSWERS)
    videos.delete()


MASKS = {"task": "instance_segmentation", "model": "shapes-yolo-seg", "label_field": "masks"}


@pytest.mark.parametrize("folder", ["/", "/etc/masks", "/usr/share/masks", "/dev/shm"])
def test_masks_in_folders_of_the_system_are_warned_of(numbered, folder, capsys):
    said = list(mask_locations.warnings(numbered, folder))
    assert len(said) == 1 and "operating system" in said[0]
    try:
        found = al.preflight(numbered, MASKS, mask_location=folder)
    except ConfigError as refused:  # a user other than root may not write there
        assert "Nothing can be written" in refused.problems["mask_location"]
        return
    assert said[0] in found.warnings
    file = [f"--{key.replace('_', '-')}={value}" for key, value in MASKS.items()]
    status = cli.main(["run", numbered.name, *file, "--mask-location", folder, "--dry-run"])
    assert status == 0 and f"warning: {said[0]}" in capsys.readouterr().err
    _, state = send(numbered, "new_run")
    told, state = answer(numbered, state, task="instance_segmentation")
    told, state = answer(numbered, state, family="yolo", version="v8-shapes")
    told, state = answer(numbered, state, masks="files", mask_location=folder)
    assert said[0] in str(page_of(told))


def test_masks_among_media_or_other_files_are_warned_of(numbered, tmp_path):
    media = Path(numbered.first().filepath).parent
    for folder in (media, media / "masks", media / "a" / "b"):
        (said,) = mask_locations.warnings(numbered, str(folder))
        assert f"is in {media}" in said
    linked = tmp_path / "link"
    linked.symlink_to(media, target_is_directory=True)
    assert "would add masks as images" in next(
        mask_locations.warnings(numbered, str(linked / "masks"))
    )
    mine = tmp_path / "mine"
    assert list(mask_locations.warnings(numbered, str(mine))) == []
    (mine / "0123456789ab").mkdir(parents=True)
    assert list(mask_locations.warnings(numbered, str(mine))) == [], "masks of another run"
    (mine / "notes.txt").write_text("mine")
    (said,) = mask_locations.warnings(numbered, str(mine))
    assert "other files" in said
    (warned,) = started(lambda: al.start(numbered, MASKS, mask_location=str(mine), queue=False))
    assert warned == said
    for relative in ("masks", "./masks", "~/masks", "../masks"):
        with pytest.raises(ConfigError, match="full path"):
            al.start(numbered, MASKS, label_field="more", mask_location=relative)


def test_json_holds_the_warnings_too(numbered, tmp_path, capsys):
    file = [f"--{key.replace('_', '-')}={value}" for key, value in MASKS.items()]
    media = Path(numbered.first().filepath).parent
    words = ["run", numbered.name, *file, "--mask-location", media, "--dry-run", "--json"]
    assert cli.main(list(map(str, words))) == 0
    assert "would add masks as images" in json.loads(capsys.readouterr().out)["warnings"][0]
