"""Classes from a pasted list, from a file and from a field."""

import base64

import pytest

from auto_labeling.app import answers, class_sources
from auto_labeling.core.errors import ConfigError
from auto_labeling.models import catalog

YOLO = catalog.get_model("yolo11n-coco-torch")
CLIP = catalog.get_model("clip-vit-base32-torch")
COCO = catalog.known_classes(YOLO)


def form(spec, **more):
    return {**answers.blank(), "model": spec.name, **more}


def file(data: bytes, name="classes.txt"):
    return {"name": name, "content": base64.b64encode(data).decode()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_file_is_read_in_the_usual_encodings(encoding):
    assert class_sources.of_file(file("dög\ncat\n".encode(encoding))).split() == ["dög", "cat"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (file("dög".encode("latin-1")), "UTF-8"),
        (file(b"cat\x00dog"), "not a text file"),
        (file(b"  \n "), "is empty"),
        (file(b"x" * (class_sources.MAX_BYTES + 10)), "too large"),
        ({"name": "a", "content": "no base 64!"}, "UTF-8"),
        ({"name": 7, "content": None}, "too large"),
        ({}, "too large"),
    ],
)
def test_what_is_no_list_of_classes_is_refused_with_a_sentence(sent, said):
    with pytest.raises(ConfigError) as refused:
        class_sources.of_file(sent)
    assert said in refused.value.problems["class_file"]


def test_pasted_classes_are_added_to_those_chosen_and_unknown_ones_named():
    added = class_sources.added(form(YOLO, classes=["cat"]), YOLO, COCO, "dog, cat\nbus\r\nunicorn")
    assert added.changes == {"classes": ["cat", "dog", "bus"]}
    assert (added.number, added.left_out) == (2, ("unicorn",))


def test_a_known_class_with_commas_is_one_class():
    known = ("tabby, tabby cat", "tabby", "dog")
    assert class_sources.names("tabby, tabby cat\ndog, tabby", known) == [*known[::2], "tabby"]


def test_any_class_can_be_chosen_where_the_model_does_not_say_which_it_knows():
    added = class_sources.added(form(YOLO), YOLO, None, "unicorn")
    assert added.changes == {"classes": ["unicorn"]}


def test_a_file_for_a_zero_shot_model_may_hold_prompts():
    before = form(CLIP, vocabulary="cat")
    added = class_sources.added(before, CLIP, None, "vehicle: car, truck\ncat, dog\n")
    assert added.changes["vocabulary"] == "cat\nvehicle: car, truck\ndog"
    assert added.number == 2
    with pytest.raises(ConfigError):
        class_sources.added(before, CLIP, None, ": nothing")


def test_the_classes_of_a_field_may_have_any_name():
    names = ["a, b", "c: d", "\\e"]
    added = class_sources.added_names(form(CLIP), CLIP, None, names)
    assert answers.given({**form(CLIP), **added.changes}, CLIP)["classes"] == tuple(names)
    added = class_sources.added_names(form(YOLO), YOLO, None, names)
    assert added.changes == {"classes": names}
