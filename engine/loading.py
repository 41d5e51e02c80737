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
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from auto_labeling.core import text
from auto_labeling.engine import shared_memory
from auto_labeling.engine.batches import Loaded, Waiting, describe
from auto_labeling.engine.in_flight import MAX_DEATHS, InFlight
from auto_labeling.engine.reading import Reader
from auto_labeling.engine.shared_memory import Item
from auto_labeling.engine.slots import Filled, Layout, Slots, image_of

logger = logging.getLogger(__name__)

_PREFETCH = 2

_PR_SET_PDEATHSIG = 1
_NICE = 10
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

#: Seconds to wait for the first image, which shows the shape and type of the model's images.
_PROBE_SECONDS = 60

#: Batches that may be between the loaders and the end of the model's work.
_BEYOND_LOADERS = 4


class _Dataset:
    """A dataset for torch's DataLoader: an index is a target, a batch of them is read at once.

    Batches are pickled here and not in the queue's own thread, where one that cannot be pickled
    would be lost without a message, and waited for without end.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._has_warned = False

    def __getitems__(self, targets: list[Waiting]) -> bytes:
        loaded = self._reader(targets)
        try:
            return bytes(ForkingPickler.dumps(loaded))
        except Exception as error:  # noqa: BLE001 - a model's batches may be anything
            return self._by_value(loaded, error)

    def _by_value(self, loaded: Loaded, error: BaseException) -> bytes:
        """A batch without shared memory, of which there may have been too little."""
        try:
            pickled = pickle.dumps(loaded)
        except Exception as problem:  # noqa: BLE001 - it may be any
            failures = [(target, describe(problem)) for target in loaded.targets]
            return pickle.dumps(Loaded([], None, loaded.failures + failures))
        if not self._has_warned:
            self._has_warned = True
            logger.warning("A batch goes to the model another way, which is slower: %s", error)
        return pickled


def load(
    reader: Reader, batches: Iterable[list[Waiting]], processes: int, context: str = "fork"
) -> Iterator[Loaded]:
    """Yields a :class:`Loaded` for each batch of targets, in order.

    Args:
        reader: the :class:`Reader`
        batches: lists of targets
        processes: how many loader processes; 0 reads in this one
        context ("fork"): how processes start
    """
    if not processes:
        yield from map(reader, batches)
        return
    in_flight = InFlight(batches)
    while True:
        had_suspects = in_flight.has_suspects
        try:
            for loaded in _from_processes(reader, in_flight, processes, context):
                in_flight.received()
                yield loaded
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            logger.warning("A loader process died (%s); starting new ones", error)
            given_up = in_flight.process_died()
            if given_up is not None:
                problem = f"The process that read this file died {text.count(MAX_DEATHS, 'time')}"
                yield Loaded([], None, [(given_up, problem)])
        else:
            if not had_suspects:
                return


def _from_processes(
    reader: Reader, in_flight: InFlight, processes: int, context: str
) -> Iterator[Loaded]:
    """Loads with one set of loader processes, until one of them dies."""
    import torch.utils.data as tud

    first = in_flight.peek()
    if first is None:
        return
    processes, prefetch = (1, 1) if in_flight.has_suspects else (processes, _PREFETCH)
    layout, item = _measured(reader, first[0], context)
    if layout is None and not in_flight.has_suspects:
        processes, problem = shared_memory.affordable(
            processes, prefetch, _BEYOND_LOADERS, len(first), item
        )
        if problem:
            logger.warning("%s", problem)
        if not processes:
            yield from map(reader, in_flight)
            return
    batches = processes * prefetch + _BEYOND_LOADERS
    slots = Slots(layout, len(first), batches) if layout else None
    reader.use_slots(slots)
    dataset: Any = _Dataset(reader)  # torch is not there when its class is made
    loader: tud.DataLoader[Any] = tud.DataLoader(
        dataset,
        batch_sampler=in_flight,
        collate_fn=_unchanged,
        num_workers=processes,
        prefetch_factor=prefetch,
        multiprocessing_context=context,
        worker_init_fn=_quiet,
    )
    try:
        for pickled in loader:
            loaded = ForkingPickler.loads(pickled)
            if slots is not None and isinstance(loaded.batch, Filled):
                filled = loaded.batch
                loaded.batch = reader.batch_of(slots.view(filled), filled)
                loaded.release = functools.partial(slots.give_back, filled)
            yield loaded
    finally:
        del loader
        reader.use_slots(None)


def _measured(reader: Reader, target: Waiting, context: str) -> tuple[Layout | None, Item]:
    """The layout of the model's images, None if they differ; and the memory that a sample takes.

    A process of its own finds that out, since a file may kill the process that reads it.
    """
    processes: Any = multiprocessing.get_context(context)  # each has its own Process
    receiver, sender = processes.Pipe(duplex=False)
    child = processes.Process(target=_measure, args=(reader, target, sender), daemon=True)
    child.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(_PROBE_SECONDS) else (None, Item())
    except EOFError:
        return None, Item()
    finally:
        receiver.close()
        child.kill()
        child.join()


def _measure(reader: Reader, target: Waiting, sender: Connection) -> None:
    try:
        item = reader.item(target)
    except Exception:  # noqa: BLE001 - it fails with its reason when it is read in its turn
        return
    image: Any = image_of(item) if reader.may_use_slots else None
    sender.send((Layout.of(image) if hasattr(image, "dim") else None, Item.of(item)))


def _unchanged(loaded: Any) -> Any:
    return loaded


def _quiet(_: int) -> None:
    """Sets up a loader process: more threads would fight over the same cores."""
    import ctypes
    import signal

    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which ends us
    # The model's thread must never wait for a core that loads later images.
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
