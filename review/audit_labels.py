"""The labels of an audit in the database: which there are, whether they changed, and what follows.

Labels found wrong are rejected here, in one place: :func:`reject`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.audits.events import CONTENT, Entry, Verdict, content_hash
from auto_labeling.core.run import Run, RunState
from auto_labeling.review import promotion
from auto_labeling.review.grid import Shown
from auto_labeling.review.selection import choose
from auto_labeling.storage import added_labels, label_documents
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import PERSON, PROMOTED, REJECTED, REVIEW, sources

#: What is read of each label.
_READ: Document = {f"label.{name}": 1 for name in ("_id", "confidence", *CONTENT)}


def promoted_ids(dataset: Dataset, run: Run, chosen: Shown | None) -> set[str]:
    """Reads the ids of promoted labels.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        chosen: which labels; None means all

    Returns:
        the ids
    """
    added_labels.settle(dataset, run)
    chosen = chosen or choose(dataset)
    found = chosen.aggregate(run, "approval", [{"$project": {"label._id": 1}}])
    return {str(document["label"]["_id"]) for document in found}


def promoted(
    dataset: Dataset, run: Run, chosen: Shown | None, excluded: Iterable[str]
) -> list[Entry]:
    """Reads promoted labels, as an audit freezes them.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        chosen: which labels; None means all
        excluded: the ids of labels to leave out

    Returns:
        an entry for each label, once
    """
    added_labels.settle(dataset, run)
    found = (chosen or choose(dataset)).aggregate(run, "approval", [{"$project": _READ}])
    entries, left_out = {entry.label: entry for entry in map(_entry, found)}, set(excluded)
    return [entry for label, entry in entries.items() if label not in left_out]


def spread(dataset: Dataset, run: Run, chosen: Shown | None, number: int) -> list[Entry]:
    """Reads a systematic sample of labels over class and confidence, promoted or not.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        chosen: of which labels; None means all
        number: how many, at most

    Returns:
        an entry for each
    """
    added_labels.settle(dataset, run)
    chosen = chosen or choose(dataset)
    found: list[Document] = []
    for tab in ("review", "approval"):
        found += chosen.aggregate(run, tab, [{"$project": _READ}])
    found.sort(key=lambda d: (str(d["label"].get("label")), d["label"].get("confidence") or 0.0))
    step = max(len(found) / number, 1)
    places = [int((place + 0.5) * step) for place in range(min(number, len(found)))]
    return [_entry(found[place]) for place in places]


def gone(dataset: Dataset, run: Run, entries: Sequence[Entry]) -> dict[str, str]:
    """Finds labels that are no longer as they were frozen.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        entries: the labels

    Returns:
        "changed" or "deleted", by label id
    """
    samples = [entry.sample for entry in entries]
    now = {
        str(label["_id"]): content_hash(label)
        for _, label in label_documents.read(dataset, run, CONTENT, samples)
    }
    return {
        entry.label: (Verdict.CHANGED if entry.label in now else Verdict.DELETED).value
        for entry in entries
        if now.get(entry.label) != entry.content
    }


def reject(dataset: Dataset, run: Run, entries: Sequence[Entry]) -> int:
    """Rejects labels that were found wrong, except those that people have changed since.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        entries: the labels

    Returns:
        how many were rejected
    """
    these = _still(dataset, run, entries)
    if these is None:
        return 0
    promotion.undo(dataset, run.id, chosen=these)
    return promotion.reject(dataset, run.id, these, None)


def promote(dataset: Dataset, run: Run, entries: Sequence[Entry]) -> int:
    """Promotes labels that were found right, except those that people have changed since.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        entries: the labels

    Returns:
        how many were promoted
    """
    these = _still(dataset, run, entries)
    return promotion.promote(dataset, run.id, these, None) if these else 0


def kept_outside(dataset: Dataset, run: Run, known: set[str], chosen: Shown | None) -> int:
    """Counts the labels that Approve would keep, beside those of an audit.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        known: the ids of labels that do not count
        chosen: the audit's scope; None means all promoted labels

    Returns:
        the number
    """
    if chosen is None and not added_labels.declared_sources(dataset, run):
        return 0  # all that are kept are promoted
    labels = (label for _, label in label_documents.read(dataset, run, ()))
    return sum(is_kept(run, label) and str(label["_id"]) not in known for label in labels)


def is_kept(run: Run, label: Mapping[str, Any]) -> bool:
    """Whether a label is, or would be, in the label field.

    Args:
        run: the run
        label: the label's document, with what ``storage/review_states.py`` stores
    """
    if run.state is RunState.APPROVED:
        return True
    added = any(label.get(name) == PERSON for name in sources(run)) or REVIEW not in label
    return label.get(REVIEW) == PROMOTED or (added and label.get(REVIEW) != REJECTED)


def _still(dataset: Dataset, run: Run, entries: Sequence[Entry]) -> Shown | None:
    """Those labels that are as they were, as a choice; None if there are none."""
    changed = gone(dataset, run, entries) if entries else {}
    kept = [entry for entry in entries if entry.label not in changed]
    if not kept:
        return None
    these = choose(dataset, label_ids=[entry.label for entry in kept])
    if these.slices:  # a view of groups cannot be narrowed to samples of other slices
        return these
    return replace(these, label_sample_ids=tuple({entry.sample for entry in kept}))


def _entry(document: Document) -> Entry:
    label = document["label"]
    name = str(label.get("label") or "")
    return Entry(str(label["_id"]), str(document["_id"]), content_hash(label), name)
