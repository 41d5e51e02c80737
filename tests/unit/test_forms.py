"""What a browser sends is checked for its kind before anything else sees it."""

import math
from types import SimpleNamespace

import pytest

from auto_labeling import forms
from auto_labeling.panels import words
from auto_labeling.run import RunConfig, Target, Task

HOSTILE = [None, True, -1, 1.5, "1", [], {}, float("nan"), {"$gt": ""}, "../../etc", 10**30]


def context(**params):
    return SimpleNamespace(params=params, request_params={}, trigger=lambda *_: None)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_run_id_is_a_string(value):
    assert isinstance(forms.run_id(context(run_id=value)), str)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_row_is_an_index_or_nothing(value):
    row = forms.row(context(row=value))
    assert row is None or (type(row) is int and row >= 0)


@pytest.mark.parametrize("value", HOSTILE)
def test_an_expected_number_is_an_integer(value):
    assert type(forms.expected(context(expected=value))) is int


@pytest.mark.parametrize("value", [*HOSTILE, [0.1], [0.1, "x"], [None, 1], [math.inf, 0]])
def test_what_is_no_range_is_none(value):
    assert forms.range_of(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [([0.2, 0.9], (0.2, 0.9)), ([0.9, 0.2], (0.2, 0.9)), ([-1, 7], (0.0, 1.0)), ((0, 1), (0, 1))],
)
def test_a_range_is_in_order_and_within_bounds(value, expected):
    assert forms.range_of(value) == expected


def test_the_innermost_property_is_the_one_that_changed():
    assert forms.changed(context(path="form.model", value="x")) == ("model", "x")
    assert forms.changed(context()) == ("", None)


def test_a_form_and_a_configuration_say_the_same():
    config = RunConfig(
        task=Task.CLASSIFICATION,
        model="m",
        label_field="kind",
        target=Target.VIEW,
        classes=("a", "b"),
        confidence=0.3,
        name="N",
    )
    assert RunConfig(**forms.answers(forms.from_config(config))) == config


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", forms.FIELDS)
def test_hostile_answers_stay_plain_values(name, value):
    answers = forms.answers({**forms.blank(), name: value})
    assert set(answers) == set(forms.FIELDS)


def test_a_new_task_forgets_the_model_and_its_classes():
    form = {**forms.blank(), "model": "m", "classes": ["a"]}
    assert forms.adapt(form, "task") == {"model": "", "classes": [], "confidence": None}
    assert forms.adapt(form, "name") == {}


def test_a_model_brings_its_recommended_confidence():
    form = {**forms.blank(), "model": "shapes-yolo"}
    spec = forms.chosen_model(form)
    assert spec is not None
    assert forms.adapt(form, "model") == {"classes": [], "confidence": spec.confidence}


def test_filters_are_set_only_when_they_differ():
    asked = []
    ctx = SimpleNamespace(
        params={}, request_params={"filters": {"a": 1}}, trigger=lambda *what: asked.append(what)
    )
    forms.set_filters(ctx, {"a": 1})
    assert asked == []
    forms.set_filters(ctx, {"b": 2})
    assert asked == [("set_filters", {"b": 2})]
    assert forms.request(ctx)["filters"] == {"b": 2}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (1200, "20 min"), (7260, "2 h 1 min")],
)
def test_durations_are_said_as_people_do(seconds, said):
    assert words.duration(seconds) == said


def test_numbers_and_lists_are_said_as_people_do():
    assert words.count(1, "label") == "1 label"
    assert words.count(1234, "label") == "1,234 labels"
    assert words.some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert words.confidence(None) == "—"
    assert words.confidence(0.5) == "0.500"
