"""Overlapping stages: a thread that works ahead of a loop, and one that follows it.

Both have bounded queues, so that memory does not grow, and both pass on errors.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

_END = object()
_Item = TypeVar("_Item")


class Ahead(Generic[_Item]):
    """Iterates in a thread, a few items ahead of the loop over this.

    Args:
        items: an iterable; used in the thread only
        size: how many items ahead
    """

    def __init__(self, items: Iterable[_Item], size: int) -> None:
        self._items: Any = items  # which may be a generator, to be closed
        self._queue: queue.Queue[Any] = queue.Queue(size)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Ahead[_Item]":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._closed.set()
        self._thread.join()

    def __iter__(self) -> Iterator[_Item]:
        while (item := self._queue.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again in the other thread
            self._put(_Failure(error))
        finally:
            if hasattr(self._items, "close"):
                self._items.close()  # ends loader processes in the thread that began them
            self._put(_END)

    def _put(self, item: Any) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False


class Behind(Generic[_Item]):
    """Calls a function with each item in a thread, in order.

    Leaving the context waits until all is done, and raises the error that a call raised. After an
    exception in the loop, items that wait are dropped.

    Args:
        function: called with each item
        last: called once after the last item, if nothing went wrong
        size: how many items may wait
    """

    def __init__(
        self, function: Callable[[_Item], None], last: Callable[[], None], size: int
    ) -> None:
        self._function = function
        self._last = last
        self._queue: queue.Queue[Any] = queue.Queue(size)
        self._error: BaseException | None = None
        self._dropped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Behind[_Item]":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._dropped.set()
        self._queue.put(_END)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, item: _Item) -> None:
        """Hands over an item, waiting for room; raises the error of an earlier one."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            self._try(self._function, item)
        self._try(self._last)

    def _try(self, function: Callable[..., None], *args: Any) -> None:
        if self._error is None and not self._dropped.is_set():
            try:
                function(*args)
            except BaseException as error:  # noqa: BLE001 - raised again in the loop
                self._error = error


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
