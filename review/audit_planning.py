"""What comes before the first answer of an audit: the plan, a pilot, and the frozen set."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.audits import events, outcomes
from auto_labeling.audits.audit import Audit
from auto_labeling.audits.events import Event, Verdict
from auto_labeling.audits.ledger import Ledger
from auto_labeling.audits.plan import Plan, solve
from auto_labeling.core.errors import AuditRefused, AutoLabelingError, FailureReason
from auto_labeling.review import audit_labels
from auto_labeling.review.audit_ledger import add, in_review, ledger, settle
from auto_labeling.review.grid import Shown
from auto_labeling.storage.audit_ledgers import LedgerStore
from auto_labeling.storage.runs import RunStore

#: Labels of a pilot.
MIN_PILOT, MAX_PILOT = 1, 200

#: When a label is right, unless a run says otherwise.
RIGHT = "The class is right, and the box or mask is as you would draw it."


@dataclass(frozen=True)
class Proposal:
    """What an audit would take.

    Args:
        plan: the plan
        likely: the numbers of labels between which it will most likely end
        excluded: how many labels in scope it leaves out: those of the pilot, or seen before
    """

    plan: Plan
    likely: tuple[int, int]
    excluded: int = 0


def propose(
    dataset: Dataset,
    run_id: str,
    target: int = 95,
    attempts: int = 1,
    chosen: Shown | None = None,
) -> Proposal:
    """Computes what an audit would take; writes nothing.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        target (95): the share of labels that must be right, in percent
        attempts (1): how many audits share the risk of 5 %
        chosen (None): which of the promoted labels; None means all

    Returns:
        the :class:`Proposal`

    Raises:
        AutoLabelingError: if an argument is wrong, or no promoted label is in scope
    """
    run = RunStore(dataset).get(run_id)
    solve(1, target, attempts)
    excluded = ledger(dataset, run_id).excluded
    ids = audit_labels.promoted_ids(dataset, run, chosen)
    left = len(ids - excluded)
    plan = solve(_some(left), target, attempts)
    return Proposal(plan, outcomes.likely_labels(plan), len(ids) - left)


def draw_pilot(
    dataset: Dataset, run_id: str, labels: int = 60, by: str = "", chosen: Shown | None = None
) -> Ledger:
    """Draws labels to get an impression: evenly over classes and confidence, without a promise.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        labels (60): how many
        by (""): who draws them
        chosen (None): of which labels, promoted or not; None means all

    Returns:
        the ledger, whose ``pilot`` has the labels

    Raises:
        AuditRefused: if an audit has begun, or the run has a pilot already
        AutoLabelingError: if the number is out of range
    """
    run = in_review(dataset, run_id)
    if not MIN_PILOT <= labels <= MAX_PILOT:
        raise AutoLabelingError(f"A pilot has {MIN_PILOT} to {MAX_PILOT} labels")
    entries = audit_labels.spread(dataset, run, chosen, labels)
    _some(len(entries))
    return add(dataset, run, by, lambda _, head: events.PilotDrawn(labels=tuple(entries), **head))


def answer_pilot(
    dataset: Dataset,
    run_id: str,
    right: Iterable[str] = (),
    wrong: Iterable[str] = (),
    unsure: Iterable[str] = (),
    by: str = "",
) -> Ledger:
    """Stores answers about labels of the pilot. They never count in an audit.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        right (()): the ids of labels that are right
        wrong (()): the ids of labels that are wrong
        unsure (()): the ids of labels that may be either
        by (""): who answers

    Returns:
        the ledger

    Raises:
        AuditRefused: if a label is not one of the pilot's
    """
    run = in_review(dataset, run_id)
    verdicts = dict.fromkeys(right, Verdict.RIGHT)
    verdicts |= dict.fromkeys(wrong, Verdict.WRONG) | dict.fromkeys(unsure, Verdict.UNSURE)
    return add(dataset, run, by, lambda _, head: events.PilotAnswered(verdicts=verdicts, **head))


def freeze(
    dataset: Dataset,
    run_id: str,
    target: int = 95,
    attempts: int = 1,
    chosen: Shown | None = None,
    right: str = RIGHT,
    by: str = "",
) -> Audit:
    """Fixes the set of an audit, its order and its plan. Nothing is shown yet.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        target (95): the share of labels that must be right, in percent
        attempts (1): how many audits share the risk of 5 %; the first page decides it for good
        chosen (None): which of the promoted labels; None means all
        right (RIGHT): when a label is right, in a sentence
        by (""): who asks for it

    Returns:
        the audit

    Raises:
        AuditRefused: if an audit is open, or all of the risk is used
        AutoLabelingError: if an argument is wrong, or no promoted label is in scope
    """
    run = in_review(dataset, run_id)
    settle(dataset, run_id)
    solve(1, target, attempts)
    seed, excluded = secrets.token_hex(16), ledger(dataset, run_id).excluded
    entries = audit_labels.promoted(dataset, run, chosen, excluded)
    entries.sort(key=lambda entry: events.order_key(run.id, seed, entry.label))
    plan = solve(_some(len(entries)), target, attempts)
    LedgerStore(dataset).freeze(run.id, seed, entries)
    digest, ids = events.digest(entries), {entry.label for entry in entries}
    outside = audit_labels.kept_outside(dataset, run, ids | excluded, chosen)

    def event(now: Ledger, head: dict[str, Any]) -> Event:
        if not ids.isdisjoint(now.excluded):
            raise AuditRefused(
                "Labels of this set were looked at since. Freeze it again",
                reason=FailureReason.OUT_OF_ORDER,
            )
        return events.Frozen(
            audit=now.used + 1,
            target=target,
            attempts=attempts,
            size=plan.size,
            risk=plan.risk,
            looks=tuple((look.labels, look.allowed) for look in plan.looks),
            seed=seed,
            digest=digest,
            scope="all promoted labels"
            if chosen is None
            else "the promoted labels that were shown",
            right=right,
            outside=outside,
            **head,
        )

    return add(dataset, run, by, event).audits[-1]


def _some(number: int) -> int:
    if not number:
        raise AuditRefused(
            "No promoted label is left that could be audited", reason=FailureReason.NO_LABELS
        )
    return number
