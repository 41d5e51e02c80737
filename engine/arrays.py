"""Transforms that take a decoded array in place of a Pillow image.

Pillow keeps images in four bytes a pixel, so that going through it means two more copies.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_labeling.engine import original_sizes

if TYPE_CHECKING:  # torch takes seconds to import
    import torch

Transform = Callable[[Any], Any]


def of_array(transform: Any) -> Transform | None:
    """A transform for decoded images, if the given one begins by making a tensor of its image.

    Args:
        transform: a transform of ``torchvision.transforms`` that takes a Pillow image, or None

    Returns:
        a callable that takes a ``(height, width, 3)`` array of bytes and returns the same as
        ``transform`` for the same image; None if ``transform`` begins in another way
    """
    from fiftyone.utils.torch import ToPILImage
    from torchvision import transforms

    parts = [transform] if not isinstance(transform, transforms.Compose) else transform.transforms
    rest = [part for part in parts if type(part) is not ToPILImage]
    if len(rest) == 1 and original_sizes.prepares_arrays(rest[0]):
        return rest[0]
    kinds = {transforms.PILToTensor: _bytes, transforms.ToTensor: _floats}
    if not rest or type(rest[0]) not in kinds:
        return None
    return functools.partial(_apply, kinds[type(rest[0])], rest[1:])


def _apply(to_tensor: Transform, rest: Sequence[Transform], array: np.ndarray) -> Any:
    image = to_tensor(array)
    for transform in rest:
        image = transform(image)
    return image


def _bytes(array: np.ndarray) -> torch.Tensor:
    import torch

    return torch.from_numpy(array).permute(2, 0, 1)


def _floats(array: np.ndarray) -> torch.Tensor:
    import torch

    return (
        _bytes(array).to(torch.get_default_dtype(), memory_format=torch.contiguous_format).div_(255)
    )
