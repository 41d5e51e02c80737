"""Decodes images in worker processes, ahead of the model and in order; a bad file fails alone.

torch's ``DataLoader`` brings the processes and the shared memory; this adds that a file that
cannot be read is one failure and not its batch's, that a loader process that dies is replaced,
and that a file that kills it again and again is given up.
"""

import functools
import logging
import multiprocessing
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

from auto_labeling.engine import arrays, original_sizes, shared_memory
from auto_labeling.engine.in_flight import MOST_DEATHS, Sent
from auto_labeling.engine.shared_memory import Item
from auto_labeling.engine.slots import Filled, Layout, Slots, image_of
from auto_labeling.models import pixels

logger = logging.getLogger(__name__)

_PREFETCH = 2

_PR_SET_PDEATHSIG = 1
_NICE = 10
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

#: Seconds to wait for the first image, to learn what the model's images are like.
_PROBE_SECONDS = 60

#: Batches that may be on their way between the loaders and the end of the model's work.
_UNDER_WAY = 4


class Waiting(NamedTuple):
    """A sample that waits for labels.

    Args:
        sample_id: its id
        values: what the model's ``get_item`` asks for: ``filepath``, and prompts
        chunk: the index of its chunk
    """

    sample_id: str
    values: dict
    chunk: int = 0


@dataclass
class Loaded:
    """A batch of samples, decoded.

    Args:
        targets: the samples that could be read
        batch: their images, as the model takes them; None if they do not go together
        failures: ``(target, error text)`` of those that could not
        release: to be called when the model is done with ``batch``, if there is one
        guessed: ``(target, guess)`` of those whose range of values was guessed, which see
            :func:`auto_labeling.models.pixels.take_guess`
    """

    targets: list
    batch: Any
    failures: list = field(default_factory=list)
    release: Callable | None = None
    guessed: list = field(default_factory=list)


class Reader:
    """Turns targets into a batch. Runs in a loader process, or in this one.

    Args:
        model: a :class:`fiftyone.core.models.Model`
        field_mapping: what FiftyOne calls so: the fields that hold the model's prompts
    """

    def __init__(self, model, field_mapping=None) -> None:
        import fiftyone.core.models as fom
        import fiftyone.utils.torch as fout

        self._get_item = self._transform = self._slots = None
        if isinstance(model, fom.SupportsGetItem):
            get_item = model.build_get_item(field_mapping=field_mapping)
            plain = type(get_item) is fout.ImageGetItem and not get_item.use_numpy
            self._transform = get_item.transform if plain else None
            self._get_item = None if plain else get_item
        elif isinstance(model, fom.TorchModelMixin):
            self._transform = model.transforms
        self._is_torch = isinstance(model, fom.TorchModelMixin)
        self._of_array = arrays.of_array(self._transform)
        self._collate = None
        self._stacks = self._is_torch and not model.ragged_batches
        self._wants_sizes = self._stacks and original_sizes.wants_sizes(model)
        if self._stacks and model.has_collate_fn:
            self._collate = model.collate_fn

    def __call__(self, targets) -> Loaded:
        filling = self._slots.begin() if self._slots is not None else None
        loaded = Loaded([], None)
        items = []
        pixels.take_guess()  # which may be of an image that somebody else has read
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
        loaded.batch = self._together(items) if filling is None else self._filled(filling)
        return loaded

    def item(self, target, room=None):
        """Decodes and transforms one sample.

        Args:
            target: the sample
            room (None): an array that the image may be put into
        """
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

    def collate(self, items):
        """Puts items together as the model's ``predict_all`` takes them."""
        import torch

        if not self._stacks:
            return items
        if self._collate is not None:
            return self._collate(items)
        return torch.stack(items) if isinstance(items[0], torch.Tensor) else items

    def use_slots(self, slots) -> None:
        """Makes :meth:`__call__` put batches that fit into shared slots."""
        self._slots = slots

    @property
    def may_use_slots(self) -> bool:
        """Whether the model takes plain stacks of images, but for their original sizes."""
        return self._stacks and (self._collate is None or self._wants_sizes)

    def batch_of(self, images, filled: Filled):
        """What the model takes of the images in a slot."""
        return original_sizes.batch(images, filled.shapes) if self._wants_sizes else images

    def _together(self, items):
        if not items:
            return None
        try:
            return self.collate(items)
        except Exception:
            # The model's thread tries them again in ever smaller batches, and says why.
            logger.debug("Could not assemble a batch", exc_info=True)
            return None

    def _filled(self, filling):
        filled = filling.filled()
        if filled is None:
            batch = self._together(filling.items)  # a copy, so that the slot is free again
            self._slots.give_back(filling)
        return filled or batch


class _Dataset:
    """What torch's DataLoader sees: an index is a target, a batch of them is read at once.

    Batches are pickled here and not in the queue's own thread, where one that cannot be pickled
    would be lost without a word, and waited for in vain.
    """

    def __init__(self, reader) -> None:
        self._reader = reader
        self._has_warned = False

    def __getitems__(self, targets):
        loaded = self._reader(targets)
        try:
            return bytes(ForkingPickler.dumps(loaded))
        except Exception as error:  # noqa: BLE001 - a model's batches may be anything
            return self._by_value(loaded, error)

    def _by_value(self, loaded, error: BaseException):
        """A batch without shared memory, of which there may have been too little."""
        try:
            pickled = pickle.dumps(loaded)
        except Exception as error:  # noqa: BLE001 - likewise
            failures = [(target, describe(error)) for target in loaded.targets]
            return pickle.dumps(Loaded([], None, loaded.failures + failures))
        if not self._has_warned:
            self._has_warned = True
            logger.warning("A batch goes to the model another way, which is slower: %s", error)
        return pickled


def load(reader: Reader, batches, processes: int, context="fork"):
    """Yields a :class:`Loaded` for each batch of targets, in order.

    Args:
        reader: the :class:`Reader`
        batches: an iterator of lists of :class:`Waiting`
        processes: how many loader processes; 0 reads in this one
        context ("fork"): how processes start
    """
    if not processes:
        yield from map(reader, batches)
        return
    sent = Sent(batches)
    while True:
        alone = sent.suspects
        try:
            for loaded in _from_processes(reader, sent, processes, context):
                sent.received()
                yield loaded
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            logger.warning("A loader process died (%s); starting new ones", error)
            given_up = sent.process_died()
            if given_up is not None:
                text = f"The process that read this file died, {MOST_DEATHS} times"
                yield Loaded([], None, [(given_up, text)])
        else:
            if not alone:
                return


def _from_processes(reader, sent, processes, context):
    """One generation of loader processes."""
    import torch.utils.data as tud

    first = sent.peek()
    if first is None:
        return
    processes, prefetch = (1, 1) if sent.suspects else (processes, _PREFETCH)
    layout, item = _measured(reader, first[0], context)
    if layout is None and not sent.suspects:
        processes, why = shared_memory.affordable(processes, prefetch, _UNDER_WAY, len(first), item)
        if why:
            logger.warning("%s", why)
        if not processes:
            yield from map(reader, sent)
            return
    slots = layout and Slots(layout, len(first), processes * prefetch + _UNDER_WAY)
    reader.use_slots(slots)
    loader = tud.DataLoader(
        _Dataset(reader),
        batch_sampler=sent,
        collate_fn=_as_it_is,
        num_workers=processes,
        prefetch_factor=prefetch,
        multiprocessing_context=context,
        worker_init_fn=_quiet,
    )
    try:
        for pickled in loader:
            loaded = ForkingPickler.loads(pickled)
            if isinstance(loaded.batch, Filled):
                filled = loaded.batch
                loaded.batch = reader.batch_of(slots.view(filled), filled)
                loaded.release = functools.partial(slots.give_back, filled)
            yield loaded
    finally:
        del loader
        reader.use_slots(None)


def _measured(reader, target, context):
    """What the model's images are like, None if they are not alike; and what one sample takes.

    Asked in a process of its own, since a file may kill whoever reads it.
    """
    processes = multiprocessing.get_context(context)
    answer, question = processes.Pipe(duplex=False)
    child = processes.Process(target=_measure, args=(reader, target, question), daemon=True)
    child.start()
    question.close()
    try:
        return answer.recv() if answer.poll(_PROBE_SECONDS) else (None, Item())
    except EOFError:
        return None, Item()
    finally:
        answer.close()
        child.kill()
        child.join()


def _measure(reader, target, question) -> None:
    try:
        item = reader.item(target)
    except Exception:  # noqa: BLE001 - it fails, and says why, when it is read in its turn
        return
    image = image_of(item) if reader.may_use_slots else None
    question.send((Layout.of(image) if hasattr(image, "dim") else None, Item.of(item)))


def _as_it_is(loaded):
    return loaded


def _quiet(_) -> None:
    """A loader process works for one model: more threads would fight over the same cores."""
    import ctypes
    import signal

    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which ends us
    # The model's thread must never wait for a core that loads what is not needed yet.
    os.nice(_NICE)
    # A worker that is killed cannot end its loaders, and one that waits for a slot would stay.
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(
        libc, "mallopt"
    ):  # glibc would return the memory of each image, and ask for it again
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 256 << 20)
    cv2.setNumThreads(0)


def describe(error: BaseException) -> str:
    """An error, in the line that a failed sample is listed with."""
    return f"{type(error).__name__}: {error}"[:500]
