"""Runs whose labels are audited: imported detections without any image, with a scripted truth."""

import uuid

import fiftyone as fo

from auto_labeling.lifecycle import importing
from auto_labeling.review import auditing, promotion
from auto_labeling.review.selection import choose
from auto_labeling.storage.audit_ledgers import LedgerStore

PER_SAMPLE = 10


def make(labels, promoted=True, kind="detections"):
    """A dataset with so many labels in review; labels and samples are numbered."""
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    per_sample = PER_SAMPLE if kind == "detections" else 1
    samples = []
    for first in range(0, labels, per_sample):
        sample = fo.Sample(filepath=f"/{first}.png", number=first // per_sample)
        made = [_label(kind, number) for number in range(first, min(first + per_sample, labels))]
        sample["truth"] = fo.Detections(detections=made) if kind == "detections" else made[0]
        samples.append(sample)
    dataset.add_samples(samples, progress=False, dynamic=True)
    del samples, sample  # FiftyOne reads all that are in use again with the dataset
    run = importing.import_labels(dataset, "truth", "checked")
    if promoted:
        promotion.promote(dataset, run.id, choose(dataset), None)
    return dataset, run


def make_groups(groups):
    """A grouped dataset of two slices, each sample with two labels in review."""
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    dataset.add_group_field("group", default="left")
    samples = []
    for number in range(groups):
        group = fo.Group()
        for name in ("left", "right"):
            truth = fo.Detections(detections=[_label("detections", n) for n in range(2)])
            path = f"/{name}/{number}.png"
            samples.append(fo.Sample(filepath=path, group=group.element(name), truth=truth))
    dataset.add_samples(samples, progress=False, dynamic=True)
    del samples
    run = importing.import_labels(dataset, "truth", "checked")
    promotion.promote(dataset, run.id, choose(dataset), None)
    return dataset, run


def _label(kind, number):
    name, confidence = f"class {number % 3}", (number * 7 % 100) / 100
    if kind == "classification":
        return fo.Classification(label=name, confidence=confidence)
    return fo.Detection(label=name, confidence=confidence, bounding_box=[0, 0, 1, 0.5])


def reset(dataset, run):
    """Promotes all labels again, and forgets the run's audits."""
    LedgerStore(dataset).remove(run.id)
    promotion.undo(dataset, run.id, tab="rejected")
    promotion.promote(dataset, run.id, choose(dataset), None)


def ids(dataset, run):
    """The ids of all staged labels."""
    dataset.reload()
    found = dataset.values(f"{run.label_root}.id")
    return [one for many in found for one in (many if isinstance(many, list) else [many]) if one]


def finish(dataset, run, is_wrong=lambda label: False, size=48, by="ann"):
    """Answers page by page until the audit is over."""
    while True:
        labels = [label.id for label in auditing.page(dataset, run.id, size, by).labels]
        wrong = [label for label in labels if is_wrong(label)]
        audit = auditing.answer(dataset, run.id, labels, wrong, by=by)
        if audit.is_over:
            return audit
