"""FiftyOne's CLIP and OpenCLIP wrappers against the networks called directly."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from auto_labeling.models import catalog, zoo
from tests.support import zoo_models

open_clip = pytest.importorskip("open_clip", reason="open_clip_torch is not installed")
CLASSES, PROMPTS = ("feline", "dog"), {"feline": ("a cat", "a tiger")}
# Prompts as they are written; a class without any as FiftyOne asks for it.
TEXTS = ["a cat", "a tiger", "A photo of dog"]


@pytest.fixture(autouse=True)
def zoo_dir(tmp_path, monkeypatch):
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    torch.manual_seed(51)
    return tmp_path


def assert_same(found, logits):
    """A class is as likely as its prompts together."""
    assert len(found) == len(logits)
    for label, row in zip(found, logits.float().softmax(1), strict=True):
        felines, dogs = float(row[:2].sum()), float(row[2])
        assert label.label == ("feline" if felines > dogs else "dog")
        assert label.confidence == pytest.approx(max(felines, dogs), abs=1e-3)


def assert_plain(found, logits):
    """Without prompts there is a text for each class."""
    for label, row in zip(found, logits.float().softmax(1), strict=True):
        assert label.label == CLASSES[int(row.argmax())]
        assert label.confidence == pytest.approx(float(row.max()), abs=1e-3)


def inputs(model, paths):
    get_item = model.build_get_item()
    return torch.stack([get_item({"filepath": path}) for path in paths])


def test_open_clip(zoo_dir, monkeypatch):
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 64,
            "heads": 1,
            "layers": 1,
        },
    }
    (zoo_dir / "tiny-test.json").write_text(json.dumps(config))
    open_clip.add_model_config(zoo_dir / "tiny-test.json")
    network = open_clip.create_model("tiny-test").eval()
    torch.save(network.state_dict(), zoo_dir / "tiny.pt")
    plain = zoo.options_for
    tiny = {"clip_model": "tiny-test", "pretrained": str(zoo_dir / "tiny.pt")}
    monkeypatch.setattr(zoo, "options_for", lambda spec, config: plain(spec, config) | tiny)
    model, config = zoo_models.load("open-clip-torch", classes=CLASSES, prompts=PROMPTS)
    paths = zoo_models.photos()
    found = zoo_models.run(model, config, paths)
    tokenize = open_clip.get_tokenizer("tiny-test")

    def logits(texts):
        with torch.no_grad():
            image, text, scale = network(inputs(model, paths), tokenize(texts))[:3]
        return scale * image @ text.T

    assert_same(found, logits(TEXTS))
    with pytest.raises(AssertionError):  # or the words would make no difference
        assert_same(found, logits([f"A photo of {text}" for text in TEXTS]))
    model, config = zoo_models.load("open-clip-torch", classes=CLASSES)
    plain = zoo_models.run(model, config, paths)
    assert_plain(plain, logits([f"A photo of {name}" for name in CLASSES]))


def test_clip(zoo_dir):
    from fiftyone.utils.clip.model import CLIP

    spec = catalog.get_model("clip-vit-base32-torch")
    network = CLIP(
        embed_dim=64,
        image_resolution=224,
        vision_layers=1,
        vision_width=64,
        vision_patch_size=32,
        context_length=77,
        vocab_size=49408,
        transformer_width=64,
        transformer_heads=1,
        transformer_layers=1,
    ).eval()
    example = torch.zeros(1, 3, 224, 224), torch.zeros(1, 77, dtype=torch.int)
    traced = torch.jit.trace(network, example, check_trace=False)
    torch.jit.save(traced, str(zoo_dir / spec.entry["base_filename"]))
    words = next(Path(open_clip.__file__).parent.glob("bpe_simple_vocab_16e6*.txt.gz"))
    shutil.copy(words, zoo_dir / spec.settings["tokenizer_base_filename"])
    model, config = zoo_models.load(spec.name, classes=CLASSES, prompts=PROMPTS)
    paths = zoo_models.photos()
    found = zoo_models.run(model, config, paths)

    def logits(texts):
        with torch.no_grad():
            return network(inputs(model, paths), open_clip.tokenize(texts))[0]

    assert_same(found, logits(TEXTS))
    with pytest.raises(AssertionError):  # or the words would make no difference
        assert_same(found, logits([f"A photo of {text}" for text in TEXTS]))
    model, config = zoo_models.load(spec.name, classes=CLASSES)
    plain = zoo_models.run(model, config, paths)
    assert_plain(plain, logits([f"A photo of {name}" for name in CLASSES]))
