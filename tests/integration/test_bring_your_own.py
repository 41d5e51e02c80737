"""What docs/bring-your-own.md says to write and to type is done, from start to approval."""

import functools
import http.server
import re
import shlex
import sys
import threading
import zipfile
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
import torch
from PIL import Image

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.demo import data
from auto_labeling.models import catalog, trust
from tests.support import scene_datasets, tiny_transformers
from tests.support.paths import CHECKOUT

PAGE = (CHECKOUT / "docs" / "bring-your-own.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+) ?([\w.]*)\n(.*?)^```", PAGE, re.M | re.S)
SOURCE = "http://localhost/models.zip"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the archive of the remote source."""

    def log_message(self, *_):
        pass


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Each address and path of the page, and where that is here."""
    code, models, published = (tmp_path / name for name in ("code", "models", "published"))
    for folder in (code, models, published, tmp_path / "zoo"):
        folder.mkdir()
    files = {}
    for _, name, text in BLOCKS:
        if name not in ("", "run"):
            files[name] = files.get(name, "") + text + "\n\n"
    (code / "my_models.py").write_text(files["my_models.py"])
    with zipfile.ZipFile(published / "models.zip", "w") as archive:
        for name in ("manifest.json", "__init__.py"):
            archive.writestr(name, files[name])
    monkeypatch.syspath_prepend(code)
    sys.modules.pop("my_models", None)  # another test's
    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path / "zoo"))
    sorter = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 3)
    )
    torch.save(sorter, models / "sorter.pt")
    (models / "best.pt").write_bytes(catalog.get_model("shapes-yolo").weights.read_bytes())
    torch.manual_seed(51)
    tiny_transformers.detr(models / "detr")
    velodyne = tmp_path / "velodyne"
    velodyne.mkdir()
    np.random.default_rng(3).random((50, 4), np.float32).tofile(velodyne / "000001.bin")
    handler = functools.partial(Quiet, directory=str(published))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/models.zip"
        yield {
            SOURCE: url,
            "/models/": f"{models}/",
            "you/your-detector": str(models / "detr"),
            "/data/velodyne": str(velodyne),
        }
        server.shutdown()
    sys.modules.pop("my_models", None)


@pytest.fixture
def photos(tmp_path):
    dataset = data.make_dataset("photos", n_shapes=4, folder=tmp_path / "photos")
    yield dataset
    dataset.delete()


@pytest.fixture
def drive(tmp_path):
    dataset = scene_datasets.make("drive", tmp_path / "drive", 2)
    yield dataset
    dataset.delete()


def here(text, places):
    for said, real in places.items():
        text = text.replace(said, real)
    return text


def test_the_page_is_true_from_a_finished_model_to_approved_labels(
    places, photos, drive, monkeypatch, capsys
):
    allowed = re.search(rf"{trust.SETTING}=(\S+)", PAGE)[1]
    allowed = here(allowed.replace("/models,", "/models/,"), places)
    monkeypatch.setenv(trust.SETTING, allowed)
    from auto_labeling.sdk.handle import Run

    # The worker of the page is this process.
    monkeypatch.setattr(Run, "wait", lambda run, *_: al.generate(run))
    for kind, name, text in BLOCKS:
        if name == "run":
            exec(compile(here(text, places), "bring-your-own.md", "exec"), {})
        elif kind == "sh":
            for line in here(text, places).splitlines():
                program, *words = shlex.split(line)
                if words[0] == "convert":
                    words.append("--yes")  # a person answers its question
                if program == "auto-labeling" and words != ["launch"]:
                    assert cli.main(words) == verbs.OK, capsys.readouterr()
    assert Path(places["/data/velodyne"], "000001.pcd").exists()
    runs = {run.label_field: run for run in al.runs(photos)}
    assert set(runs) == {"bright", "spots", "quality", "shapes", "hub", "light"}
    assert all(run.failed == 0 and run.generated > 0 for run in runs.values())
    assert runs["bright"].status == "Approved" and photos.count("bright.detections") > 0
    for field, run in runs.items():
        if field != "bright":
            al.promote(run)
            al.approve(run)
            assert run.status == "Approved" and field in photos.get_field_schema()
    assert set(photos.distinct("quality.label")) <= {"ok", "defect"}
    assert set(photos.distinct("shapes.detections.label")) <= {"circle", "star"}
    assert set(photos.distinct("light.label")) <= {"bright", "dark"}
    assert "circle" in "".join(capsys.readouterr().out)
    [run] = al.runs(drive)
    assert (run.failed, run.label_field) == (0, "things")
    al.promote(run)
    al.approve(run)
    boxes = drive.values("things.detections", unwind=True)
    assert len(boxes) == 4 and {len(box.location) for box in boxes} == {3}


def test_the_arrays_and_the_edges_are_as_the_page_says(tmp_path, monkeypatch):
    (tmp_path / "edges.py").write_text(
        "import fiftyone as fo, fiftyone.core.models as fom\n"
        "seen = []\n"
        "class Edges(fom.Model):\n"
        "    media_type = 'image'\n"
        "    def predict(self, image):\n"
        "        seen.append((image.dtype.name, image.shape, tuple(image[0, 0])))\n"
        "        box = fo.Detection(label='x', bounding_box=[-0.1, 0, 0.5, 1])\n"
        "        return fo.Detections(detections=[box])\n"
    )
    Image.new("RGB", (32, 24), (200, 100, 50)).save(tmp_path / "one.png")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(trust.SETTING, "edges")
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(str(tmp_path / "one.png")))
    settings = {"task": "detection", "model": "custom-python-detection", "confidence": 0.5}
    [preview] = al.preview(dataset, settings, checkpoint="edges:Edges")
    import edges

    assert edges.seen == [("uint8", (24, 32, 3), (200, 100, 50))]
    [box] = preview.labels.detections
    assert box.bounding_box == pytest.approx([0, 0, 0.4, 1]) and box.confidence is None
    dataset.delete()


def test_the_page_is_found():
    for page in ("README.md", "docs/guide.md"):
        assert "bring-your-own.md" in (CHECKOUT / page).read_text("utf-8")
