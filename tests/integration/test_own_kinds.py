"""Models that people bring, of another kind than the run asks for: told, and told in time."""

import json
import pickle
import zipfile

import pytest
import torch
from ultralytics import YOLO

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import ConfigError, ModelUnavailable
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.models import checkpoints, trust
from tests.support import tiny_transformers, zoo_models

#: Ultralytics' word for each task, the architecture, and what a model of it is called.
KINDS = {
    "detect": ("yolov8n.yaml", "a detector"),
    "segment": ("yolov8n-seg.yaml", "an instance segmentation model"),
    "classify": ("yolov8n-cls.yaml", "a classifier"),
    "obb": ("yolov8n-obb.yaml", "an OBB model"),
    "pose": ("yolov8n-pose.yaml", "a pose model"),
}
NEEDS = {
    "detection": ("detect", "detection needs a detector"),
    "instance_segmentation": ("segment", "instance segmentation needs an instance segmentation"),
    "classification": ("classify", "classification needs a classifier"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an Ultralytics checkpoint of each kind."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for kind, (architecture, _) in KINDS.items():
        YOLO(architecture).save(str(folder / f"{kind}.pt"))
    return folder


@pytest.fixture
def trusted(folder, tmp_path, monkeypatch):
    monkeypatch.setenv(trust.SETTING, f"{folder},{tmp_path}")
    return folder


def model_of(task):
    return f"custom-ultralytics-{task.replace('_', '-')}"


def stored(dataset):
    dataset.reload()
    return list(dataset._sample_collection.find()), sorted(dataset.get_field_schema())


@pytest.mark.parametrize("task", NEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_of_another_kind_is_refused_and_nothing_is_written(
    dataset, trusted, kind, task
):
    before, wanted = stored(dataset), NEEDS[task]
    checkpoint = str(trusted / f"{kind}.pt")
    answers = {"task": task, "model": model_of(task), "checkpoint": checkpoint}
    if kind == wanted[0]:
        assert al.check(dataset, answers, label_field="mine").checkpoint == checkpoint
        return
    for verb in (al.check, al.preflight, al.preview, al.start):
        with pytest.raises(ConfigError) as refused:
            verb(dataset, answers, label_field="mine")
        said = refused.value.problems["checkpoint"]
        assert said.startswith(f"{kind}.pt is {KINDS[kind][1]}; {wanted[1]}")
    assert stored(dataset) == before and al.runs(dataset) == []


def test_the_command_line_says_it_on_a_dry_run_and_a_preview(dataset, trusted, capsys):
    flags = ["--task=detection", f"--model={model_of('detection')}"]
    flags.append(f"--checkpoint={trusted / 'obb.pt'}")
    for words in (["preview"], ["run", "--dry-run", "--label-field=x"], ["run", "--label-field=x"]):
        assert cli.main([words[0], dataset.name, *words[1:], *flags]) == verbs.REFUSED
        assert "obb.pt is an OBB model; detection needs a detector" in capsys.readouterr().err
    assert al.runs(dataset) == []


def test_a_file_that_only_the_worker_can_read_is_refused_when_it_is_loaded(
    dataset, trusted, monkeypatch
):
    """Where the file cannot be told before, the worker's own loading tells, and nothing is lost."""
    monkeypatch.setattr(checkpoints, "read", lambda path: checkpoints.Checkpoint())
    answers = {"task": "detection", "model": model_of("detection"), "label_field": "x"}
    run = al.start(dataset, answers, checkpoint=str(trusted / "pose.pt"), queue=False)
    with pytest.raises(ModelUnavailable, match=r"pose\.pt is a pose model; detection needs"):
        labeling.generate(dataset, run.id)
    run = labeling.get(dataset, run.id)
    assert (run.state, run.labels) == (RunState.FAILED, 0)
    assert "pose.pt is a pose model; detection needs a detector" in run.error


def test_what_is_no_checkpoint_of_ultralytics_is_named(dataset, trusted, tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "network.pt")
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "weights.pt")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    (tmp_path / "best.onnx").write_bytes(b"onnx")
    for name, words in {
        "network.pt": "holds a pickled network, not an Ultralytics checkpoint",
        "weights.pt": "holds weights without a network",
        "script.pt": "holds a TorchScript program",
        "best.onnx": "is not a .pt file",
    }.items():
        answers = {"task": "detection", "model": model_of("detection"), "label_field": "x"}
        with pytest.raises(ConfigError, match=words):
            al.check(dataset, answers, checkpoint=str(tmp_path / name))
    torch_model = {"task": "classification", "model": "custom-torch-classification"}
    for path, words in (
        (trusted / "detect.pt", "holds an Ultralytics checkpoint, not a network that classifies"),
        (tmp_path / "weights.pt", "holds weights without a network"),
    ):
        with pytest.raises(ConfigError, match=words):
            al.check(dataset, torch_model, label_field="x", classes=["a"], checkpoint=str(path))


def test_a_hugging_face_model_of_another_kind_is_refused(dataset, trusted, tmp_path, monkeypatch):
    torch.manual_seed(51)
    checkpoint = tiny_transformers.vit(tmp_path / "vit")
    answers = {"task": "detection", "model": "detection-transformer-torch", "label_field": "x"}
    with pytest.raises(ConfigError, match="is a classifier; detection needs a detector"):
        al.start(dataset, answers, checkpoint=checkpoint)
    assert al.check(
        dataset,
        {**answers, "task": "classification", "model": "classification-transformer-torch"},
        checkpoint=checkpoint,
    )
    # A network without a head would get one of random weights.
    config = json.loads((tmp_path / "vit" / "config.json").read_text())
    (tmp_path / "vit" / "config.json").write_text(
        json.dumps({**config, "architectures": ["ViTModel"]})
    )
    answers = {"task": "classification", "model": "classification-transformer-torch"}
    with pytest.raises(ConfigError, match="is a ViTModel; classification needs a classifier"):
        al.check(dataset, answers, label_field="x", checkpoint=checkpoint)
    monkeypatch.setattr(checkpoints, "misfit", lambda *_: "")
    with pytest.raises(ModelUnavailable, match="is a ViTModel; classification needs a classifier"):
        zoo_models.load("classification-transformer-torch", checkpoint=checkpoint)


def test_a_model_by_import_path_of_another_kind_is_refused_when_it_is_loaded(monkeypatch):
    monkeypatch.setenv(trust.SETTING, "tests.support.red_rectangles")
    for model, made in (("detection", "classifier"), ("classification", "segmenter")):
        with pytest.raises(
            ModelUnavailable, match=f"tests.support.red_rectangles:{made} is .*; {model} needs a"
        ):
            zoo_models.load(
                f"custom-python-{model}", checkpoint=f"tests.support.red_rectangles:{made}"
            )


def test_a_model_class_that_gives_other_labels_fails_with_a_sentence(
    dataset, tmp_path, monkeypatch
):
    (tmp_path / "sorter.py").write_text(
        "import fiftyone as fo, fiftyone.core.models as fom\n"
        "class Sorter(fom.Model):\n"
        "    media_type = 'image'\n"
        "    def predict(self, image):\n"
        "        return fo.Classification(label='x', confidence=1.0)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(trust.SETTING, "sorter")
    answers = {"task": "detection", "model": "custom-python-detection"}
    previews = al.preview(dataset, answers, checkpoint="sorter:Sorter")
    words = "sorter:Sorter returns Classification; detection needs Detections"
    assert all(words in preview.error for preview in previews)
    run = al.start(dataset, answers, checkpoint="sorter:Sorter", label_field="x", queue=False)
    with pytest.raises(Exception, match=words):
        labeling.generate(dataset, run.id)
    assert words in labeling.get(dataset, run.id).error


def test_reading_a_checkpoint_runs_nothing_of_it(tmp_path, dataset, monkeypatch):
    """A file that would run code when it is unpickled, and says that it is a pose model."""

    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    class PoseModel:
        pass

    PoseModel.__module__, model = "ultralytics.nn.tasks", PoseModel()
    model.task, model.names, model.evil = "pose", {0: "person"}, Evil()
    import ultralytics.nn.tasks as tasks

    monkeypatch.setattr(tasks, "PoseModel", PoseModel)
    PoseModel.__qualname__ = "PoseModel"
    with zipfile.ZipFile(tmp_path / "evil.pt", "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps({"model": model}))
    answers = {"task": "detection", "model": model_of("detection"), "label_field": "x"}
    with pytest.raises(ConfigError, match=r"evil\.pt is a pose model"):
        al.check(dataset, answers, checkpoint=str(tmp_path / "evil.pt"))
    assert not (tmp_path / "ran").exists()
