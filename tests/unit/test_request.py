"""What a browser sends is checked for its kind before anything else sees it."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auto_labeling.app import answers, request, values
from auto_labeling.core import text as words
from auto_labeling.core.errors import Unreadable
from auto_labeling.core.run import Method, RunConfig, Target, Task
from auto_labeling.models import catalog

HOSTILE = [None, True, -1, 1.5, "1", [], {}, float("nan"), {"$gt": ""}, "../../etc", 10**30]


def context(**params):
    return SimpleNamespace(params=params, request_params={}, trigger=lambda *_: None)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_run_id_is_a_string(value):
    assert isinstance(request.run_id(context(run_id=value)), str)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_row_is_an_index_or_nothing(value):
    row = request.row(context(row=value))
    assert row is None or (type(row) is int and row >= 0)


@pytest.mark.parametrize("value", HOSTILE)
def test_an_expected_number_is_an_integer(value):
    assert type(request.expected(context(expected=value))) is int


@pytest.mark.parametrize("value", [*HOSTILE, [0.1], [0.1, "x"], [None, 1], [math.inf, 0]])
def test_what_is_no_range_is_none(value):
    assert values.range_of(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [([0.2, 0.9], (0.2, 0.9)), ([0.9, 0.2], (0.2, 0.9)), ([-1, 7], (0.0, 1.0)), ((0, 1), (0, 1))],
)
def test_a_range_is_in_order_and_within_bounds(value, expected):
    assert values.range_of(value) == expected


def test_the_innermost_property_is_the_one_that_changed():
    assert request.changed(context(path="form.model", value="x")) == ("model", "x")
    assert request.changed(context()) == ("", None)


# --- form ⇄ configuration ---------------------------------------------------------------------

SAM = "segment-anything-vitb-torch"
_plain = st.characters(blacklist_categories=["Cs", "Cc"])
_classes = st.text(_plain, min_size=1, max_size=8).filter(str.strip)
_texts = st.text(min_size=1, max_size=12).filter(lambda text: text == text.strip())


#: The tasks that give more than one label per image.
MANY = (Task.DETECTION, Task.INSTANCE_SEGMENTATION)


@st.composite
def configurations(draw):
    """Configurations of every task, method and model type, with answers that fit."""
    task = draw(st.sampled_from(Task))
    methods = [method for method in Method if catalog.choices(task, method)]
    method = draw(st.sampled_from(methods))
    spec = draw(st.sampled_from(catalog.choices(task, method)))
    classes = tuple(draw(st.lists(_classes, max_size=4, unique=True)))
    config = {
        "task": task,
        "method": method,
        "model": spec.name,
        "label_field": draw(_texts),
        "target": draw(st.sampled_from(Target)),
        "classes": classes,
        "confidence": draw(st.none() | st.floats(0, 1)),
        "max_labels": draw(st.none() | st.integers(1, 1000)) if task in MANY else None,
        "name": draw(st.just("") | _texts),
        "device": draw(st.sampled_from(["", "cpu", "cuda", "cuda:3", "cuda:112", "mps"])),
        "half": draw(st.booleans()),
        "workers": draw(st.integers(1, 64)),
    }
    if config["target"] is not Target.IDS:
        config["group_slices"] = tuple(draw(st.sets(st.sampled_from(["left", "right"]))))
    if answers.asks_in_words(spec):
        config["prompts"] = {name: (f"{number} of a kind",) for number, name in enumerate(classes)}
    if spec.needs_checkpoint:
        config["checkpoint"] = draw(st.just("") | _texts)
    if method is Method.TWO_STAGE:
        config["segmenter"] = SAM
    if method is Method.EXISTING_DETECTIONS:
        config["source_field"] = draw(_texts)
    if task is Task.INSTANCE_SEGMENTATION:
        config["mask_location"] = draw(st.sampled_from(["", "/data/masks"]))
        config["keep_without_mask"] = draw(st.booleans())
    return RunConfig(**config)


@settings(max_examples=200, deadline=None)
@given(configurations())
def test_a_form_and_a_configuration_say_the_same(config):
    form, remembered = answers.from_config(config)
    spec = answers.choices_of(form, remembered).spec
    assert spec is catalog.get_model(config.model)
    assert RunConfig(**answers.given(form, spec)) == config
    assert answers.adapt(form, remembered, "")[0] == {}
    assert set(answers.problems(form, answers.chosen_model(form))) == (
        {"ids"} if config.target is Target.IDS else set()
    )


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", answers.blank())
@pytest.mark.parametrize("model", ["shapes-yolo", "clip-vit-base32-torch", SAM, "nothing"])
def test_hostile_answers_stay_plain_values(name, value, model):
    form = {**answers.blank(), "model": model, "task": "instance_segmentation", name: value}
    spec = answers.chosen_model(form)
    assert set(answers.given(form, spec)) <= set(RunConfig.model_fields)
    changes, remembered = answers.adapt(form, {}, name)
    assert set(changes) <= set(form) and isinstance(remembered, dict)
    assert all(isinstance(text, str) for text in answers.problems(form, spec).values())


@pytest.mark.parametrize("remembered", [{"detection/method": []}, {"detection/method": {}}, {1: 2}])
def test_hostile_memories_choose_nothing(remembered):
    assert answers.choices_of(answers.blank(), remembered).spec is None


class Person:
    """A person who fills in the form, as the panel lets them."""

    def __init__(self):
        self.form, self.remembered = answers.blank(), {}
        self.answer("", None)

    def answer(self, name, value):
        if name:
            self.form[name] = value
        changes, self.remembered = answers.adapt(self.form, self.remembered, name)
        self.form |= changes

    def choose(self, **answers):
        for name, value in answers.items():
            self.answer(name, value)


def test_one_remaining_choice_is_chosen_by_itself():
    person = Person()
    assert person.form["method"] == "one_stage" and person.form["model"] == ""
    person.choose(family="faster-rcnn")
    assert person.form["model"] == "faster-rcnn-resnet50-fpn-coco-torch"


def test_choices_are_remembered_while_moving_back_and_forth():
    person = Person()
    person.choose(family="yolo", version="11", size="nano")
    assert person.form["model"] == "yolo11n-coco-torch"
    person.choose(classes=["cat"], task="classification")
    assert (person.form["model"], person.form["classes"]) == ("", [])
    person.choose(family="resnet", size="50")
    assert person.form["model"] == "resnet50-imagenet-torch"
    person.choose(task="detection")
    assert (person.form["model"], person.form["classes"]) == ("yolo11n-coco-torch", ["cat"])
    person.choose(family="dfine")
    assert (person.form["model"], person.form["version"]) == ("", "")
    person.choose(family="yolo")
    assert (person.form["model"], person.form["classes"]) == ("yolo11n-coco-torch", ["cat"])


def test_the_confidence_follows_the_model_until_somebody_changes_it():
    person = Person()
    person.choose(family="faster-rcnn")
    assert person.form["confidence"] == catalog.get_model(person.form["model"]).confidence
    person.choose(family="rfdetr", size="nano")
    assert person.form["confidence"] == 0.5
    person.choose(task="classification", family="alexnet")
    assert person.form["confidence"] == ""
    person.choose(task="detection", confidence=0.1, family="faster-rcnn")
    assert person.form["confidence"] == 0.1


def test_files_of_masks_need_a_place():
    form = {**answers.blank(), "task": "instance_segmentation"}
    assert "mask_location" in answers.problems(form, answers.chosen_model(form))
    assert answers.problems({**form, "masks": "inline"}, None) == {}
    chosen = {**form, "mask_location": " /data/masks "}
    assert answers.problems(chosen, answers.chosen_model(chosen)) == {}
    assert answers.given(chosen, answers.chosen_model(chosen))["mask_location"] == "/data/masks"


def test_prompts_without_a_class_are_told():
    form = {**answers.blank(), "model": "clip-vit-base32-torch", "vocabulary": "cat\n: dog"}
    assert answers.problems(form, answers.chosen_model(form))["classes"].startswith("Line 2")


def test_filters_are_set_only_when_they_differ():
    asked = []
    ctx = SimpleNamespace(
        params={}, request_params={"filters": {"a": {}}}, trigger=lambda *what: asked.append(what)
    )
    request.set_filters(ctx, {"a": {}})
    assert asked == []
    request.set_filters(ctx, {"b": {}})
    assert asked == [("set_filters", {"b": {}})]
    assert request.request(ctx)["filters"] == {"b": {}}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (1200, "20 min"),
        (7260, "2 h 1 min"),
        (9e5, "10 days"),
    ],
)
def test_durations_are_said_as_people_do(seconds, said):
    assert words.duration(seconds) == said


def test_numbers_and_lists_are_said_as_people_do():
    assert words.count(1, "label") == "1 label"
    assert words.count(1234, "label") == "1,234 labels"
    assert words.some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert words.confidence(None) == "—"
    assert words.confidence(0.5) == "0.500"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("view", "everything"),
        ("view", [{"_cls": 1}]),
        ("view", [{"_cls": "fiftyone.core.stages.Limit", "kwargs": {"limit": 3}}]),
        ("view", [{"_cls": "fiftyone.core.stages.Limit", "kwargs": [["limit"]]}]),
        ("view_name", {"$ne": 1}),
        ("filters", {"a": 1}),
        ("filters", {"a": {"values": "x"}}),
        ("filters", {"a": {"range": [1]}}),
        ("extended", []),
        ("selected", ["x"]),
        ("selected_labels", [{"label_id": {"$gt": ""}}]),
        ("group_slice", 3),
    ],
)
def test_what_no_app_would_say_of_its_grid_is_refused_by_name(key, value):
    sentence = f"grid's {key.replace('_', ' ')} cannot be read; nothing was changed"
    with pytest.raises(Unreadable, match=sentence):
        request.request(SimpleNamespace(request_params={key: value}))


def test_what_the_app_says_of_its_grid_is_taken():
    said = {
        "view": [{"_cls": "fiftyone.core.stages.Limit", "kwargs": [["limit", 3]], "_uuid": "x"}],
        "view_name": None,
        "filters": {"a.label": {"values": ["cat"], "exclude": False}, "a": {"range": [None, 1]}},
        "extended": {},
        "selected": ["6" * 24],
        "selected_labels": [{"label_id": "6" * 24, "sample_id": "7" * 24, "field": "a"}],
        "group_slice": "left",
    }
    assert request.request(SimpleNamespace(request_params=said)) == said
