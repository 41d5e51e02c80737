"""Models that answer each image with the same raw output, which costs nothing to compute.

They are ordinary FiftyOne ``TorchImageModel`` s, so that ``apply_model`` and the engine both do
their own conversion of the usual output formats to labels.
"""

import time

import numpy as np

CLASSES = tuple(f"class {index}" for index in range(80))
LABELS = 10


class Network:
    """Answers each image with the same raw output, made before the clock runs."""

    def __init__(self, kind, mask_size, rate):
        import torch

        random = np.random.default_rng(0)
        # Inside the frame: we cut boxes to it, and FiftyOne does not.
        corners = random.uniform(0, 1, (LABELS, 2)) * (640 - 160, 360 - 160)
        sizes = random.uniform(8, 60, (LABELS, 2)) if mask_size is None else mask_size
        boxes = np.concatenate([corners, corners + sizes], axis=1).round()
        self.kind, self.rate = kind, rate
        self.one = {
            "boxes": torch.tensor(boxes, dtype=torch.float32),
            "labels": torch.tensor(random.integers(0, 80, LABELS)),
            "scores": torch.tensor(random.uniform(0.3, 1, LABELS), dtype=torch.float32),
        }
        if kind == "masks":
            self.one["masks"] = torch.tensor(random.uniform(0, 1, (LABELS, 1, 360, 640)) > 0.5)
        self.logits = torch.tensor(random.normal(size=(1, 80)), dtype=torch.float32)

    def to(self, _):
        return self

    def eval(self):
        return self

    def __call__(self, images):
        if self.rate:
            time.sleep(len(images) / self.rate)
        if self.kind == "logits":
            return self.logits.expand(len(images), -1)
        return [self.one] * len(images)


def model(kind="boxes", mask_size=None, rate=None, network=None):
    """Makes a model.

    Args:
        kind ("boxes"): ``"boxes"``, ``"masks"`` or ``"logits"``
        mask_size (None): the side of square masks, in pixels
        rate (None): samples a second that it lets through, waiting without using the CPU;
            None for no wait
        network (None): what to use in place of one that costs nothing

    Returns:
        a :class:`fiftyone.utils.torch.TorchImageModel` that takes 640 by 360 images as bytes
    """
    import fiftyone.utils.torch as fout
    from torchvision.transforms import PILToTensor

    processors = {
        "boxes": fout.DetectorOutputProcessor,
        "masks": fout.InstanceSegmenterOutputProcessor,
        "logits": fout.ClassifierOutputProcessor,
    }
    return fout.TorchImageModel(
        fout.TorchImageModelConfig(
            {
                "model": network or Network(kind, mask_size, rate),
                "transforms": PILToTensor(),
                "ragged_batches": False,
                "classes": list(CLASSES),
                "output_processor_cls": processors[kind],
                "device": "cpu",
            }
        )
    )
