"""Whether the runs have changed since a window drew its home page.

Runs are started, renamed, reviewed and deleted elsewhere too: on the command line, in Python, by a
colleague. No process here hears of that, so the page has to ask. It asks only while a person can
see it, and gets no new page unless a card on it would look different.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.window_memory import ByWindow

#: Milliseconds between two questions.
INTERVAL = 3000

_MAX_WINDOWS = 1000


@dataclass(frozen=True)
class _Drawn:
    """What a window's home page was made of.

    Args:
        dataset: the dataset; it is not read again, which takes longer than all else
        versions: of its runs, as :func:`auto_labeling.lifecycle.labeling.versions` gives them
        in_review: the runs on the page that are in review
        promoted: the numbers of their promoted labels
    """

    dataset: Dataset
    versions: Mapping[str, str]
    in_review: Sequence[Run]
    promoted: Mapping[str, int | None]


_drawn: ByWindow[_Drawn] = ByWindow(_MAX_WINDOWS)


def note(
    window: str,
    dataset: Dataset,
    versions: Mapping[str, str],
    runs: Sequence[Run],
    promoted: Mapping[str, int | None],
) -> None:
    """Notes what a window's home page is made of.

    Args:
        window: the window's name
        dataset: the dataset
        versions: of its runs, looked up before anything else
        runs: the runs on the page
        promoted: the numbers of promoted labels, by the ids of the runs in review
    """
    in_review = [run for run in runs if run.state is RunState.IN_REVIEW]
    _drawn.note(window, _Drawn(dataset, versions, in_review, promoted))


def are_shown(window: str) -> bool:
    """Whether a window's home page shows the runs as they are now.

    Args:
        window: the window's name
    """
    drawn = _drawn.get(window)
    if drawn is None or labeling.versions(drawn.dataset) != drawn.versions:
        return False
    now = labeling.promoted_counts(drawn.dataset, drawn.in_review, seconds=0)
    return now == drawn.promoted
