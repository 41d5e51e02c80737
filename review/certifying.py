"""Makes the certificate of a run, and compares one with the labels that there are now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
from fiftyone.core.dataset import Dataset

import auto_labeling
from auto_labeling.audits import certificate
from auto_labeling.audits.audit import AuditState
from auto_labeling.audits.certificate import Document
from auto_labeling.audits.events import CONTENT, Entry, content_hash
from auto_labeling.audits.ledger import Ledger
from auto_labeling.core.run import Run
from auto_labeling.core.text import count
from auto_labeling.lifecycle.weight_hashes import weight_hashes
from auto_labeling.review import audit_labels
from auto_labeling.review.audit_ledger import ledger, settle
from auto_labeling.storage import clock, label_documents
from auto_labeling.storage.audit_ledgers import LedgerStore
from auto_labeling.storage.runs import RunStore


@dataclass(frozen=True)
class Verification:
    """What became of a certificate and its labels.

    Args:
        kept: how many labels the certificate covered when it was made
        covered: how many of them are there unchanged
        changed: how many were changed since
        removed: how many are no longer kept
        added: how many labels are kept now that were added or promoted since
        left_out: how many labels are kept that the audit has left out from the beginning: of the
            pilot, or out of its scope
        problems: why the file cannot be believed; a sentence each
    """

    kept: int
    covered: int
    changed: int
    removed: int
    added: int
    left_out: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        """Whether the file can be believed, and nothing has changed since."""
        return not (self.problems or self.changed or self.removed or self.added)

    @property
    def sentence(self) -> str:
        """The result for people."""
        if self.problems:
            return f"This certificate is not valid. {'. '.join(self.problems)}"
        parts = [
            f"{number:,} {word} since"
            for number, word in ((self.changed, "changed"), (self.removed, "removed"))
            if number
        ]
        if self.added:
            has = "was" if self.added == 1 else "were"
            parts.append(f"{count(self.added, 'label')} {has} added since and not covered")
        left_out = f". The audit left out {count(self.left_out, 'label')}" if self.left_out else ""
        covered = f"covers {self.covered:,} of {count(self.kept, 'label')}"
        if parts:
            return f"The certificate {covered}: {', '.join(parts)}{left_out}"
        covered = f"covers {count(self.kept, 'label')}, all unchanged"
        return f"The certificate is valid. It {covered}{left_out}"


def make(dataset: Dataset, run_id: str) -> Document:
    """Makes the certificate of a run.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Returns:
        the certificate, as JSON

    Raises:
        AuditRefused: if no audit of the run has passed
    """
    settle(dataset, run_id)
    now = ledger(dataset, run_id)
    frozen = certificate.certified(now).frozen
    stored = LedgerStore(dataset).all_entries(run_id, frozen.seed, frozen.size)
    return _build(dataset, run_id, now, [Entry(*entry) for entry in stored])


def summary(dataset: Dataset, run_id: str) -> Document | None:
    """The certificate without its lists of labels and its hash; None if no audit has passed.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
    """
    now = ledger(dataset, run_id)
    if all(audit.state is not AuditState.PASSED for audit in now.audits):
        return None
    return certificate.summary(_build(dataset, run_id, now, []))


def _build(dataset: Dataset, run_id: str, now: Ledger, entries: list[Entry]) -> Document:
    about = _about(dataset, RunStore(dataset).get(run_id))
    versions = {"auto-labeling": auto_labeling.__version__, "fiftyone": fo.__version__}
    return certificate.build(now, entries, about, clock.stamp(), versions)


def verify(dataset: Dataset, run_id: str, document: Mapping[str, Any]) -> Verification:
    """Checks a certificate: whether its claim follows, and whether its labels are unchanged.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        document: the certificate

    Returns:
        the :class:`Verification`

    Raises:
        AutoLabelingError: if the document is no certificate
    """
    run = RunStore(dataset).get(run_id)
    problems = certificate.problems(document)
    if problems:
        return Verification(0, 0, 0, 0, 0, problems=problems)
    if document["run"]["id"] != run.id:
        problems.append(f"It is the certificate of another run, {document['run']['id']}")
        return Verification(0, 0, 0, 0, 0, problems=problems)
    problems += _differences(ledger(dataset, run_id), document)
    not_kept, wrong = certificate.not_kept(document), certificate.found_wrong(document)
    covered = {label: content for label, content in document["labels"] if label not in not_kept}
    known, never = {**covered, **dict(document["looked_at"])}, set(document["left_out"])
    same, changed, added, left_out = 0, 0, 0, 0
    for _, label in label_documents.read(dataset, run, CONTENT):
        label_id = str(label["_id"])
        if not audit_labels.is_kept(run, label):
            continue
        if label_id in wrong:
            problems.append(f"The label {label_id} was found wrong and is kept all the same")
        elif label_id in never:
            left_out += 1
        elif label_id not in known:
            added += label_id not in not_kept
        elif label_id in covered:
            is_same = content_hash(label) == covered[label_id]
            same, changed = same + is_same, changed + (not is_same)
    removed = len(covered) - same - changed
    outside = min(added, document["outside"])
    return Verification(
        len(covered), same, changed, removed, added - outside, left_out + outside, problems
    )


def _differences(now: Ledger, document: Mapping[str, Any]) -> list[str]:
    """What the ledger in the database says otherwise."""
    mine = {audit.number: audit for audit in now.audits}
    for one in document["audits"]:
        audit = mine.get(one["number"])
        if (
            audit is None
            or audit.frozen.digest != one["digest"]
            or audit.frozen.seed != one["seed"]
        ):
            return ["The ledger of this dataset has no such audit"]
        answers = zip(audit.shown, audit.verdicts, strict=False)
        stored = [[entry.label, verdict.value] for entry, verdict in answers]
        if stored[: len(one["answers"])] != one["answers"]:
            return ["The ledger of this dataset has other answers"]
    return []


def _about(dataset: Dataset, run: Run) -> Document:
    config = run.config
    return {
        "id": run.id,
        "name": run.name,
        "dataset": dataset.name,
        "label_field": config.label_field,
        "source": run.source,
        "model": config.model or f"labels of {run.source}",
        "weights": weight_hashes(run),
        "license": run.license,
        "created_at": run.created_at,
        "created_by": run.created_by,
        "config": config.model_dump(mode="json", exclude_defaults=True),
    }
