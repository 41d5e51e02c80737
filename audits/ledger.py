"""The ledger of a run's audits: what has happened, and what may happen next.

A ledger is a list of events (``events.py``), and its state is what replaying them gives. So
looks cannot be invented: they follow from the answers. :meth:`Ledger.add` refuses every event that
would make the plan's promise untrue. Nothing in this file touches a database.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from auto_labeling.audits.audit import Audit, AuditState
from auto_labeling.audits.events import (
    Abandoned,
    Answered,
    Entry,
    Event,
    Frozen,
    PilotAnswered,
    PilotDrawn,
    Settled,
    Shown,
    Undone,
    Verdict,
    order_key,
)
from auto_labeling.audits.plan import RISKS, Look, Plan, holds
from auto_labeling.core.errors import AuditRefused, FailureReason


@dataclass
class Ledger:
    """The state of a run's audits.

    Args:
        run_id: the run's id
        pilot: the labels of the pilot
        pilot_verdicts: the answers of the pilot, by label id
        audits: the audits, in their order
    """

    run_id: str
    pilot: list[Entry] = field(default_factory=list)
    pilot_verdicts: dict[str, Verdict] = field(default_factory=dict)
    audits: list[Audit] = field(default_factory=list)

    @classmethod
    def replay(cls, run_id: str, events: Iterable[Event]) -> "Ledger":
        """Builds the state from all events.

        Args:
            run_id: the run's id
            events: the events, in their order

        Returns:
            the ledger

        Raises:
            AuditRefused: if an event was not allowed after those before it
        """
        ledger = cls(run_id)
        for event in events:
            ledger.add(event)
        return ledger

    @property
    def current(self) -> Audit | None:
        """The audit that is not over, or else the last one."""
        return self.audits[-1] if self.audits else None

    @property
    def attempts(self) -> int | None:
        """How many attempts were chosen; None as long as that may change."""
        return next((audit.frozen.attempts for audit in self.audits if audit.uses_risk), None)

    @property
    def used(self) -> int:
        """How many attempts have used their share of the risk."""
        return sum(audit.uses_risk for audit in self.audits)

    @property
    def excluded(self) -> set[str]:
        """The ids of labels that no further audit may have: of the pilot, and those shown."""
        shown = (entry.label for audit in self.audits for entry in audit.shown)
        return {entry.label for entry in self.pilot}.union(shown)

    def audit(self, number: int) -> Audit:
        """Returns the audit of a number, from 1.

        Raises:
            AuditRefused: if there is none
        """
        if not 1 <= number <= len(self.audits):
            raise AuditRefused(f"There is no audit {number}", reason=FailureReason.NO_AUDIT)
        return self.audits[number - 1]

    def add(self, event: Event) -> None:
        """Adds one event.

        Args:
            event: the event

        Raises:
            AuditRefused: if it would make the promise untrue; nothing has changed then
        """
        match event:
            case PilotDrawn():
                self._draw_pilot(event)
            case PilotAnswered():
                self._answer_pilot(event)
            case Frozen():
                self._freeze(event)
            case Shown():
                self._show(event)
            case Answered():
                self._answer(event)
            case Undone():
                self._undo(event)
            case Abandoned():
                audit = self._going(event.audit)
                audit.state, audit.ended_at = AuditState.ABANDONED, event.at
            case Settled():
                self.audit(event.audit).settled = True

    def _draw_pilot(self, event: PilotDrawn) -> None:
        if self.used:
            raise AuditRefused(
                "A pilot comes before the first audit, which has shown labels already",
                reason=FailureReason.OUT_OF_ORDER,
            )
        if self.pilot:
            raise AuditRefused("This run has a pilot already", reason=FailureReason.OUT_OF_ORDER)
        self.pilot = list(event.labels)
        self.audits = []  # a set that was frozen before the pilot holds its labels

    def _answer_pilot(self, event: PilotAnswered) -> None:
        if unknown := event.verdicts.keys() - {entry.label for entry in self.pilot}:
            raise AuditRefused(
                f"The label {min(unknown)} is not one of the pilot's",
                reason=FailureReason.OTHER_ORDER,
            )
        self.pilot_verdicts.update(event.verdicts)

    def _freeze(self, event: Frozen) -> None:
        if self.audits and not self.audits[-1].is_over and self.audits[-1].uses_risk:
            raise AuditRefused(
                "An audit of this run is open. Finish it, or abandon it: it has used its share of "
                "the risk",
                reason=FailureReason.OUT_OF_ORDER,
            )
        if self.attempts not in (None, event.attempts):
            raise AuditRefused(
                f"The number of attempts was decided with the first page: {self.attempts}",
                reason=FailureReason.NO_ATTEMPT_LEFT,
            )
        if self.used >= event.attempts:
            raise AuditRefused(
                f"All of the risk is used: {self.used} of {event.attempts} audits have shown "
                "labels. You can still approve without a certificate",
                reason=FailureReason.NO_ATTEMPT_LEFT,
            )
        _check_plan(event)
        kept = [audit for audit in self.audits if audit.uses_risk]
        if event.audit != len(kept) + 1:
            raise AuditRefused(
                f"The next audit is number {len(kept) + 1}", reason=FailureReason.OUT_OF_ORDER
            )
        self.audits = [*kept, Audit(event)]

    def _show(self, event: Shown) -> None:
        audit = self._going(event.audit)
        if event.first != len(audit.shown):
            raise AuditRefused(
                "Labels are shown one after the other", reason=FailureReason.OUT_OF_ORDER
            )
        entries = [*audit.shown[-1:], *event.labels]
        keys = [order_key(self.run_id, audit.frozen.seed, entry.label) for entry in entries]
        if any(one >= following for one, following in pairwise(keys)):
            raise AuditRefused(
                "These labels are not in the order of the frozen set",
                reason=FailureReason.OTHER_ORDER,
            )
        _refuse_crossing(audit, event.first + len(event.labels))
        audit.shown += event.labels
        audit.state = AuditState.OPEN

    def _answer(self, event: Answered) -> None:
        audit = self._going(event.audit)
        pilot = {entry.label for entry in self.pilot}
        if counted := pilot.intersection(event.labels):
            raise AuditRefused(
                f"The label {min(counted)} is one of the pilot's, which never count in an audit",
                reason=FailureReason.PILOT_LABEL,
            )
        if event.first != audit.seen or len(event.labels) != len(event.verdicts):
            raise AuditRefused(
                f"The next answer is that for label {audit.seen + 1}, not {event.first + 1}. "
                "Someone else may have answered since: read the page again",
                reason=FailureReason.OUT_OF_ORDER,
            )
        end = event.first + len(event.labels)
        if end > len(audit.shown):
            raise AuditRefused("These labels were not shown yet", reason=FailureReason.NOT_SHOWN)
        if [entry.label for entry in audit.shown[event.first : end]] != list(event.labels):
            raise AuditRefused(
                "These labels are not the next ones of the frozen set. Answers from another "
                "order of review are not a random sample, and do not count",
                reason=FailureReason.OTHER_ORDER,
            )
        _refuse_crossing(audit, end)
        audit.verdicts += event.verdicts
        audit.pages.append(event.first)
        if event.by not in audit.reviewers:
            audit.reviewers.append(event.by)
        audit.judge(event.at)

    def _undo(self, event: Undone) -> None:
        audit = self._going(event.audit)
        if not audit.floor <= event.first < audit.seen:
            raise AuditRefused(
                "There is nothing to undo: the answers up to the last look are final",
                reason=FailureReason.OUT_OF_ORDER,
            )
        del audit.verdicts[event.first :]
        audit.pages = [first for first in audit.pages if first < event.first]

    def _going(self, number: int) -> Audit:
        audit = self.audit(number)
        if audit.is_over:
            raise AuditRefused(
                f"Audit {number} is over: {audit.state.value}",
                reason=FailureReason.AUDIT_OVER,
            )
        return audit


def _check_plan(event: Frozen) -> None:
    """Refuses a plan that does not hold what it promises; the solver may have improved since."""
    looks = tuple(Look(*look) for look in event.looks)
    plan = Plan(event.size, event.target, event.risk, looks)
    if event.risk != RISKS.get(event.attempts) or not holds(plan):
        raise AuditRefused(
            "This plan does not hold for that many labels, that target and that risk",
            reason=FailureReason.OTHER_PLAN,
        )


def _refuse_crossing(audit: Audit, end: int) -> None:
    look = audit.next_look
    if look is not None and end > look.labels:
        raise AuditRefused(
            f"A page may not cross a look of the plan: the next is after {look.labels:,} labels",
            reason=FailureReason.CROSSES_LOOK,
        )
