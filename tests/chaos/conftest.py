"""A Ray cluster of two nodes on this machine, and a dataset of red things for several workers."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support import ray_cluster, red_rectangles

#: Seconds that the model takes for each image, so that something can be killed in the middle.
DELAY = "0.03"


@pytest.fixture(scope="module")
def ray_folder():
    made = tempfile.mkdtemp(prefix="al-ray-", dir="/tmp")  # Ray's sockets need a short path
    yield Path(made)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(ray_folder):
    """Two nodes, whose Python has all libraries and not our package."""
    python = ray_cluster.bare_python(ray_folder / "env")
    assert ray_cluster.lacks_our_package(python)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(red_rectangles.DELAY, DELAY)
        made = ray_cluster.Cluster(python, ray_folder / "ray")
    try:
        made.add()
        made.add()
        yield made
    finally:
        made.stop()


@pytest.fixture
def environment(monkeypatch, ray_folder):
    """That of a driver. Without ``RAY_ADDRESS``, Ray runs on this machine alone."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_MAX_WORKERS", "2")
    monkeypatch.setenv(red_rectangles.DELAY, DELAY)
    for name, value in ray_cluster.settings(ray_folder / "local").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def red_things(tmp_path):
    """Makes datasets of so many numbered pictures."""
    import fiftyone as fo

    made = []

    def make(count):
        paths = red_rectangles.write(tmp_path / "images", count)
        made.append(fo.Dataset(persistent=True))
        samples = [fo.Sample(path, number=number) for number, path in enumerate(paths)]
        made[-1].add_samples(samples, progress=False)
        return made[-1]

    yield make
    for dataset in made:
        dataset.delete()
