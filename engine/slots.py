"""Memory that loader processes fill and the model reads; allocated once and reused.

torch's DataLoader makes new shared memory for each batch, and touching its pages for the first
time costs more than decoding a small image. This is anonymous memory, so ``/dev/shm`` may be as
small as it likes.
"""

import math
import mmap
import os
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Filled:
    """Says where a loader process put a batch.

    Args:
        slot: which slot
        size: how many images are in it
        shapes (()): the shapes of the original images, for models that want them
    """

    slot: int
    size: int
    shapes: tuple = ()


@dataclass(frozen=True)
class Layout:
    """What the images of a model are like.

    Args:
        shape: of one image
        dtype: a ``torch.dtype``
        channels_last: whether they lie in memory as decoders give them, channels last
    """

    shape: tuple
    dtype: Any
    channels_last: bool

    @classmethod
    def of(cls, image) -> "Layout":
        """The layout of an image tensor."""
        last = image.dim() == 3 and image.permute(1, 2, 0).is_contiguous()
        return cls(tuple(image.shape), image.dtype, last)


def image_of(item):
    """The image in what a model's transform gives for a sample."""
    return item.get("img", item) if isinstance(item, dict) else item


class Slots:
    """Room for some batches of images of one layout, shared with processes forked later.

    A slot is taken by reading its number from a pipe and given back by writing it: one byte,
    which is atomic, so that a process killed at any moment leaves no lock behind.

    Args:
        layout: what the images are like
        batch_size: the most images in a batch
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

    def begin(self) -> "Filling":
        """Takes a free slot, waiting for one. Called in loader processes."""
        slot = os.read(self._free_out, 1)[0]
        return Filling(slot, self._tensor[slot])

    def view(self, filled: Filled):
        """The batch in a slot; valid until the slot is given back."""
        return self._tensor[filled.slot, : filled.size]

    def give_back(self, filled: "Filled | Filling") -> None:
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

    def __init__(self, slot: int, tensor) -> None:
        self.slot = slot
        self.items = []
        self._shapes = []
        self._tensor = tensor
        self._fits = True

    def room(self):
        """Where the next image may be put right away: a ``(height, width, 3)`` array, or None."""
        place = self._place()
        if place is None or place.dim() != 3 or place.element_size() != 1:
            return None
        place = place.permute(1, 2, 0)
        return place.numpy() if place.is_contiguous() else None

    def add(self, item) -> None:
        """Adds an image, which may lie in :meth:`room` already.

        Args:
            item: a tensor; or, of models that want sizes, a dict of the tensor and the original
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

    def _place(self):
        return self._tensor[len(self.items)] if len(self.items) < len(self._tensor) else None
