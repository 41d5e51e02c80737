"""The classes of models that people bring: names by position, near misses, too few names."""

import fiftyone as fo
import pytest
import torch

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import ConfigError, ModelUnavailable
from auto_labeling.core.run import RunState
from auto_labeling.demo import data
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog, checkpoints, trust
from tests.support import red_rectangles, zoo_models
from tests.support.app_double import answer, page_of, send

DETECTOR = {"task": "detection", "model": "custom-ultralytics-detection", "label_field": "found"}
TORCH = {"task": "classification", "model": "custom-torch-classification", "label_field": "found"}


@pytest.fixture(scope="module")
def shapes():
    """The bundled detector of shapes, as Ultralytics saved it: circle, square, triangle …"""
    return catalog.get_model("shapes-yolo").weights


@pytest.fixture
def named(shapes, tmp_path, monkeypatch):
    """Saves the detector of shapes with other names. Returns the path."""
    monkeypatch.setenv(trust.SETTING, str(tmp_path))

    def save(names):
        checkpoint = torch.load(shapes, map_location="cpu", weights_only=False)
        checkpoint["model"].names = names
        torch.save(checkpoint, tmp_path / "mine.pt")
        return str(tmp_path / "mine.pt")

    return save


@pytest.fixture
def pictures(tmp_path):
    dataset = data.make_dataset("test-own-names", n_shapes=6, folder=tmp_path / "pictures")
    dataset.delete_samples(dataset.match_tags(data.PHOTOS_TAG))
    yield dataset
    dataset.delete()


def found(dataset, run):
    root = labeling.get(dataset, run.id).label_root
    return dataset.count_values(f"{root}.label")


def generated(dataset, answers, **more):
    run = al.start(dataset, answers, queue=False, **more)
    return labeling.generate(dataset, run.id)


def test_classes_that_the_file_does_not_name_are_refused_and_near_misses_suggested(
    dataset, named, shapes, capsys
):
    names = checkpoints.read(str(shapes)).names
    checkpoint = named(dict(enumerate(names)))
    for asked, words in {
        "Circle": "mine.pt does not know 'Circle'; did you mean circle?",
        "circel": "mine.pt does not know 'circel'; did you mean circle?",
        "dog": f"mine.pt does not know 'dog'. It knows {', '.join(names)}",
    }.items():
        for verb in (al.check, al.preview, al.preflight, al.start):
            with pytest.raises(ConfigError) as refused:
                verb(dataset, DETECTOR, checkpoint=checkpoint, classes=[asked])
            assert refused.value.problems["classes"] == words
    flags = [
        f"--{k.replace('_', '-')}={v}" for k, v in {**DETECTOR, "checkpoint": checkpoint}.items()
    ]
    assert cli.main(["run", dataset.name, *flags, "--classes", "Circle"]) == verbs.REFUSED
    assert "did you mean circle?" in capsys.readouterr().err
    assert al.runs(dataset) == []
    with pytest.raises(ConfigError, match="shapes-yolo does not know 'Circle'; did you mean"):
        al.check(dataset, DETECTOR, model="shapes-yolo", classes=["Circle"])


def test_where_the_file_cannot_be_read_before_the_worker_refuses(dataset, named, monkeypatch):
    checkpoint = named(dict(enumerate(["circle", "square", "triangle", "star", "cross"])))
    monkeypatch.setattr(checkpoints, "read", lambda path: checkpoints.Checkpoint())
    run = al.start(dataset, DETECTOR, checkpoint=checkpoint, classes=["dog"], queue=False)
    with pytest.raises(ModelUnavailable, match="does not know 'dog'"):
        labeling.generate(dataset, run.id)
    run = labeling.get(dataset, run.id)
    assert (run.state, run.labels) == (RunState.FAILED, 0) and "'dog'" in run.error


def test_names_go_to_outputs_by_position_wherever_their_numbers_begin(pictures, named, shapes):
    names = checkpoints.read(str(shapes)).names
    checkpoint = named(dict(enumerate(names)))
    clean = generated(pictures, DETECTOR, checkpoint=checkpoint, label_field="from_0")
    checkpoint = named({1 + number: name for number, name in enumerate(names)})
    assert catalog.known_classes(catalog.get_model(DETECTOR["model"]), checkpoint) == names
    run = generated(pictures, DETECTOR, checkpoint=checkpoint)
    assert run.failed == 0 and found(pictures, run) == found(pictures, clean)
    assert set(found(pictures, run)) == set(names)


def test_a_name_for_each_output_or_one_sentence(dataset, named, shapes, monkeypatch):
    outputs = len(checkpoints.read(str(shapes)).names)
    for names, words in (
        ({0: "circle", 2: "square"}, "names 2 classes, numbered 0, 2"),
        (["circle"], "names 1 class: "),
    ):
        checkpoint = named(names)
        with pytest.raises(ConfigError) as refused:
            al.start(dataset, DETECTOR, checkpoint=checkpoint)
        said = refused.value.problems["checkpoint"]
        assert said.startswith(f"mine.pt has {outputs} outputs and {words}")
        with monkeypatch.context() as patched:
            patched.setattr(checkpoints, "read", lambda path: checkpoints.Checkpoint())
            with pytest.raises(ModelUnavailable, match="name each output, in order"):
                zoo_models.load(DETECTOR["model"], checkpoint=checkpoint)


@pytest.fixture
def sorter(tmp_path, monkeypatch):
    """A classifier with three outputs; the second is by far the strongest."""
    monkeypatch.setenv(trust.SETTING, str(tmp_path))
    network = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 3)
    )
    with torch.no_grad():
        network[2].weight.zero_()
        network[2].bias.copy_(torch.tensor([0.0, 9.0, 1.0]))
    torch.save(network, tmp_path / "sorter.pt")
    return str(tmp_path / "sorter.pt")


@pytest.mark.parametrize(
    ("names", "label"), [("ok, ok, defect", "ok"), ("ok, defect, defect", "defect")]
)
def test_outputs_of_a_classifier_may_have_one_name(dataset, sorter, names, label):
    flags = [f"--{k.replace('_', '-')}={v}" for k, v in {**TORCH, "checkpoint": sorter}.items()]
    assert cli.main(["run", dataset.name, *flags, "--classes", names, "--here"]) == 0
    [run] = al.runs(dataset)
    assert found(dataset, run) == {label: len(dataset)}
    assert run.config.classes == tuple(names.split(", "))


def test_too_few_names_or_no_classifier_is_one_sentence(dataset, sorter, tmp_path):
    for names in (["ok", "defect"], ["a", "b", "c", "d"]):
        with pytest.raises(ModelUnavailable, match=f"has 3 outputs and names {len(names)} class"):
            al.preview(dataset, TORCH, checkpoint=sorter, classes=names)
    torch.save(torch.nn.AdaptiveAvgPool2d(1), tmp_path / "pool.pt")
    torch.save(torch.nn.Linear(7, 3), tmp_path / "other.pt")
    for name, words in (("pool.pt", "is not a classifier"), ("other.pt", "fails on an image of")):
        with pytest.raises(ModelUnavailable, match=f"{name} {words}"):
            zoo_models.load(
                TORCH["model"], checkpoint=str(tmp_path / name), classes=("a", "b", "c")
            )


def test_a_model_class_that_names_too_few_of_its_outputs_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv(trust.SETTING, "tests.support.red_rectangles")
    monkeypatch.setattr(red_rectangles, "CLASSES", ("low",))
    dataset = fo.Dataset()
    dataset.add_samples(
        [fo.Sample(path) for path in red_rectangles.write(tmp_path / "red", 900)[-4:]]
    )
    answers = {"task": "detection", "model": "custom-python-detection"}
    previews = al.preview(dataset, answers, checkpoint="tests.support.red_rectangles:detector")
    words = "The model returns class 1 (counted from 0), but names only 1: name each output"
    assert {words in preview.error for preview in previews} == {True}
    dataset.delete()
    monkeypatch.setattr(red_rectangles, "CLASSES", ("low", "high"))
    with pytest.raises(
        ModelUnavailable,
        match=r"tests.support.red_rectangles:detector does not know 'High'; did you",
    ):
        zoo_models.load(
            "custom-python-detection",
            checkpoint="tests.support.red_rectangles:detector",
            classes=("High",),
        )


def test_the_form_takes_a_name_twice_for_two_outputs(dataset, sorter):
    _, state = send(dataset, "new_run")
    told, state = answer(
        dataset, state, task="classification", family="custom-torch", checkpoint=sorter
    )
    assert "A name for each output of your model, in order" in page_of(told)
    told, state = answer(dataset, state, vocabulary="ok, ok\ndefect", label_field="quality")
    told, state = send(dataset, "start", state)
    [run] = al.runs(dataset)
    assert run.config.classes == ("ok", "ok", "defect")
