"""Which batches loader processes work on, so that a dead process loses none of them."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from auto_labeling.engine.batches import Waiting

#: A file that kills the process which reads it, and it alone, so often is given up.
MAX_DEATHS = 2


class InFlight:
    """The batches that loaders were given and have not yet returned.

    After a loader process has died, those are suspects: they are tried one at a time, so that a
    further death has one culprit, before other batches are sent.

    Args:
        batches: lists of samples

    Attributes:
        has_suspects: whether only suspects are sent now
    """

    def __init__(self, batches: Iterable[list[Waiting]]) -> None:
        self._rest = iter(batches)
        self._open: deque[list[Waiting]] = deque()
        self._again: deque[list[Waiting]] = deque()
        self._deaths: Counter[str] = Counter()
        self.has_suspects = False

    def __iter__(self) -> Iterator[list[Waiting]]:
        while True:
            batch = self._again.popleft() if self._again else None
            if batch is None and not self.has_suspects:
                batch = next(self._rest, None)
            if batch is None:
                return
            self._open.append(batch)
            yield batch

    def peek(self) -> list[Waiting] | None:
        """The next batch, which is not taken; None if there is none."""
        self.has_suspects = self.has_suspects and bool(self._again)
        if not self._again:
            batch = next(self._rest, None)
            if batch is None:
                return None
            self._again.append(batch)
        return self._again[0]

    def received(self) -> None:
        """Notes that the oldest open batch has come back."""
        self._open.popleft()

    def process_died(self) -> Waiting | None:
        """Sends all open batches again; returns the sample that is given up, or None."""
        given_up = None
        if self.has_suspects and self._open:
            batch = self._open.popleft()
            if len(batch) > 1:
                self._open.extendleft([target] for target in reversed(batch))
            else:
                (target,) = batch
                self._deaths[target.sample_id] += 1
                if self._deaths[target.sample_id] == MAX_DEATHS:
                    given_up = target
                else:
                    self._open.appendleft(batch)
        self._again.extendleft(reversed(self._open))
        self._open.clear()
        self.has_suspects = True
        return given_up
