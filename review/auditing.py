"""An audit of a run's labels: the next page, answers, undo (``audit_planning.py`` comes before).

Every change is one event of the run's ledger (``audits/ledger.py`` has the rules), added by
compare-and-set. What an event needs is written before it, and what follows from it can be repeated.
So a process may die anywhere, and two reviewers may work at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.audits import events
from auto_labeling.audits.events import Entry, Event, Verdict
from auto_labeling.audits.ledger import Audit, Ledger
from auto_labeling.core.errors import (
    AuditRefused,
    AutoLabelingError,
    FailureReason,
)
from auto_labeling.review import audit_labels
from auto_labeling.review.audit_ledger import add, current, going, in_review, settle
from auto_labeling.storage.audit_ledgers import LedgerStore

#: Labels of a page, at most.
MAX_PAGE_SIZE = 200


@dataclass(frozen=True)
class PageLabel:
    """A label on a page of an audit.

    Args:
        id: the label's id
        sample: the id of its sample
        name: its class
        gone: "changed" or "deleted" if it was since the set was frozen; it counts as wrong
    """

    id: str
    sample: str
    name: str
    gone: str = ""


@dataclass(frozen=True)
class Page:
    """The next labels to look at.

    Args:
        audit: the number of the audit
        first: the position of the first label, from 0
        labels: the labels, in the order of the audit
    """

    audit: int
    first: int
    labels: tuple[PageLabel, ...]

    @property
    def ids(self) -> list[str]:
        """The ids of the labels, in the order of the audit."""
        return [label.id for label in self.labels]


def page(dataset: Dataset, run_id: str, size: int = 24, by: str = "") -> Page:
    """Shows the next labels of the audit. From its first page on, it has used its share of risk.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        size (24): how many labels, at most; a page never crosses a look of the plan
        by (""): who looks at them

    Returns:
        the :class:`Page`; the same for everyone until it is answered

    Raises:
        AuditRefused: if no audit is frozen, or it is over
        AutoLabelingError: if the size is out of range
    """
    run = in_review(dataset, run_id)
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise AutoLabelingError(f"A page has 1 to {MAX_PAGE_SIZE} labels")
    store = LedgerStore(dataset)

    def event(now: Ledger, head: dict[str, Any]) -> Event | None:
        audit = going(now)
        first, end = len(audit.shown), _end(audit, size)
        if first >= end:
            return None
        more = store.entries(run.id, audit.frozen.seed, first, end)
        labels = tuple(Entry(*entry) for entry in more)
        return events.Shown(audit=audit.number, first=first, labels=labels, **head)

    audit = going(add(dataset, run, by, event))
    entries = audit.shown[audit.seen : _end(audit, size)]
    gone = audit_labels.gone(dataset, run, entries)
    labels = (PageLabel(e.label, e.sample, e.name, gone.get(e.label, "")) for e in entries)
    return Page(audit.number, audit.seen, tuple(labels))


def answer(
    dataset: Dataset,
    run_id: str,
    labels: Sequence[str],
    wrong: Iterable[str] = (),
    unsure: Iterable[str] = (),
    by: str = "",
) -> Audit:
    """Answers for the next labels: some are wrong, the rest is right.

    A label that was changed or deleted since the set was frozen counts as wrong, whatever is
    answered. If the audit ends with this, labels found wrong are rejected. If it passes, labels of
    the pilot found right are promoted.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        labels: the ids of the labels looked at: the next ones, in the order of the audit
        wrong (()): the ids of those that are wrong
        unsure (()): the ids of those that may be either; they count as wrong
        by (""): who answers

    Returns:
        the audit afterwards

    Raises:
        AuditRefused: if these are not the next labels; nothing is stored then
    """
    run = in_review(dataset, run_id)
    labels, wrong, unsure = list(labels), set(wrong), set(unsure)
    if not labels:
        raise AutoLabelingError("No labels were named")
    if strange := (wrong | unsure).difference(labels):
        raise AuditRefused(
            f"The label {min(strange)} is not among those that were looked at",
            reason=FailureReason.OTHER_ORDER,
        )

    def event(now: Ledger, head: dict[str, Any]) -> Event | None:
        audit = current(now)
        at = {entry.label: place for place, entry in enumerate(audit.shown)}
        first = at.get(labels[0], audit.seen)
        entries = audit.shown[first : first + len(labels)]
        verdicts = _verdicts(labels, wrong, unsure, audit_labels.gone(dataset, run, entries))
        if _is_answered(audit, first, labels, verdicts):
            return None
        return events.Answered(
            audit=audit.number, first=first, labels=tuple(labels), verdicts=verdicts, **head
        )

    audit = current(add(dataset, run, by, event))
    if audit.is_over:
        settle(dataset, run_id)
    return audit


def undo(dataset: Dataset, run_id: str, answers: int | None = None, by: str = "") -> Audit:
    """Withdraws the last answers. Those that a look has counted are final.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        answers (None): how many; None means those of the last page
        by (""): who withdraws them

    Returns:
        the audit afterwards

    Raises:
        AuditRefused: if a look has counted them, or the audit is over
    """
    run = in_review(dataset, run_id)

    def event(now: Ledger, head: dict[str, Any]) -> Event:
        audit = going(now)
        last = audit.pages[-1] if audit.pages else audit.seen
        first = last if answers is None else audit.seen - answers
        return events.Undone(audit=audit.number, first=first, **head)

    return current(add(dataset, run, by, event))


def abandon(dataset: Dataset, run_id: str, by: str = "") -> Audit:
    """Gives an audit up. If it has shown a label, its share of the risk is used.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        by (""): who gives it up

    Returns:
        the audit afterwards

    Raises:
        AuditRefused: if no audit is open
    """
    run = in_review(dataset, run_id)
    return current(
        add(dataset, run, by, lambda now, head: events.Abandoned(audit=going(now).number, **head))
    )


def _verdicts(
    labels: Sequence[str], wrong: set[str], unsure: set[str], gone: dict[str, str]
) -> tuple[Verdict, ...]:
    def one(label: str) -> Verdict:
        if label in gone:
            return Verdict(gone[label])
        if label in wrong:
            return Verdict.WRONG
        return Verdict.UNSURE if label in unsure else Verdict.RIGHT

    return tuple(map(one, labels))


def _is_answered(
    audit: Audit, first: int, labels: Sequence[str], verdicts: Sequence[Verdict]
) -> bool:
    """Whether the same was answered already: the answer to an earlier call was lost."""
    end = first + len(labels)
    same_labels = [entry.label for entry in audit.shown[first:end]] == list(labels)
    return same_labels and audit.verdicts[first:end] == list(verdicts)


def _end(audit: Audit, size: int) -> int:
    look = audit.next_look
    return min(audit.seen + size, look.labels if look else audit.frozen.size)
