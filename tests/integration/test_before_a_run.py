"""Preview and preflight: what is known before a run starts, with nothing written."""

import io
import socket

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

from auto_labeling.core.errors import ConfigError, ModelUnavailable
from auto_labeling.core.run import RunConfig, Speed, Worker
from auto_labeling.demo import data
from auto_labeling.engine import drawing
from auto_labeling.lifecycle import labeling, preflight
from auto_labeling.lifecycle.estimate import SEVERAL_STARTUP_SECONDS, STARTUP_SECONDS
from auto_labeling.models import catalog, devices, downloads
from auto_labeling.models.offline import offline
from auto_labeling.storage import live_workers, speeds
from tests.support import scripted_model
from tests.support.dataset_contents import everything


@pytest.fixture
def yolo():
    return RunConfig(task="detection", model="shapes-yolo", label_field="boxes")


@pytest.fixture
def shapes_dataset(tmp_path):
    dataset = data.make_dataset("test-before-a-run", n_shapes=9, folder=tmp_path)
    dataset.delete_samples(dataset.match_tags(data.PHOTOS_TAG))
    yield dataset
    dataset.delete()


def test_a_preview_says_what_a_run_would_make_and_writes_nothing(numbered, config, task):
    before = everything(numbered)
    ids = numbered.values("id")[3:11]
    previews = labeling.preview(numbered, config, ids)
    assert [p.sample_id for p in previews] == ids
    assert everything(numbered) == before
    assert all(not p.error for p in previews)
    numbers = dict(zip(*numbered.values(["id", "number"]), strict=True))
    for preview in previews:
        truth = scripted_model.expected(task, numbers[preview.sample_id])
        labels = preview.labels
        if task == "detection":
            found = [(d.label, d.confidence, list(d.bounding_box)) for d in labels.detections]
        else:
            found = labels and [(labels.label, labels.confidence, None)]
        assert found == truth
    run = labeling.generate(numbered, labeling.start(numbered, config, ids).id)
    numbered.reload()
    made = {s.id: s[run.staging_field] for s in numbered.select(ids)}
    for preview in previews:
        assert (preview.labels is None) == (made[preview.sample_id] is None)


def test_a_real_model_finds_the_shapes_and_they_are_drawn(shapes_dataset, yolo):
    dataset = shapes_dataset
    ids = dataset.values("id")[:8]
    tried = labeling.trial(dataset, yolo, ids)
    truth = dict(zip(*dataset.values(["id", "ground_truth"]), strict=True))
    agree = [
        sorted(d.label for d in p.labels.detections)
        == sorted(d.label for d in truth[p.sample_id].detections)
        for p in tried.previews
    ]
    assert sum(agree) >= 6, agree
    assert tried.speed.rate > 0 and tried.speed.samples == 7
    preview = max(tried.previews, key=lambda p: len(p.labels.detections))
    drawn = np.asarray(Image.open(io.BytesIO(preview.picture(320))), int)
    plain = np.asarray(Image.open(preview.filepath).convert("RGB").resize((320, 240)), int)
    assert drawn.shape == plain.shape
    for detection in preview.labels.detections:
        x, y, w, h = detection.bounding_box
        row, left = round((y + h) * 240) - 1, round((x + w / 2) * 320)
        edge = drawn[max(0, row - 1) : row + 3, left]
        wanted = np.array(drawing.color(detection.label))
        assert np.abs(edge - wanted).sum(axis=1).min() < 120, "the box's lower edge has its colour"


def test_masks_of_a_preview_are_arrays_and_drawn(shapes_dataset):
    config = RunConfig(
        task="instance_segmentation",
        model="shapes-yolo-seg",
        label_field="masks",
        mask_location="/nowhere/at/all",  # not regarded, and not made
    )
    (preview,) = labeling.preview(shapes_dataset, config, shapes_dataset.values("id")[:1])
    masks = [d.mask for d in preview.labels.detections]
    assert masks and all(isinstance(mask, np.ndarray) and mask.any() for mask in masks)
    assert all("review" not in d.to_dict() for d in preview.labels.detections)
    assert Image.open(io.BytesIO(preview.picture())).size == (480, 360)


def test_a_bad_image_is_the_error_of_its_sample(numbered, config, task):
    first = numbered.values("filepath")[0]
    with open(first, "wb") as broken:
        broken.write(b"not an image")
    previews = labeling.preview(numbered, config, numbered.values("id")[:4])
    assert [bool(p.error) for p in previews] == [True, False, False, False]
    assert "cannot identify" in previews[0].error and previews[0].labels is None
    with pytest.raises(OSError):
        previews[0].picture()


def test_what_a_preview_refuses_it_says(numbered, yolo):
    ids = numbered.values("id")
    with pytest.raises(ConfigError) as refused:
        labeling.preview(numbered, yolo, ids[:9])
    assert "At most 8" in refused.value.problems["target"]
    with pytest.raises(ConfigError) as refused:
        labeling.preview(numbered, yolo, [ids[0], "0" * 24])
    assert "0" * 24 in refused.value.problems["target"]
    with pytest.raises(ConfigError) as refused:
        labeling.preview(numbered, yolo.model_copy(update={"classes": ("unicorn",)}), ids[:1])
    assert "unicorn" in refused.value.problems["classes"]


def test_a_model_that_is_not_here_is_not_downloaded_for_a_preview(numbered, monkeypatch):
    model = "yolo11n-coco-torch"
    config = RunConfig(task="detection", model=model, label_field="boxes")
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.append(a) or [])
    with pytest.raises(ModelUnavailable, match=f"fiftyone zoo models download {model}"):
        labeling.preview(numbered, config, numbered.values("id")[:1])
    assert not asked


def test_a_library_that_would_download_finds_no_host_while_a_preview_loads(numbered, monkeypatch):
    """Even where the weights seem to be here: a library may look for something newer."""
    model = "faster-rcnn-resnet50-fpn-coco-torch"
    monkeypatch.setattr(downloads, "is_downloaded", lambda *_: True)
    config = RunConfig(task="detection", model=model, label_field="boxes")
    with pytest.raises(ModelUnavailable, match=r"download.pytorch.org, and a preview"):
        labeling.preview(numbered, config, numbered.values("id")[:1])
    with offline(), pytest.raises(OSError):
        socket.create_connection(("localhost", 1))
    assert socket.getaddrinfo("localhost", 1)


def test_preflight_says_how_things_stand(numbered, yolo, tmp_path, no_speeds):
    found = labeling.preflight(numbered, yolo, numbered.values("id")[:7])
    assert (found.samples, found.missing_packages, found.device_found) == (7, (), True)
    (weights,) = found.weights
    assert weights.on_disk and weights.size_bytes == catalog.get_model("shapes-yolo").loaded_bytes
    assert found.estimated_seconds is None and found.free_disk == ()
    masks = RunConfig(
        task="instance_segmentation",
        model="mask-rcnn-resnet50-fpn-coco-torch",
        label_field="masks",
        mask_location=str(tmp_path / "not" / "yet"),
    )
    found = labeling.preflight(numbered, masks)
    assert found.samples == 40 and not found.weights[0].on_disk
    assert {disk.holds for disk in found.free_disk} == {"masks", "weights"}
    assert all(disk.free_bytes > 0 for disk in found.free_disk)
    assert not (tmp_path / "not").exists()


def test_the_time_is_estimated_from_earlier_runs_or_else_from_a_trial(numbered, yolo, monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: 0)
    measured = []
    monkeypatch.setattr(speeds, "of_model", lambda name: measured)
    tried = labeling.Trial((), speed("cpu", 4.0))
    assert labeling.preflight(numbered, yolo).estimated_seconds is None
    found = labeling.preflight(numbered, yolo, tried=tried)
    assert (found.estimated_seconds, found.estimated_from) == (10.0 + STARTUP_SECONDS, "trial")
    measured[:] = [speed("cuda:0", 80.0), speed("cpu", 2.0)]
    found = labeling.preflight(numbered, yolo, tried=tried)
    assert (found.estimated_seconds, found.estimated_from) == (0.5 + STARTUP_SECONDS, "measured")
    found = labeling.preflight(numbered, yolo.model_copy(update={"device": "cpu"}), tried=tried)
    assert (found.estimated_seconds, found.speed.device) == (20.0 + STARTUP_SECONDS, "cpu")
    assert found.warnings == ()


def test_what_a_run_takes_to_start_is_in_the_estimate(numbered, yolo, monkeypatch):
    measured = []
    monkeypatch.setattr(speeds, "of_model", lambda name: measured)

    def found(**changes):
        report = labeling.preflight(numbered, yolo.model_copy(update=changes), samples=100)
        return report.estimated_seconds, report.startup_seconds, report.is_startup_measured

    measured[:] = [speed("cpu", 10.0, startup_seconds=4.5)]
    assert found() == (14.5, 4.5, True)
    # Several workers were not measured: those of one machine share its cores.
    assert found(workers=2) == (10 + SEVERAL_STARTUP_SECONDS, SEVERAL_STARTUP_SECONDS, False)
    measured[:] = [speed("cuda:0", 10.0, startup_seconds=4.5)]
    assert found(workers=2)[0] == 5 + SEVERAL_STARTUP_SECONDS
    measured[:] = [
        speed("cpu", 10.0, startup_seconds=4.5),
        speed("cpu", 6.25, startup_seconds=50.0, workers=2),
    ]
    assert found(workers=2) == (58.0, 50.0, True)
    assert found() == (14.5, 4.5, True)


def speed(device, rate, **more):
    return Speed(
        **more,
        model="shapes-yolo",
        task="detection",
        machine="here",
        device=device,
        samples=100,
        rate=rate,
        at="2026-01-01T00:00:00+00:00",
    )


def test_preflight_warns_in_sentences(numbered, yolo, monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: 0)
    monkeypatch.setattr(speeds, "of_model", lambda name: [speed("cpu", 1.0)])
    found = labeling.preflight(numbered, yolo, samples=32_400)
    assert found.warnings == ("No GPU: about 9 h",)
    monkeypatch.setattr(speeds, "of_model", lambda name: [])
    (warning,) = labeling.preflight(numbered, yolo).warnings
    assert warning.startswith("No GPU was found")
    worker = Worker(id="w", host="lab-7", pid=1, device="cuda:0", started_at="")
    monkeypatch.setattr(live_workers, "live", lambda: [worker])
    found = labeling.preflight(numbered, yolo)
    assert (found.warnings, found.worker_devices) == ((), ("cuda:0 on lab-7",))
    monkeypatch.setattr(live_workers, "live", list)
    cuda = yolo.model_copy(update={"device": "cuda:1"})
    assert any("no device 'cuda:1'" in w for w in labeling.preflight(numbered, cuda).warnings)
    nas = RunConfig(task="detection", model="yolo-nas-torch", label_field="boxes", device="cpu")
    found = labeling.preflight(numbered, nas)
    assert "pip install" in found.install_command and found.install_command in found.warnings[0]
    usage = type("Usage", (), {"free": 2**20})
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage)
    found = labeling.preflight(numbered, nas)
    assert any("Only 1 MB free for weights" in warning for warning in found.warnings)
    empty = fo.Dataset()
    assert labeling.preflight(empty, yolo).warnings[0] == "There are no samples to label"
    empty.delete()
