"""The chunks that wait for a worker, and the deaths that each of them has seen."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

#: A chunk with which so many workers have died is given up, and the run with it.
MAX_DEATHS = 3

#: The chunks that a worker gets together, while there are many: each hand-out costs two messages.
_MAX_CHUNKS_AT_ONCE = 32


class ChunkQueue:
    """The chunks that wait. It is true while there are some."""

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._turns: Iterator[int] = iter(())
        self._deaths: Counter[int] = Counter()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, chunks: Iterable[int], turns: Iterator[int]) -> None:
        """Adds chunks at the end.

        Args:
            chunks: their indices
            turns: numbers for hand-outs, each greater than the last
        """
        self._waiting.extend(chunks)
        self._turns = turns

    def take(self, workers: int) -> Iterator[tuple[int, int]]:
        """Takes the next chunks for one worker: several while there are many, one near the end.

        Args:
            workers: how many workers share the chunks

        Returns:
            ``(index, turn)`` of each
        """
        share = len(self._waiting) // (4 * workers)
        for number in range(max(1, min(share, _MAX_CHUNKS_AT_ONCE))):
            # A chunk with which a worker died is handed out alone: so a further death is its own.
            if number and self._deaths[self._waiting[0]]:
                return
            index = self._waiting.popleft()
            yield index, next(self._turns)
            if self._deaths[index]:
                return

    def give_back(self, chunks: Sequence[int]) -> None:
        """Puts chunks back at the beginning."""
        self._waiting.extendleft(reversed(chunks))

    def count_death(self, chunks: Sequence[int]) -> int | None:
        """Counts the death of a worker.

        Args:
            chunks: the chunks that it had

        Returns:
            the index of a chunk that is given up for it, or None
        """
        self._deaths.update(chunks)
        is_given_up = len(chunks) == 1 and self._deaths[chunks[0]] >= MAX_DEATHS
        return chunks[0] if is_given_up else None
