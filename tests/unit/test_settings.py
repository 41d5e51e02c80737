"""The settings of a run, as flags, forms and the reference see them."""

import math
import re

import pytest
from pydantic import ValidationError

from auto_labeling.core.setting_problems import sentence
from auto_labeling.core.settings import RunConfig, settings

BY_NAME = {setting.name: setting for setting in settings()}


def test_there_is_one_for_each_field_in_its_order():
    assert list(BY_NAME) == list(RunConfig.model_fields)


def test_each_says_what_it_means_in_one_line():
    for setting in settings():
        assert setting.title and setting.description, setting.name
        assert "\n" not in setting.description and not setting.description.endswith(".")


def test_kinds_limits_and_choices_come_from_the_configuration():
    assert BY_NAME["confidence"].kind == "number"
    assert (BY_NAME["confidence"].minimum, BY_NAME["confidence"].maximum) == (0, 1)
    assert (BY_NAME["max_labels"].kind, BY_NAME["max_labels"].minimum) == ("whole", 1)
    assert BY_NAME["classes"].kind == "texts"
    assert BY_NAME["prompts"].kind == "mapping"
    assert BY_NAME["half"].kind == "flag"
    assert ("two_stage", "Two-stage model") in BY_NAME["method"].choices


def test_what_must_be_said_and_what_is_assumed():
    assert [s.name for s in settings() if s.required] == ["task", "model", "label_field"]
    assert BY_NAME["method"].default == "one_stage"
    assert BY_NAME["confidence"].default is None


class Odd:
    """What no setting is."""

    def __repr__(self):
        return "<odd>"


WRONG = [
    *(None, "", " ", "x" * 1000, "\ud800", "\x00", b"\xff", True, False, -1, 0, 2, 10**400, 0.5),
    *(math.nan, math.inf, [], [1], [[]], [None], ["\ud800"], ["\x00"], [" "], (), {}, {1: 2}),
    *({"a": 1}, {"a": ["b"]}, {"a": [1]}, {"a": "b"}, {"cat": [""]}, {"cat": ["x" * 600]}),
    *({"cat": ["\x00"]}, {"cat": ["dog"]}, {("a",): []}, {"ant"}, Odd(), object, lambda: 0),
]
SOUND = {"task": "detection", "model": "m", "label_field": "f", "classes": ["cat", "dog"]}

#: How pydantic begins and ends what it says.
PYDANTICS = re.compile(r"[Ii]nput|[Vv]alid|unable|parse|pydantic|Value error|Field required|Extra")


def problems(**answers):
    """The types of what is wrong, and the sentences by field."""
    try:
        RunConfig(**{**SOUND, **answers})
    except ValidationError as error:
        found = error.errors()
        return {one["type"] for one in found}, {
            str(one["loc"][0]): sentence(str(one["loc"][0]), one) for one in found
        }
    return set(), {}


@pytest.mark.parametrize("field", [*BY_NAME, "min_confidence", "nothing"])
def test_whatever_is_wrong_is_said_in_our_words(field):
    refused = 0
    for value in WRONG:
        for name, text in problems(**{field: value})[1].items():
            refused += 1
            assert name == field or field == "classes"
            assert text and not PYDANTICS.search(text), (field, value, text)
            assert text[0] in "'" or (text[0].isupper() and len(text) < 200)
    assert refused


def test_the_wrong_values_reach_every_rule_of_a_setting():
    seen = set().union(*(problems(**{f: value})[0] for f in BY_NAME for value in WRONG))
    assert {"enum", "string_type", "tuple_type", "dict_type", "bool_parsing", "bool_type"} <= seen
    assert {"greater_than_equal", "less_than_equal", "string_too_long", "value_error"} <= seen


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("confidence", True, "number from 0 to 1"),
        ("workers", True, "whole number"),
        ("max_labels", True, "whole number"),
        ("target", "x", "Choose all, view, selection or ids"),
        ("classes", "cat", "list of texts"),
        ("name", 5, "Run name must be text, not int"),
        ("min_confidence", 0.5, "did you mean 'confidence'?"),
        ("half", "perhaps", "true or false"),
    ],
)
def test_what_is_wrong_is_named(field, value, said):
    assert said in problems(**{field: value})[1][field]
