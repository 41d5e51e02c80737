"""Classes and prompts as people write them, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auto_labeling.models import class_text

_plain = st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from("\\:,\u2028 ")
_words = st.text(_plain, min_size=1, max_size=8).filter(str.strip)


@pytest.mark.parametrize(
    ("text", "classes", "prompts"),
    [
        ("", (), {}),
        ("cat, dog ,bird", ("cat", "dog", "bird"), {}),
        ("cat\r\ndog\n\n  \nbird", ("cat", "dog", "bird"), {}),
        ("cat, cat\ncat", ("cat",), {}),
        ("vehicle: car, truck\ncat", ("vehicle", "cat"), {"vehicle": ("car", "truck")}),
        ("a: x\na: y, x", ("a",), {"a": ("x", "y")}),
        ("a: 10:30", ("a",), {"a": ("10:30",)}),
        ("a:", ("a",), {}),
        (r"ratio 1\:2, a\,b, \ c", ("ratio 1:2", "a,b", " c"), {}),
        ("end\\", ("end\\",), {}),
    ],
)
def test_what_people_write_is_understood(text, classes, prompts):
    assert class_text.read(text) == (classes, prompts)


def test_names_of_outputs_may_repeat():
    assert class_text.read("ok, ok\ndefect", repeated=True) == (("ok", "ok", "defect"), {})


def test_prompts_without_a_class_are_told_by_line():
    with pytest.raises(ValueError, match="Line 2 has prompts but no class"):
        class_text.read("cat\n : dog")


@given(st.dictionaries(_words, st.lists(_words, max_size=3, unique=True), max_size=5))
def test_what_is_written_is_read_again(asked):
    prompts = {name: tuple(texts) for name, texts in asked.items() if texts}
    assert class_text.read(class_text.write(asked, prompts)) == (tuple(asked), prompts)


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text):
    try:
        classes, prompts = class_text.read(text)
    except ValueError as error:
        assert "no class" in str(error)
        return
    assert set(prompts) <= set(classes) and all(classes) and all(prompts.values())
    assert class_text.read(class_text.write(classes, prompts)) == (classes, prompts)
