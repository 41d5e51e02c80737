"""Models for the benchmarks: they cost nothing, or wait, and emit raw tensors.

They are ordinary FiftyOne ``TorchImageModel`` s, so that ``apply_model`` and the engine both do
their own conversion of the usual output formats to labels.
"""

import itertools
import time

import numpy as np

CLASSES = tuple(f"class {index}" for index in range(80))
LABELS = 10
ACCELERATOR_RATE = 500


class _Network:
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
                "model": network or _Network(kind, mask_size, rate),
                "transforms": PILToTensor(),
                "ragged_batches": False,
                "classes": list(CLASSES),
                "output_processor_cls": processors[kind],
                "device": "cpu",
            }
        )
    )


def boxes():
    """Costs nothing, ten boxes an image."""
    return model("boxes")


def small_masks():
    """Costs nothing, ten masks of 64 by 64 pixels an image."""
    return model("masks", mask_size=64)


def large_masks():
    """Costs nothing, ten masks of 160 by 160 pixels an image."""
    return model("masks", mask_size=160)


def accelerator():
    """Stands in for a GPU: 500 images a second, without using the CPU."""
    return model("boxes", rate=ACCELERATOR_RATE)


class _Heavy(_Network):
    """Computes for long before it answers, on one core."""

    def __init__(self):
        import torch
        from torch import nn

        super().__init__("boxes", None, None)
        torch.set_num_threads(1)
        torch.manual_seed(0)
        widths = (3, 24, 48, 96, 192)
        layers = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        layers += [
            part for _ in range(3) for part in (nn.Conv2d(192, 192, 3, padding=1), nn.ReLU())
        ]
        self.network = nn.Sequential(*layers)

    def __call__(self, images):
        for image in images:
            self.network(image[None].float() / 255)
        return super().__call__(images)


def heavy():
    """Costs far more than decoding its images and writing its labels."""
    return model(network=_Heavy())
