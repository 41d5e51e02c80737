"""Audits on paper: a ledger, a frozen set and scripted answers, without a database."""

import hashlib
import itertools

from auto_labeling.audits import events
from auto_labeling.audits.events import Entry, Verdict
from auto_labeling.audits.ledger import Ledger
from auto_labeling.audits.plan import solve

_number = itertools.count()


def head(by="ann"):
    return {"id": f"{next(_number):x}", "at": "2026-01-01T00:00:00.000+00:00", "by": by}


def entries_of(size, run_id="run", seed="seed"):
    """Labels of a set in the order of an audit."""
    labels = [f"{number:024x}" for number in range(size)]
    labels.sort(key=lambda label: events.order_key(run_id, seed, label))
    return [Entry(label, f"{int(label, 16) // 3:024x}", "0" * 16, "cat") for label in labels]


def frozen(size, number=1, target=95, attempts=1, seed="seed", **changes):
    """The event of a frozen set, whose entries are those of :func:`entries_of`."""
    plan = solve(size, target, attempts)
    values = {
        "audit": number,
        "target": target,
        "attempts": attempts,
        "size": size,
        "risk": plan.risk,
        "looks": tuple((look.labels, look.allowed) for look in plan.looks),
        "seed": seed,
        "digest": events.digest(entries_of(size, seed=seed)),
    }
    return events.Frozen(**{**values, **changes}, **head())


class Paper:
    """A ledger whose frozen set is known, with all events that it took."""

    def __init__(self, size, number=1, **choices):
        self.events, self.ledger = [], Ledger("run")
        self.add(frozen(size, number, **choices))
        self.entries = entries_of(size, seed=choices.get("seed", "seed"))

    @property
    def audit(self):
        return self.ledger.current

    def add(self, event):
        self.ledger.add(event)
        self.events.append(event)

    def show(self, end):
        first = len(self.audit.shown)
        if end > first:
            labels = tuple(self.entries[first:end])
            number = self.audit.number
            self.add(events.Shown(audit=number, first=first, labels=labels, **head()))

    def answer(self, labels, is_wrong=lambda label: False, first=None, by="ann"):
        """Answers for some labels of the set, by their ids."""
        verdicts = [Verdict.WRONG if is_wrong(label) else Verdict.RIGHT for label in labels]
        first = self.audit.seen if first is None else first
        number = self.audit.number
        self.add(
            events.Answered(
                audit=number, first=first, labels=tuple(labels), verdicts=verdicts, **head(by)
            )
        )

    def page(self, size=24):
        """Shows the next page, and returns its labels' ids."""
        seen, look = self.audit.seen, self.audit.next_look
        end = min(seen + size, look.labels)
        self.show(end)
        return [entry.label for entry in self.entries[seen:end]]

    def finish(self, is_wrong, size=200):
        """Answers page by page until the audit is over; returns whether it passed."""
        while not self.audit.is_over:
            self.answer(self.page(size), is_wrong)
        return self.audit.state.value == "passed"


def random_truth(size, wrong, seed):
    """A set of ids of which some are wrong, by a hash that the order knows nothing of."""
    labels = [f"{number:024x}" for number in range(size)]
    labels.sort(key=lambda label: hashlib.sha1(f"{seed}:{label}".encode()).digest())
    return set(labels[:wrong])
