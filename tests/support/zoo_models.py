"""What the tests of the adapters share: loading and running a model as the engine does."""

import numpy as np
from PIL import Image

from auto_labeling.core.run import RunConfig
from auto_labeling.demo import data
from auto_labeling.models import catalog, zoo

THREADS = 2


def photos(count=3):
    """Paths of real photographs."""
    return [str(path) for path in data.photos()[:count]]


def photo(stem):
    """The path of one of them."""
    return next(str(path) for path in data.photos() if path.stem == stem)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def configure(name, **settings):
    spec = catalog.get_model(name)
    values = {"task": spec.task, "model": name, "label_field": "predictions"}
    return RunConfig(**(values | settings))


def load(name, **settings):
    config = configure(name, **settings)
    return zoo.load(catalog.get_model(name), config), config


def run(model, config, paths, values=None):
    """Labels of images, by the engine's recipe; ``values`` are each sample's prompts."""
    import torch

    get_item = model.build_get_item(field_mapping=zoo.field_mapping(config))
    values = values or [{}] * len(paths)
    items = [get_item({"filepath": p, **v}) for p, v in zip(paths, values, strict=True)]
    model.preprocess = False
    with model:
        if model.ragged_batches:
            return [model.predict_all([item])[0] for item in items]
        batch = model.collate_fn(items) if model.has_collate_fn else torch.stack(items)
        return list(model.predict_all(batch))


def corners(detection, size):
    """A detection's box in pixels, ``(x1, y1, x2, y2)``; ``size`` is ``(width, height)``."""
    x, y, w, h = detection.bounding_box
    return np.array([x, y, x + w, y + h]) * np.array([*size, *size])


def whole_mask(detection, size):
    """A detection's mask in the image's frame."""
    import fiftyone.core.labels as fol

    segmentation = detection.to_segmentation(frame_size=size, target=255)
    assert isinstance(segmentation, fol.Segmentation)
    return segmentation.mask > 0
