"""How many labels of runs in review are promoted, for pages that show many runs.

Nothing here changes anything. A page never waits long: numbers that are not known in time are
counted by a thread, for the next time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait

from bson import ObjectId
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run, RunState
from auto_labeling.storage import staging, write_stamp
from auto_labeling.storage.write_stamp import Stamp

#: Seconds for which a page waits for numbers that take a pass over the dataset.
WAIT_SECONDS = 0.2

#: A dataset that is written to all the time is counted for a twentieth of the time at most.
_REST_FACTOR = 20

_MAX_COUNTS = 2000


def promoted_counts(
    dataset: Dataset, runs: Iterable[Run], seconds: float = WAIT_SECONDS
) -> dict[str, int | None]:
    """How many labels of runs in review are promoted.

    Counting takes a pass over the samples. A number holds until the samples are written to.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        runs: an iterable of :class:`auto_labeling.core.run.Run`
        seconds (WAIT_SECONDS): how long to wait

    Returns:
        a dict from the ids of those that are in review to the number, or None if not known yet
    """
    now = write_stamp.stamp(dataset)
    counts = {r.id: _count_of(dataset, r, now) for r in runs if r.state is RunState.IN_REVIEW}
    wait([count.future for count in counts.values()], timeout=seconds)
    return {run_id: count.number for run_id, count in counts.items()}


class _Count:
    """The number of promoted labels of a run: known, or under way."""

    def __init__(self, dataset: Dataset, run: Run, stamp: Stamp | None, last: int | None) -> None:
        self._dataset, self._run = dataset, run
        self._stamp, self._last = stamp, last
        self._seconds = 0.0
        self._counted_at: float | None = None
        self.future = _counters.submit(self._count)

    def _count(self) -> int:
        began = time.monotonic()
        number = staging.count(self._dataset, self._run, staging.PROMOTED)
        self._counted_at = time.monotonic()
        self._seconds = self._counted_at - began
        return number

    @property
    def number(self) -> int | None:
        """The number, or the one before it while this one is not known."""
        if not self.future.done() or self.future.exception():
            return self._last
        return self.future.result()

    def holds(self, stamp: Stamp | None) -> bool:
        """Whether the number stands: nothing was written since, or it is too new to count again."""
        if not self.future.done():
            return True
        if self.future.exception():
            return False
        if stamp is not None and stamp == self._stamp:
            return True
        rested = time.monotonic() - (self._counted_at or 0)
        return rested < _REST_FACTOR * self._seconds


def _count_of(dataset: Dataset, run: Run, stamp: Stamp | None) -> _Count:
    with _lock:
        key = dataset._doc.id, run.id
        known = _counts.get(key)
        if known is None or not known.holds(stamp):
            last = known.number if known else None
            known = _counts[key] = _Count(dataset, run, stamp, last)
        _counts.move_to_end(key)
        while len(_counts) > _MAX_COUNTS:
            _counts.popitem(last=False)
        return known


_counts: OrderedDict[tuple[ObjectId, str], _Count] = OrderedDict()
_lock = threading.Lock()
_counters = ThreadPoolExecutor(1, "auto-labeling-count")
