"""The zoo's Hugging Face entries, each with a tiny network where the zoo looks for weights."""

import shutil

import pytest
import torch
from PIL import Image

from auto_labeling.models import catalog
from auto_labeling.models.prompts import Vocabulary
from tests.support import zoo_models

hf = pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import tiny_transformers  # noqa: E402
from tests.support.tiny_transformers import LOW, assert_boxes  # noqa: E402

CLASSES, PROMPTS = ("Cat", "fire truck"), {"fire truck": ("red firetruck",)}
TEXTS = {"Cat": "Cat", "red firetruck": "fire truck"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Puts a tiny network of a kind in the zoo, under the id that an entry names."""
    import fiftyone as fo

    zoo = tmp_path / "zoo"
    monkeypatch.setattr(fo.config, "model_zoo_dir", str(zoo))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    torch.manual_seed(51)

    def make(name, kind):
        spec = catalog.get_model(name)
        assert not spec.downloaded
        cached = zoo / f"models--{spec.checkpoint.replace('/', '--')}"
        shutil.copytree(
            getattr(tiny_transformers, kind)(tmp_path / kind), cached / "snapshots" / "tiny"
        )
        (cached / "refs").mkdir()
        (cached / "refs" / "main").write_text("tiny")
        assert spec.downloaded
        return str(cached / "snapshots" / "tiny")

    return make


def photograph():
    path = zoo_models.photo("chelsea")
    return path, Image.open(path).convert("RGB")


def height_and_width(image):
    return [(image.height, image.width)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("rtdetr-v2-s-coco-torch", "rtdetr_v2"), ("dfine-nano-coco-torch", "dfine")],
)
def test_detectors(place, name, kind):
    checkpoint, (path, image) = place(name, kind), photograph()
    model, config = zoo_models.load(name, confidence=LOW)
    [found] = zoo_models.run(model, config, [path])
    network = hf.AutoModelForObjectDetection.from_pretrained(checkpoint).eval()
    processor = hf.AutoImageProcessor.from_pretrained(checkpoint)
    with torch.no_grad():
        output = network(**processor(images=image, return_tensors="pt"))
    [expected] = processor.post_process_object_detection(
        output, target_sizes=torch.tensor(height_and_width(image)), threshold=LOW
    )
    names = [tiny_transformers.NAMES[int(i)] for i in expected["labels"]]
    assert_boxes(found.detections, expected, names, image.size)
    assert catalog.known_classes(catalog.get_model(name)) == tuple(tiny_transformers.NAMES.values())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("grounding-dino-tiny-torch", "grounding_dino"),
        ("llmdet-tiny-torch", "llmdet"),
        ("omdet-turbo-swin-tiny-torch", "omdet_turbo"),
        ("owlvit-base-patch16-torch", "owlvit"),
    ],
)
def test_detectors_that_are_told_what_to_find(place, name, kind):
    checkpoint, (path, image) = place(name, kind), photograph()
    model, config = zoo_models.load(name, classes=CLASSES, prompts=PROMPTS, confidence=LOW)
    [found] = zoo_models.run(model, config, [path])
    network = hf.AutoModelForZeroShotObjectDetection.from_pretrained(checkpoint).eval()
    processor = hf.AutoProcessor.from_pretrained(checkpoint)
    inputs = processor(images=image, text=[list(TEXTS)], return_tensors="pt", padding=True)
    with torch.no_grad():
        output = network(**inputs)
    more = {"text_labels": [list(TEXTS)], "target_sizes": height_and_width(image)}
    if kind == "owlvit":
        more["target_sizes"] = torch.tensor(more["target_sizes"])
    [expected] = processor.post_process_grounded_object_detection(output, threshold=LOW, **more)
    named = [Vocabulary(TEXTS).find(text) for text in expected["text_labels"]]
    asked = [i for i, name_ in enumerate(named) if name_]
    assert asked, "the network names nothing that was asked for"
    told = {part: expected[part][asked] for part in ("scores", "boxes")}
    assert_boxes(found.detections, told, [named[i] for i in asked], image.size)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("siglip-base-patch16-224-torch", "siglip"), ("pubmed-clip-vit-base-patch32", "clip")],
)
def test_classifiers_that_are_told_what_to_find(place, name, kind):
    checkpoint, (path, image) = place(name, kind), photograph()
    model, config = zoo_models.load(name, classes=CLASSES, prompts=PROMPTS)
    [found] = zoo_models.run(model, config, [path])
    network = hf.AutoModel.from_pretrained(checkpoint).eval()
    processor = hf.AutoProcessor.from_pretrained(checkpoint)
    padding = catalog.get_model(name).settings["transformers_processor_kwargs"]
    inputs = processor(images=image, text=list(TEXTS), return_tensors="pt", **padding)
    del inputs["attention_mask"]  # SigLIP reads the padding too, and CLIP never looks past the end
    with torch.no_grad():
        output = network(**inputs)
    odds = output.logits_per_image.softmax(1)[0]
    assert found.label == CLASSES[int(odds.argmax())]
    assert found.confidence == pytest.approx(float(odds.max()), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mask2former-swin-tiny-coco-instance-torch", "mask2former"),
        ("oneformer-coco-swin-large-instance-torch", "oneformer"),
    ],
)
def test_segmenters_of_instances(place, name, kind):
    checkpoint, (path, image) = place(name, kind), photograph()
    model, config = zoo_models.load(name, confidence=LOW)
    [found] = zoo_models.run(model, config, [path])
    network = hf.AutoModelForUniversalSegmentation.from_pretrained(checkpoint).eval()
    processor = hf.AutoProcessor.from_pretrained(checkpoint)
    task = {"task_inputs": ["instance"]} if kind == "oneformer" else {}
    with torch.no_grad():
        output = network(**processor(images=image, return_tensors="pt", **task))
    [expected] = processor.post_process_instance_segmentation(
        output,
        threshold=LOW,
        target_sizes=height_and_width(image),
        **({"return_binary_maps": True} if kind == "mask2former" else {}),
    )
    masks = expected["segmentation"].numpy()
    if kind == "mask2former":
        masks = masks > 0
    else:  # one map of numbers, which OneFormer gives segments that hide others
        masks = [masks == segment["id"] for segment in expected["segments_info"]]
    told = [s for s, mask in zip(expected["segments_info"], masks, strict=True) if mask.any()]
    masks = [mask for mask in masks if mask.any()]
    assert len(found.detections) == len(told) > 0
    for detection, segment, mask in zip(found.detections, told, masks, strict=True):
        assert detection.label == tiny_transformers.NAMES[segment["label_id"]]
        assert detection.confidence == pytest.approx(segment["score"], abs=1e-4)
        assert (zoo_models.whole_mask(detection, image.size) == mask).mean() > 0.99
