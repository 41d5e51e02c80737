"""A script's way through a run: ``import auto_labeling as al``."""

import fiftyone as fo
import pytest
from fiftyone import ViewField as F

import auto_labeling as al
from auto_labeling.core.errors import (
    AutoLabelingError,
    ConfigError,
    IllegalTransition,
    LabelsChanged,
    RunFailed,
    RunNotFound,
    StillRunning,
)
from tests.support import scripted_model
from tests.support.app_double import page_of, send


@pytest.fixture
def task():
    return "detection"


literal = fo.ViewExpression.literal
ANSWERS = {"task": "detection", "model": "scripted", "label_field": "found"}


@pytest.fixture
def reviewed(numbered, model):
    """A run in review, generated in this process."""
    return al.generate(al.start(numbered, ANSWERS, queue=False))


def promoted(run):
    """The ids of the promoted labels."""
    wanted = run.dataset.filter_labels(run.staging_field, F("review") == "promoted")
    return set(wanted.values(f"{run.staging_field}.detections.id", unwind=True))


def staged(run, wanted):
    """The ids of the staged labels that are as wanted."""
    view = run.dataset.filter_labels(run.staging_field, wanted)
    return set(view.values(f"{run.staging_field}.detections.id", unwind=True))


def test_from_start_to_approval(numbered, model):
    run = al.start(numbered, ANSWERS, queue=False)
    assert (run.status, run.is_active, run.samples) == ("Generating", True, 40)
    assert al.generate(run) is run and run.wait(timeout=0) is run
    assert run.status == "In Review" and run.generated > 40
    number = al.promote(run, min_confidence=0.5)
    assert number == al.labels(run, "approval").total == len(promoted(run)) > 0
    assert al.approve(run, "Ada", expected=number) is run
    assert (run.status, run.approved) == ("Approved", number)
    assert numbered.count("found.detections") == number
    assert min(numbered.values("found.detections.confidence", unwind=True)) >= 0.5


def test_what_is_asked_for_is_a_configuration_a_dict_or_keywords(numbered, model):
    config = al.RunConfig(**ANSWERS, confidence=0.3)
    run = al.start(numbered, config, name="first", confidence=0.4, queue=False)
    assert (run.config.confidence, run.name) == (0.4, "first")
    assert run.config.target is al.Target.ALL
    assert al.check(numbered, ANSWERS, label_field="other").label_field == "other"


def test_the_samples_of_a_view_are_the_targets(numbered, model):
    view = numbered.match_tags("t1").limit(7)
    run = al.start(view, ANSWERS, queue=False)
    assert al.sample_ids(run) == view.values("id")
    assert run.config.target is al.Target.VIEW


def test_the_samples_of_a_view_of_patches_are_the_targets_once(numbered, model):
    for sample in numbered.limit(3):
        twice = [fo.Detection(label="x", bounding_box=[0, 0, 0.5, 0.5]) for _ in range(2)]
        sample["mine"] = fo.Detections(detections=twice)
        sample.save()
    run = al.start(numbered.limit(3).to_patches("mine"), ANSWERS, queue=False)
    assert al.sample_ids(run) == numbered.limit(3).values("id")
    assert run.dataset is numbered


def test_sample_ids_are_the_targets_in_place_of_all(numbered, model):
    ids = numbered.values("id")[3:6]
    run = al.start(numbered, ANSWERS, sample_ids=ids, queue=False)
    assert al.sample_ids(run) == ids
    assert run.config.target is al.Target.IDS


def test_a_configuration_for_a_part_never_labels_everything(numbered, model):
    config = al.RunConfig(**ANSWERS, target="view")
    with pytest.raises(ConfigError, match="for the current view"):
        al.start(numbered, config)
    assert al.runs(numbered) == []
    assert al.start(numbered, config, target="all", queue=False).samples == 40


def test_every_wrong_answer_is_named_and_nothing_is_written(numbered, model):
    with pytest.raises(ConfigError) as refused:
        al.start(numbered, ANSWERS, confidence=7, label_field="mine", colour="red")
    assert set(refused.value.problems) == {"confidence", "label_field", "colour"}
    assert al.runs(numbered) == [] and not numbered.has_field("found_in_review")


def test_only_datasets_and_views_have_runs():
    with pytest.raises(AutoLabelingError, match="needs a FiftyOne dataset or view, not str"):
        al.runs("photos")


def test_a_run_is_found_by_id_its_beginning_its_name_or_as_the_latest(numbered, model):
    first = al.start(numbered, ANSWERS, name="first", queue=False)
    second = al.start(numbered, ANSWERS, label_field="more", name="second", queue=False)
    assert al.runs(numbered) == [second, first]
    assert al.get(numbered, first.id) == al.get(numbered, first.id[:5]) == first
    assert al.get(numbered.limit(1), "first") == first
    assert al.get(numbered, "latest") == second
    al.rename(second, "first")
    with pytest.raises(AutoLabelingError, match="matches 2 runs"):
        al.get(numbered, "first")
    for nothing in ("", "nonesuch", "zz"):
        with pytest.raises(RunNotFound):
            al.get(numbered, nothing)
    assert numbered.name in [dataset.name for dataset in al.datasets()]


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        ({}, F("confidence") >= 0),
        ({"min_confidence": 0.6}, F("confidence") >= 0.6),
        ({"max_confidence": 0.6}, F("confidence") <= 0.6),
        ({"classes": ["ant", "$egg"]}, (F("label") == "ant") | (F("label") == literal("$egg"))),
        (
            {"classes": ["bee"], "min_confidence": 0.2, "max_confidence": 0.7},
            (F("label") == "bee") & (F("confidence") >= 0.2) & (F("confidence") <= 0.7),
        ),
        ({"classes": []}, F("confidence") > 2),
    ],
)
def test_labels_are_promoted_and_taken_back_by_what_they_are(reviewed, chosen, wanted):
    expected = staged(reviewed, wanted)
    counted = al.labels(reviewed, **chosen)
    assert counted.current == len(expected) and counted.total == reviewed.generated
    assert al.promote(reviewed, **chosen, expected=len(expected)) == len(expected)
    assert promoted(reviewed) == expected
    al.promote(reviewed)
    assert al.undo(reviewed, **chosen) == len(expected)
    assert promoted(reviewed) == staged(reviewed, F("confidence") >= 0) - expected


def test_labels_are_chosen_by_their_ids_samples_and_views(reviewed):
    dataset, field = reviewed.dataset, reviewed.staging_field
    by_sample = dict(zip(*dataset.values(["id", f"{field}.detections.id"]), strict=True))
    samples = [sample for sample, labels in by_sample.items() if labels][:3]
    of_samples = {label for sample in samples for label in by_sample[sample]}
    some = sorted(of_samples)[:2]
    patches = dataset.select(samples).to_patches(field)
    narrowed = dataset.filter_labels(field, F("confidence") > 0.5)
    for chosen, wanted in (
        ({"label_ids": some}, set(some)),
        ({"sample_ids": samples}, of_samples),
        ({"view": dataset.select(samples)}, of_samples),
        ({"view": narrowed}, staged(reviewed, F("confidence") > 0.5)),
        ({"view": patches}, of_samples),
        ({"view": dataset.select(samples), "label_ids": some[:1]}, set(some[:1])),
        ({"label_ids": []}, set()),
        ({"sample_ids": [], "view": patches}, set()),
    ):
        assert al.labels(reviewed, **chosen).current == len(wanted), chosen
        assert al.promote(reviewed, **chosen) == len(wanted), chosen
        assert promoted(reviewed) == wanted, chosen
        assert al.labels(reviewed, "approval", **chosen).current == len(wanted), chosen
        assert al.undo(reviewed, **chosen) == len(wanted), chosen
        assert promoted(reviewed) == set(), chosen


def test_labels_without_confidence_are_chosen_as_such(reviewed):
    dataset, root = reviewed.dataset, f"{reviewed.staging_field}.detections"
    dataset._sample_collection.update_one({"number": 1}, {"$unset": {f"{root}.0.confidence": ""}})
    assert al.promote(reviewed, min_confidence=0) == reviewed.generated - 1
    assert al.labels(reviewed, without_confidence=True).current == 1
    assert al.promote(reviewed, without_confidence=True, classes=["nonesuch"]) == 0
    assert al.promote(reviewed, without_confidence=True) == 1


def test_confidences_beyond_0_and_1_are_within_a_range_without_an_end(reviewed):
    dataset, root = reviewed.dataset, f"{reviewed.staging_field}.detections"
    for number, confidence in ((1, 87.0), (2, -3.0)):
        change = {"$set": {f"{root}.0.confidence": confidence}}
        dataset._sample_collection.update_one({"number": number}, change)
    _, state = send(dataset, "on_load")
    told, _ = send(dataset, "open_run", state, run_id=reviewed.id)
    assert "2 labels have a confidence below 0 or above 1" in page_of(told)
    sure, unsure = (staged(reviewed, F("confidence") >= 0.5), staged(reviewed, F("confidence") < 0))
    assert al.labels(reviewed, min_confidence=0.5, max_confidence=1).current == len(sure) - 1
    assert al.promote(reviewed, min_confidence=0.5) == len(sure)
    assert promoted(reviewed) == sure
    assert al.promote(reviewed, max_confidence=0) == len(unsure) == 1
    _, state = send(dataset, "on_load")
    told, _ = send(dataset, "open_run", state, run_id=reviewed.id)
    assert "above 1" not in page_of(told)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"min_confidence": 2}, "from 0 to 1"),
        ({"max_confidence": float("nan")}, "from 0 to 1"),
        (
            {"min_confidence": 0.6, "max_confidence": 0.5},
            "minimum confidence 0.6 is above the maximum 0.5",
        ),
        (
            {"min_confidence": 0.6, "without_confidence": True},
            "cannot be combined with a confidence range",
        ),
        ({"label_ids": ["nonesuch"]}, "'nonesuch' is not a label ID"),
        ({"view": "all"}, "does not belong to the dataset"),
    ],
)
def test_what_cannot_be_a_choice_is_refused(reviewed, chosen, said):
    for verb in (al.promote, al.undo, al.labels):
        with pytest.raises(AutoLabelingError, match=said):
            verb(reviewed, **chosen)


def test_a_view_of_another_dataset_is_refused(reviewed, dataset):
    with pytest.raises(AutoLabelingError, match="does not belong to the dataset"):
        al.promote(reviewed, view=dataset.limit(1))


def test_nothing_happens_unless_it_is_as_many_labels_as_expected(reviewed):
    with pytest.raises(LabelsChanged):
        al.promote(reviewed, expected=1)
    al.promote(reviewed, classes=["ant"])
    with pytest.raises(LabelsChanged):
        al.approve(reviewed, expected=10**6)
    assert reviewed.reload().status == "In Review"


def test_a_run_that_failed_is_told_by_wait_and_goes_on(numbered, model):
    run = al.start(numbered, ANSWERS)
    with pytest.raises(StillRunning):
        run.wait(timeout=0)
    seen = []
    al.cancel(run, by="Ada")
    with pytest.raises(RunFailed, match="Canceled by Ada"):
        run.wait(report=lambda run, progress: seen.append(run.status))
    assert seen == ["Error"] and run.error == "Canceled by Ada"
    al.resume(run, queue=False)
    assert al.generate(run).status == "In Review"
    with pytest.raises(IllegalTransition, match="nothing to resume"):
        al.resume(run)


def test_failed_samples_are_listed_and_a_deleted_run_is_gone(numbered, monkeypatch):
    monkeypatch.setenv(scripted_model.FAILS, "3")
    uninstall = scripted_model.install("detection")
    run = al.generate(al.start(numbered.limit(5), ANSWERS, queue=False))
    uninstall()
    assert [f["error"] for f in al.failures(run)] == ["RuntimeError: scripted failure on 3"]
    assert run.failed == 1 and al.progress(run).done == 5
    al.delete(run)
    with pytest.raises(RunNotFound):
        run.reload()
    assert not numbered.has_field("found_in_review")


def test_existing_labels_are_imported_and_an_import_goes_on_here(numbered):
    run = al.import_labels(numbered, "mine", "kept", name="Second look")
    assert (run.status, run.generated, run.name) == ("In Review", 40, "Second look")
    al.promote(run, sample_ids=numbered.values("id")[:2])
    assert al.approve(run).approved == 2
    with pytest.raises(AutoLabelingError, match="its labels are in 'kept'"):
        al.labels(run)
    with pytest.raises(AutoLabelingError, match="not kept"):
        al.sample_ids(run)


@pytest.mark.parametrize("name", ["run.yml", "run.json"])
def test_a_configuration_is_exported_and_run_again(numbered, model, tmp_path, name):
    first = al.start(
        numbered.limit(3), ANSWERS, classes=["ant", "dög 🐕"], confidence=0.25, queue=False
    )
    answers = al.export_config(first, tmp_path / name)
    read = al.load_config(tmp_path / name)
    assert read == answers and "method" not in read and read["target"] == "view"
    again = al.start(
        numbered, read, sample_ids=al.sample_ids(first), label_field="again", queue=False
    )
    same = {"label_field", "target"}
    assert again.config.model_dump(exclude=same) == first.config.model_dump(exclude=same)
    assert al.sample_ids(again) == al.sample_ids(first)


def test_the_configuration_of_an_import_is_exported_and_run_again(numbered):
    first = al.import_labels(numbered, "mine", "kept", name="Look")
    answers = al.export_config(first)
    assert answers == {"source": "mine", "label_field": "kept", "name": "Look"}
    al.delete(first)
    assert al.import_labels(numbered, **answers).config == first.config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b", "must contain names and values"),
        ("1: 2", "must contain names and values"),
        ("a: [", "neither YAML nor JSON"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, said):
    path = tmp_path / "run.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(AutoLabelingError, match=said):
        al.load_config(path)


def test_models_are_listed_by_what_they_do():
    names = [spec.name for spec in al.list_models(task="detection", model_type="zero_shot")]
    assert names and set(names) < {spec.name for spec in al.list_models()}


def test_a_run_says_what_it_is(numbered, model):
    run = al.start(numbered, ANSWERS, queue=False)
    facts = run.to_dict()
    assert facts["dataset"] == numbered.name and facts["status"] == "Generating"
    assert "token" not in facts
    assert run.id in repr(run) and run == al.get(numbered, run.id) != "run"
    assert {run: 1}[al.get(numbered, run.id)] == 1
