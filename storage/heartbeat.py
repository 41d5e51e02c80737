"""A process's sign of life while it works on a run."""

import contextlib
import os
import socket
import threading
from typing import Any

from pymongo.errors import ConnectionFailure, OperationFailure

from auto_labeling.core.run import Progress, Run
from auto_labeling.storage import clock, outages
from auto_labeling.storage.runs import RunStore

#: Seconds without a sign of life after which a process counts as lost.
LEASE_SECONDS = float(os.environ.get("FIFTYONE_AUTO_LABELING_LEASE_SECONDS", "20"))


class Heartbeat:
    """Writes progress at regular intervals from a thread, until closed.

    The thread beats on while a model loads or a single image takes minutes; it stops with
    the process, so a killed or stopped worker is noticed within a lease.

    Args:
        store: the :class:`auto_labeling.storage.runs.RunStore`
        run: the run, as it is in this attempt
        keep (False): whether to go on from the progress that is known of this attempt
    """

    def __init__(self, store: RunStore, run: Run, keep: bool = False) -> None:
        self._store = store
        self._run = run
        known = store.progress(run) if keep else None
        self._facts = known.model_dump(exclude={"token", "beat_at"}) if known else {}
        self._facts["worker"] = f"{socket.gethostname()}:{os.getpid()}"
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_closed, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        self._write()

    def update(self, **facts: Any) -> None:
        """Sets fields of :class:`auto_labeling.core.run.Progress`, written with the next beat."""
        with self._lock:
            self._facts.update(facts)

    def _beat_until_closed(self) -> None:
        while not self._closed.wait(min(1.0, LEASE_SECONDS / 5)):
            self._write()

    def _write(self) -> None:
        with self._lock:
            facts = dict(self._facts)
        # A beat that is lost, since the database is away, is followed by others.
        # One that is refused is followed by a write of labels, which says why.
        refused = (ConnectionFailure, OperationFailure)
        with contextlib.suppress(*refused), outages.watch():
            progress = Progress(token=self._run.token, beat_at=clock.stamp(), **facts)
            self._store.beat(self._run, progress)


def is_alive(progress: Progress | None) -> bool:
    """Whether a sign of life is recent enough."""
    return progress is not None and clock.age(progress.beat_at) < LEASE_SECONDS
