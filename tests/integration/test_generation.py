"""From a start to labels in review: what is written, and what is left alone."""

import os

import pytest

from auto_labeling.core.errors import AttemptRevoked, ConfigError, IllegalTransition
from auto_labeling.core.run import RunState
from auto_labeling.engine import prediction
from auto_labeling.lifecycle import labeling
from auto_labeling.storage import staging
from tests.support import scripted_model
from tests.support.scripted_model import DELAY, FAILS, expected, labels_by_number, without_ids


def test_every_sample_gets_exactly_the_labels_of_the_model(numbered, run, task):
    staged = without_ids(labels_by_number(numbered, run.staging_field))
    assert staged == {n: expected(task, n) for n in range(40)}
    assert run.state is RunState.IN_REVIEW
    assert run.labels == sum(len(expected(task, n) or ()) for n in range(40))
    assert run.failed == 0


def test_staged_labels_are_born_unpromoted_and_valid(numbered, run):
    assert staging.count(numbered, run, staging.UNPROMOTED) == run.labels
    numbered.reload()
    assert numbered.get_field(f"{run.label_root}.review") is not None
    for sample in numbered.iter_samples():
        sample.to_dict()


def test_users_fields_are_left_alone(numbered, config, model):
    before = [{**d, "last_modified_at": None} for d in numbered._sample_collection.find()]
    run = labeling.start(numbered, config)
    run = labeling.generate(numbered, run.id)
    after = [
        {**{k: v for k, v in d.items() if k != run.staging_field}, "last_modified_at": None}
        for d in numbered._sample_collection.find()
    ]
    assert after == before


def test_only_the_target_samples_are_labeled(numbered, config, task):
    ids = numbered.limit(7).values("id")
    run = labeling.generate(numbered, labeling.start(numbered, config, ids).id)
    staged = labels_by_number(numbered, run.staging_field)
    assert {n for n, v in staged.items() if v is not None} <= set(range(7))
    assert run.samples == 7


def test_confidence_and_classes_limit_the_labels(numbered, config, task):
    config = config.model_copy(update={"confidence": 0.5, "classes": ("bee", "dög 🐕")})
    run = labeling.generate(numbered, labeling.start(numbered, config).id)
    labels = [v for vs in labels_by_number(numbered, run.staging_field).values() for v in vs or ()]
    assert labels
    assert all(v[0] in config.classes and v[1] >= 0.5 for v in labels)


@pytest.mark.parametrize("task", ["detection"], indirect=True)
def test_a_cap_keeps_the_most_confident_labels_and_counts_the_others(numbered, config, task):
    capped = config.model_copy(update={"max_labels": 1})
    run = labeling.generate(numbered, labeling.start(numbered, capped).id)
    staged = without_ids(labels_by_number(numbered, run.staging_field))
    for number, labels in staged.items():
        truth = expected(task, number) or []
        assert (labels or []) == sorted(truth, key=lambda label: -label[1])[:1]
    everything = sum(len(expected(task, n) or ()) for n in range(40))
    assert (run.labels, run.dropped) == (32, everything - 32)


def test_bad_samples_are_listed_and_their_neighbours_labeled(numbered, config, task, monkeypatch):
    monkeypatch.setenv(FAILS, "3,17,18")
    scripted_model.install(task)
    missing = numbered.match({"number": 5}).first()
    os.remove(missing.filepath)
    run = labeling.generate(numbered, labeling.start(numbered, config).id)
    assert run.state is RunState.IN_REVIEW
    assert run.failed == 4
    failures = labeling.failures(numbered, run)
    numbers = {numbered[f["sample_id"]].number: f["error"] for f in failures}
    assert set(numbers) == {3, 5, 17, 18}
    assert "scripted failure on 17" in numbers[17]
    assert "FileNotFoundError" in numbers[5]
    staged = without_ids(labels_by_number(numbered, run.staging_field))
    good = set(range(40)) - set(numbers)
    assert {n: staged[n] for n in good} == {n: expected(task, n) for n in good}


def test_resume_retries_just_the_failed_samples(numbered, config, task, monkeypatch):
    monkeypatch.setenv(FAILS, "3,17")
    scripted_model.install(task)
    run = labeling.generate(numbered, labeling.start(numbered, config).id)
    before = labels_by_number(numbered, run.staging_field)
    monkeypatch.setenv(FAILS, "")
    scripted_model.install(task)
    labeling.resume(numbered, run.id)
    run = labeling.generate(numbered, run.id)
    after = labels_by_number(numbered, run.staging_field)
    assert run.failed == 0
    assert without_ids(after) == {n: expected(task, n) for n in range(40)}
    assert all(after[n] == before[n] for n in range(40) if n not in (3, 17))


def test_a_model_that_fails_on_everything_is_an_error_with_the_first_reason(
    numbered, config, task, monkeypatch
):
    monkeypatch.setenv(FAILS, ",".join(map(str, range(40))))
    scripted_model.install(task)
    run = labeling.start(numbered, config)
    with pytest.raises(Exception, match="scripted failure on 0"):
        labeling.generate(numbered, run.id)
    run = labeling.get(numbered, run.id)
    assert run.state is RunState.FAILED
    assert "scripted failure on 0" in run.error


def test_a_second_worker_loses(numbered, run):
    with pytest.raises(IllegalTransition):
        labeling.generate(numbered, run.id)


def test_a_cancelled_attempt_stops_and_the_run_resumes(numbered, config, task):
    run = labeling.start(numbered, config)
    with pytest.raises(AttemptRevoked):
        labeling.generate(numbered, run.id, report=lambda *_: labeling.cancel(numbered, run.id))
    run = labeling.get(numbered, run.id)
    assert (run.state, run.reason) == (RunState.FAILED, "cancelled")
    labeling.resume(numbered, run.id)
    run = labeling.generate(numbered, run.id)
    staged = without_ids(labels_by_number(numbered, run.staging_field))
    assert staged == {n: expected(task, n) for n in range(40)}


def test_no_worker_is_offered_what_was_cancelled_or_deleted_while_it_waited(numbered, config):
    run = labeling.start(numbered, config)
    cancelled = labeling.cancel(numbered, run.id, by="Ada")
    operation = labeling.operation(cancelled)
    assert (operation.state, operation.error) == ("failed", "Canceled by Ada")
    resumed = labeling.resume(numbered, run.id)
    assert labeling.operation(resumed).state == "queued"
    labeling.delete(numbered, run.id)
    assert labeling.operation(resumed).state == "failed"


def test_a_cancel_takes_effect_within_two_batches(numbered, config, task, monkeypatch):
    monkeypatch.setattr(prediction, "BATCH_SIZE", 4)
    monkeypatch.setenv(DELAY, "0.05")  # a batch takes longer than the time between two writes
    scripted_model.install(task)
    seen = []

    def cancel_once(fraction, _):
        if fraction and not seen:
            labeling.cancel(numbered, run.id)
            seen.append(staging.count_waiting(numbered, run))

    run = labeling.start(numbered, config)
    with pytest.raises(AttemptRevoked):
        labeling.generate(numbered, run.id, report=cancel_once)
    assert seen[0] - staging.count_waiting(numbered, run) <= 2 * 4


@pytest.mark.parametrize("stopped", ["queued", "half done"])
def test_a_run_that_was_stopped_does_not_block_another(numbered, config, task, stopped):
    first = labeling.start(numbered, config)
    if stopped == "half done":
        with pytest.raises(AttemptRevoked):
            labeling.generate(
                numbered, first.id, report=lambda *_: labeling.cancel(numbered, first.id)
            )
    else:
        labeling.cancel(numbered, first.id)
        with pytest.raises(IllegalTransition):  # its operation, which is still in the queue
            labeling.generate(numbered, first.id)
    other = config.model_copy(update={"label_field": "others", "name": "second"})
    run = labeling.generate(numbered, labeling.start(numbered, other).id)
    assert labeling.get(numbered, first.id).reason == "cancelled"
    staged = without_ids(labels_by_number(numbered, run.staging_field))
    assert staged == {n: expected(task, n) for n in range(40)}


def test_skip_and_continue_review_keeps_what_is_labeled(numbered, config, task):
    run = labeling.start(numbered, config)
    labeling.cancel(numbered, run.id)
    run = labeling.skip(numbered, run.id)
    assert (run.state, run.labels, run.failed) == (RunState.IN_REVIEW, 0, 40)
    run = labeling.generate(numbered, labeling.resume(numbered, run.id).id)
    staged = without_ids(labels_by_number(numbered, run.staging_field))
    assert staged == {n: expected(task, n) for n in range(40)}


def test_delete_leaves_the_dataset_as_it_was(numbered, config):
    schema = set(numbered.get_field_schema())
    documents = [{**d, "last_modified_at": None} for d in numbered._sample_collection.find()]
    run = labeling.generate(numbered, labeling.start(numbered, config).id)
    labeling.delete(numbered, run.id)
    numbered.reload()
    assert set(numbered.get_field_schema()) == schema
    after = [{**d, "last_modified_at": None} for d in numbered._sample_collection.find()]
    assert after == documents
    assert labeling.runs(numbered) == []
    labeling.start(numbered, config)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label_field": "mine"}, "label_field"),
        ({"label_field": "filepath"}, "label_field"),
        ({"label_field": ""}, "label_field"),
        ({"label_field": "a.b"}, "label_field"),
        ({"label_field": "_x"}, "label_field"),
        ({"label_field": "a$"}, "label_field"),
        ({"label_field": "x_in_review"}, "label_field"),
        ({"label_field": "save"}, "label_field"),
        ({"model": "nonesuch"}, "model"),
        ({"model": ""}, "model"),
        ({"classes": ["ant", "zebra"]}, "classes"),
        ({"classes": [" "]}, "classes"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"name": "n" * 101}, "name"),
        ({"task": "nonsense"}, "task"),
        ({"target": "nonsense"}, "target"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_answer_is_named_at_its_field_and_nothing_is_written(
    numbered, config, change, field
):
    before = numbered.get_field_schema().keys()
    with pytest.raises(ConfigError) as refused:
        labeling.check(numbered, {**config.model_dump(), **change})
    assert set(refused.value.problems) == {field}
    assert numbered.get_field_schema().keys() == before
    assert labeling.runs(numbered) == []


def test_all_wrong_answers_are_named_at_once(numbered, config):
    answers = {"task": "detection", "model": "nonesuch", "label_field": "mine", "confidence": -1}
    with pytest.raises(ConfigError) as refused:
        labeling.check(numbered, answers)
    assert set(refused.value.problems) == {"model", "label_field", "confidence"}


def test_a_label_field_that_another_run_makes_is_refused(numbered, config, run):
    with pytest.raises(ConfigError, match="predictions"):
        labeling.start(numbered, config)


def test_no_samples_and_foreign_samples_are_refused(numbered, config):
    for ids in ([], ["not an id"], ["0" * 24]):
        with pytest.raises(ConfigError, match="sample"):
            labeling.start(numbered, config, ids)
    assert labeling.runs(numbered) == []
