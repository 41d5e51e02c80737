"""YOLO-World and YOLOE with tiny random text encoders, against Ultralytics called directly."""

import hashlib

import pytest
import torch

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.models import catalog, requirements
from tests.support import zoo_models
from tests.support.random_yolo import assert_boxes, assert_masks, library, place, threshold_for

clip = pytest.importorskip("clip", reason="clip-anytorch is not installed")
from ultralytics import YOLOE, YOLOWorld  # noqa: E402

PROMPTS = {"feline": ("a cat", "a tiger"), "dog": ("dog",)}
TEXTS, NAMES = ("a cat", "a tiger", "dog"), ("feline", "feline", "dog")


def text_encoder():
    """A CLIP of one layer. Ultralytics wants 512 numbers for a text."""
    torch.manual_seed(51)
    return clip.model.CLIP(
        embed_dim=512,
        image_resolution=32,
        vision_layers=1,
        vision_width=64,
        vision_patch_size=16,
        context_length=77,
        vocab_size=49408,
        transformer_width=64,
        transformer_heads=1,
        transformer_layers=1,
    ).eval()


class TextOnly(torch.nn.Module):
    """What Apple's MobileCLIP is to Ultralytics: texts in, unit vectors out."""

    def __init__(self):
        super().__init__()
        self.network = text_encoder()

    def forward(self, tokens):
        features = self.network.encode_text(tokens)
        return features / features.norm(dim=-1, keepdim=True)


@pytest.fixture
def zoo_dir(tmp_path, monkeypatch):
    """An empty zoo, and text encoders where Ultralytics looks for them."""
    import fiftyone as fo
    from ultralytics.nn import text_model
    from ultralytics.utils import SETTINGS

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path / "zoo"))
    weights = tmp_path / "weights"
    (weights / "clip").mkdir(parents=True)
    monkeypatch.setattr(text_model, "WEIGHTS_DIR", weights)
    monkeypatch.setitem(SETTINGS, "weights_dir", str(weights))
    encoder = weights / "clip" / "tiny.pt"
    torch.save(text_encoder().state_dict(), encoder)
    # CLIP checks the file against the hash in the address that it would download it from.
    digest = hashlib.sha256(encoder.read_bytes()).hexdigest()
    monkeypatch.setitem(clip.clip._MODELS, "ViT-B/32", f"https://127.0.0.1/{digest}/tiny.pt")
    traced = torch.jit.trace(TextOnly().eval(), torch.zeros(3, 77, dtype=torch.int))
    for name in ("mobileclip_blt.ts", "mobileclip2_b.ts"):
        traced.save(str(weights / name))
    (tmp_path / "zoo").mkdir()
    return tmp_path / "zoo"


def named(result):
    """The library's result, with the classes of a run in place of the texts."""
    result.names = dict(enumerate(NAMES))
    return result


def test_yolo_world(zoo_dir):
    name, [path] = "yolov8s-world-torch", zoo_models.photos(1)
    checkpoint = place(name, YOLOWorld, "yolov8s-worldv2.yaml", zoo_dir, loud=1.0)
    threshold = threshold_for(YOLOWorld, checkpoint, path, TEXTS)
    model, config = zoo_models.load(
        name, classes=("feline", "dog"), prompts=PROMPTS, confidence=threshold
    )
    [found] = zoo_models.run(model, config, [path])
    result, size = library(YOLOWorld, checkpoint, path, threshold, TEXTS)
    assert_boxes(found.detections, named(result), size)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("yoloe11s-seg-torch", "yoloe-11s-seg.yaml"),
        ("yoloev8s-seg-torch", "yoloe-v8s-seg.yaml"),
        ("yoloe26n-seg-torch", "yoloe-26n-seg.yaml"),
    ],
)
def test_yoloe(zoo_dir, name, architecture):
    [path] = zoo_models.photos(1)
    checkpoint = place(name, YOLOE, architecture, zoo_dir, loud=1.0)
    threshold = threshold_for(YOLOE, checkpoint, path, TEXTS)
    model, config = zoo_models.load(
        name, classes=("feline", "dog"), prompts=PROMPTS, confidence=threshold
    )
    [found] = zoo_models.run(model, config, [path])
    result, size = library(YOLOE, checkpoint, path, threshold, TEXTS)
    assert_boxes(found.detections, named(result), size)
    assert_masks(found.detections, result)


def test_yoloe_without_prompts_has_a_vocabulary_of_its_own(zoo_dir):
    name, [path] = "yoloe26n-seg-pf-torch", zoo_models.photos(1)
    checkpoint = place(name, YOLOE, "yoloe-26n-seg.yaml", zoo_dir, loud=1.0)
    promptable = YOLOE(checkpoint)
    names = ["cat", "dog", "bird"]
    promptable.set_vocab(promptable.get_vocab(names), names)
    promptable.save(checkpoint)
    threshold = threshold_for(YOLOE, checkpoint, path)
    model, config = zoo_models.load(name, confidence=threshold)
    [found] = zoo_models.run(model, config, [path])
    result, size = library(YOLOE, checkpoint, path, threshold)
    assert set(result.names.values()) == set(names)
    assert_boxes(found.detections, result, size)
    assert catalog.get_model(name).model_type.value == "fixed_vocabulary"


@pytest.mark.parametrize("name", ["yolov8s-world-torch", "yoloe26n-seg-pf-torch"])
def test_a_missing_text_encoder_is_told_with_a_command_that_installs_it(name, monkeypatch):
    """OpenAI's own repository cannot be built with today's setuptools."""
    monkeypatch.setattr(requirements, "_ALSO", {})  # as if clip-anytorch were not here
    with pytest.raises(ModelUnavailable, match=r"pip install .*ultralytics/CLIP\.git"):
        zoo_models.load(name, classes=("cat",))
