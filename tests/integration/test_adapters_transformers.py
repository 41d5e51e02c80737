"""FiftyOne's Hugging Face wrappers against ``transformers`` called directly, on tiny networks."""

import numpy as np
import pytest
import torch
from PIL import Image

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.models import trust
from tests.support import zoo_models

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import tiny_transformers  # noqa: E402
from tests.support.tiny_transformers import LOW, assert_boxes  # noqa: E402


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Makes a checkpoint of a kind, in a folder that the worker trusts."""
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path / "zoo"))
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    torch.manual_seed(51)
    return lambda kind: getattr(tiny_transformers, kind)(tmp_path / kind)


def images(paths):
    return [Image.open(path).convert("RGB") for path in paths]


def sizes(pictures):
    return [(image.height, image.width) for image in pictures]


def test_image_classification(build):
    checkpoint, paths = build("vit"), zoo_models.photos()
    model, config = zoo_models.load("classification-transformer-torch", checkpoint=checkpoint)
    found = zoo_models.run(model, config, paths)
    network = transformers.ViTForImageClassification.from_pretrained(checkpoint)
    processor = transformers.AutoImageProcessor.from_pretrained(checkpoint)
    with torch.no_grad():
        inputs = processor(images=images(paths), return_tensors="pt")
        odds = network(**inputs).logits.softmax(1)
    for label, row in zip(found, odds, strict=True):
        assert label.label == tiny_transformers.NAMES[int(row.argmax())]
        assert label.confidence == pytest.approx(float(row.max()), abs=1e-4)


def test_object_detection_and_its_threshold(build):
    checkpoint, [path] = build("detr"), zoo_models.photos(1)
    name = "detection-transformer-torch"
    network = transformers.DetrForObjectDetection.from_pretrained(checkpoint).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(checkpoint)
    [image] = images([path])
    with torch.no_grad():
        output = network(**processor(images=image, return_tensors="pt"))
    [expected] = processor.post_process_object_detection(output, 0, sizes([image]))
    names = [tiny_transformers.NAMES[int(i)] for i in expected["labels"]]
    scores = expected["scores"].sort(descending=True).values
    widest = int((scores[:-1] - scores[1:]).argmax())  # so that rounding decides nothing
    middle = float(scores[widest : widest + 2].mean())
    counts = []
    for threshold in (LOW, middle):
        model, config = zoo_models.load(name, checkpoint=checkpoint, confidence=threshold)
        [found] = zoo_models.run(model, config, [path])
        assert_boxes(found.detections, expected, names, image.size, threshold)
        counts.append(len(found.detections))
    assert counts[0] > counts[1]
    model, config = zoo_models.load(name, checkpoint=checkpoint)
    assert model.config.confidence_thresh == 0.5  # never none, which would keep all


def test_zero_shot_classification_asks_the_prompts_and_answers_with_classes(build):
    checkpoint, paths = build("clip"), zoo_models.photos()
    name = "zero-shot-classification-transformer-torch"
    prompts = {"feline": ("a cat", "a tiger"), "dog": ("a photo of a dog",)}
    model, config = zoo_models.load(
        name, checkpoint=checkpoint, classes=("feline", "dog"), prompts=prompts
    )
    found = zoo_models.run(model, config, paths)
    network = transformers.CLIPModel.from_pretrained(checkpoint).eval()
    processor = transformers.AutoProcessor.from_pretrained(checkpoint)
    texts = ["a cat", "a tiger", "a photo of a dog"]
    inputs = processor(text=texts, images=images(paths), return_tensors="pt", padding=True)
    with torch.no_grad():
        odds = network(**inputs).logits_per_image.softmax(1)
    for label, row in zip(found, odds, strict=True):
        felines, dogs = float(row[:2].sum()), float(row[2])
        assert label.label == ("feline" if felines > dogs else "dog")
        assert label.confidence == pytest.approx(max(felines, dogs), abs=1e-3)


def test_zero_shot_detection_by_owlvit(build):
    checkpoint, [path] = build("owlvit"), zoo_models.photos(1)
    model, config = zoo_models.load(
        "zero-shot-detection-transformer-torch",
        checkpoint=checkpoint,
        classes=("feline", "dog"),
        prompts={"feline": ("cat", "a tiger")},
        confidence=LOW,
    )
    [found] = zoo_models.run(model, config, [path])
    network = transformers.OwlViTForObjectDetection.from_pretrained(checkpoint).eval()
    processor = transformers.AutoProcessor.from_pretrained(checkpoint)
    [image] = images([path])
    texts = ["cat", "a tiger", "dog"]
    inputs = processor(text=[texts], images=image, return_tensors="pt", padding=True)
    with torch.no_grad():
        output = network(**inputs)
    [expected] = processor.post_process_grounded_object_detection(
        output, LOW, torch.tensor(sizes([image]))
    )
    names = [["feline", "feline", "dog"][int(i)] for i in expected["labels"]]
    assert_boxes(found.detections, expected, names, image.size)


def test_zero_shot_detection_by_grounding_dino_gives_asked_classes_alone(build):
    checkpoint, paths = build("grounding_dino"), zoo_models.photos(2)
    model, config = zoo_models.load(
        "zero-shot-detection-transformer-torch",
        checkpoint=checkpoint,
        classes=("Cat", "fire truck"),
        prompts={"fire truck": ("red firetruck",)},
        confidence=LOW,
    )
    found = zoo_models.run(model, config, paths)
    network = transformers.GroundingDinoForObjectDetection.from_pretrained(checkpoint).eval()
    processor = transformers.AutoProcessor.from_pretrained(checkpoint)
    seen = set()
    for path, labels in zip(paths, found, strict=True):
        [image] = images([path])
        inputs = processor(images=image, text=[["Cat", "red firetruck"]], return_tensors="pt")
        with torch.no_grad():
            output = network(**inputs)
        [expected] = processor.post_process_grounded_object_detection(
            output, inputs["input_ids"], threshold=LOW, target_sizes=sizes([image])
        )
        assert {d.label for d in labels.detections} <= {"Cat", "fire truck"}
        seen |= {d.label for d in labels.detections}
        answered = [bool(text.strip()) for text in expected["text_labels"]]
        assert len(labels.detections) <= sum(answered)
        for detection in labels.detections:
            alike = (expected["scores"] - detection.confidence).abs() < 1e-3
            box = zoo_models.corners(detection, image.size)
            apart = np.abs(expected["boxes"].numpy()[alike.numpy()] - box).max(axis=1)
            assert apart.min() < 1.0
    assert seen


def test_universal_segmentation(build):
    checkpoint, [path] = build("mask2former"), zoo_models.photos(1)
    model, config = zoo_models.load(
        "universal-segmentation-transformer-torch", checkpoint=checkpoint, confidence=LOW
    )
    [found] = zoo_models.run(model, config, [path])
    network = transformers.Mask2FormerForUniversalSegmentation.from_pretrained(checkpoint).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(checkpoint)
    [image] = images([path])
    with torch.no_grad():
        output = network(**processor(images=image, return_tensors="pt"))
    [expected] = processor.post_process_instance_segmentation(
        output, threshold=LOW, target_sizes=sizes([image]), return_binary_maps=True
    )
    masks = [m > 0 for m in expected["segmentation"].numpy()]
    told = [s for s, m in zip(expected["segments_info"], masks, strict=True) if m.any()]
    masks = [m for m in masks if m.any()]
    assert len(found.detections) == len(told) > 0
    for detection, segment, mask in zip(found.detections, told, masks, strict=True):
        assert detection.label == tiny_transformers.NAMES[segment["label_id"]]
        assert detection.confidence == pytest.approx(segment["score"], abs=1e-4)
        ours = zoo_models.whole_mask(detection, image.size)
        assert (ours == mask).mean() > 0.99


def test_a_folder_is_loaded_only_if_the_worker_trusts_it(build, monkeypatch):
    checkpoint = build("vit")
    monkeypatch.delenv(trust.SETTING)
    with pytest.raises(ModelUnavailable, match=trust.SETTING):
        zoo_models.load("classification-transformer-torch", checkpoint=checkpoint)


def test_an_id_that_cannot_be_downloaded_is_a_readable_error(build):
    build("vit")
    with pytest.raises(ModelUnavailable, match="could not be downloaded from no-one/nothing"):
        zoo_models.load("classification-transformer-torch", checkpoint="no-one/nothing")
