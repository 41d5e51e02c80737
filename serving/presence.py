"""The heartbeat of a worker, which the panel shows: "1 worker on gpu-3, idle"."""

import contextlib
import os
import secrets
import socket
import threading
from typing import Any

from pymongo.errors import PyMongoError

from auto_labeling.core.run import Worker
from auto_labeling.storage import clock, live_workers
from auto_labeling.storage.heartbeat import LEASE_SECONDS


class Presence:
    """Records at regular intervals that this worker runs, and its operation; leaves at the end.

    Attributes:
        host: this machine's name
        id: the worker's ID
    """

    def __init__(self) -> None:
        self.host = socket.gethostname()
        self.id = f"{self.host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._worker = Worker(id=self.id, host=self.host, pid=os.getpid(), started_at=clock.stamp())
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_closed, daemon=True)

    def __enter__(self) -> "Presence":
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        with contextlib.suppress(PyMongoError):
            live_workers.remove(self.id)

    def update(self, **facts: Any) -> None:
        """Sets fields of :class:`auto_labeling.core.run.Worker`, and records them at once."""
        with self._lock:
            changed = self._worker.model_copy(update=facts)
            if changed == self._worker:
                return
            self._worker = changed
        self._beat()

    def _beat_until_closed(self) -> None:
        while not self._closed.wait(min(2.0, LEASE_SECONDS / 5)):
            self._beat()

    def _beat(self) -> None:
        # If the database is away, the next beat follows soon.
        with contextlib.suppress(PyMongoError):
            live_workers.beat(self._worker)
