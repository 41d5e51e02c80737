"""Labels that go back to their source, which people have gone on with since the import."""

import zlib

import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId

import auto_labeling as al
from tests.support.waiting import wait_until


def box(label, **attributes):
    return fo.Detection(label=label, bounding_box=[0.1, 0.1, 0.2, 0.2], **attributes)


def told(dataset, field="truth"):
    """Classes by sample; each with what a person would notice of it."""
    return {s.number: [d.label for d in s[field].detections] for s in dataset if s[field]}


@pytest.fixture(params=["boxes", "masks"])
def kind(request):
    return request.param


@pytest.fixture
def imported(numbered, kind):
    """Four labels on each of 40 samples, imported to be replaced."""
    mask = {"mask": np.eye(4, dtype=bool)} if kind == "masks" else {}
    for sample in numbered.iter_samples(autosave=True):
        sample["truth"] = fo.Detections(
            detections=[box(f"{name}{sample.number}", **mask, quality=3) for name in "abcd"]
        )
    return al.import_labels(numbered, "truth", replace=True)


def at(dataset, number):
    return dataset.match({"number": number}).first()


def test_what_people_did_in_the_source_since_stays(numbered, imported):
    run = imported
    people = at(numbered, 0)
    labels = people["truth"].detections
    labels[1].label = "corrected"  # b: not promoted
    labels[2].label = "corrected too"  # c: promoted
    del labels[3]  # d: promoted
    labels.append(box("added"))
    people.save()
    gone = at(numbered, 1)
    gone["truth"] = None
    gone.save()
    al.promote(run, classes=["a0", "c0", "d0", "a1", "a2"])
    decided = al.decision(run)
    assert (decided.since_added, decided.since_changed, decided.since_deleted) == (1, 2, 5)
    al.approve(run)
    found = told(numbered)
    assert found[0] == ["a0", "corrected", "corrected too", "added"]
    assert 1 not in found, "what was deleted stays deleted"
    assert found[2] == ["a2"], "promoted ones are written, the others leave"
    assert found[3] == []
    stored = str(list(numbered._sample_collection.find({}, {"truth": 1})))
    assert not any(word in stored for word in ("imported", "review", "mask_bytes"))


def test_labels_are_written_as_they_stand_in_review(numbered, imported):
    sample = at(numbered, 0)
    staged = sample[imported.record.staging_field].detections
    staged[0].label = "better"
    staged[1].bounding_box = [0.5, 0.5, 0.1, 0.1]
    del staged[3]
    staged.append(box("seen in review"))
    sample.save()
    al.promote(imported, classes=["better", "b0"])
    assert al.decision(imported).since == 0
    al.approve(imported)
    sample = at(numbered, 0)
    assert [d.label for d in sample["truth"].detections] == ["better", "b0", "seen in review"]
    assert sample["truth"].detections[1].bounding_box == [0.5, 0.5, 0.1, 0.1]
    assert sample["truth"].detections[0].quality == 3


def test_a_source_that_is_saved_again_without_a_change_is_as_it_was(numbered, imported):
    for sample in numbered.iter_samples(autosave=True):
        sample["truth"].detections[0].label += "!"
        sample["truth"].detections.reverse()
    collection = numbered._sample_collection
    for document in collection.find():
        labels = [dict(reversed(d.items()), index=None) for d in document["truth"]["detections"]]
        update = {"$set": {"truth.detections": labels}}
        collection.update_one({"_id": document["_id"]}, update)
    decided = al.decision(imported)
    assert (decided.since_added, decided.since_changed, decided.since_deleted) == (0, 40, 0)


@pytest.mark.parametrize("kind", ["masks"], indirect=True)
def test_a_mask_that_is_drawn_again_in_the_source_stays(numbered, imported):
    sample = at(numbered, 5)
    sample["truth"].detections[0].mask = np.fliplr(np.eye(4, dtype=bool))
    sample.save()
    assert al.decision(imported).since_changed == 1
    al.promote(imported)
    al.approve(imported)
    labels = at(numbered, 5)["truth"].detections
    assert np.array_equal(labels[0].mask, np.fliplr(np.eye(4, dtype=bool)))
    assert np.array_equal(labels[1].mask, np.eye(4, dtype=bool))
    assert zlib and len(labels) == 4


def test_a_class_that_was_changed_in_the_source_stays(numbered):
    for sample in numbered.iter_samples(autosave=True):
        sample["kind"] = fo.Classification(label=f"k{sample.number}")
    run = al.import_labels(numbered, "kind", replace=True)
    changed, replaced, gone = at(numbered, 0), at(numbered, 1), at(numbered, 2)
    changed["kind"].label = "corrected"
    replaced["kind"] = fo.Classification(label="another")
    gone["kind"] = None
    reviewed = at(numbered, 3)
    reviewed[run.record.staging_field].label = "better"
    for sample in (changed, replaced, gone, reviewed):
        sample.save()
    al.promote(run, sample_ids=numbered.limit(5).values("id"))
    decided = al.decision(run)
    assert (decided.since_added, decided.since_changed, decided.since_deleted) == (1, 1, 2)
    al.approve(run)
    kinds = [s["kind"].label if s["kind"] else None for s in numbered.limit(6)]
    assert kinds == ["corrected", "another", None, "better", "k4", None]
    assert "imported" not in str(list(numbered._sample_collection.find({}, {"kind": 1})))


def test_another_label_set_in_review_is_written_in_place_of_the_old(numbered):
    """Also where a person sets a whole new object, so the imported one is not recognized."""
    for sample in numbered.iter_samples(autosave=True):
        sample["kind"] = fo.Classification(label="old")
        sample["truth"] = fo.Detections(detections=[box("old")])
    added = ObjectId().generation_time
    wait_until(lambda: ObjectId().generation_time > added, "ids show another second")
    single = al.import_labels(numbered, "kind", replace=True)
    many = al.import_labels(numbered, "truth", replace=True)
    sample = at(numbered, 0)
    sample[single.record.staging_field] = fo.Classification(label="new")
    sample[many.record.staging_field] = fo.Detections(detections=[box("new")])
    sample["truth"].detections.append(box("added"))
    sample.save()
    al.approve(single)
    al.approve(many)
    sample = at(numbered, 0)
    assert sample["kind"].label == "new"
    assert sorted(d.label for d in sample["truth"].detections) == ["added", "new"]
