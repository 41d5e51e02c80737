"""A process that dies after any single write of Approve, Delete or Import, and is repeated.

What is left at the end must not tell that anything happened.
"""

import contextlib
import math
import shutil

import fiftyone as fo
import pytest

from auto_labeling.core.errors import AutoLabelingError, IllegalTransition, RunNotFound
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import importing, labeling, liveness
from auto_labeling.review import approval as approval_module
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import reject
from auto_labeling.review.relabeling import relabel
from auto_labeling.review.undoing import undo_last
from auto_labeling.storage import runs as runs_module
from auto_labeling.storage.runs import RunStore
from tests.support.dying_process import Died, Doom
from tests.support.labels_in_review import SAMPLES, in_review, make, with_mask_files
from tests.support.waiting import wait_until

#: Kinds of labels, and whether they replace those of a field; ``make soak`` uses all four.
_KINDS = [
    pytest.param("detections", True, id="detections-replacing"),
    pytest.param("classification", False, id="classification-new field"),
    pytest.param("detections", False, id="detections-new field", marks=pytest.mark.soak),
    pytest.param("classification", True, id="classification-replacing", marks=pytest.mark.soak),
]


@pytest.fixture
def no_waiting(monkeypatch):
    """The dead give no sign of life, and no one waits to be sure of it."""
    monkeypatch.setattr(RunStore, "beat", lambda *_: None)
    monkeypatch.setattr(liveness, "LEASE_SECONDS", -1)
    monkeypatch.setattr(liveness, "CONFIRM_SECONDS", -1)
    monkeypatch.setattr(liveness.outages, "seconds_since_last", lambda: math.inf)
    monkeypatch.setattr(runs_module.clock, "age", lambda _: 10_000.0)
    monkeypatch.setattr(approval_module, "LEASE_SECONDS", 0)


def _labels(value):
    """What may be a label in a field: itself, those of its list, those kept of an import."""
    if not isinstance(value, dict):
        return []
    kept = value.get("imported", ())
    return [value, *value.get("detections", ()), *([kept] if isinstance(kept, dict) else kept)]


def state_of(dataset):
    """All that is left: samples, schema, the dataset's own document, and the store."""
    dataset.reload()
    samples = list(dataset._sample_collection.find().sort("number"))
    for sample in samples:
        for key in ("_id", "_rand", "_dataset_id", "created_at", "last_modified_at"):
            sample.pop(key)
        for value in sample.values():
            for label in _labels(value):
                label.pop("_id", None)
                label.pop("review_actions", None)  # their numbers count actions that died
    schema = {path: str(field) for path, field in dataset.get_field_schema(flat=True).items()}
    groups = dataset._doc.app_config.sidebar_groups, sorted(dataset.list_indexes())
    records = [
        (run.state, run.labels, run.approved, run.samples, run.config.label_field)
        for run in labeling.runs(dataset)
    ]
    fields = {run.config.label_field for run in labeling.runs(dataset)} | {"checked", "truth"}
    claims = [bool(RunStore(dataset).claimed_by(name)) for name in sorted(fields)]
    return samples, schema, str(groups), len(dataset.list_runs()), records, claims


def every_crash(monkeypatch, prepare, act, again, see=state_of):
    """Crashes ``act`` after its first write, its second …; each time does it ``again``.

    Args:
        prepare: makes ``(dataset, run)``
        act: what is done with them
        again: what is done after a crash
        see: what is compared at the end
    """
    dataset, run = prepare()
    act(dataset, run)
    undisturbed = see(dataset)
    dataset.delete()
    after = 0
    while True:
        after += 1
        dataset, run = prepare()
        with monkeypatch.context() as patch:
            doom = Doom(patch, after)
            try:
                act(dataset, run)
                died = False
            except Died:
                died = True
        if died:
            dataset = fo.load_dataset(dataset.name, reload=True)
            dataset._reload(hard=True)
            again(dataset, run)
            assert all(sample.to_dict() for sample in dataset), after
        assert see(dataset) == undisturbed, f"after write {after}"
        dataset.delete()
        if not died:
            return doom.writes


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "replace"), _KINDS)
def test_approve(no_waiting, monkeypatch, kind, replace):
    def again(dataset, run):
        if labeling.get(dataset, run.id).state is not RunState.APPROVED:
            approve(dataset, run.id)

    prepare = lambda: in_review(kind, replace)  # noqa: E731
    writes = every_crash(monkeypatch, prepare, lambda d, r: approve(d, r.id), again)
    assert writes > 5


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("end", ["approve", "delete"])
def test_mask_files(no_waiting, monkeypatch, tmp_path, end):
    """Of an approved run those of the promoted labels stay; of a deleted one, none."""

    def act(dataset, run):
        (approve if end == "approve" else labeling.delete)(dataset, run.id)
        check(dataset)

    def again(dataset, run):
        try:
            if labeling.get(dataset, run.id).state is not RunState.APPROVED:
                act(dataset, run)
        except RunNotFound:
            pass
        check(dataset)

    def check(dataset):
        dataset.reload()
        kept = dataset.has_field("checked") and dataset.values("checked.detections.mask_path")
        kept = {path for paths in kept or () for path in paths or ()}
        files = {str(path) for path in tmp_path.rglob("*.png")}
        assert files == kept and len(kept) == (SAMPLES - 1 if end == "approve" else 0)

    prepare = lambda: clean(tmp_path) or with_mask_files(tmp_path)  # noqa: E731
    assert every_crash(monkeypatch, prepare, act, again, see=lambda _: None) > 5


def clean(folder):
    for path in folder.iterdir():
        shutil.rmtree(path)


def imported(kind):
    dataset = make(kind)
    return dataset, importing.import_labels(dataset, "truth", "checked")


def everything(dataset):
    return Shown(dataset.view())


VERBS = {
    "reject": lambda d, r: reject(d, r.id, everything(d), None),
    "relabel": lambda d, r: relabel(d, r.id, everything(d), {"a": "b", "b": "a"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["detections", "classification"])
def test_an_action_that_dies_is_repeated(no_waiting, monkeypatch, kind):
    act = VERBS["reject"]
    assert every_crash(monkeypatch, lambda: imported(kind), act, act) > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "verb"),
    [
        ("detections", "relabel"),
        ("classification", "reject"),
        pytest.param("detections", "reject", marks=pytest.mark.soak),
        pytest.param("classification", "relabel", marks=pytest.mark.soak),
    ],
)
def test_an_action_that_dies_is_undone(no_waiting, monkeypatch, kind, verb):
    """Its undoing may die as well, anywhere, and is repeated until nothing is left to undo."""

    def act(dataset, run):
        VERBS[verb](dataset, run)
        again(dataset, run)

    def again(dataset, run):
        with contextlib.suppress(IllegalTransition):
            while True:
                undo_last(dataset, run.id)

    def see(dataset):
        assert "review_actions" not in str(list(dataset._sample_collection.find()))
        samples, _, _, runs, records, _ = state_of(dataset)
        return samples, runs, records

    assert every_crash(monkeypatch, lambda: imported(kind), act, again, see=see) > 4


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["detections", "classification"])
def test_delete(no_waiting, monkeypatch, kind):
    def again(dataset, run):
        try:
            labeling.delete(dataset, run.id)
        except RunNotFound:
            assert labeling.runs(dataset) == []

    prepare = lambda: in_review(kind)  # noqa: E731
    assert every_crash(monkeypatch, prepare, lambda d, r: labeling.delete(d, r.id), again) > 5


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "replace"), _KINDS)
def test_import(no_waiting, monkeypatch, kind, replace):
    target = "" if replace else "checked"

    def act(dataset, _):
        importing.import_labels(dataset, "truth", target, replace=replace)

    def again(dataset, _):
        runs = labeling.runs(dataset)
        if not runs:
            act(dataset, None)
        elif runs[0].state is not RunState.IN_REVIEW:
            assert runs[0].state is RunState.FAILED
            importing.resume(dataset, runs[0], background=False)

    assert every_crash(monkeypatch, lambda: (make(kind), None), act, again) > 5


def test_an_import_that_fails_says_why_and_can_be_resumed(monkeypatch):
    dataset = make("detections")
    with monkeypatch.context() as patch:

        def broken(*_, **__):
            raise ConnectionError("the database is away")

        patch.setattr(importing.label_copies, "copy_labels", broken)
        with pytest.raises(ConnectionError):
            importing.import_labels(dataset, "truth", "checked")
    (run,) = labeling.runs(dataset)
    assert (run.state, run.error) == (RunState.FAILED, "ConnectionError: the database is away")
    run = labeling.resume(dataset, run.id)
    wait_until(lambda: not labeling.get(dataset, run.id).is_active, "the import is over")
    run = labeling.get(dataset, run.id)
    assert (run.state, run.labels) == (RunState.IN_REVIEW, 9)
    with pytest.raises(AutoLabelingError):
        importing.import_labels(dataset, "truth", "checked")
    dataset.delete()
