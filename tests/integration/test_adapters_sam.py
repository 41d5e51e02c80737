"""Boxes to masks with the real SAM libraries, tiny and random, against their own predictors."""

import numpy as np
import pytest
import torch

from auto_labeling.models import zoo
from tests.support import zoo_models
from tests.support.tiny_sam import SAM, SAM2

BOXES = [[0.1, 0.1, 0.5, 0.6], [0.3, 0.2, 0.4, 0.4]]


def boxes(image_size=None, labels=("cat", "dog")):
    import fiftyone as fo

    return fo.Detections(
        detections=[
            fo.Detection(label=label, bounding_box=box, confidence=0.4 + 0.1 * i)
            for i, (label, box) in enumerate(zip(labels, BOXES, strict=True))
        ]
    )


def existing(name, **settings):
    return zoo_models.load(
        name, method="existing_detections", source_field="ground_truth", **settings
    )


def their_masks(name, model, path):
    """Masks and qualities by the library's own predictor."""
    image = zoo_models.pixels(path)
    height, width = image.shape[:2]
    xyxy = np.array([[x, y, x + w, y + h] for x, y, w, h in BOXES]) * np.array(
        [width, height, width, height]
    )
    network = model._segmenter._model
    with torch.no_grad():
        if name == SAM:
            from segment_anything import SamPredictor

            predictor = SamPredictor(network)
            predictor.set_image(image)
            prompts = predictor.transform.apply_boxes_torch(
                torch.tensor(np.round(xyxy).astype(int)), image.shape[:2]
            )
            masks, scores, _ = predictor.predict_torch(
                point_coords=None, point_labels=None, boxes=prompts, multimask_output=False
            )
            return masks[:, 0].numpy(), scores[:, 0].numpy(), xyxy
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        predictor = SAM2ImagePredictor(network)
        predictor.set_image(image)
        masks, scores, _ = predictor.predict(box=xyxy, multimask_output=False)
        return masks[:, 0] > 0, scores[:, 0], xyxy


@pytest.mark.parametrize("name", [SAM, SAM2])
def test_masks_of_existing_boxes_are_those_of_the_library(sam, name):
    path = zoo_models.photos(1)[0]
    model, config = existing(name)
    assert zoo.field_mapping(config) == {"detections": "ground_truth"}
    [found] = zoo_models.run(model, config, [path], [{"detections": boxes()}])
    masks, scores, xyxy = their_masks(name, model, path)
    assert [d.label for d in found.detections] == ["cat", "dog"]
    assert [d.confidence for d in found.detections] == pytest.approx([0.4, 0.5])
    for detection, box, mask, score, (x1, y1, x2, y2) in zip(
        found.detections, BOXES, masks, scores, xyxy, strict=True
    ):
        assert detection.bounding_box == pytest.approx(box)
        crop = mask[round(y1) : round(y2), round(x1) : round(x2)]
        if not crop.any():
            assert detection.mask is None
            continue
        assert (detection.mask == crop).mean() > 0.999
        assert detection.mask_quality == pytest.approx(min(float(score), 1), abs=1e-3)
    assert any(d.mask is not None for d in found.detections)


def test_samples_without_boxes_are_done_and_not_an_error(sam):
    import fiftyone as fo

    model, config = existing(SAM)
    paths = zoo_models.photos(3)
    values = [{"detections": None}, {"detections": fo.Detections()}, {"detections": boxes()}]
    found = zoo_models.run(model, config, paths, values)
    assert [len(labels.detections) for labels in found] == [0, 0, 2]


def test_unwanted_boxes_cost_nothing(sam):
    model, config = existing(SAM, classes=("dog",), confidence=0.45)
    [found] = zoo_models.run(model, config, zoo_models.photos(1), [{"detections": boxes()}])
    assert [d.label for d in found.detections] == ["dog"]


def test_boxes_that_leave_the_image_are_cut_and_empty_ones_are_left_out(sam):
    import fiftyone as fo

    odd = fo.Detections(
        detections=[
            fo.Detection(label="out", bounding_box=[-0.2, -0.1, 0.6, 0.7]),
            fo.Detection(label="flat", bounding_box=[0.2, 0.2, 0.5, 0.0]),
            fo.Detection(label="beside", bounding_box=[1.2, 0.2, 0.5, 0.5]),
            fo.Detection(label="nowhere", bounding_box=[float("nan"), 0.2, 0.5, 0.5]),
        ]
    )
    model, config = existing(SAM)
    [found] = zoo_models.run(model, config, zoo_models.photos(1), [{"detections": odd}])
    assert [d.label for d in found.detections] == ["out"]
    assert found.detections[0].bounding_box == pytest.approx([0, 0, 0.4, 0.6])


def test_more_boxes_than_are_segmented_at_once_all_come_back(sam, monkeypatch):
    from auto_labeling.models import two_stage

    monkeypatch.setattr(two_stage, "_MAX_BOXES_AT_ONCE", 1)
    model, config = existing(SAM)
    [found] = zoo_models.run(model, config, zoo_models.photos(1), [{"detections": boxes()}])
    assert [d.label for d in found.detections] == ["cat", "dog"]


def test_two_stages_keep_the_detectors_class_box_and_confidence(sam, tmp_path):
    from PIL import Image

    from auto_labeling.demo import shapes

    paths = []
    for number, scene in enumerate(shapes.generate(2, 20_001)):
        image = scene.image if hasattr(scene, "image") else scene[0]
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(np.asarray(image)).save(paths[-1])
    detector, config = zoo_models.load("shapes-yolo")
    alone = zoo_models.run(detector, config, paths)
    model, config = zoo_models.load(
        "shapes-yolo", task="instance_segmentation", method="two_stage", segmenter=SAM
    )
    found = zoo_models.run(model, config, paths)
    assert sum(len(labels.detections) for labels in found) > 0
    for ours, theirs in zip(found, alone, strict=True):
        assert [d.label for d in ours.detections] == [d.label for d in theirs.detections]
        for one, other in zip(ours.detections, theirs.detections, strict=True):
            assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
            assert one.bounding_box == pytest.approx(other.bounding_box, abs=1e-6)
    assert any(d.mask is not None for labels in found for d in labels.detections)


def test_the_input_of_a_staged_model_can_be_sent_to_loader_processes(sam):
    import pickle

    model, config = existing(SAM2)
    get_item = model.build_get_item(field_mapping=zoo.field_mapping(config))
    assert get_item.required_keys == ["filepath", "detections"]
    again = pickle.loads(pickle.dumps(get_item))
    item = again({"filepath": zoo_models.photos(1)[0], "detections": boxes()})
    assert len(item["boxes"].detections) == 2
