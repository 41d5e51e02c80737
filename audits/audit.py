"""The state of one audit: its frozen set, what was shown, the answers, and where it stopped."""

from dataclasses import dataclass, field
from enum import Enum

from auto_labeling.audits.events import Entry, Frozen, Verdict
from auto_labeling.audits.plan import Look, Plan


class AuditState(str, Enum):
    """Where an audit is."""

    FROZEN = "frozen"  # nothing was shown: no risk is used
    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass
class Audit:
    """One audit, from its frozen set to its end.

    Args:
        frozen: the event that fixed it
        state: where it is
        shown: the labels shown so far, in their order
        verdicts: the answers so far, to the first of these labels
        reviewers: who answered, each once
        pages: where each page of answers begins
        stop: ``(labels seen, wrong)`` where the plan stopped; None before
        settled: whether what follows from its end was done
        ended_at: when it ended
    """

    frozen: Frozen
    state: AuditState = AuditState.FROZEN
    shown: list[Entry] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    stop: tuple[int, int] | None = None
    settled: bool = False
    ended_at: str = ""

    @property
    def number(self) -> int:
        """Which audit of the run it is, from 1."""
        return self.frozen.audit

    @property
    def plan(self) -> Plan:
        """The plan, as it was frozen."""
        looks = tuple(Look(*look) for look in self.frozen.looks)
        return Plan(self.frozen.size, self.frozen.target, self.frozen.risk, looks)

    @property
    def is_over(self) -> bool:
        """Whether it takes no more answers."""
        return self.state not in (AuditState.FROZEN, AuditState.OPEN)

    @property
    def uses_risk(self) -> bool:
        """Whether its share of the risk is used: it has shown a label."""
        return bool(self.shown)

    @property
    def seen(self) -> int:
        """How many labels were answered."""
        return len(self.verdicts)

    @property
    def wrong(self) -> int:
        """How many of them count as wrong."""
        return sum(verdict is not Verdict.RIGHT for verdict in self.verdicts)

    @property
    def next_look(self) -> Look | None:
        """The next look of the plan; None after the last."""
        return self.plan.next_look(self.seen)

    @property
    def floor(self) -> int:
        """How many answers are final, since a look has counted them."""
        return max((one.labels for one in self.plan.looks if one.labels <= self.seen), default=0)

    @property
    def more_without_error(self) -> int | None:
        """How many more labels would pass the audit, if all of them were right."""
        return None if self.is_over else self.plan.more_without_error(self.seen, self.wrong)

    def found(self, *verdicts: Verdict) -> list[Entry]:
        """The labels with one of some verdicts."""
        pairs = zip(self.shown, self.verdicts, strict=False)
        return [entry for entry, verdict in pairs if verdict in verdicts]

    def judge(self, at: str) -> None:
        """Ends the audit where its plan does: at a look, or at the first error too many."""
        plan, wrong = self.plan, 0
        limits = {look.labels: look.allowed for look in plan.looks}
        for seen, verdict in enumerate(self.verdicts, start=1):
            wrong += verdict is not Verdict.RIGHT
            passed = wrong <= limits.get(seen, -1)
            if passed or wrong > plan.looks[-1].allowed:
                self.state = AuditState.PASSED if passed else AuditState.FAILED
                self.stop, self.ended_at = (seen, wrong), at
                return
