"""The state of a run's audits in plain values: for scripts, commands and pages."""

from dataclasses import dataclass

from fiftyone.core.dataset import Dataset

from auto_labeling.audits import certificate, outcomes
from auto_labeling.audits.audit import Audit, AuditState
from auto_labeling.audits.ledger import Ledger
from auto_labeling.core.text import count
from auto_labeling.review.audit_ledger import ledger


@dataclass(frozen=True)
class AuditStatus:
    """An audit, as it is now.

    Args:
        number: which audit of the run, from 1
        state: "frozen", "open", "passed", "failed" or "abandoned"
        target: the share of labels that must be right, in percent
        attempts: how many audits share the risk of 5%
        risk: the risk of this audit
        size: the number of frozen labels
        seen: how many were answered
        wrong: how many of them count as wrong
        next_look: after how many answers the plan looks next; None if it is over
        more_without_error: how many more labels pass the audit if all are right; None if it is over
        interval: ``(low, high)`` for the share of right labels, once the plan has stopped
        sentence: all this for people
    """

    number: int
    state: str
    target: int
    attempts: int
    risk: float
    size: int
    seen: int
    wrong: int
    next_look: int | None
    more_without_error: int | None
    interval: tuple[float, float] | None
    sentence: str


@dataclass(frozen=True)
class QualityStatus:
    """The audits of a run, as they are now.

    Args:
        pilot: the number of labels in the pilot
        pilot_answered: how many of them were answered
        pilot_right: how many of these are right
        attempts_left: how many audits may still begin; None before the first label was shown
        audits: the audits that have shown a label, and the one that is frozen
    """

    pilot: int
    pilot_answered: int
    pilot_right: int
    attempts_left: int | None
    audits: tuple[AuditStatus, ...]


def status(dataset: Dataset, run_id: str) -> QualityStatus:
    """Reads the state of a run's audits.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Returns:
        the :class:`QualityStatus`
    """
    return of_ledger(ledger(dataset, run_id))


def of_ledger(now: Ledger) -> QualityStatus:
    """The state of a ledger in plain values."""
    right = sum(verdict.value == "right" for verdict in now.pilot_verdicts.values())
    return QualityStatus(
        len(now.pilot),
        len(now.pilot_verdicts),
        right,
        None if now.attempts is None else now.attempts - now.used,
        tuple(map(of_audit, now.audits)),
    )


def of_audit(audit: Audit) -> AuditStatus:
    """The state of an audit in plain values."""
    frozen, plan, look = audit.frozen, audit.plan, audit.next_look
    interval = None
    if audit.stop is not None:
        found = outcomes.interval(plan, *audit.stop, outcomes.agreeing(plan))
        interval = (found.low, found.high)
    return AuditStatus(
        number=audit.number,
        state=audit.state.value,
        target=frozen.target,
        attempts=frozen.attempts,
        risk=frozen.risk,
        size=frozen.size,
        seen=audit.seen,
        wrong=audit.wrong,
        next_look=None if audit.is_over or look is None else look.labels,
        more_without_error=audit.more_without_error,
        interval=interval,
        sentence=_sentence(audit, interval),
    )


def _sentence(audit: Audit, interval: tuple[float, float] | None) -> str:
    frozen = audit.frozen
    if audit.state is AuditState.FROZEN:
        return f"{count(frozen.size, 'label')} are frozen; none was shown yet"
    if audit.state is AuditState.ABANDONED:
        return f"Abandoned after {count(audit.seen, 'label')}. Its share of the risk is used"
    wrong = f"{audit.wrong:,} wrong of {audit.seen:,} looked at"
    if audit.state is AuditState.OPEN:
        more = audit.more_without_error
        return f"{wrong}. {count(more or 0, 'more label')} without an error would pass"
    if audit.stop is None or interval is None:  # not over
        return wrong
    seen, errors = audit.stop
    numbers = {"target": frozen.target, "risk": frozen.risk, "frozen": frozen.size}
    if audit.state is AuditState.PASSED:
        return certificate.claim({**numbers, "seen": seen, "wrong": errors})
    low, high = interval
    return (
        f"Not certified: {errors:,} wrong of {seen:,} looked at. The best estimate is "
        f"{1 - errors / seen:.0%} right ({low:.0%} to {high:.0%})"
    )
