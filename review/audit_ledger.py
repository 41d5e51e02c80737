"""The ledger of a run's audits in the database: read it, add an event, do what follows from it.

``audits/ledger.py`` has the rules. Every change is one event, added by compare-and-set.
"""

from collections.abc import Callable
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.audits import events
from auto_labeling.audits.audit import Audit, AuditState
from auto_labeling.audits.events import Event, Verdict
from auto_labeling.audits.ledger import Ledger
from auto_labeling.core.errors import AuditRefused, FailureReason, IllegalTransition
from auto_labeling.core.run import Run, RunState
from auto_labeling.review import audit_labels
from auto_labeling.storage.audit_ledgers import LedgerStore, new_event
from auto_labeling.storage.runs import RunStore

_RETRIES = 16


def ledger(dataset: Dataset, run_id: str) -> Ledger:
    """Reads the ledger of a run's audits.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Returns:
        the ledger; it is empty if the run has no audits
    """
    stored = LedgerStore(dataset).events(run_id)
    return Ledger.replay(run_id, map(events.read, stored))


def add(
    dataset: Dataset,
    run: Run,
    by: str,
    event: Callable[[Ledger, dict[str, Any]], Event | None],
) -> Ledger:
    """Adds an event to the ledger, by compare-and-set.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        by: who does it
        event: makes the event from the ledger as it is by then, and from what every event has.
            None adds nothing

    Returns:
        the ledger afterwards

    Raises:
        AuditRefused: if the ledger refuses the event
        IllegalTransition: if others keep changing the ledger
    """
    store, head = LedgerStore(dataset), new_event(by)
    for _ in range(_RETRIES):
        stored = store.events(run.id)
        now = Ledger.replay(run.id, map(events.read, stored))
        added = event(now, head)
        if added is None:
            return now
        now.add(added)
        if store.add(run.id, len(stored), added.model_dump(mode="json")):
            return now
    raise IllegalTransition("The audit is being changed by another process; try again")


def settle(dataset: Dataset, run_id: str) -> None:
    """Does what follows from the end of audits, if a process has died before it was done.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
    """
    run = RunStore(dataset).get(run_id)
    if run.state is not RunState.IN_REVIEW:
        return
    now = ledger(dataset, run_id)
    for audit in now.audits:
        if audit.settled or audit.state not in (AuditState.PASSED, AuditState.FAILED):
            continue
        wrong, right = audit.found(Verdict.WRONG, Verdict.UNSURE), []
        for entry in now.pilot if audit.state is AuditState.PASSED else ():
            verdict = now.pilot_verdicts.get(entry.label)
            if verdict is Verdict.RIGHT:
                right.append(entry)
            elif verdict is not None:
                wrong.append(entry)
        rejected = audit_labels.reject(dataset, run, wrong)
        promoted = audit_labels.promote(dataset, run, right)
        number = audit.number

        def event(
            then: Ledger,
            head: dict[str, Any],
            number: int = number,
            rejected: int = rejected,
            promoted: int = promoted,
        ) -> Event | None:
            if then.audit(number).settled:
                return None
            return events.Settled(audit=number, rejected=rejected, promoted=promoted, **head)

        add(dataset, run, "", event)


def current(now: Ledger) -> Audit:
    """Returns the last audit of a ledger.

    Raises:
        AuditRefused: if there is none
    """
    if now.current is None:
        raise AuditRefused("This run has no audit. Freeze one", reason=FailureReason.NO_AUDIT)
    return now.current


def going(now: Ledger) -> Audit:
    """Returns the audit that takes answers.

    Raises:
        AuditRefused: if there is none
    """
    audit = current(now)
    if audit.is_over:
        raise AuditRefused(
            f"Audit {audit.number} is over: {audit.state.value}",
            reason=FailureReason.AUDIT_OVER,
        )
    return audit


def in_review(dataset: Dataset, run_id: str) -> Run:
    """Reads a run whose labels can be audited.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Returns:
        the run

    Raises:
        IllegalTransition: if it is not in review
    """
    run = RunStore(dataset).get(run_id)
    if run.state is not RunState.IN_REVIEW:
        raise IllegalTransition(
            f"'{run.name}' is {run.status.lower()}; its labels cannot be audited now"
        )
    return run
