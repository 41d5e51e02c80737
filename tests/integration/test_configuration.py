"""What a run may be asked to do: one bad configuration per rule and field, and then any at all."""

import os
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import RunConfig
from auto_labeling.engine.ray import limits
from auto_labeling.lifecycle import labeling, validation
from auto_labeling.models import custom_check, licenses, trust

GOOD = {"task": "detection", "model": "shapes-yolo", "label_field": "predictions"}
MASKS = {"task": "instance_segmentation", "model": "segment-anything-vitb-torch"}
CLIP = {"task": "classification", "model": "clip-vit-base32-torch"}
TWO = {"task": "instance_segmentation", "method": "two_stage"}


@pytest.fixture(scope="module")
def dataset():
    import fiftyone as fo

    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    box = fo.Detection(label="cat", bounding_box=[0, 0, 1, 1])
    dataset.add_sample(
        fo.Sample(
            filepath="/nowhere/image.png",
            boxes=fo.Detections(detections=[box]),
            kind=fo.Classification(label="cat"),
            one=box,
            number=3,
        )
    )
    yield dataset
    dataset.delete()


def problems(dataset, **answers):
    with pytest.raises(ConfigError) as caught:
        labeling.check(dataset, GOOD | answers)
    return caught.value.problems


def test_a_good_configuration_passes(dataset):
    assert labeling.check(dataset, GOOD) == RunConfig(**GOOD)


@pytest.mark.parametrize(
    ("field", "answers", "words"),
    [
        ("task", {"task": "poetry"}, ""),
        ("task", {"task": None}, "Choose a task"),
        ("model", {"model": "nonesuch"}, "no model 'nonesuch'"),
        ("model", {"model": ""}, "Choose a model"),
        ("model", {"model": "deeplabv3-resnet50-coco-torch"}, "pixels, not instances"),
        ("model", {"model": "resnet50-imagenet-torch"}, "is for classification"),
        ("model", {"model": "yolo-nas-torch"}, "pip install"),
        ("model", MASKS, "finds nothing by itself"),
        ("method", {"method": "two_stage"}, "for instance segmentation"),
        ("method", {"method": "magic"}, ""),
        ("segmenter", TWO, "Choose the model"),
        ("segmenter", TWO | {"segmenter": "nonesuch"}, "no model"),
        ("segmenter", TWO | {"segmenter": "shapes-yolo"}, "does not make masks"),
        ("model", TWO | {"model": "resnet50-imagenet-torch"}, "is for classification"),
        ("model", TWO | {"model": MASKS["model"]}, "finds nothing by itself"),
        ("source_field", MASKS | {"method": "existing_detections"}, "Choose the field"),
        (
            "source_field",
            MASKS | {"method": "existing_detections", "source_field": "kind"},
            "Classification, not Detections",
        ),
        (
            "source_field",
            MASKS | {"method": "existing_detections", "source_field": "gone"},
            "no label field 'gone'",
        ),
        (
            "model",
            {"task": "instance_segmentation", "method": "existing_detections"},
            "does not make masks",
        ),
        ("classes", CLIP, "at least one"),
        ("classes", CLIP | {"classes": [f"c{i}" for i in range(10_000)]}, "At most 1,000"),
        ("classes", {"classes": [f"c{i}" for i in range(10_000)]}, "and 9,997 more"),
        ("classes", {"classes": ["dragon 🐉"]}, "does not know 'dragon 🐉'"),
        ("classes", {"classes": [" "]}, "must have a name"),
        ("classes", {"classes": ["a\x00"]}, "printable"),
        ("classes", {"classes": ["\ud800"]}, "printable"),
        ("classes", {"classes": ["c" * 201]}, "at most 200"),
        ("prompts", {"prompts": {"circle": ["round"]}}, "not among the classes"),
        ("prompts", {"classes": ["circle"], "prompts": {"circle": ["round"]}}, "takes no prompts"),
        ("prompts", CLIP | {"classes": ["a"], "prompts": {"b": ["x"]}}, "not among the classes"),
        (
            "prompts",
            CLIP | {"classes": ["a", "b"], "prompts": {"a": ["X  y"], "b": ["x Y"]}},
            "both 'a' and 'b'",
        ),
        ("prompts", CLIP | {"classes": ["a", "b"], "prompts": {"a": ["B"]}}, "both 'a' and 'b'"),
        ("prompts", CLIP | {"classes": ["a"], "prompts": {"a": [" "]}}, "1 to 500"),
        ("confidence", {"confidence": float("nan")}, "from 0 to 1"),
        ("confidence", {"confidence": 1.5}, "from 0 to 1"),
        ("confidence", {"confidence": "high"}, "from 0 to 1"),
        ("max_labels", {"max_labels": 0}, "at least 1"),
        ("device", {"device": "toaster"}, "cpu, mps, cuda"),
        ("half", {"half": True, "device": "cpu"}, "needs a GPU"),
        ("workers", {"workers": 0}, "at least 1"),
        ("workers", {"workers": "many"}, "at least 1"),
        ("workers", {"workers": 10**30}, f"{limits.SETTING} sets the limit"),
        ("mask_location", {"mask_location": "/tmp"}, "Only instance segmentation"),
        ("keep_without_mask", {"keep_without_mask": True}, "Only instance segmentation"),
        ("mask_location", TWO | {"mask_location": "masks"}, "full path"),
        ("mask_location", TWO | {"mask_location": "../masks"}, "full path"),
        ("mask_location", TWO | {"mask_location": "/tmp/../etc"}, "'..'"),
        ("mask_location", TWO | {"mask_location": "s3://bucket/masks"}, "cloud"),
        ("mask_location", TWO | {"mask_location": "gs://bucket"}, "cloud"),
        ("mask_location", TWO | {"mask_location": "https://host/masks"}, "cloud"),
        ("mask_location", TWO | {"mask_location": "/proc/masks"}, "Nothing can be written"),
        ("mask_location", TWO | {"mask_location": f"{__file__}/masks"}, "is a file"),
        ("mask_location", TWO | {"mask_location": "/tmp/a\x00b"}, "full path"),
        ("checkpoint", {"checkpoint": "owner/name"}, "has its own weights"),
        ("checkpoint", {"model": "detection-transformer-torch"}, "Hugging Face"),
        ("checkpoint", {"model": "custom-python-detection"}, "package.module:Name"),
        ("checkpoint", {"model": "custom-python-detection", "checkpoint": "os:x;"}, "module:Name"),
        (
            "checkpoint",
            {"model": "custom-ultralytics-detection", "checkpoint": "x.pt"},
            "full path",
        ),
        ("label_field", {"label_field": "boxes"}, "already"),
        ("label_field", {"label_field": ""}, "Name the new field"),
        ("label_field", {"label_field": "x_in_review"}, "reserved for labels in review"),
        ("colour", {"colour": "red"}, "Unknown setting"),
        ("name", {"name": "n" * 101}, "At most 100"),
        ("target", {"target": "some"}, ""),
        ("segmenter", TWO | {"segmenter": "segment-anything-3-image-torch"}, "pip install"),
        (
            "classes",
            {"task": "classification", "model": "custom-torch-classification"},
            "Name the outputs",
        ),
    ],
)
def test_each_wrong_answer_is_named_at_its_field(dataset, field, answers, words, monkeypatch):
    monkeypatch.delenv(trust.SETTING, raising=False)
    assert words in problems(dataset, **answers)[field]


def test_all_problems_are_named_at_once(dataset):
    answers = {"model": "nonesuch", "confidence": 7, "label_field": "boxes", "method": "two_stage"}
    found = problems(dataset, **answers)
    assert set(found) >= {"model", "confidence", "label_field", "method", "segmenter"}


def test_fields_of_boxes_are_told_from_others(dataset):
    fields = validation.source_fields(dataset)
    assert fields["boxes"] == ""
    assert fields["kind"] == "It holds Classification, not Detections"
    assert fields["one"] == "It holds Detection, not Detections"
    assert "number" not in fields


def test_what_is_trusted_is_judged_where_it_runs(dataset, monkeypatch, tmp_path):
    monkeypatch.setenv(trust.SETTING, f"mine.models,{tmp_path}")
    for model, checkpoint, is_trusted in (
        ("custom-python-detection", "mine.models.cats:Cats", True),
        ("custom-python-detection", "mine.models_of_others:Cats", False),
        ("custom-python-detection", "os:x", False),
        ("custom-ultralytics-detection", f"{tmp_path}/best.pt", True),
        ("custom-ultralytics-detection", f"{tmp_path}/../elsewhere.pt", False),
        ("detection-transformer-torch", "/x", False),
    ):
        answers = GOOD | {"model": model, "checkpoint": checkpoint}
        config = labeling.check(dataset, answers)  # a form cannot know what a worker trusts
        assert (trust.SETTING in custom_check.problems(config)["checkpoint"]) is not is_trusted
        with pytest.raises(ConfigError):  # there is no such thing, or it is not trusted
            labeling.start(dataset, config, queue=False)
    assert labeling.runs(dataset) == []


def test_a_link_does_not_lead_out_of_a_trusted_folder(monkeypatch, tmp_path):
    (tmp_path / "trusted").mkdir()
    (tmp_path / "evil.pt").touch()
    (tmp_path / "trusted" / "link.pt").symlink_to(tmp_path / "evil.pt")
    monkeypatch.setenv(trust.SETTING, str(tmp_path / "trusted"))
    assert trust.refusal(str(tmp_path / "trusted" / "link.pt"))
    assert not trust.refusal(str(tmp_path / "trusted" / "good.pt"))


def test_a_licence_that_is_not_allowed_is_told(dataset, monkeypatch):
    monkeypatch.setenv(licenses.ALLOWED_LICENSES, "Apache-2.0")
    assert "AGPL-3.0" in problems(dataset)["model"]


def test_a_writable_mask_location_passes_and_is_not_made(dataset, tmp_path):
    answers = GOOD | TWO | {"segmenter": MASKS["model"], "mask_location": str(tmp_path / "new")}
    assert labeling.check(dataset, answers).mask_location
    assert not (tmp_path / "new").exists() and os.listdir(tmp_path) == []


_text = st.text(max_size=12) | st.sampled_from(["shapes-yolo", "clip-vit-base32-torch", "boxes"])
_anything = st.none() | st.booleans() | st.integers() | st.floats() | _text | st.lists(_text)
_ANSWERS = st.fixed_dictionaries(
    {
        "task": st.sampled_from(["detection", "classification", "instance_segmentation"]) | _text,
        "model": st.sampled_from(["shapes-yolo", CLIP["model"], MASKS["model"]]) | _anything,
        "label_field": _anything,
    },
    optional={
        "method": st.sampled_from(["one_stage", "two_stage", "existing_detections"]) | _anything,
        "classes": st.lists(_text) | _anything,
        "prompts": st.dictionaries(_text, st.lists(_text)) | _anything,
        **{name: _anything for name in ("confidence", "max_labels", "device", "half", "name")},
        **{name: _anything for name in ("segmenter", "source_field", "checkpoint", "target")},
        "workers": _anything,
        "mask_location": _text | st.sampled_from(["s3://b", "/../x", "/tmp", "\x00"]) | _anything,
    },
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answers=_ANSWERS)
def test_any_answers_are_accepted_or_refused_by_field_and_write_nothing(dataset, answers):
    before = dataset.get_field_schema(), dataset.list_runs(), labeling.runs(dataset)
    try:
        labeling.check(dataset, answers)
    except ConfigError as error:
        assert error.problems
        assert all(isinstance(text, str) and text for text in error.problems.values())
        with pytest.raises(ConfigError):
            labeling.check(dataset, answers)
    assert (dataset.get_field_schema(), dataset.list_runs(), labeling.runs(dataset)) == before
