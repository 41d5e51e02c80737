"""Promote labels for approval, reject them, and undo both."""

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.history import Step
from auto_labeling.review.acting import Change, act, in_review
from auto_labeling.review.criteria import Criteria
from auto_labeling.review.grid import TABS, Shown
from auto_labeling.storage.review_states import PROMOTED, REJECTED, REVIEW, UNPROMOTED


def _change(verb: str, doing: str, tab: str, after: str, about: str = "") -> Change:
    step = Step(was={REVIEW: TABS[tab]}, becomes={REVIEW: after})
    return Change(verb, doing, tab, (step,), ({},), after=after, about=about)


_PROMOTE = _change("promote", "add", "review", PROMOTED)
REJECT = _change("reject", "reject", "review", REJECTED)
_UNDO = {
    "approval": _change("undo", "move back", "approval", UNPROMOTED, "promoted"),
    "rejected": _change("undo", "move back", "rejected", UNPROMOTED, "rejected"),
}


def promote(dataset: Dataset, run_id: str, shown: Shown, expected: int | None, by: str = "") -> int:
    """Promotes the labels that the Review tab counts as current.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        shown: what the grid shows
        expected: the number of labels that the person saw; None if no one saw any
        by (""): who promotes

    Returns:
        the number of labels promoted

    Raises:
        LabelsChanged: if it is not ``expected`` labels; nothing is promoted then
        IllegalTransition: if the run is not in review
    """
    return act(dataset, in_review(dataset, run_id), shown, _PROMOTE, expected, by)


def reject(dataset: Dataset, run_id: str, shown: Shown, expected: int | None, by: str = "") -> int:
    """Rejects the labels that the Review tab counts as current.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        shown: what the grid shows
        expected: the number of labels that the person saw; None if no one saw any
        by (""): who rejects

    Returns:
        the number of labels rejected

    Raises:
        LabelsChanged: if it is not ``expected`` labels; nothing is rejected then
        IllegalTransition: if the run is not in review
    """
    return act(dataset, in_review(dataset, run_id), shown, REJECT, expected, by)


def undo(
    dataset: Dataset,
    run_id: str,
    label: str | None = None,
    chosen: Shown | None = None,
    tab: str = "approval",
    by: str = "",
) -> int:
    """Undoes the promotion, or the rejection, of all labels, of one class, or of chosen ones.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        label (None): a class; None means all
        chosen (None): which labels, in place of ``label``
        tab ("approval"): the tab that the labels are in: ``"approval"`` or ``"rejected"``
        by (""): who undoes it

    Returns:
        the number of labels moved back

    Raises:
        AutoLabelingError: if labels of that tab cannot be moved back
        IllegalTransition: if the run is not in review
    """
    if tab not in _UNDO:
        raise AutoLabelingError(f"Choose the labels to move back from: {', '.join(_UNDO)}")
    of_class = Criteria() if label is None else Criteria(labels=(label,))
    return act(dataset, in_review(dataset, run_id), chosen or of_class, _UNDO[tab], None, by)
