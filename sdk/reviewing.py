"""Review labels: count, promote, reject, undo, approve."""

from fiftyone.core.collections import SampleCollection

from auto_labeling.core.account import Decision
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunState
from auto_labeling.review import approval, promotion, summary, thresholds
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
    view: SampleCollection | None = None,
    group_slices: list[str] | None = None,
    above_thresholds: bool = False,
) -> Summary:
    """Counts a run's labels by class: the selected ones and all, with their confidence.

    Args:
        run: a run with staged labels
        tab ("review"): ``"review"`` for labels that are neither promoted nor rejected,
            ``"approval"`` for promoted ones, ``"rejected"`` for rejected ones
        min_confidence (None): the minimum confidence of the labels
        max_confidence (None): the maximum confidence of the labels
        without_confidence (False): whether to select only labels without a confidence
        classes (None): the classes of the labels
        label_ids (None): the IDs of the labels
        sample_ids (None): the IDs of the samples
        view (None): a view of the dataset, to select the labels that it shows
        group_slices (None): the slices of a grouped dataset; by default, all
        above_thresholds (False): whether to select only labels above the threshold of their class

    Returns:
        a :class:`auto_labeling.review.summary.Summary`: ``rows``, one per class, and their sums

    Raises:
        AutoLabelingError: if the run has no staged labels

    Example:
        >>> for row in al.labels(run, min_confidence=0.5).rows:
        ...     print(row.label, row.current, "of", row.total)
        circle 4 of 4
        square 4 of 4
        star 0 of 4
    """
    _refuse_unstaged(run.reload())
    summary.settle(run.dataset, run.record)
    require_tab(tab)
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
        minimums=thresholds.of(run.reload().record) if above_thresholds else None,
    )
    counted = summary.summarize(run.dataset, run.record, chosen, tab)
    _show(run, summary.decision(run.dataset, run.record, source=False))
    return counted


def require_tab(tab: str) -> None:
    """Refuses a tab that there is not.

    Raises:
        AutoLabelingError: naming those that there are
    """
    if tab not in TABS:
        raise AutoLabelingError(f"There is no tab '{tab}'. Choose from: {', '.join(TABS)}")


def promote(
    run: Run,
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: list[str] | None = None,
    label_ids: list[str] | None = None,
    sample_ids: list[str] | None = None,
    view: SampleCollection | None = None,
    group_slices: list[str] | None = None,
    above_thresholds: bool = False,
    expected: int | None = None,
    by: str = "",
) -> int:
    """Promotes the labels that meet every condition; without conditions, all labels.

    Args:
        run: a run in review
        min_confidence (None): the minimum confidence; labels without one are skipped
        max_confidence (None): the maximum confidence; labels without one are skipped
        without_confidence (False): whether to select only labels without a confidence
        classes (None): the classes
        label_ids (None): the IDs of the labels
        sample_ids (None): the IDs of the samples
        view (None): a view of the dataset, to select the labels that it shows. A view of groups
            applies to each slice
        group_slices (None): the slices of a grouped dataset; by default, all
        above_thresholds (False): whether to select only labels above the threshold of their class
        expected (None): promote only if exactly this many labels match
        by (""): who promotes

    Returns:
        the number of labels promoted

    Raises:
        LabelsChanged: if the number of labels is not ``expected``
        IllegalTransition: if the run is not in review

    Example:
        >>> al.promote(run, min_confidence=0.5)
        8
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
        minimums=thresholds.of(run.reload().record) if above_thresholds else None,
    )
    return _moved(run, promotion.promote(run.dataset, run.id, chosen, expected, by))


def reject(
    run: Run,
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: list[str] | None = None,
    label_ids: list[str] | None = None,
    sample_ids: list[str] | None = None,
    view: SampleCollection | None = None,
    group_slices: list[str] | None = None,
    expected: int | None = None,
    by: str = "",
) -> int:
    """Rejects the labels in review that meet every condition; without conditions, all of them.

    Rejected labels leave the review. Approving the run deletes them, also those that people added.

    Args:
        run: a run in review
        min_confidence (None): the minimum confidence; labels without one are skipped
        max_confidence (None): the maximum confidence; labels without one are skipped
        without_confidence (False): whether to select only labels without a confidence
        classes (None): the classes
        label_ids (None): the IDs of the labels
        sample_ids (None): the IDs of the samples
        view (None): a view of the dataset, to select the labels that it shows. A view of groups
            applies to each slice
        group_slices (None): the slices of a grouped dataset; by default, all
        expected (None): reject only if exactly this many labels match
        by (""): who rejects

    Returns:
        the number of labels rejected

    Raises:
        LabelsChanged: if the number of labels is not ``expected``
        IllegalTransition: if the run is not in review

    Example:
        >>> al.reject(run, max_confidence=0.5)
        4
        >>> al.promote(run)
        8
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
    number = promotion.reject(run.dataset, run.id, chosen, expected, by)
    _moved(run, 0)
    return number


def undo(
    run: Run,
    tab: str = "approval",
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: list[str] | None = None,
    label_ids: list[str] | None = None,
    sample_ids: list[str] | None = None,
    view: SampleCollection | None = None,
    group_slices: list[str] | None = None,
    by: str = "",
) -> int:
    """Undoes the promotion of the labels that meet every condition; without conditions, of all.

    :func:`undo_last` undoes the last action, whatever it was.

    Args:
        run: a run in review
        tab ("approval"): ``"approval"`` for promoted labels, ``"rejected"`` for rejected ones
        min_confidence (None): the minimum confidence; labels without one are skipped
        max_confidence (None): the maximum confidence; labels without one are skipped
        without_confidence (False): whether to select only labels without a confidence
        classes (None): the classes
        label_ids (None): the IDs of the labels
        sample_ids (None): the IDs of the samples
        view (None): a view of the dataset, to select the labels that it shows. A view of groups
            applies to each slice
        group_slices (None): the slices of a grouped dataset; by default, all
        by (""): who undoes it

    Returns:
        the number of labels moved back to review

    Raises:
        IllegalTransition: if the run is not in review

    Example:
        >>> al.promote(run)
        12
        >>> al.undo(run, classes=["star"])
        4
        >>> al.reject(run, classes=["star"])
        4
        >>> al.undo(run, "rejected")
        4
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
    number = promotion.undo(run.dataset, run.id, chosen=chosen, tab=tab, by=by)
    _moved(run, -number if tab == "approval" else 0)
    return number


def decision(run: Run) -> Decision:
    """What approving the run now would do with its labels.

    Args:
        run: a run in review

    Returns:
        the number of labels that are ``promoted``, ``added`` by people (kept even if not promoted),
        and ``left`` to be deleted: ``rejected``, or ``not_looked_at``. ``kept`` is the number that
        would be approved

    Raises:
        AutoLabelingError: if the run has no staged labels

    Example:
        >>> al.promote(run, classes=["circle"])
        4
        >>> al.decision(run).kept
        4
    """
    _refuse_unstaged(run.reload())
    return _show(run, summary.decision(run.dataset, run.record))


def approve(run: Run, by: str = "", *, expected: int | None = None, empty: bool = False) -> Run:
    """Writes the promoted labels to the label field, and deletes the run's other labels.

    Labels that people added to the staging field are kept unless they were rejected. Samples in
    which the model found nothing get an empty list of labels. This cannot be undone. If an approval
    was interrupted, this finishes it.

    Args:
        run: a run in review
        by (""): who approves
        expected (None): approve only if exactly this many labels would be kept. By default, the
            number that :func:`labels` or :func:`decision` last returned for ``run``, updated by
            its promotions since; any number if neither was called
        empty (False): whether samples that keep none of their labels get an empty list;
            otherwise they have no labels, as if they had never been labeled

    Returns:
        the run itself, approved

    Raises:
        LabelsChanged: if the number of labels is not ``expected``
        IllegalTransition: if the run is not in review, no label is promoted, or its label field
            already exists

    Example:
        >>> al.promote(run, min_confidence=0.5)
        8
        >>> al.approve(run).status
        'Approved'
        >>> dataset.count("checked.detections")
        8
    """
    if expected is None and run._shown is not None and run.reload().state is RunState.IN_REVIEW:
        expected = sum(run._shown)
    approval.approve(run.dataset, run.id, by=by, expected=expected, empty=empty)
    run.dataset.reload()
    return run.reload()


def _show(run: Run, decided: Decision) -> Decision:
    """Remembers the numbers that the caller has seen."""
    run._shown = (decided.promoted, decided.added)
    return decided


def _moved(run: Run, number: int) -> int:
    """Remembers what was promoted here; what others promoted since is not included."""
    if run._shown is not None:
        added = summary.decision(run.dataset, run.record, source=False).added
        run._shown = (run._shown[0] + number, added)
    return number


def _refuse_unstaged(run: Run) -> None:
    if run.state is RunState.APPROVED:
        raise AutoLabelingError(f"'{run.name}' is approved: its labels are in '{run.label_field}'")
