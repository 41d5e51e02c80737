"""Scenes and lifted labels by several Ray workers: the boxes of a single worker."""

import fiftyone as fo
import pytest

from auto_labeling.lifecycle import labeling
from tests.support import lidar_datasets, scene_datasets
from tests.support.scaleout_runs import NEEDS_RAY

pytestmark = [*NEEDS_RAY, pytest.mark.soak, pytest.mark.timeout(300)]

MODULE = "tests.support.scene_datasets"
OWN = {"model": "custom-python-3d-detection", "checkpoint": f"{MODULE}:Cubes"}
LIFTED = {"method": "lift_labels", "model": "lifted-labels", "source_field": "boxes"}


@pytest.fixture
def dataset():
    made = fo.Dataset(persistent=True)
    yield made
    made.delete()


def _boxes(dataset, label_field, **settings):
    answers = {"task": "detection_3d", "label_field": label_field, **settings}
    run = labeling.start(dataset, labeling.check(dataset, answers))
    run = labeling.generate(dataset, run.id)
    assert run.failed == 0, labeling.failures(dataset, run)
    samples = dataset.select_group_slices("lidar") if dataset.group_field else dataset
    return [
        [(d.label, d.location, d.dimensions, d.rotation, d.num_points) for d in labels.detections]
        for labels in samples.sort_by("filepath").values(run.staging_field)
    ]


def test_labels_are_lifted(cluster, environment, dataset, tmp_path, monkeypatch):
    lidar_datasets.make(dataset, tmp_path, seeds=range(40))
    dataset.group_slice = "left"  # the scenes are found whatever slice the grid shows
    clean = _boxes(dataset, "one", **LIFTED)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    assert _boxes(dataset, "several", workers=2, **LIFTED) == clean
    assert sum(map(len, clean)) > 200


@pytest.mark.parametrize("kind", ["pcd", "fo3d"])
def test_scenes_are_labeled(cluster, environment, dataset, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", MODULE)
    dataset.add_samples(scene_datasets.samples(tmp_path, 40, kind), progress=False)
    clean = _boxes(dataset, "one", **OWN)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    assert _boxes(dataset, "several", workers=2, **OWN) == clean
    assert sum(map(len, clean)) == 80
