"""Memory that loader processes fill and the model reads; allocated once and reused.

torch's DataLoader makes new shared memory for each batch, and touching its pages for the first
time costs more than decoding a small image. This is anonymous memory, so the size of ``/dev/shm``
does not matter.
"""

from __future__ import annotations

import math
import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch takes seconds to import
    import numpy as np
    import torch

#: The sizes of an image or a tensor, in elements.
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Filled:
    """Where a loader process put a batch.

    Args:
        slot: which slot
        size: how many images are in it
        shapes (()): the shapes of the original images, for models that need them
    """

    slot: int
    size: int
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The common shape and type of a model's images.

    Args:
        shape: of one image
        dtype: a ``torch.dtype``
        channels_last: whether they lie in memory as decoders give them, with the channels last
    """

    shape: Shape
    dtype: torch.dtype
    channels_last: bool

    @classmethod
    def of(cls, image: torch.Tensor) -> Layout:
        """The layout of an image tensor."""
        last = image.dim() == 3 and image.permute(1, 2, 0).is_contiguous()
        return cls(tuple(image.shape), image.dtype, last)


def image_of(item: Any) -> Any:
    """The image in an item of a batch, which may be a dict with more."""
    return item.get("img", item) if isinstance(item, dict) else item


class Slots:
    """Room for some batches of images of one layout, shared with processes forked later.

    A slot is taken by reading its number from a pipe and given back by writing it: one byte,
    which is atomic, so that a process killed at any moment leaves no lock behind.

    Args:
        layout: the shape and type of the images
        batch_size: how many images a batch has at most
        count: how many batches, at most 256
    """

    def __init__(self, layout: Layout, batch_size: int, count: int) -> None:
        import torch

        images = batch_size * count
        size = images * math.prod(layout.shape) * layout.dtype.itemsize
        memory = torch.frombuffer(mmap.mmap(-1, size), dtype=layout.dtype)
        if layout.channels_last:
            # Turning each image would cost a third of decoding it.
            channels, height, width = layout.shape
            rows = memory.view(count, batch_size, height, width, channels)
            self._tensor = rows.permute(0, 1, 4, 2, 3)
        else:
            self._tensor = memory.view(count, batch_size, *layout.shape)
        self._free_out, self._free_in = os.pipe()
        os.write(self._free_in, bytes(range(count)))

    def begin(self) -> Filling:
        """Takes a free slot, waiting for one. Called in loader processes."""
        slot = os.read(self._free_out, 1)[0]
        return Filling(slot, self._tensor[slot])

    def view(self, filled: Filled) -> torch.Tensor:
        """The batch in a slot; valid until the slot is given back."""
        return self._tensor[filled.slot, : filled.size]

    def give_back(self, filled: Filled | Filling) -> None:
        """Lets a slot be filled again."""
        os.write(self._free_in, bytes([filled.slot]))

    def __del__(self) -> None:
        os.close(self._free_out)
        os.close(self._free_in)


class Filling:
    """A slot that a loader process is filling.

    Args:
        slot: its number
        tensor: its memory, room for the images of a batch
    """

    def __init__(self, slot: int, tensor: torch.Tensor) -> None:
        self.slot = slot
        self.items: list[Any] = []
        self._shapes: list[Shape] = []
        self._tensor = tensor
        self._fits = True

    def room(self) -> np.ndarray | None:
        """Memory for the next image: a ``(height, width, 3)`` array, or None."""
        place = self._place()
        if place is None or place.dim() != 3 or place.element_size() != 1:
            return None
        place = place.permute(1, 2, 0)
        return place.numpy() if place.is_contiguous() else None

    def add(self, item: Any) -> None:
        """Adds an image, which may lie in :meth:`room` already.

        Args:
            item: a tensor; for models that need sizes, a dict of the tensor and the original
        """
        place, image = self._place(), image_of(item)
        has_original = image is not item
        like = getattr(image, "shape", None), getattr(image, "dtype", None)
        if place is None or like != (place.shape, place.dtype):
            self._fits = False
        elif place.data_ptr() != image.data_ptr():
            place.copy_(image)
            image = place
        if has_original:
            self._shapes.append(item["orig_img"].shape)
            item = {**item, "img": image}
        else:
            item = image
        self.items.append(item)

    def filled(self) -> Filled | None:
        """The batch, or None if its images do not all fit."""
        if not self._fits or not self.items:
            return None
        return Filled(self.slot, len(self.items), tuple(self._shapes))

    def _place(self) -> torch.Tensor | None:
        return self._tensor[len(self.items)] if len(self.items) < len(self._tensor) else None
