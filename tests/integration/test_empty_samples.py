"""Samples in which nothing was found, or nothing was promoted, once a run is approved."""

import fiftyone as fo
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import AutoLabelingError, IllegalTransition
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.storage import staging
from tests.support import scripted_model


@pytest.fixture
def make(numbered, monkeypatch, request):
    """Makes a run in review: ``make("detection", fails="3", classes=())``."""
    undo = []

    def run(task="detection", fails="", samples=None):
        monkeypatch.setenv(scripted_model.FAILS, fails)
        undo.append(scripted_model.install(task))
        answers = {"task": task, "model": "scripted", "label_field": "found"}
        return al.generate(al.start(samples or numbered, answers, queue=False))

    yield run
    for uninstall in undo:
        uninstall()


def numbers_where(dataset, condition):
    return {s.number for s in dataset if condition(s["found"])}


def is_empty(value):
    return value is not None and not value.detections


EMPTY = {number for number in range(40) if number % 5 == 4}


def test_where_nothing_was_found_there_is_an_empty_list(numbered, make, tmp_path):
    run = make(fails="3", samples=numbered.limit(30))
    al.promote(run, classes=["bee"])
    al.approve(run)
    truth = {n: scripted_model.detections(n) for n in range(30)}
    bees = {n for n, found in truth.items() if any(name == "bee" for name, *_ in found)}
    assert numbers_where(numbered, is_empty) == {n for n in EMPTY if n < 30}
    # Failed, never asked for, or nothing promoted of what was found: as if never labeled.
    unlabeled = set(range(40)) - {n for n in EMPTY if n < 30} - (bees - {3})
    assert numbers_where(numbered, lambda value: value is None) == unlabeled
    assert set(numbered.exists("found", False).values("number")) == unlabeled
    for sample in numbered.exists("found"):
        assert sample["found"].detections is not None
    _exports_keep(numbered, tmp_path, len(bees - {3}) + len([n for n in EMPTY if n < 30]))


def _exports_keep(dataset, folder, images):
    """YOLO and CVAT exports hold an image for every sample that was looked at."""
    view = dataset.exists("found")
    view.export(str(folder / "yolo"), fo.types.YOLOv5Dataset, label_field="found", progress=False)
    assert len(list((folder / "yolo/labels").rglob("*.txt"))) == images
    view.export(
        str(folder / "cvat"), fo.types.CVATImageDataset, label_field="found", progress=False
    )
    assert (folder / "cvat/labels.xml").read_text().count("<image ") == images


@pytest.mark.parametrize("way", ["sdk", "cli", "operator"])
def test_samples_whose_labels_all_go_are_marked_as_empty_if_one_says_so(numbered, make, way):
    run = make()
    al.promote(run, sample_ids=numbered.limit(2).values("id"))
    assert al.decision(run).bare == 40 - len(EMPTY) - 2
    if way == "sdk":
        al.approve(run, empty=True)
    elif way == "cli":
        assert cli.main(["approve", numbered.name, run.id, "--yes", "--empty"]) == 0
    else:
        import fiftyone.operators as operators

        operators.execute_operator(
            "@auto-labeling/auto-labeling/approve_run",
            {"dataset": numbered.name},
            params={"run_id": run.id, "empty": True},
        )
    numbered.reload()
    assert numbers_where(numbered, is_empty) == set(range(2, 40))


def test_a_run_that_found_nothing_anywhere_is_closed(numbered, make):
    run = make(samples=numbered.match({"number": {"$mod": [5, 4]}}))
    assert run.generated == 0
    assert al.approve(run).state is RunState.APPROVED
    assert numbers_where(numbered, is_empty) == EMPTY
    assert not numbered.has_field(run.record.staging_field)


def test_a_run_with_labels_needs_some_or_the_word_that_there_are_none(numbered, make):
    run = make()
    with pytest.raises(IllegalTransition, match="nothing to approve"):
        al.approve(run)
    assert al.approve(run, empty=True).approved == 0
    assert numbers_where(numbered, is_empty) == set(range(40))


def test_a_classifier_that_gave_nothing_leaves_nothing(numbered, make):
    run = make("classification", samples=numbered.match({"number": {"$mod": [5, 4]}}))
    with pytest.raises(AutoLabelingError, match="one label or none"):
        al.approve(run, empty=True)
    assert al.approve(run).approved == 0
    assert numbered.values("found") == [None] * 40


@pytest.mark.parametrize("task", ["classification"])
def test_samples_that_were_never_tried_are_not_without_labels(numbered, config):
    run = labeling.cancel(numbered, labeling.start(numbered, config).id)
    assert staging.ids_without_label(numbered, labeling.skip(numbered, run.id)) == []
    labeling.resume(numbered, run.id)
    run = labeling.generate(numbered, run.id)
    nothing = {s.number for s in numbered.select(staging.ids_without_label(numbered, run))}
    expected = {n for n in range(40) if scripted_model.classification(n) is None}
    assert nothing == expected and expected
