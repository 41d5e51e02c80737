"""Review: count, promote, take back, approve."""

from auto_labeling.core.account import Decision
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunState
from auto_labeling.review import approval, promotion, summary
from auto_labeling.review.grid import TABS
from auto_labeling.review.selection import choose
from auto_labeling.review.summary import Summary
from auto_labeling.sdk.handle import Run


def labels(
    run: Run,
    tab: str = "review",
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: list[str] | None = None,
    label_ids: list[str] | None = None,
    sample_ids: list[str] | None = None,
    view=None,
    group_slices: list[str] | None = None,
) -> Summary:
    """The labels of a run by class: how many are chosen, of how many, and how sure of them.

    Args:
        run: a run with staged labels
        tab ("review"): ``"review"`` for what is not promoted, ``"approval"`` for what is
        min_confidence (None): the least confidence of the labels to choose
        max_confidence (None): the greatest confidence of the labels to choose
        without_confidence (False): whether to choose labels that have no confidence
        classes (None): the classes to choose
        label_ids (None): the ids of the labels to choose
        sample_ids (None): the ids of the samples to choose
        view (None): a view of the dataset: what it shows is chosen
        group_slices (None): the slices of a grouped dataset to choose; by default, all

    Returns:
        a :class:`auto_labeling.review.summary.Summary`: ``rows``, one a class, and their sums

    Raises:
        AutoLabelingError: if the run has no staged labels (any more)
    """
    _refuse_unstaged(run.reload())
    summary.settle(run.dataset, run.record)
    if tab not in TABS:
        raise AutoLabelingError(f"There is no tab '{tab}': {' or '.join(TABS)}")
    chosen = choose(
        run.dataset,
        min_confidence=min_confidence,
        max_confidence=max_confidence,
        without_confidence=without_confidence,
        classes=classes,
        label_ids=label_ids,
        sample_ids=sample_ids,
        view=view,
        group_slices=group_slices,
    )
    counted = summary.summarize(run.dataset, run.record, chosen, tab)
    _show(run, summary.decision(run.dataset, run.record, source=False))
    return counted


def promote(
    run: Run,
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: list[str] | None = None,
    label_ids: list[str] | None = None,
    sample_ids: list[str] | None = None,
    view=None,
    group_slices: list[str] | None = None,
    expected: int | None = None,
) -> int:
    """Promotes labels for approval: those that meet every condition; without any, all.

    Args:
        run: a run in review
        min_confidence (None): the least confidence; labels without one are left out
        max_confidence (None): the greatest confidence; labels without one are left out
        without_confidence (False): whether only labels that have no confidence
        classes (None): the classes
        label_ids (None): the ids of labels
        sample_ids (None): the ids of samples
        view (None): a view of the dataset: the labels that it shows. A view of groups is applied
            to each of their slices
        group_slices (None): the slices of a grouped dataset; by default, all
        expected (None): the number of labels that this must be, or nothing is promoted

    Returns:
        the number of labels promoted

    Raises:
        LabelsChanged: if it is not ``expected`` labels
        IllegalTransition: if the run is not in review
    """
    chosen = choose(
        run.dataset,
        min_confidence=min_confidence,
        max_confidence=max_confidence,
        without_confidence=without_confidence,
        classes=classes,
        label_ids=label_ids,
        sample_ids=sample_ids,
        view=view,
        group_slices=group_slices,
    )
    return _moved(run, promotion.promote(run.dataset, run.id, chosen, expected))


def undo(
    run: Run,
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: list[str] | None = None,
    label_ids: list[str] | None = None,
    sample_ids: list[str] | None = None,
    view=None,
    group_slices: list[str] | None = None,
) -> int:
    """Takes back the promotion of labels: those that meet every condition; without any, all.

    Args:
        run: a run in review
        min_confidence (None): the least confidence; labels without one are left out
        max_confidence (None): the greatest confidence; labels without one are left out
        without_confidence (False): whether only labels that have no confidence
        classes (None): the classes
        label_ids (None): the ids of labels
        sample_ids (None): the ids of samples
        view (None): a view of the dataset: the labels that it shows. A view of groups is applied
            to each of their slices
        group_slices (None): the slices of a grouped dataset; by default, all

    Returns:
        the number of labels taken back

    Raises:
        IllegalTransition: if the run is not in review
    """
    chosen = choose(
        run.dataset,
        min_confidence=min_confidence,
        max_confidence=max_confidence,
        without_confidence=without_confidence,
        classes=classes,
        label_ids=label_ids,
        sample_ids=sample_ids,
        view=view,
        group_slices=group_slices,
    )
    number = promotion.undo(run.dataset, run.id, chosen=chosen)
    _moved(run, -number)
    return number


def decision(run: Run) -> Decision:
    """What an approval would do with the labels of a run now.

    Args:
        run: a run in review

    Returns:
        how many labels are ``promoted``, ``added`` by people and kept without that, and ``left``
        to be deleted; ``kept`` is what would be approved

    Raises:
        AutoLabelingError: if the run has no staged labels (any more)
    """
    _refuse_unstaged(run.reload())
    return _show(run, summary.decision(run.dataset, run.record))


def approve(run: Run, by: str = "", *, expected: int | None = None, empty: bool = False) -> Run:
    """Writes the promoted labels to the label field and deletes all others of the run.

    Labels that people added to the staging field are kept, promoted or not. Where nothing was
    found, the label field holds an empty list of labels. This cannot be undone. An approval whose
    process died is finished.

    Args:
        run: a run in review
        by (""): who approves
        expected (None): the number of labels to approve that this must be, or nothing is approved.
            By default what :func:`labels` or :func:`decision` last gave for ``run``, with what was
            promoted and taken back by it since; whatever there is, if it was never asked
        empty (False): whether samples with labels, of which none is kept, get an empty list too;
            else they are left without labels, as if they had never been labeled

    Returns:
        the run itself, approved

    Raises:
        LabelsChanged: if it is not ``expected`` labels
        IllegalTransition: if the run is not in review, nothing is promoted, or its label field
            exists by now
    """
    if expected is None and run._shown is not None and run.reload().state is RunState.IN_REVIEW:
        expected = sum(run._shown)
    approval.approve(run.dataset, run.id, by=by, expected=expected, empty=empty)
    run.dataset.reload()
    return run.reload()


def _show(run: Run, decided: Decision) -> Decision:
    """Notes what whoever holds the run has been shown."""
    run._shown = (decided.promoted, decided.added)
    return decided


def _moved(run: Run, number: int) -> int:
    """Notes what was promoted; what others promoted since it was shown is not in it."""
    if run._shown is not None:
        added = summary.decision(run.dataset, run.record, source=False).added
        run._shown = (run._shown[0] + number, added)
    return number


def _refuse_unstaged(run: Run) -> None:
    if run.state is RunState.APPROVED:
        raise AutoLabelingError(f"'{run.name}' is approved: its labels are in '{run.label_field}'")
