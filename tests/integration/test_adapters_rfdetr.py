"""FiftyOne's RF-DETR wrappers against the library called directly, with random weights."""

import numpy as np
import pytest
import torch
from PIL import Image

from auto_labeling.models import catalog
from tests.support import zoo_models

rfdetr = pytest.importorskip("rfdetr", reason="rfdetr is not installed")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Makes random weights of a kind, where the library looks for its own."""
    monkeypatch.setenv("RF_HOME", str(tmp_path))

    def make(kind):
        torch.manual_seed(51)
        made = getattr(rfdetr, kind)(pretrain_weights=None, device="cpu")
        name = type(made.model_config).model_fields["pretrain_weights"].default
        arguments = {"class_names": ["cat", "dog", "bird"]}
        torch.save({"model": made.model.model.state_dict(), "args": arguments}, tmp_path / name)

    return make


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rfdetr-nano-coco-torch", "RFDETRNano"),
        ("rfdetr-seg-nano-coco-torch", "RFDETRSegNano"),
    ],
)
def test_rf_detr(name, kind, place):
    assert not catalog.get_model(name).downloaded
    place(kind)
    assert catalog.get_model(name).downloaded
    [path] = zoo_models.photos(1)
    model, config = zoo_models.load(name, confidence=0.0, device="cpu")
    scores = model._model.predict(Image.open(path).convert("RGB"), threshold=0.0).confidence
    ordered = np.sort(scores)[::-1][:20]
    widest = int((ordered[:-1] - ordered[1:]).argmax())
    model.config.confidence_thresh = threshold = float(ordered[widest : widest + 2].mean())
    [found] = zoo_models.run(model, config, [path])
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
        np.testing.assert_allclose(zoo_models.corners(detection, (width, height)), box, atol=1)
        assert (detection.mask is not None) is (kind == "RFDETRSegNano")
        if detection.mask is not None:
            x1, y1, x2, y2 = (int(v) for v in (*np.floor(box[:2]), *np.ceil(box[2:])))
            assert (detection.mask == expected.mask[i][y1:y2, x1:x2]).mean() > 0.99
