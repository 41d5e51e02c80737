"""Transforms without Pillow images: what they do to a decoded array.

Pillow keeps images in four bytes a pixel, so that going through it means two more copies.
"""

import functools

from auto_labeling.engine import original_sizes


def of_array(transform):
    """What a transform does to a decoded image, if it begins by making a tensor of it.

    Args:
        transform: a transform of ``torchvision.transforms`` that takes a Pillow image, or None

    Returns:
        a callable that takes a ``(height, width, 3)`` array of bytes and returns what
        ``transform`` would of the same image, or None if it begins in another way
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


def _apply(to_tensor, rest, array):
    image = to_tensor(array)
    for transform in rest:
        image = transform(image)
    return image


def _bytes(array):
    import torch

    return torch.from_numpy(array).permute(2, 0, 1)


def _floats(array):
    import torch

    return (
        _bytes(array).to(torch.get_default_dtype(), memory_format=torch.contiguous_format).div_(255)
    )
