"""From a task to one model: what is offered, what is chosen by itself, what is remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auto_labeling.core.run import Method, Task
from auto_labeling.models import catalog, display_names, model_choice

EVERYTHING = [
    pytest.param(spec, task, method, id=f"{task.value}-{method.value}-{spec.name}")
    for task in Task
    for method in Method
    for spec in catalog.choices(task, method)
]


@pytest.mark.parametrize(("spec", "task", "method"), EVERYTHING)
def test_every_model_can_be_reached(spec, task, method):
    remembered = model_choice.leading_to(spec, task, method)
    choices = model_choice.narrow(task, remembered)
    assert choices.spec == spec
    for level in choices.levels.values():
        assert not level.options or level.value in level.options


@given(st.sampled_from(Task), st.data())
def test_whatever_is_offered_leads_on(task, data):
    remembered = {}
    for _ in range(len(model_choice.LEVELS) + 1):
        choices = model_choice.narrow(task, remembered)
        if choices.spec is not None:
            assert choices.spec in catalog.choices(task, Method(choices.levels["method"].value))
            return
        (name, level) = next((n, v) for n, v in choices.levels.items() if v.options and not v.value)
        value = data.draw(st.sampled_from(level.options))
        remembered = model_choice.remember(task, remembered, name, value)
    raise AssertionError("every level is answered, and no model is chosen")


@given(
    st.sampled_from(Task), st.dictionaries(st.text(), st.none() | st.text() | st.lists(st.text()))
)
def test_what_was_never_offered_chooses_nothing(task, remembered):
    assert model_choice.narrow(task, remembered) == model_choice.narrow(task, {})


def test_one_remaining_option_is_chosen_and_those_that_do_not_matter_are_not_asked():
    remembered = model_choice.remember(Task.DETECTION, {}, "family", "faster-rcnn")
    choices = model_choice.narrow(Task.DETECTION, remembered)
    assert choices.spec.name == "faster-rcnn-resnet50-fpn-coco-torch"
    assert choices.levels["version"] == choices.levels["size"] == model_choice.Level()


def test_only_methods_that_fit_the_task_are_offered():
    offered = {task: model_choice.narrow(task, {}).levels["method"] for task in Task}
    assert offered[Task.DETECTION] == model_choice.Level(("one_stage",), "one_stage")
    assert offered[Task.CLASSIFICATION] == model_choice.Level(("one_stage",), "one_stage")
    assert set(offered[Task.INSTANCE_SEGMENTATION].options) == {m for m in Method if not m.lifts}
    in_3d = ("one_stage", "lift_labels", "lift_model")
    assert offered[Task.DETECTION_3D] == model_choice.Level(in_3d, "one_stage")


def test_the_newest_version_and_the_smallest_size_come_first():
    task, remembered = Task.DETECTION, {}
    remembered = model_choice.remember(task, remembered, "family", "yolo")
    versions = model_choice.narrow(task, remembered).levels["version"].options
    assert versions[:4] == ("26", "11", "v10", "v9")
    remembered = model_choice.remember(task, remembered, "version", "26")
    sizes = model_choice.narrow(task, remembered).levels["size"].options
    assert sizes == ("nano", "small", "medium", "large", "xlarge")
    segmenters = [display_names.model(spec) for spec in model_choice.in_order(catalog.segmenters())]
    assert segmenters[:2] == ["Segment Anything 3", "Segment Anything 2.1 Tiny"]


def test_the_models_that_one_brings_oneself_come_last():
    families = model_choice.narrow(Task.CLASSIFICATION, {}).levels["family"].options
    own = [name for name in families if name.startswith("custom-") or name.endswith("-transformer")]
    assert own and families[-len(own) :] == tuple(own)


def test_models_that_are_alike_in_all_else_are_told_apart_by_name(monkeypatch):
    import dataclasses

    real = catalog.choices
    twin = dataclasses.replace(catalog.get_model("shapes-yolo"), name="shapes-twin")
    monkeypatch.setattr(catalog, "choices", lambda task, method: [*real(task, method), twin])
    remembered = model_choice.leading_to(twin, Task.DETECTION, Method.ONE_STAGE)
    choices = model_choice.narrow(Task.DETECTION, remembered)
    assert choices.spec is twin
    assert choices.levels["variant"].options == ("shapes-yolo", "shapes-twin")


def test_families_have_names_that_tell_them_apart():
    families = {spec.family for spec in catalog.list_models()}
    assert len({display_names.family(name) for name in families}) == len(families)
    assert all(display_names.family(name)[:1].isupper() for name in families)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("yolo11n-coco-torch", "YOLO 11 Nano"),
        ("yolov8l-oiv7-torch", "YOLO v8 Large, Open Images V7"),
        ("faster-rcnn-resnet50-fpn-coco-torch", "Faster R-CNN"),
        ("segment-anything-vitb-torch", "Segment Anything ViT-B"),
    ],
)
def test_a_model_is_called_as_people_call_it(name, said):
    assert display_names.model(catalog.get_model(name)) == said
