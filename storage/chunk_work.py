"""The work on a chunk, as its key holds it, and what it says of the chunk's samples.

While a worker is busy with the chunk, the value is::

    {"claim": …, "left_out": {sample id: counts}}

``left_out`` is written before the samples' labels are. So if one dies in between, a sample that
has its labels has its counts. Once the chunk is done, the value is::

    {"claim": …, "failures": […], "account": {"labels": …, "left_out": counts}}

A chunk that is opened again for the samples that failed keeps the account of the others. The ids
of those that failed are then under ``again``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

#: The value of a chunk's work key.
Work = dict[str, Any]


def undecided(work: Work, sample_ids: Sequence[str], many: bool) -> set[str]:
    """Finds the samples of an unfinished chunk that the chunk does not show as tried.

    Args:
        work: the chunk's work
        sample_ids: the ids of its samples
        many: whether a sample holds a list of labels. If not, a tried sample without a label shows
            in the chunk's counts alone

    Returns:
        their ids
    """
    tried = () if many else work.get("left_out") or ()
    return set(work.get("again", sample_ids)) - set(tried)


def tried(work: Work, sample_ids: Sequence[str], many: bool) -> list[str]:
    """Finds the samples of a chunk that were tried and did not fail.

    Args:
        work: the chunk's work
        sample_ids: the ids of its samples
        many: as for :func:`undecided`

    Returns:
        their ids, in the order given
    """
    if "failures" in work:
        others = {failure["sample_id"] for failure in work["failures"]}
    else:
        others = undecided(work, sample_ids, many)
    return [sample_id for sample_id in sample_ids if sample_id not in others]


def left_out_in(work: Work) -> Iterator[dict[str, int]]:
    """The counts, by reason, of the labels that were left out in a chunk, as its work has them."""
    yield (work.get("account") or {}).get("left_out") or {}
    yield from filter(None, (work.get("left_out") or {}).values())
