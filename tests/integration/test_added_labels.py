"""Labels that people add to the staging field while a run is in review."""

import fiftyone as fo
import pytest

import auto_labeling as al
from auto_labeling.lifecycle import importing
from auto_labeling.review import snapshot
from auto_labeling.review.approval import provenance_key
from auto_labeling.storage import added_labels, write_stamp
from tests.support.added_labels import add, box
from tests.support.scripted_model import labels_by_number


def classes(dataset, field, number):
    found = labels_by_number(dataset, field)[number]
    return [name for name, *_ in found or ()]


@pytest.fixture
def reviewed(numbered, config):
    run = al.start(numbered, config.model_dump(), queue=False)
    return al.generate(run)


def test_a_label_that_a_person_adds_is_counted_shown_promoted_and_approved(numbered, reviewed):
    run = reviewed
    before = al.labels(run).total
    add(numbered, run, 4, "mine")  # the model found nothing there
    add(numbered, run, 9, "also mine")
    counted = al.labels(run)
    assert counted.total == before + 2
    assert {"mine", "also mine"} <= {row.label for row in counted.rows}
    # The sidebar's filter, which is what the grid shows, finds it.
    view = numbered.filter_labels(run.record.staging_field, fo.ViewField("review") == "unpromoted")
    assert len(view.match({"number": 4})) == 1
    assert numbered.count_values(f"{run.record.label_root}.source")["person"] == 2
    assert al.promote(run, classes=["mine"]) == 1
    al.approve(run)
    assert classes(numbered, "predictions", 4) == ["mine"]
    assert classes(numbered, "predictions", 9) == ["also mine"], "kept, though not promoted"
    assert numbered.count(run.record.label_root.replace("_in_review", "")) == 2
    config = numbered.get_run_info(provenance_key(run.record)).config
    assert (config.approved, config.promoted, config.added) == (2, 1, 1)
    stored = str(
        [d["predictions"] for d in numbered._sample_collection.find({"number": {"$in": [4, 9]}})]
    )
    assert "person" not in stored and "promoted" not in stored
    assert not any(path.endswith(".source") for path in numbered.get_field_schema(flat=True))


def test_labels_added_just_before_approval_are_kept_without_a_look(numbered, reviewed):
    """Also where a label comes with a review state that is none."""
    add(numbered, reviewed, 4, "mine")
    add(numbered, reviewed, 9, "foreign", review="done")
    kept = al.approve(reviewed)
    assert kept.approved == 2
    assert classes(numbered, "predictions", 4) == ["mine"]
    assert classes(numbered, "predictions", 9) == ["foreign"]


def test_what_a_person_sets_in_place_of_all_labels_counts(numbered, reviewed, task):
    sample = numbered.match({"number": 0}).first()
    alone = fo.Classification(label="new") if task == "classification" else None
    sample[reviewed.record.staging_field] = alone or fo.Detections(detections=[box("new")])
    sample.save()
    assert "new" in {row.label for row in al.labels(reviewed).rows}
    al.approve(reviewed)
    assert classes(numbered, "predictions", 0) == ["new"]


def test_a_label_that_a_person_adds_and_deletes_again_is_gone(numbered, reviewed):
    add(numbered, reviewed, 4, "mine")
    al.labels(reviewed)
    sample = numbered.match({"number": 4}).first()
    if reviewed.record.many:
        sample[reviewed.record.staging_field].detections = []
    else:
        sample[reviewed.record.staging_field] = None
    sample.save()
    assert "mine" not in {row.label for row in al.labels(reviewed).rows}
    al.promote(reviewed)
    al.approve(reviewed)
    assert classes(numbered, "predictions", 4) == []


def test_a_source_of_their_own_stays_theirs(numbered, reviewed):
    add(numbered, reviewed, 4, "mine", source="annotator 7")
    al.labels(reviewed)
    al.approve(reviewed)
    field = "predictions.detections.source" if reviewed.record.many else "predictions.source"
    (path,) = numbered._sample_collection.find({"number": 4})
    label = path["predictions"]
    label = label["detections"][0] if reviewed.record.many else label
    assert label["source"] == "annotator 7" and "review_source" not in label, field


def test_imported_labels_whose_source_means_something_else_are_not_taken_for_added(numbered):
    for sample in numbered.iter_samples(autosave=True):
        sample["truth"] = fo.Detections(detections=[box("a", source="person")])
    numbered.add_dynamic_sample_fields()
    run = al.import_labels(numbered, "truth", "checked")
    add(numbered, run, 3, "mine")
    assert al.labels(run).total == 41
    assert al.approve(run).approved == 1
    assert classes(numbered, "checked", 3) == ["mine"]


@pytest.mark.parametrize("task", ["detection"], indirect=True)
def test_where_nothing_was_written_nothing_is_read(numbered, reviewed, monkeypatch):
    al.labels(reviewed)
    read = []
    monkeypatch.setattr(added_labels, "_are_some", lambda *_: read.append("scan"))
    monkeypatch.setattr(snapshot.columns, "read", lambda *_, **__: read.append("read"))
    assert added_labels.settle(numbered, reviewed.record) == 0
    al.labels(reviewed)
    assert not read


@pytest.mark.parametrize("task", ["detection"], indirect=True)
def test_added_labels_count_where_no_snapshot_can_be_kept(numbered, reviewed, monkeypatch):
    monkeypatch.setattr(write_stamp, "stamp", lambda _: None)
    before = al.labels(reviewed).total
    add(numbered, reviewed, 4, "mine")
    assert al.labels(reviewed).total == before + 1
    assert al.promote(reviewed, view=numbered.match({"number": 4})) == 1


def test_labels_added_to_an_import_are_kept(numbered):
    for sample in numbered.iter_samples(autosave=True):
        sample["truth"] = fo.Detections(detections=[box("a")])
    record = importing.import_labels(numbered, "truth", "checked")
    run = al.get(numbered, record.id)
    add(numbered, run, 7, "mine")
    al.promote(run, classes=["a"])
    assert al.approve(run).approved == 41
    assert classes(numbered, "checked", 7) == ["a", "mine"]
