"""Two-stage runs and existing detections, from the start to approved masks on disk."""

import uuid

import fiftyone as fo
import numpy as np
import pytest

from auto_labeling.core.run import Method, RunConfig, RunState
from auto_labeling.demo import data
from auto_labeling.lifecycle import labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import merged, shown, tab_filters
from auto_labeling.review.promotion import promote
from auto_labeling.review.summary import summarize
from tests.support.tiny_sam import SAM


@pytest.fixture
def drawn(tmp_path):
    dataset = data.make_dataset(f"test-{uuid.uuid4().hex[:8]}", n_shapes=36, folder=tmp_path)
    yield dataset
    dataset.delete()


def promote_all(dataset, run):
    request = {"filters": merged(None, run, tab_filters(run.label_root, "review"))}
    view = shown(dataset, request)
    return promote(dataset, run.id, view, summarize(dataset, run, view).current)


def from_ground_truth(mask_location):
    return RunConfig(
        task="instance_segmentation",
        method=Method.EXISTING_DETECTIONS,
        model=SAM,
        source_field="ground_truth",
        label_field="masks",
        mask_location=mask_location,
    )


@pytest.mark.parametrize("on_disk", [False, True])
def test_boxes_that_exist_become_masks_and_the_source_is_left_alone(sam, drawn, tmp_path, on_disk):
    before = drawn.values("ground_truth.detections")
    location = tmp_path / "masks"
    location.mkdir()
    config = from_ground_truth(str(location) if on_disk else "")
    run = labeling.generate(drawn, labeling.start(drawn, config).id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0), labeling.failures(drawn, run)[:1]
    assert run.account.given == drawn.count("ground_truth.detections")
    assert run.labels == run.account.staged
    assert promote_all(drawn, run) == run.labels
    approve(drawn, run.id)
    drawn.reload()
    labels = drawn.values("masks.detections", unwind=True)
    assert len(labels) == run.labels
    with_mask = [label for label in labels if label.has_mask]
    assert with_mask == labels
    for label in with_mask:
        assert (label.mask_path is not None) is on_disk
        mask = label.get_mask()
        assert mask.ndim == 2 and np.unique(mask > 0).size <= 2
    assert len(list(location.rglob("*.png"))) == (len(with_mask) if on_disk else 0)
    assert drawn.values("ground_truth.detections") == before


def test_two_stages_make_masks_with_the_detectors_classes_and_confidences(sam, drawn):
    config = RunConfig(
        task="instance_segmentation",
        method=Method.TWO_STAGE,
        model="shapes-yolo",
        segmenter=SAM,
        label_field="masks",
        confidence=0.3,
    )
    ids = drawn.match_tags("shapes").values("id")
    run = labeling.generate(drawn, labeling.start(drawn, config, ids).id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0), labeling.failures(drawn, run)[:1]
    labels = drawn.values(f"{run.label_root}", unwind=True)
    labels = [label for label in labels if label is not None]
    assert run.account.given > 60 and labels
    assert all(label.confidence >= 0.3 for label in labels)
    assert {label.label for label in labels} <= {"circle", "square", "triangle", "star"}
    assert all(label.has_mask for label in labels)


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "shapes-yolo-seg"},
        {"method": Method.TWO_STAGE, "model": "shapes-yolo", "segmenter": "shapes-sam"},
        {
            "method": Method.EXISTING_DETECTIONS,
            "model": "shapes-sam",
            "source_field": "ground_truth",
        },
    ],
)
def test_each_method_makes_masks_that_fit_the_shapes(drawn, settings):
    config = RunConfig(task="instance_segmentation", label_field="masks", **settings)
    ids = drawn.match_tags("shapes").values("id")
    run = labeling.generate(drawn, labeling.start(drawn, config, ids).id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0), labeling.failures(drawn, run)[:1]
    score = data.score(drawn, run.staging_field, masks=True)
    print(score)
    assert score["right"] > 80
    assert score["precision"] >= 0.85 and score["recall"] >= 0.85


def test_a_deleted_run_leaves_no_mask_files(sam, drawn, tmp_path):
    location = tmp_path / "masks"
    location.mkdir()
    config = from_ground_truth(str(location))
    run = labeling.generate(drawn, labeling.start(drawn, config).id)
    assert list(location.rglob("*.png"))
    labeling.delete(drawn, run.id)
    assert not list(location.rglob("*.png"))


def test_masks_keep_attributes_tags_and_index_of_the_boxes_they_are_made_of(sam, drawn):
    some = drawn.exists("ground_truth").limit(12)
    for sample in some.iter_samples(autosave=True):
        for number, detection in enumerate(sample.ground_truth.detections):
            detection["occluded"], detection["painter"] = number % 2 == 0, f"p{number}"
            detection.tags, detection.index = ["checked"], number
    drawn.add_sample_field("ground_truth.detections.painter", fo.StringField)
    run = labeling.start(drawn, from_ground_truth(""), some.values("id"))
    run = labeling.generate(drawn, run.id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0), labeling.failures(drawn, run)[:1]
    assert promote_all(drawn, run) == run.labels > 12
    approve(drawn, run.id)
    drawn.reload()
    for truth, made in zip(
        *some.values(["ground_truth.detections", "masks.detections"]), strict=True
    ):
        by_painter = {detection["painter"]: detection for detection in truth}
        for label in made:
            source = by_painter[label["painter"]]
            assert (label["occluded"], label.tags, label.index, label.label) == (
                source["occluded"],
                ["checked"],
                source.index,
                source.label,
            )
            assert label.id != source.id and np.allclose(label.bounding_box, source.bounding_box)
    schema = drawn.get_field_schema(flat=True)
    kinds = {"painter": fo.StringField, "occluded": fo.BooleanField, "mask_quality": fo.FloatField}
    for name, kind in kinds.items():
        assert type(schema[f"masks.detections.{name}"]) is kind
