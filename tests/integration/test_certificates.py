"""Certificates of real runs: made, kept by Approve, and verified against the labels as they are."""

import hashlib

import pytest
from bson import ObjectId

from auto_labeling.audits import certificate
from auto_labeling.core.errors import AuditRefused
from auto_labeling.core.run import Run, RunConfig
from auto_labeling.lifecycle.weight_hashes import weight_hashes
from auto_labeling.review import audit_planning, certifying, promotion
from auto_labeling.review.approval import approve, provenance_key
from auto_labeling.review.selection import choose
from auto_labeling.storage.audit_ledgers import LedgerStore
from tests.support.audited_runs import finish, ids, make
from tests.support.paths import CHECKOUT


@pytest.fixture
def passed():
    """A run whose audit has passed, with two wrong labels among those looked at."""
    dataset, run = make(200)
    audit_planning.freeze(dataset, run.id, by="ann")
    wrong = set()

    def second_and_fifth(label):
        order.append(label)
        if len(order) in (2, 5):
            wrong.add(label)
        return label in wrong

    order = []
    audit = finish(dataset, run, second_and_fifth, by="bob")
    assert audit.stop[1] == 2
    yield dataset, run
    dataset.delete()


def change(dataset, root, label, update):
    oid = ObjectId(label)
    filters = [{"x._id": oid}] if any("$[x]" in str(part) for part in update.values()) else None
    dataset._sample_collection.update_one({f"{root}._id": oid}, update, array_filters=filters)


def numbers(found):
    return found.covered, found.changed, found.removed, found.added


def test_it_is_verified_in_review_and_after_approval(passed):
    dataset, run = passed
    document = certifying.make(dataset, run.id)
    assert document["kept"] == 198 and document["run"]["dataset"] == dataset.name
    assert document["audits"][0]["reviewers"] == ["bob"]
    assert document["audits"][0]["frozen_by"] == "ann"
    before = certifying.verify(dataset, run.id, document)
    assert before.is_valid and numbers(before) == (198, 0, 0, 0)
    approve(dataset, run.id)
    after = certifying.verify(dataset, run.id, document)
    assert after.is_valid and numbers(after) == (198, 0, 0, 0)
    assert after.sentence == "The certificate is valid. It covers 198 labels, all unchanged"
    again = certifying.make(dataset, run.id)
    assert {**again, "made_at": "", "sha256": ""} == {**document, "made_at": "", "sha256": ""}


def test_approve_keeps_it_with_the_custom_run(passed):
    dataset, run = passed
    approve(dataset, run.id)
    dataset.reload()
    kept = dataset.get_run_info(provenance_key(run)).config.certificate
    assert kept["claim"] == certifying.make(dataset, run.id)["claim"]
    assert kept["audits"][0]["answers"] and "labels" not in kept


@pytest.mark.parametrize("approved", [False, True], ids=["in review", "approved"])
def test_changed_removed_and_added_labels_are_told(passed, approved):
    dataset, run = passed
    document = certifying.make(dataset, run.id)
    if approved:
        approve(dataset, run.id)
    root = "checked.detections" if approved else run.label_root
    kept = [label for label, _ in document["labels"] if label not in certificate.not_kept(document)]
    for label in kept[:3]:
        change(dataset, root, label, {"$set": {f"{root}.$[x].label": "other"}})
    change(dataset, root, kept[3], {"$set": {f"{root}.$[x].tags": ["seen"]}})
    change(dataset, root, kept[4], {"$pull": {root: {"_id": ObjectId(kept[4])}}})
    new = {"_cls": "Detection", "_id": ObjectId(), "label": "mine", "bounding_box": [0, 0, 1, 1]}
    change(dataset, root, kept[5], {"$push": {root: {**new, "review": "promoted"}}})
    found = certifying.verify(dataset, run.id, document)
    assert not found.is_valid and numbers(found) == (194, 3, 1, 1)
    assert found.sentence == (
        "The certificate covers 194 of 198 labels: 3 changed since, 1 removed since, "
        "1 label was added since and not covered"
    )


def test_labels_that_the_audit_left_out_are_named(passed):
    dataset, run = passed
    LedgerStore(dataset).remove(run.id)
    audit_planning.draw_pilot(dataset, run.id, 6)  # no one answers for these
    chosen = choose(dataset, classes=["class 0", "class 1"])
    frozen = audit_planning.freeze(dataset, run.id, chosen=chosen).frozen
    assert frozen.size + frozen.outside + 6 == 198
    finish(dataset, run)
    document = certifying.make(dataset, run.id)
    found = certifying.verify(dataset, run.id, document)
    left_out = 198 - frozen.size
    assert found.is_valid and found.left_out == left_out and found.added == 0
    assert found.sentence.endswith(f"all unchanged. The audit left out {left_out} labels")
    new = {"_cls": "Detection", "_id": ObjectId(), "label": "mine", "bounding_box": [0, 0, 1, 1]}
    change(dataset, run.label_root, document["labels"][0][0], {"$push": {run.label_root: new}})
    assert certifying.verify(dataset, run.id, document).added == 1


def test_a_label_found_wrong_that_is_kept_all_the_same_is_told(passed):
    dataset, run = passed
    document = certifying.make(dataset, run.id)
    wrong = sorted(certificate.found_wrong(document))
    chosen = choose(dataset, label_ids=wrong[:1])
    promotion.undo(dataset, run.id, chosen=chosen, tab="rejected")
    promotion.promote(dataset, run.id, chosen, None)
    found = certifying.verify(dataset, run.id, document)
    assert wrong[0] in found.sentence and not found.is_valid


def test_the_certificate_of_another_ledger_is_not_valid(passed):
    dataset, run = passed
    document = certifying.make(dataset, run.id)
    tampered = {**document, "made_at": "before"}
    assert "hash" in certifying.verify(dataset, run.id, tampered).sentence
    other_dataset, other = make(200)
    audit_planning.freeze(other_dataset, other.id)
    finish(other_dataset, other)
    theirs = certifying.make(other_dataset, other.id)
    assert "another run" in certifying.verify(dataset, run.id, theirs).sentence
    forged = {**theirs, "run": document["run"]}
    forged["sha256"] = certificate.fingerprint(forged)
    assert not certifying.verify(dataset, run.id, forged).is_valid
    other_dataset.delete()


def test_without_a_passed_audit_there_is_none():
    dataset, run = make(200)
    with pytest.raises(AuditRefused):
        certifying.make(dataset, run.id)
    assert certifying.summary(dataset, run.id) is None
    assert len(ids(dataset, run)) == 200
    dataset.delete()


def test_the_weights_of_a_run_are_named_by_their_hashes():
    config = RunConfig(
        task="instance_segmentation",
        method="two_stage",
        model="shapes-yolo",
        segmenter="shapes-sam",
        label_field="masks",
    )
    found = weight_hashes(Run(id="1", config=config, created_at=""))
    assert found == {
        name: hashlib.sha256((CHECKOUT / "demo" / "weights" / name).read_bytes()).hexdigest()
        for name in ("shapes-yolo.pt", "shapes-sam.pt")
    }
    unknown = config.model_copy(update={"model": "no such model"})
    assert weight_hashes(Run(id="1", config=unknown, created_at="")) == {}
