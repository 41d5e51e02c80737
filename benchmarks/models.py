"""Models for the benchmarks: they cost nothing, or wait, and emit raw tensors.

They are ordinary FiftyOne ``TorchImageModel`` s, so that ``apply_model`` and the engine both do
their own conversion of the usual output formats to labels.
"""

import itertools

from tests.support.constant_models import Network, model

ACCELERATOR_RATE = 500


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


class _Heavy(Network):
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
