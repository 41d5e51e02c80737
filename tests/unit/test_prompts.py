"""From what a model says to the classes that were asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auto_labeling.core.run import RunConfig
from auto_labeling.models.prompts import Vocabulary, texts

ASKED = {"cat": "cat", "a red fire truck": "truck", "lorry": "truck", "Dog": "dog", "猫": "neko"}


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("cat", "cat"),
        ("CAT.", "cat"),
        ("dog", "dog"),
        ("fire truck", "truck"),
        ("red fire ##truck", "truck"),
        ("lorry", "truck"),
        ("the cat", "cat"),
        ("cat dog", "cat"),
        ("dog cat", "dog"),
        ("猫", "neko"),
        ("catalogue", None),
        ("elephant", None),
        ("", None),
        (".", None),
        (None, None),
    ],
)
def test_answers_mean_asked_classes_or_nothing(answer, name):
    assert Vocabulary(ASKED).find(answer) == name


@given(st.text())
def test_no_answer_becomes_a_class_that_was_not_asked_for(answer):
    assert Vocabulary(ASKED).find(answer) in {*ASKED.values(), None}


def test_a_class_without_prompts_is_its_own_prompt():
    config = RunConfig(
        task="detection",
        model="m",
        label_field="f",
        classes=("cat", "dog"),
        prompts={"cat": ("kitten", "tabby")},
    )
    assert texts(config) == {"kitten": "cat", "tabby": "cat", "dog": "dog"}
