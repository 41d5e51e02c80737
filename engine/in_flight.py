"""Which batches loader processes work on, so that a dead process loses none of them."""

from collections import Counter, deque

#: A file that kills the process which reads it, and it alone, so often is given up.
MOST_DEATHS = 2


class Sent:
    """Remembers the batches that loaders have been given and not yet returned.

    After a loader process has died, those are suspects: they are tried one at a time, so that a
    further death has one culprit, before other batches are sent.

    Args:
        batches: an iterable of batches, each a list of samples with a ``sample_id``

    Attributes:
        suspects: whether only suspects are sent now
    """

    def __init__(self, batches) -> None:
        self._rest = iter(batches)
        self._open = deque()
        self._again = deque()
        self._deaths = Counter()
        self.suspects = False

    def __iter__(self):
        while True:
            batch = self._again.popleft() if self._again else None
            if batch is None and not self.suspects:
                batch = next(self._rest, None)
            if batch is None:
                return
            self._open.append(batch)
            yield batch

    def peek(self):
        """The batch that comes next, which still comes; None if there is none."""
        self.suspects = self.suspects and bool(self._again)
        if not self._again:
            batch = next(self._rest, None)
            if batch is None:
                return None
            self._again.append(batch)
        return self._again[0]

    def received(self) -> None:
        """The oldest open batch has come back."""
        self._open.popleft()

    def process_died(self):
        """All open batches are to be sent again; returns a target that is given up, if any."""
        given_up = None
        if self.suspects and self._open:
            batch = self._open.popleft()
            if len(batch) > 1:
                self._open.extendleft([target] for target in reversed(batch))
            else:
                (target,) = batch
                self._deaths[target.sample_id] += 1
                if self._deaths[target.sample_id] == MOST_DEATHS:
                    given_up = target
                else:
                    self._open.appendleft(batch)
        self._again.extendleft(reversed(self._open))
        self._open.clear()
        self.suspects = True
        return given_up
