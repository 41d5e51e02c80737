"""For models that need the original image sizes with the prepared images (Ultralytics).

FiftyOne hands the original images on to Ultralytics, which asks them for nothing but their shape
once boxes are made. So only shapes need to come from the loader processes.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

_ULTRALYTICS = "fiftyone.utils.ultralytics"
_NOTHING = np.zeros((), np.uint8)


def needs_sizes(model: Any) -> bool:
    """Whether a model takes exactly the batches that :func:`batch` makes."""
    fouu = sys.modules.get(_ULTRALYTICS)  # imported with the model, and by nothing else
    if fouu is None or not isinstance(model, fouu.FiftyOneYOLOModel):
        return False
    usual, own = fouu.FiftyOneYOLOModel, type(model)
    return own.collate_fn is usual.collate_fn and own._predict_all is usual._predict_all


def prepares_arrays(transform: Any) -> bool:
    """Whether a transform is that of such a model, which takes arrays as it takes Pillow images."""
    fouu = sys.modules.get(_ULTRALYTICS)
    function = getattr(transform, "__func__", None)
    return fouu is not None and function is fouu.FiftyOneYOLOModel._preprocess_img


def batch(images: Any, shapes: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """A batch of a model that :func:`needs_sizes`.

    Args:
        images: a tensor of prepared images
        shapes: the shapes of the original images, ``(height, width, 3)`` each

    Returns:
        the same as the model's ``collate_fn``; the original images have no memory of their own
    """
    return {
        "images": images,
        "orig_imgs": [np.broadcast_to(_NOTHING, shape) for shape in shapes],
        "orig_shapes": [(width, height) for height, width, _ in shapes],
    }
