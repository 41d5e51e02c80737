"""FiftyOne's RF-DETR wrappers against the library called directly, with random weights."""

import functools

import numpy as np
import pytest
import torch
from PIL import Image

from tests.integration import wrappers

rfdetr = pytest.importorskip("rfdetr", reason="rfdetr is not installed")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rfdetr-nano-coco-torch", "RFDETRNano"),
        pytest.param(
            "rfdetr-seg-nano-coco-torch",
            "RFDETRSegNano",
            marks=pytest.mark.skip(
                reason="rfdetr-seg-*: the library downloads weights even with pretrain_weights=None"
            ),
        ),
    ],
)
def test_rf_detr(name, kind, monkeypatch):
    """The library's class, its own code, without the weights that it would download."""
    torch.manual_seed(51)
    made = getattr(rfdetr, kind)
    monkeypatch.setattr(rfdetr, kind, functools.partial(made, pretrain_weights=None))
    [path] = wrappers.photos(1)
    model, config = wrappers.load(name, confidence=0.0, device="cpu")
    scores = model._model.predict(Image.open(path).convert("RGB"), threshold=0.0).confidence
    ordered = np.sort(scores)[::-1][:20]
    widest = int((ordered[:-1] - ordered[1:]).argmax())
    model.config.confidence_thresh = threshold = float(ordered[widest : widest + 2].mean())
    [found] = wrappers.run(model, config, [path])
    expected = model._model.predict(Image.open(path).convert("RGB"), threshold=threshold)
    names = model._model.class_names
    names = names if isinstance(names, dict) else dict(enumerate(names))
    width, height = Image.open(path).size
    inside = [
        i
        for i, (x1, y1, x2, y2) in enumerate(expected.xyxy)
        if min(x2, width) > max(x1, 0) and min(y2, height) > max(y1, 0)
    ]
    assert len(found.detections) == len(inside) > 0
    for detection, i in zip(found.detections, inside, strict=True):
        assert detection.label == names.get(int(expected.class_id[i]), str(expected.class_id[i]))
        assert detection.confidence == pytest.approx(float(expected.confidence[i]), abs=1e-4)
        box = np.clip(expected.xyxy[i], 0, [width, height, width, height])
        np.testing.assert_allclose(wrappers.corners(detection, (width, height)), box, atol=1)
        if expected.mask is not None and detection.mask is not None:
            x1, y1, x2, y2 = (int(v) for v in (*np.floor(box[:2]), *np.ceil(box[2:])))
            assert (detection.mask == expected.mask[i][y1:y2, x1:x2]).mean() > 0.99
