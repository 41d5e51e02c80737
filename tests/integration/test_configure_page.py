"""The configure page as the App calls it: previews, how things stand, classes from elsewhere."""

import base64

import fiftyone as fo
import fiftyone.operators as operators
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.app.form_settings import group_of
from auto_labeling.cli import verbs
from auto_labeling.core import text
from auto_labeling.core.names import PLUGIN
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog
from auto_labeling.panels.configure import preview
from tests.support.app_double import answer, notices, page_of, send, window_of
from tests.support.dataset_contents import everything
from tests.support.waiting import wait_until

SIZE = text.size(catalog.get_model("shapes-yolo").size_bytes)
YOLO = {"family": "yolo", "version": "v8-shapes"}


def preview_of(state):
    return preview.of(window_of(state["panel_of_test"]))


def until_done(dataset, state):
    """Ticks as the App's timer does, until the preview is done. Returns the page."""
    job = preview_of(state)

    def done():
        nonlocal state
        if not job.done:
            told, state = send(dataset, "refresh", state)
            assert "TimerView" in page_of(told) or job.done
        return job.done

    wait_until(done, "the preview is done")
    told, state = send(dataset, "refresh", state)
    assert "TimerView" not in page_of(told)
    return page_of(told)


def test_a_preview_works_in_a_thread_and_writes_nothing(dataset, no_speeds):
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, **YOLO)
    before = everything(dataset)
    told, state = send(dataset, "preview", state)
    assert not preview_of(state).done, "the model loads behind it"
    assert state["problems"] == {} and "TimerView" in page_of(told)
    page = until_done(dataset, state)
    assert page.count("data:image/jpeg;base64,") >= 5
    assert "on 5 samples. Nothing was written" in page
    assert "measured in the preview here" in page
    assert everything(dataset) == before
    told, state = answer(dataset, state, label_field="boxes")
    assert "Settings have changed since" not in page_of(told), "it does not depend on the field"
    told, state = answer(dataset, state, confidence=0.9)
    assert "Settings have changed since" in page_of(told)
    told, state = send(dataset, "hide_preview", state)
    assert "data:image" not in page_of(told)


def test_a_preview_that_cannot_be_says_why(dataset):
    _, state = send(dataset, "new_run")
    _, state = send(dataset, "preview", state)
    assert state["problems"] == {"model": "Choose a model"}
    _, state = answer(dataset, state, family="faster-rcnn")
    _, state = send(dataset, "preview", state)
    page = until_done(dataset, state)
    assert "Preview failed" in page and "a preview downloads nothing" in page


def test_a_preview_is_of_the_selected_samples(dataset):
    chosen = dataset.values("id")[2:4]
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, **YOLO)
    _, state = send(dataset, "preview", state, selection=chosen)
    assert preview_of(state).sample_ids == tuple(chosen)
    until_done(dataset, state)


def test_how_things_stand_is_shown_at_once_and_what_is_missing(dataset, tmp_path):
    told, state = send(dataset, "new_run")
    assert "Still needed: a model, a label field" in page_of(told)
    assert "Before you start" not in page_of(told)
    told, state = answer(dataset, state, **YOLO)
    page = page_of(told)
    assert "Before you start" in page and f"shapes-yolo: {SIZE}, on this machine" in page
    assert "Still needed: a label field" in page
    told, state = answer(dataset, state, label_field="boxes")
    assert "Still needed" not in page_of(told)
    told, state = answer(
        dataset, state, task="instance_segmentation", **{**YOLO, "version": "v8-shapes"}
    )
    assert "a folder for the masks" in page_of(told)
    told, state = answer(dataset, state, mask_location=str(tmp_path))
    assert f"for masks ({tmp_path})" in page_of(told)
    assert "Still needed" not in page_of(told)


def test_generate_names_the_fields_to_fill_in_and_to_correct_in_the_order_of_the_page(dataset):
    _, state = send(dataset, "new_run")
    told, state = send(dataset, "start", state)
    assert "Fill in: Model family, Label field'" in page_of(told)
    assert "'data-to-correct': 'label_field'" in page_of(told)
    _, state = answer(dataset, state, **YOLO, confidence=7)
    told, state = send(dataset, "start", state)
    assert "Fill in: Label field'" in page_of(told)
    assert "Correct: Minimum confidence'" in page_of(told)
    assert "'pointed': None" not in page_of(told), "the script shows the first of them"
    told, state = answer(dataset, state, confidence=0.7)
    assert "Correct:" not in page_of(told) and "'pointed': None" in page_of(told)
    told, state = answer(dataset, state, label_field="boxes")
    assert "Fill in" not in page_of(told)


def test_existing_labels_name_the_fields_to_fill_in(dataset):
    _, state = send(dataset, "import_labels")
    told, state = send(dataset, "start_import", state)
    assert "Fill in: Labels, Label field'" in page_of(told)
    assert "'pointed': None" not in page_of(told)


def test_a_folder_for_masks_is_taken_as_typed(dataset, tmp_path):
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, task="instance_segmentation", **YOLO, label_field="outlines")
    _, state = answer(dataset, state, mask_location="masks")
    _, state = send(dataset, "start", state)
    assert state["problems"] == {
        "mask_location": "Enter the full path of the folder, such as /data/masks"
    }
    folder = tmp_path / "not" / "there yet"
    _, state = answer(dataset, state, mask_location=f" {folder} ")
    _, state = send(dataset, "start", state)
    (run,) = labeling.runs(dataset)
    assert run.config.mask_location == str(folder)
    _, state = send(dataset, "duplicate", state, run_id=run.id)
    assert state["form"]["masks"]["mask_location"] == str(folder)
    given = {
        "task": "instance_segmentation",
        "model": run.config.model,
        "mask_location": str(folder),
    }
    started = al.start(dataset, label_field="by_sdk", **given)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    assert cli.main(["run", dataset.name, "--label-field=by_cli", *flags]) == verbs.OK
    operators.execute_operator(
        f"{PLUGIN}/start_run",
        {"dataset": dataset.name},
        params={**given, "label_field": "by_operator"},
    )
    assert started.config.mask_location == str(folder)
    others = [r for r in labeling.runs(dataset) if r.config.label_field.startswith("by_")]
    assert [r.config.mask_location for r in others] == [str(folder)] * 3


def upload(dataset, state, data: bytes, name="classes.txt"):
    file = {"name": name, "content": base64.b64encode(data).decode(), "size": len(data)}
    return answer(dataset, state, class_file=file)


def test_classes_come_from_a_file_a_list_and_a_field(numbered):
    _, state = send(numbered, "new_run")
    _, state = answer(numbered, state, family="yolo", version="11", size="nano")
    told, state = upload(numbered, state, b"cat\ndog\n")
    assert state["form"]["classes"]["classes"] == ["cat", "dog"]
    assert notices(told) == ["2 classes added"]
    assert state["form"]["more_classes"]["class_file"] == ""
    told, state = upload(numbered, state, "dög".encode("latin-1"))
    assert "Save it as UTF-8" in page_of(told)
    state["form"]["more_classes"]["class_list"] = "bus, unicorn"
    told, state = send(numbered, "add_listed", state)
    assert state["form"]["classes"]["classes"] == ["cat", "dog", "bus"]
    assert "Skipped (unknown to this model): 'unicorn'" in page_of(told)
    assert set(state["problems"]) == {"class_list"}
    told, state = answer(numbered, state, class_source="mine")
    assert "'mine'" in state["problems"]["class_source"], "the field's one class is 'mine'"
    numbered.default_classes = ["car"]
    numbered.save()
    told, state = answer(numbered, state, class_source="default classes")
    assert state["form"]["classes"]["classes"][-1] == "car" and state["problems"] == {}


def test_the_classes_of_existing_detections_are_those_of_their_field(numbered):
    sam = next(s for s in catalog.segmenters() if s.source == "bundled")
    two = [fo.Detection(label=name, bounding_box=[0, 0, 1, 1]) for name in ("zebra", "ape")]
    numbered.set_values("other", [fo.Detections(detections=two)] * 40)
    _, state = send(numbered, "new_run")
    _, state = answer(numbered, state, task="instance_segmentation", method="existing_detections")
    for level in ("family", "version", "size", "variant"):
        value = getattr(sam, level, None) or (sam.name if level == "variant" else "")
        if value and not state["form"]["model"]["model"]:
            _, state = answer(numbered, state, **{level: value})
    assert state["form"]["model"]["model"] == sam.name
    told, state = answer(numbered, state, source_field="other", masks="inline")
    assert "zebra" in page_of(told) and "ape" in page_of(told)
    told, state = answer(numbered, state, classes=["unicorn"], label_field="masks")
    told, state = send(numbered, "start", state)
    assert state["problems"] == {"classes": "No label of 'other' is 'unicorn'"}
    numbered.set_values("other.detections.label", [["yak", "ape"]] * 40)
    told, state = answer(numbered, state, classes=["yak"])
    assert state["problems"] == {} and "zebra" not in page_of(told)


@pytest.mark.parametrize("value", [None, ["x"], {"name": "a" * 10**5}])
def test_hostile_files_and_lists_harm_nothing(dataset, value):
    _, state = send(dataset, "new_run")
    _, state = answer(dataset, state, **YOLO)
    for name in ("class_file", "class_source", "class_list", "ids", "group_slices"):
        state["form"].setdefault(group_of()[name], {})[name] = value
        for method in ("edit", "add_listed", "clear_ids", "start"):
            told, state = send(dataset, method, state, path=f"form.x.{name}", value=value)
            assert page_of(told) and not notices(told)
    assert labeling.runs(dataset) == []
