"""People delete and rename staging fields by hand: the dataset stays readable, and runs say so."""

import fiftyone as fo
import pytest

from auto_labeling.core.errors import AutoLabelingError, FieldGone
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import importing, labeling, liveness
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from auto_labeling.storage import approval_update, fields, label_copies, staging
from tests.support.dataset_contents import undeclared_fields
from tests.support.scripted_model import expected, labels_by_number, without_ids


def deleted(dataset, field):
    dataset.delete_sample_field(field)


def renamed(dataset, field):
    dataset.rename_sample_field(field, "kept")


HANDS = {"deleted": deleted, "renamed": renamed}

boxes = pytest.mark.parametrize("task", ["detection"])
each_hand = pytest.mark.parametrize("hand", HANDS)


def stopped(dataset, config):
    """A run that was canceled when some of its samples were labeled."""
    run = labeling.start(dataset, config, queue=False)
    write = staging.write

    def write_and_cancel(*args):
        staging.write = write
        done = write(*args)
        labeling.cancel(dataset, run.id)
        return done

    staging.write = write_and_cancel
    with pytest.raises(AutoLabelingError):
        labeling.generate(dataset, run.id)
    return labeling.get(dataset, run.id)


@boxes
@each_hand
def test_a_run_whose_field_is_gone_says_so_and_can_label_again(numbered, config, task, hand):
    run = labeling.cancel(numbered, labeling.start(numbered, config).id)
    HANDS[hand](numbered, run.staging_field)
    for verb in (labeling.resume, labeling.skip):
        with pytest.raises(FieldGone, match=f"'predictions_in_review' was {hand}.*again") as told:
            verb(numbered, run.id)
        assert "delete the run" in str(told.value)
        assert labeling.get(numbered, run.id).state is RunState.FAILED
        assert undeclared_fields(numbered) == set()
    run = labeling.resume(numbered, run.id, queue=False, again=True)
    run = labeling.generate(numbered, run.id)
    assert run.state is RunState.IN_REVIEW and run.failed == 0
    truth = {n: expected(task, n) for n in range(40)}
    assert without_ids(labels_by_number(numbered, run.staging_field)) == truth
    assert undeclared_fields(numbered) == set()


@boxes
def test_a_field_that_is_renamed_back_goes_on(numbered, config, task, monkeypatch):
    monkeypatch.setattr("auto_labeling.engine.writing._MAX_SAMPLES", 1)
    run = stopped(numbered, config)
    numbered.reload()
    numbered.rename_sample_field(run.staging_field, "kept")
    with pytest.raises(FieldGone, match=r"renamed to 'kept'\. Rename it back"):
        labeling.resume(numbered, run.id)
    numbered.rename_sample_field("kept", run.staging_field)
    run = labeling.generate(numbered, labeling.resume(numbered, run.id, queue=False).id)
    truth = {n: expected(task, n) for n in range(40)}
    assert without_ids(labels_by_number(numbered, run.staging_field)) == truth


@boxes
@each_hand
def test_failed_samples_are_not_tried_again_without_their_field(
    numbered, config, monkeypatch, hand, request
):
    from tests.support import scripted_model

    monkeypatch.setenv(scripted_model.FAILS, "3,7")
    uninstall = scripted_model.install(config.task.value)
    request.addfinalizer(uninstall)
    run = labeling.generate(numbered, labeling.start(numbered, config, queue=False).id)
    assert run.failed == 2
    numbered.reload()
    HANDS[hand](numbered, run.staging_field)
    with pytest.raises(FieldGone, match=hand):
        labeling.resume(numbered, run.id)
    with pytest.raises(FieldGone, match=hand):
        approve(numbered, run.id)
    with pytest.raises(FieldGone, match=hand):
        promote(numbered, run.id, Shown(numbered.view()), None)
    assert labeling.get(numbered, run.id).state is RunState.IN_REVIEW
    assert undeclared_fields(numbered) == set()


@each_hand
@boxes
@pytest.mark.parametrize("moment", ["staging.write", "staging.count_waiting"])
def test_a_field_that_goes_while_the_worker_labels_stops_the_run(
    numbered, config, monkeypatch, hand, moment
):
    monkeypatch.setattr("auto_labeling.engine.prediction.BATCH_SIZE", 4)
    monkeypatch.setattr("auto_labeling.engine.writing._MAX_SAMPLES", 1)
    run = labeling.start(numbered, config, queue=False)
    name = moment.partition(".")[2]
    original, theirs = getattr(staging, name), fo.load_dataset(numbered.name)

    def act_first(*args, **kwargs):
        monkeypatch.setattr(staging, name, original)
        HANDS[hand](theirs, run.staging_field)
        return original(*args, **kwargs)

    monkeypatch.setattr(staging, name, act_first)
    with pytest.raises(FieldGone, match=f"was {hand}"):
        labeling.generate(numbered, run.id)
    run = labeling.get(numbered, run.id)
    assert run.state is RunState.FAILED and f"was {hand}" in run.error
    assert undeclared_fields(numbered) == set()


def delete_around(dataset, field):
    """Does what ``delete_sample_field`` does, and lets marks be made before the schema goes."""
    kept = fields.require_staging_field

    def require(there, run):
        fields.require_staging_field = kept
        dataset.reload()
        dataset._sample_doc_cls._delete_field_schema(field)
        dataset._doc.save()
        return kept(there, run)

    fields.require_staging_field = require


@boxes
def test_marks_that_are_made_while_somebody_deletes_the_field_do_not_stay(numbered, config):
    """FiftyOne takes the values first and the schema last: a mark in between would be left."""
    run = labeling.cancel(numbered, labeling.start(numbered, config).id)
    theirs = fo.load_dataset(numbered.name, reload=True)
    numbered._sample_collection.update_many({}, {"$unset": {run.staging_field: ""}})
    delete_around(theirs, run.staging_field)
    with pytest.raises(FieldGone, match="was deleted"):
        labeling.resume(numbered, run.id)
    assert undeclared_fields(numbered) == set()
    run = labeling.get(numbered, run.id)
    assert run.state is RunState.FAILED and "was deleted" in run.error


def ruined(dataset, run):
    """What version 0.1.0 left: marks without a schema, so that nothing can be read."""
    dataset.delete_sample_field(run.staging_field)
    dataset._sample_collection.update_many({}, {"$set": {run.staging_field: None}})


def disowned(dataset, run):
    """A person has changed the description in the field."""
    dataset.reload()
    field = dataset.get_field(run.staging_field)
    field.info, field.description = None, "mine now"
    field.save()


@boxes
@pytest.mark.parametrize("left", [ruined, disowned])
def test_delete_clears_what_the_run_left(numbered, config, left):
    run = labeling.generate(numbered, labeling.start(numbered, config, queue=False).id)
    numbered.reload()
    left(numbered, run)
    labeling.delete(numbered, run.id)
    numbered.reload()
    assert undeclared_fields(numbered) == set() and not numbered.has_field(run.staging_field)
    assert run.staging_field not in set().union(*numbered._sample_collection.find())


@boxes
def test_delete_leaves_a_field_that_somebody_made_under_the_name(numbered, config):
    run = labeling.generate(numbered, labeling.start(numbered, config, queue=False).id)
    numbered.reload()
    numbered.delete_sample_field(run.staging_field)
    sample = numbered.first()
    sample[run.staging_field] = "mine"
    sample.save()
    with pytest.raises(FieldGone, match="Another field now has the name"):
        labeling.resume(numbered, run.id, again=True)
    labeling.delete(numbered, run.id)
    assert undeclared_fields(numbered) == set() and numbered.first()[run.staging_field] == "mine"


def test_an_import_whose_field_is_gone_copies_again(numbered, monkeypatch):
    def fail(*_, **__):
        raise AutoLabelingError("away")

    with monkeypatch.context() as patch:
        patch.setattr(label_copies, "copy_labels", fail)
        with pytest.raises(AutoLabelingError, match="away"):
            importing.import_labels(numbered, "mine", "better")
    (run,) = labeling.runs(numbered)
    numbered.reload()
    numbered.delete_sample_field(run.staging_field)
    run = importing.resume(numbered, run, background=False)
    assert (run.state, run.labels) == (RunState.IN_REVIEW, 40)
    numbered.reload()
    numbered.delete_sample_field(run.staging_field)
    with pytest.raises(FieldGone, match="Import the labels of 'mine' again into a new run"):
        labeling.resume(numbered, run.id)
    assert undeclared_fields(numbered) == set()


@boxes
def test_a_label_field_that_goes_while_labels_move_to_it_is_declared_again(
    numbered, config, run, monkeypatch
):
    promote(numbered, run.id, Shown(numbered.view()), None)
    theirs = fo.load_dataset(numbered.name)
    move = approval_update.pipeline

    def delete_first(*args):
        theirs.reload()
        theirs.delete_sample_field(config.label_field)
        return move(*args)

    monkeypatch.setattr(approval_update, "pipeline", delete_first)
    approve(numbered, run.id)
    assert undeclared_fields(numbered) == set() and numbered.has_field(config.label_field)


@boxes
def test_labels_that_are_renamed_while_they_are_approved_are_not_lost(
    numbered, config, run, monkeypatch
):
    promote(numbered, run.id, Shown(numbered.view()), None)
    theirs = fo.load_dataset(numbered.name)
    move = approval_update.pipeline

    def rename_first(*args):
        renamed(theirs, run.staging_field)
        return move(*args)

    with monkeypatch.context() as patch:
        patch.setattr(approval_update, "pipeline", rename_first)
        with pytest.raises(FieldGone, match=r"renamed to 'kept'\. Rename it back, then finish"):
            approve(numbered, run.id)
    theirs.reload()
    theirs.rename_sample_field("kept", run.staging_field)
    monkeypatch.setattr(liveness, "is_silent", lambda *_, **__: True)
    assert approve(numbered, run.id).approved == run.labels
    assert undeclared_fields(numbered) == set()
