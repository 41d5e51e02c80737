"""Audits: how many labels to look at for a promise about all of them, and its certificate.

``docs/quality.md`` explains what is promised, and what is not.
"""

from collections.abc import Iterable

from fiftyone.core.collections import SampleCollection

from auto_labeling.review import audit_planning, audit_status, auditing, summary
from auto_labeling.review.audit_planning import RIGHT, Proposal
from auto_labeling.review.audit_status import AuditStatus, QualityStatus
from auto_labeling.review.auditing import Page
from auto_labeling.review.certifying import Verification
from auto_labeling.review.grid import Shown
from auto_labeling.review.selection import choose
from auto_labeling.sdk.certificates import certificate, verify
from auto_labeling.sdk.handle import Run

__all__ = [
    "AuditStatus",
    "Page",
    "Proposal",
    "QualityStatus",
    "Verification",
    "abandon",
    "answer",
    "answer_pilot",
    "certificate",
    "freeze",
    "page",
    "pilot",
    "plan",
    "status",
    "undo",
    "verify",
]


def plan(
    run: Run,
    target: int = 95,
    attempts: int = 1,
    *,
    classes: list[str] | None = None,
    view: SampleCollection | None = None,
) -> Proposal:
    """Computes how many labels an audit would look at. Writes nothing.

    Args:
        run: a run in review, with promoted labels
        target (95): the percentage of labels that must be right: 90, 95 or 98
        attempts (1): 1, or 2 with half of the risk each. The first page decides it for good
        classes (None): only promoted labels of these classes
        view (None): only promoted labels that this view shows

    Returns:
        the ``plan`` with its ``looks``, and ``likely``: the numbers of labels between which the
        audit most likely ends

    Raises:
        AutoLabelingError: if an argument is wrong
        AuditRefused: if no promoted label is left

    Example:
        >>> al.promote(run)
        12
        >>> al.quality.plan(run).plan.first  # up to 60 labels: look at all
        12
    """
    chosen = _chosen(run, classes, view)
    return audit_planning.propose(run.dataset, run.id, target, attempts, chosen)


def pilot(run: Run, labels: int = 60, by: str = "") -> list[str]:
    """Draws labels for a first impression, evenly over classes and confidence.

    The answers (:func:`answer_pilot`) help to choose what to promote. They never count in an audit.

    Args:
        run: a run in review
        labels (60): the number of labels
        by (""): who draws them

    Returns:
        the IDs of the labels

    Raises:
        AuditRefused: if the run has a pilot already, or an audit has begun

    Example:
        >>> len(al.quality.pilot(run, 6))
        6
    """
    drawn = audit_planning.draw_pilot(run.dataset, run.id, labels, by)
    return [entry.label for entry in drawn.pilot]


def answer_pilot(
    run: Run,
    right: Iterable[str] = (),
    wrong: Iterable[str] = (),
    unsure: Iterable[str] = (),
    by: str = "",
) -> QualityStatus:
    """Stores which labels of the pilot are right.

    If an audit passes later, those found right are promoted, and the others rejected.

    Args:
        run: a run in review
        right (()): the IDs of labels that are right
        wrong (()): the IDs of labels that are wrong
        unsure (()): the IDs of labels that may be either
        by (""): who answers

    Returns:
        the status

    Raises:
        AuditRefused: if a label is not one of the pilot's

    Example:
        >>> first, *others = al.quality.pilot(run, 6)
        >>> al.quality.answer_pilot(run, right=others, wrong=[first]).pilot_right
        5
    """
    answered = audit_planning.answer_pilot(run.dataset, run.id, right, wrong, unsure, by)
    return audit_status.of_ledger(answered)


def freeze(
    run: Run,
    target: int = 95,
    attempts: int = 1,
    *,
    classes: list[str] | None = None,
    view: SampleCollection | None = None,
    right: str = RIGHT,
    by: str = "",
) -> AuditStatus:
    """Fixes the labels of an audit, their random order and its plan. Shows nothing yet.

    Args:
        run: a run in review, with promoted labels
        target (95): the percentage of labels that must be right: 90, 95 or 98
        attempts (1): 1, or 2 with half of the risk each. The first page decides it for good
        classes (None): only promoted labels of these classes
        view (None): only promoted labels that this view shows
        right (RIGHT): when a label is right, in one sentence
        by (""): who freezes them

    Returns:
        the audit

    Raises:
        AutoLabelingError: if an argument is wrong
        AuditRefused: if an audit is open, all of the risk is used, or no promoted label is left

    Example:
        >>> al.promote(run)
        12
        >>> al.quality.freeze(run).sentence
        '12 labels are frozen; none was shown yet'
    """
    chosen = _chosen(run, classes, view)
    frozen = audit_planning.freeze(run.dataset, run.id, target, attempts, chosen, right, by)
    return audit_status.of_audit(frozen)


def page(run: Run, size: int = 24, by: str = "") -> Page:
    """Shows the next labels of the audit. The first page uses the audit's share of the risk.

    To see them, show ``dataset.to_patches(run.staging_field).select(page.ids, ordered=True)``.

    Args:
        run: a run in review, with an audit
        size (24): the number of labels, at most. A page ends where the plan looks
        by (""): who looks at them

    Returns:
        the page; the same for every reviewer until it is answered

    Raises:
        AuditRefused: if no audit is frozen, or it is over

    Example:
        >>> al.promote(run)
        12
        >>> audit = al.quality.freeze(run)
        >>> len(al.quality.page(run, 5).ids)
        5
    """
    return auditing.page(run.dataset, run.id, size, by)


def answer(
    run: Run,
    labels: Iterable[str],
    wrong: Iterable[str] = (),
    unsure: Iterable[str] = (),
    by: str = "",
) -> AuditStatus:
    """Answers for the labels of a page: some are wrong, the rest is right.

    A label that was changed or deleted since it was frozen counts as wrong. When the audit ends,
    labels found wrong are rejected.

    Args:
        run: a run in review, with an audit
        labels: the IDs of all labels of the page, in their order
        wrong (()): the IDs of those that are wrong
        unsure (()): the IDs of those that may be either. They count as wrong
        by (""): who answers

    Returns:
        the audit afterwards

    Raises:
        AuditRefused: if these are not the next labels of the audit; nothing is stored then

    Example:
        >>> al.promote(run)
        12
        >>> audit = al.quality.freeze(run)
        >>> page = al.quality.page(run)
        >>> al.quality.answer(run, page.ids, wrong=page.ids[:1]).sentence
        'All 12 labels were looked at; the 11 right ones are kept'
    """
    audit = auditing.answer(run.dataset, run.id, tuple(labels), wrong, unsure, by)
    if audit.is_over and run._shown is not None:  # the result says what was rejected
        decided = summary.decision(run.dataset, run.record, source=False)
        run._shown = (decided.promoted, decided.added)
    return audit_status.of_audit(audit)


def undo(run: Run, answers: int | None = None, by: str = "") -> AuditStatus:
    """Undoes the last answers. Those before the last look of the plan are final.

    Args:
        run: a run in review, with an audit
        answers (None): the number of answers; by default, those of the last page
        by (""): who undoes them

    Returns:
        the audit afterwards

    Raises:
        AuditRefused: if a look has counted them, or the audit is over

    Example:
        >>> al.promote(run)
        12
        >>> audit = al.quality.freeze(run)
        >>> page = al.quality.page(run, 5)
        >>> al.quality.answer(run, page.ids, wrong=page.ids).seen
        5
        >>> al.quality.undo(run).seen
        0
    """
    return audit_status.of_audit(auditing.undo(run.dataset, run.id, answers, by))


def abandon(run: Run, by: str = "") -> AuditStatus:
    """Gives the audit up. If it has shown a label, its share of the risk is used.

    Args:
        run: a run in review, with an audit
        by (""): who gives it up

    Returns:
        the audit afterwards

    Raises:
        AuditRefused: if no audit is open

    Example:
        >>> al.promote(run)
        12
        >>> audit = al.quality.freeze(run)
        >>> al.quality.abandon(run).state
        'abandoned'
    """
    return audit_status.of_audit(auditing.abandon(run.dataset, run.id, by))


def status(run: Run) -> QualityStatus:
    """Reads the pilot and the audits of a run.

    Args:
        run: a run

    Returns:
        the status

    Example:
        >>> al.quality.status(run).audits
        ()
    """
    return audit_status.status(run.dataset, run.id)


def _chosen(run: Run, classes: list[str] | None, view: SampleCollection | None) -> Shown | None:
    if classes is None and view is None:
        return None
    return choose(run.dataset, classes=classes, view=view)
