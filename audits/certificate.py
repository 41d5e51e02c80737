"""The certificate of an audit: a document that proves its claim to who reads it.

It holds all that its claim follows from: the frozen labels in their order, the seed, the plan and
the answers. :func:`problems` repeats every step from the file alone. ``review/certifying.py`` asks
the dataset whether the labels are still those.
"""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy
import scipy

from auto_labeling.audits import events, outcomes
from auto_labeling.audits.audit import Audit, AuditState
from auto_labeling.audits.events import Entry, Verdict
from auto_labeling.audits.ledger import Ledger
from auto_labeling.audits.plan import RISKS, Look, Plan, holds
from auto_labeling.core.errors import AuditRefused, AutoLabelingError, FailureReason
from auto_labeling.core.text import count

KIND = "auto-labeling certificate"

#: The format of certificates that this version writes and reads.
CERTIFICATE_FORMAT = 1

Document = dict[str, Any]


def certified(ledger: Ledger) -> Audit:
    """The audit that a run's certificate is about: the last that has passed.

    Args:
        ledger: the ledger of the run

    Raises:
        AuditRefused: if none has passed
    """
    for audit in reversed(ledger.audits):
        if audit.state is AuditState.PASSED:
            return audit
    raise AuditRefused(
        "No audit of this run has passed, so there is no certificate",
        reason=FailureReason.NO_AUDIT,
    )


def build(
    ledger: Ledger,
    entries: Sequence[Entry],
    run: Mapping[str, Any],
    made_at: str,
    versions: Mapping[str, str],
) -> Document:
    """Builds the certificate of a run.

    Args:
        ledger: the ledger of the run
        entries: the frozen labels of the audit that has passed, in their order
        run: what the run was: model, license and so on, as JSON
        made_at: when the certificate is made
        versions: of this package and of FiftyOne

    Returns:
        the document, which is JSON

    Raises:
        AuditRefused: if no audit has passed
    """
    audit = certified(ledger)
    frozen = {entry.label for entry in entries}
    shown = audit.found(*Verdict)
    outside = [*zip(ledger.pilot, map(_of_pilot(ledger), ledger.pilot), strict=True)]
    for other in ledger.audits:
        if other is not audit:
            outside += zip(other.shown, other.verdicts, strict=False)
    outside = [(entry, verdict) for entry, verdict in outside if entry.label not in frozen]
    looked_at = {entry.label: entry for entry, verdict in outside if verdict is Verdict.RIGHT}
    left_out = {entry.label for entry, _ in outside} - looked_at.keys()
    document: Document = {
        "kind": KIND,
        "format": CERTIFICATE_FORMAT,
        "run": dict(run),
        "audit": audit.number,
        "right": audit.frozen.right,
        "pilot": {
            "labels": len(ledger.pilot),
            "answered": len(ledger.pilot_verdicts),
            "right": sum(v is Verdict.RIGHT for v in ledger.pilot_verdicts.values()),
        },
        "audits": [_audit(one) for one in ledger.audits if one.uses_risk],
        "classes": _classes(shown, audit.verdicts),
        "labels": [[entry.label, entry.content] for entry in entries],
        "looked_at": [[entry.label, entry.content] for entry in looked_at.values()],
        "left_out": sorted(left_out),
        "outside": audit.frozen.outside,
        "made_at": made_at,
        "versions": {
            **versions,
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
            "python": platform.python_version(),
        },
    }
    document |= _results(document)
    return {**document, "sha256": fingerprint(document)}


def summary(document: Mapping[str, Any]) -> Document:
    """Everything of a certificate but its lists of labels and its hash, to be kept elsewhere."""
    left_out = ("labels", "looked_at", "left_out", "sha256")
    return {name: value for name, value in document.items() if name not in left_out}


def fingerprint(document: Mapping[str, Any]) -> str:
    """The hash of a certificate, of all but the hash itself."""
    rest = {name: value for name, value in document.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def problems(document: Mapping[str, Any]) -> list[str]:
    """Lists what is wrong with a certificate, by the file alone: empty if its claim follows.

    Args:
        document: the document

    Returns:
        a sentence for each problem

    Raises:
        AutoLabelingError: if it is no certificate, or one of a newer version
    """
    if document.get("kind") != KIND:
        raise AutoLabelingError("This file is not a certificate of Auto-Labeling")
    if document.get("format") not in range(1, CERTIFICATE_FORMAT + 1):
        raise AutoLabelingError(
            "A newer version of Auto-Labeling has made this certificate. Update it to verify"
        )
    found = []
    if document.get("sha256") != fingerprint(document):
        found.append("The file was changed: its hash is another")
    try:
        found += _contradictions(document)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        found.append("The file was changed: parts of it are missing or of another kind")
    return found


def claim(document: Mapping[str, Any]) -> str:
    """What a certificate promises, in one sentence.

    Args:
        document: the certificate, with its numbers
    """
    frozen, seen, wrong = document["frozen"], document["seen"], document["wrong"]
    if seen == frozen:
        right = f"; the {frozen - wrong:,} right ones are kept" if wrong else ", and all are right"
        return f"All {count(frozen, 'label')} were looked at{right}"
    return (
        f"At least {document['target']}% of these {frozen:,} labels are right "
        f"(risk {document['risk']:.1%}; {wrong:,} wrong of {seen:,} looked at)"
    ).replace(".0%", "%")


def not_kept(document: Mapping[str, Any]) -> set[str]:
    """The ids of the frozen labels that the audit has found wrong, changed or deleted."""
    answers = _certified(document)["answers"]
    return {label for label, verdict in answers if verdict != Verdict.RIGHT.value}


def found_wrong(document: Mapping[str, Any]) -> set[str]:
    """The ids of the frozen labels that a person has found wrong; they are rejected."""
    answers, rejected = _certified(document)["answers"], (Verdict.WRONG, Verdict.UNSURE)
    return {label for label, verdict in answers if Verdict(verdict) in rejected}


def _certified(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(one for one in document["audits"] if one["number"] == document["audit"])


def _results(document: Mapping[str, Any]) -> Document:
    """The numbers and the sentence that follow from the audit that has passed."""
    audit = _certified(document)
    plan = Plan(audit["size"], audit["target"], audit["risk"], _looks(audit))
    seen, wrong = audit["stop"]
    interval = outcomes.interval(plan, seen, wrong, outcomes.agreeing(plan))
    results: Document = {
        "target": plan.target,
        "risk": 0.0 if plan.is_census else plan.risk,
        "attempts": audit["attempts"],
        "frozen": plan.size,
        "seen": seen,
        "wrong": wrong,
        "rejected": len(found_wrong(document)),
        "kept": plan.size - len(not_kept(document)),
        "estimate": 1 - wrong / seen,
        "interval": [interval.low, interval.high, interval.confidence],
    }
    return {"claim": claim(results), **results}


def _audit(audit: Audit) -> Document:
    frozen = audit.frozen
    answers = zip(audit.shown, audit.verdicts, strict=False)
    return {
        "number": audit.number,
        "result": audit.state.value,
        "target": frozen.target,
        "attempts": frozen.attempts,
        "risk": frozen.risk,
        "size": frozen.size,
        "scope": frozen.scope,
        "looks": [list(look) for look in frozen.looks],
        "seed": frozen.seed,
        "digest": frozen.digest,
        "stop": None if audit.stop is None else list(audit.stop),
        "frozen_by": frozen.by,
        "frozen_at": frozen.at,
        "reviewers": list(audit.reviewers),
        "ended_at": audit.ended_at,
        "shown": len(audit.shown),
        "answers": [[entry.label, verdict.value] for entry, verdict in answers],
    }


def _of_pilot(ledger: Ledger) -> Any:
    return lambda entry: ledger.pilot_verdicts.get(entry.label)


def _classes(entries: Sequence[Entry], verdicts: Iterable[Verdict]) -> list[Document]:
    seen: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for entry, verdict in zip(entries, verdicts, strict=False):
        seen[entry.name] += 1
        wrong[entry.name] += verdict is not Verdict.RIGHT
    rows = []
    for name in sorted(seen):
        interval = outcomes.clopper_pearson(seen[name], wrong[name])
        row = {"class": name, "seen": seen[name], "wrong": wrong[name]}
        rows.append({**row, "interval": [interval.low, interval.high, interval.confidence]})
    return rows


def _looks(audit: Mapping[str, Any]) -> tuple[Look, ...]:
    return tuple(Look(*look) for look in audit["looks"])


def _contradictions(document: Mapping[str, Any]) -> list[str]:
    audit, found = _certified(document), []
    if (
        len(dict(document["looked_at"]).keys() & set(document["left_out"]))
        or document["outside"] < 0
    ):
        found.append("The lists of labels contradict each other")
    plan = Plan(audit["size"], audit["target"], audit["risk"], _looks(audit))
    labels = [label for label, _ in document["labels"]]
    if not holds(plan) or audit["risk"] != RISKS.get(audit["attempts"]):
        found.append("The plan does not hold what it promises")
    if len(document["audits"]) > audit["attempts"]:
        found.append("There were more audits than attempts")
    entries = [Entry(label, "", content, "") for label, content in document["labels"]]
    if events.digest(entries) != audit["digest"] or len(labels) != plan.size:
        found.append("The labels are not those of the frozen set")
    keys = [events.order_key(document["run"]["id"], audit["seed"], label) for label in labels]
    if any(one >= following for one, following in pairwise(keys)):
        found.append("The labels are not in the order of the seed")
    if [label for label, _ in audit["answers"]] != labels[: len(audit["answers"])]:
        found.append("The answers are not those of the first labels")
    if _stop(plan, [verdict for _, verdict in audit["answers"]]) != audit["stop"]:
        found.append("The audit did not pass with these answers")
    results = _results(document)
    if {name: document[name] for name in results} != results:
        found.append("The claim or its numbers do not follow from the answers")
    return found


def _stop(plan: Plan, verdicts: Sequence[str]) -> list[int] | None:
    """Where an audit with these answers passes: ``[labels seen, wrong]``."""
    limits, wrong = {look.labels: look.allowed for look in plan.looks}, 0
    for seen, verdict in enumerate(verdicts, start=1):
        wrong += Verdict(verdict) is not Verdict.RIGHT
        if wrong <= limits.get(seen, -1):
            return [seen, wrong]
        if wrong > plan.looks[-1].allowed:
            return None
    return None
