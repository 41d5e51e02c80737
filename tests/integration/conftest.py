"""Datasets with a scripted model, and runs in the states that tests begin with."""

import uuid

import pytest

from tests.support import scripted_model


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Lets the panel's handlers wait for what they do, however slow the machine is."""
    from auto_labeling.panels import background

    monkeypatch.setattr(background, "MAX_WAIT", 60)


@pytest.fixture(params=["detection", "classification"])
def task(request):
    return request.param


@pytest.fixture
def model(task, request):
    """The scripted model, for the test's task."""
    uninstall = scripted_model.install(task)
    yield "scripted"
    uninstall()


@pytest.fixture
def numbered(tmp_path):
    """A dataset of 40 numbered images with a user's own fields."""
    import fiftyone as fo

    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    dataset.add_samples(_numbered(tmp_path / "numbered"), progress=False)
    yield dataset
    if not dataset.deleted:
        dataset.delete()


def _numbered(folder):
    """Samples that nothing keeps: FiftyOne reloads each one that there is with its dataset."""
    import fiftyone as fo

    for number, path in enumerate(scripted_model.write_images(folder, 40)):
        truth = fo.Detections(detections=[fo.Detection(label="mine", bounding_box=[0, 0, 1, 1])])
        yield fo.Sample(filepath=path, number=number, mine=truth, tags=[f"t{number % 2}"])


@pytest.fixture
def config(model, task):
    from auto_labeling.core.run import RunConfig

    return RunConfig(task=task, model=model, label_field="predictions", name="first")


@pytest.fixture
def run(numbered, config):
    """A run in review, generated in this process."""
    from auto_labeling.lifecycle import labeling

    run = labeling.start(numbered, config)
    return labeling.generate(numbered, run.id)


@pytest.fixture
def answering():
    """A live worker that answers what is asked about models; it trusts what the test does."""
    from auto_labeling.serving.answering import Answering
    from auto_labeling.serving.presence import Presence

    with Presence() as presence, Answering(presence.id, presence.host):
        yield presence


@pytest.fixture
def sam(tmp_path, monkeypatch):
    """The zoo holds a tiny SAM 1 and 2.1 in place of the large ones."""
    from tests.support import tiny_sam

    return tiny_sam.put_in_zoo(tmp_path, monkeypatch)
