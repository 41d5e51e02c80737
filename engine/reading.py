"""Turns samples into a batch that the model takes; a file that cannot be read fails alone."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fiftyone.core.models as fom

from auto_labeling.engine import arrays, original_sizes
from auto_labeling.engine.batches import Loaded, Waiting, describe
from auto_labeling.engine.slots import Filled, Filling, Slots
from auto_labeling.models import pixels
from auto_labeling.models.scene_models import SceneModel
from auto_labeling.threed import scene

logger = logging.getLogger(__name__)


class Reader:
    """Turns targets into a batch. Runs in a loader process, or in this one.

    Args:
        model: a :class:`fiftyone.core.models.Model`
        field_mapping (None): FiftyOne's: the fields that hold the model's prompts
    """

    def __init__(self, model: fom.Model, field_mapping: Mapping[str, str] | None = None) -> None:
        import fiftyone.utils.torch as fout

        self._get_item: Callable[[Mapping[str, Any]], Any] | None = None
        self._transform: Callable[[Any], Any] | None = None
        self._slots: Slots | None = None
        if isinstance(model, fom.SupportsGetItem):
            get_item = model.build_get_item(field_mapping=field_mapping)
            plain = type(get_item) is fout.ImageGetItem and not get_item.use_numpy
            self._transform = get_item.transform if plain else None
            self._get_item = None if plain else get_item
        self._is_torch = isinstance(model, fom.TorchModelMixin)
        self._of_scenes = isinstance(model, SceneModel)
        if self._is_torch and not isinstance(model, fom.SupportsGetItem):
            self._transform = model.transforms
        self._of_array = arrays.of_array(self._transform)
        self._collate: Callable[[list[Any]], Any] | None = None
        self._stacks = self._is_torch and not model.ragged_batches
        self._needs_sizes = self._stacks and original_sizes.needs_sizes(model)
        if self._stacks and isinstance(model, fom.TorchModelMixin) and model.has_collate_fn:
            self._collate = model.collate_fn

    def __call__(self, targets: Sequence[Waiting]) -> Loaded:
        """Reads samples, and puts those that can be read together."""
        filling = self._slots.begin() if self._slots is not None else None
        loaded = Loaded([], None)
        items = []
        pixels.take_guess()  # which may be of an image that other code has read
        for target in targets:
            try:
                item = self.item(target, filling and filling.room())
                loaded.targets.append(target)
            except Exception as error:  # noqa: BLE001 - a file may be broken in any way
                loaded.failures.append((target, describe(error)))
            else:
                items.append(item) if filling is None else filling.add(item)
                if guess := pixels.take_guess():
                    loaded.guessed.append((target, guess))
        loaded.batch = self._collated(items) if filling is None else self._filled(filling)
        return loaded

    def item(self, target: Waiting, room: Any = None) -> Any:
        """Decodes and transforms one sample.

        Args:
            target: the sample
            room (None): an array that the image may be put into

        Returns:
            an item of a batch, as the model takes it

        Raises:
            OSError: if the file cannot be read
            ValueError: if the image is too large
            AutoLabelingError: if a scene has no points that can be read
        """
        if self._of_scenes:
            return scene.of_sample(target.values["filepath"], target.values["document"])
        if self._get_item is not None:
            with pixels.for_fiftyone():
                return self._get_item(target.values)
        path = target.values["filepath"]
        if self._of_array is not None:
            return self._of_array(pixels.read_array(path, room))
        if not self._is_torch:
            return pixels.read_array(path)
        image = pixels.read(path)
        return image if self._transform is None else self._transform(image)

    def collate(self, items: list[Any]) -> Any:
        """Puts items together as the model's ``predict_all`` takes them."""
        import torch

        if not self._stacks:
            return items
        if self._collate is not None:
            return self._collate(items)
        return torch.stack(items) if isinstance(items[0], torch.Tensor) else items

    def use_slots(self, slots: Slots | None) -> None:
        """Makes :meth:`__call__` put batches that fit into shared slots; None ends that."""
        self._slots = slots

    @property
    def may_use_slots(self) -> bool:
        """Whether the model takes plain stacks of images, perhaps with their original sizes."""
        return self._stacks and (self._collate is None or self._needs_sizes)

    def batch_of(self, images: Any, filled: Filled) -> Any:
        """Makes a batch of the images in a slot.

        Args:
            images: a tensor of them
            filled: the slot

        Returns:
            the images, with their original sizes if the model needs them
        """
        return original_sizes.batch(images, filled.shapes) if self._needs_sizes else images

    def _collated(self, items: list[Any]) -> Any:
        if not items:
            return None
        try:
            return self.collate(items)
        except Exception:
            # The model's thread tries them again in ever smaller batches, and records the reason.
            logger.debug("Could not assemble a batch", exc_info=True)
            return None

    def _filled(self, filling: Filling) -> Any:
        filled = filling.filled()
        if filled is not None or self._slots is None:
            return filled
        batch = self._collated(filling.items)  # a copy, so that the slot is free again
        self._slots.give_back(filling)
        return batch
