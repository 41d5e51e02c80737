"""Ultralytics' networks with seeded random weights, and what the library itself predicts."""

import numpy as np
import pytest
import torch
from PIL import Image

from auto_labeling.models import catalog
from tests.support import zoo_models


def make(kind, architecture, path, loud=0.0):
    """Saves a network of random weights as Ultralytics saves a trained one."""
    torch.manual_seed(51)
    model = kind(architecture)
    with torch.no_grad():
        for name, weight in model.model.named_parameters() if loud else ():
            convolution = ".cv3." in name and weight.dim() == 4 and weight.shape[2:] == (1, 1)
            if convolution or ("dec_score_head" in name and weight.dim() == 2):
                weight.normal_(0, loud)
    model.save(str(path))
    return str(path)


def place(name, kind, architecture, folder, loud=0.0):
    return make(kind, architecture, folder / catalog.get_model(name).entry["base_filename"], loud)


def library(kind, checkpoint, path, threshold, classes=None):
    """The library's own prediction, letterboxed to a square as FiftyOne's wrapper does."""
    image = Image.open(path).convert("RGB")
    model = kind(checkpoint)
    if classes:
        model.set_classes(list(classes))
    settings = {"conf": threshold, "rect": False, "retina_masks": True, "verbose": False}
    return model.predict(image, agnostic_nms=False, **settings)[0], image.size


def threshold_for(kind, checkpoint, path, classes=None):
    """A confidence that some boxes of a random network pass and others do not."""
    result, _ = library(kind, checkpoint, path, 1e-6, classes)
    scores = result.boxes.conf.unique().flip(0)[:20]
    assert len(scores), "a random network that finds nothing proves nothing"
    if len(scores) == 1:
        return float(scores[0]) / 2
    widest = int((scores[:-1] - scores[1:]).argmax())
    return float((scores[widest] + scores[widest + 1]) / 2)


def assert_boxes(found, result, size):
    names = [result.names[int(c)] for c in result.boxes.cls]
    assert len(found) == len(names) > 0
    assert sorted(d.label for d in found) == sorted(names)
    for detection, label, score, box in zip(
        found, names, result.boxes.conf.tolist(), result.boxes.xyxy.numpy(), strict=True
    ):
        assert detection.label == label
        assert detection.confidence == pytest.approx(score, abs=2e-3)
        np.testing.assert_allclose(zoo_models.corners(detection, size), box, atol=2)


def assert_masks(found, result):
    """The masks that FiftyOne cropped are those of the library, as far as a pixel decides."""
    compared = 0
    for detection, mask, box in zip(
        found, result.masks.data.numpy(), result.boxes.xyxy.numpy(), strict=True
    ):
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        crop = mask[y1:y2, x1:x2] > 0.5
        if min(crop.shape) >= 8:
            assert detection.mask.shape == pytest.approx(crop.shape, abs=2)
            assert detection.mask.mean() == pytest.approx(crop.mean(), abs=0.05)
            compared += 1
    assert compared
