"""Records: races for a state, reserved names, and runs whose worker is gone."""

import re
import threading

import pytest

from auto_labeling.core.errors import AutoLabelingError, IllegalTransition, RunNotFound
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.storage import staging
from auto_labeling.storage.runs import RunStore


@pytest.fixture
def task():
    return "detection"


def test_of_many_simultaneous_transitions_exactly_one_wins(numbered, config):
    run = labeling.start(numbered, config)
    barrier, won, lost = threading.Barrier(8), [], []

    def claim(number):
        store = RunStore(numbered)
        barrier.wait()
        try:
            won.append(store.move(run.id, RunState.GENERATING, new_token=str(number)))
        except IllegalTransition as error:
            lost.append(error)

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    assert RunStore(numbered).get(run.id).token == won[0].token


def test_of_many_simultaneous_starts_on_one_label_field_exactly_one_wins(numbered, config):
    barrier, won, lost = threading.Barrier(4), [], []

    def start():
        barrier.wait()
        try:
            won.append(labeling.start(numbered, config))
        except AutoLabelingError as error:
            lost.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 3)
    assert len(labeling.runs(numbered)) == 1


def test_concurrent_amendments_lose_nothing(numbered, config):
    run = labeling.start(numbered, config)
    fields = ["labels", "failed", "approved", "error", "license"]

    def amend(name):
        RunStore(numbered).amend(run.id, **{name: "9" if name in ("error", "license") else 9})

    threads = [threading.Thread(target=amend, args=(name,)) for name in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = RunStore(numbered).get(run.id).model_dump()
    assert [str(stored[name]) for name in fields] == ["9"] * 5


def test_runs_are_listed_newest_first_and_die_with_the_dataset(numbered, config):
    first = labeling.start(numbered, config)
    second = labeling.start(numbered, config.model_copy(update={"label_field": "more"}))
    assert [r.id for r in labeling.runs(numbered)] == [second.id, first.id]
    renamed = labeling.rename(numbered, first.id, "  Other ")
    assert renamed.name == "Other"
    with pytest.raises(RunNotFound):
        labeling.get(numbered, "nonesuch")


def test_a_start_that_cannot_be_queued_is_an_error_with_its_reason(numbered, config, monkeypatch):
    def broken(*_):
        raise ConnectionError("the queue is away")

    with monkeypatch.context() as patch:
        patch.setattr(labeling.operations, "queue", broken)
        with pytest.raises(ConnectionError):
            labeling.start(numbered, config)
    run = labeling.runs(numbered)[0]
    assert (run.state, run.error) == (RunState.FAILED, "ConnectionError: the queue is away")
    labeling.resume(numbered, run.id)
    assert labeling.generate(numbered, run.id).state is RunState.IN_REVIEW


def test_an_operation_that_somebody_marks_as_failed_fails_its_run(numbered, config):
    from bson import ObjectId
    from fiftyone.operators.delegated import DelegatedOperationService

    run = labeling.start(numbered, config)
    DelegatedOperationService().set_failed(ObjectId(run.operation_id))
    assert labeling.get(numbered, run.id).state is RunState.FAILED


def test_fiftyones_own_list_of_operations_says_how_far_a_run_is(
    numbered, config, monkeypatch, capsys
):
    from bson import ObjectId
    from fiftyone.core import cli
    from fiftyone.operators.delegated import DelegatedOperationService

    run = labeling.start(numbered, config)
    service = DelegatedOperationService()
    write, listed = staging.write, []

    def write_and_list(*args):
        result = write(*args)
        cli._print_delegated_list([service.get(ObjectId(run.operation_id))])
        listed.append(capsys.readouterr().out)
        return result

    monkeypatch.setattr(staging, "write", write_and_list)
    monkeypatch.setattr("auto_labeling.engine.writing._MAX_SAMPLES", 1)
    monkeypatch.setattr("auto_labeling.engine.generation._REPORT_EVERY_SECONDS", 0)
    operation = service.get(ObjectId(run.operation_id))
    # In a thread: browser tests leave an event loop running in this one, which would refuse it.
    worker = threading.Thread(target=service.execute_operation, args=(operation,))
    worker.start()
    worker.join()
    assert labeling.get(numbered, run.id).state is RunState.IN_REVIEW
    shares = [re.search(r"running \((\d+)%\)", text).group(1) for text in listed]
    assert shares == ["0", "40", "80"]  # chunks of 16, of 40 samples
