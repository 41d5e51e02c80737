"""The Python code on the page of an approved run works for the media and the kind of its labels."""

import re
import uuid
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

import auto_labeling as al
from tests.support import scene_datasets
from tests.support.app_double import page_of, send

CUBOID = {"location": [1.0, 2, 3], "dimensions": [4.0, 5, 6], "rotation": [0.0, 0, 1]}


IN_3D = ("fo3d", "pcd")


def flat(**more):
    box = fo.Detection(label="car", bounding_box=[0.1, 0.1, 0.5, 0.5], confidence=0.9, **more)
    return fo.Detections(detections=[box])


LABELS = {
    "png": flat,
    "fo3d": lambda: fo.Detections(detections=[fo.Detection(label="car", confidence=0.7, **CUBOID)]),
    "pcd": lambda: LABELS["fo3d"](),
    "class": lambda: fo.Classification(label="car", confidence=0.5),
    "masks": lambda: flat(mask=np.ones((2, 2), dtype=bool)),
}


def media(folder, ending):
    path = str(folder / f"{uuid.uuid4().hex}.{ending}")
    if ending == "fo3d":
        fo.Scene().write(path)
    elif ending == "pcd":
        scene_datasets.write_pcd(Path(path))
    else:
        Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def empty():
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    yield dataset
    dataset.delete()


def fill(dataset, folder, kind, slices):
    """Adds two samples, or groups of slices, each with labels to import and to compare with."""
    if slices:
        dataset.add_group_field("group", default=next(iter(slices)))
    for _ in range(2):
        group = fo.Group()
        for name, ending in (slices or {"": kind if kind in IN_3D else "png"}).items():
            labels = LABELS["fo3d" if ending in IN_3D else kind]
            element = {"group": group.element(name)} if slices else {}
            path = media(folder, ending)
            fields = {"mine": labels(), "truth": labels(), **element}
            dataset.add_samples([fo.Sample(filepath=path, **fields)], dynamic=True, progress=False)


def code_of(page):
    return re.findall(r"```python\\n(.*?)\\n```", page.replace('\\"', '"'))


@pytest.mark.parametrize(
    ("kind", "slices", "labels"),
    [
        ("png", {}, 2),
        ("class", {}, 2),
        ("masks", {}, 2),
        ("fo3d", {}, 2),
        ("pcd", {}, 2),
        ("pcd", {"lidar": "pcd", "right": "png"}, 2),
        ("png", {"left": "png", "right": "png"}, 4),
        ("class", {"left": "png", "right": "png"}, 4),
        ("png", {"scene": "fo3d", "right": "png"}, 2),
    ],
)
def test_the_code_of_the_page_exports_and_evaluates(empty, tmp_path, kind, slices, labels):
    fill(empty, tmp_path, kind, slices)
    run = al.import_labels(empty, "mine", "checked")
    is_3d = kind in IN_3D
    assert (
        run.config.task.is_3d,
        "Show patches" in page_of(send(empty, "open_run", run_id=run.id)[0]),
    ) == (is_3d, not is_3d and kind != "class")
    al.promote(run)
    al.approve(run)
    told, state = send(empty, "open_run", run_id=run.id)
    blocks = [block.replace("\\n", "\n").replace("\\'", "'") for block in code_of(page_of(told))]
    assert len(blocks) == 3
    program = "\n".join(blocks).replace("/path/to/export", str(tmp_path / "out"))
    names = {}
    exec(program, names)
    assert names["view"].count("checked" if kind == "class" else "checked.detections") == labels
    assert names["info"].config.serialize()
    report = names["results"].report()
    assert report["car"]["support"] == labels and report["car"]["precision"] == 1
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert written
    empty.delete_sample_field("truth")
    told, _ = send(empty, "refresh", state)
    assert "Export the labels" in page_of(told)
    assert "evaluate_" not in page_of(told), "there is nothing to compare with"
