"""The examples in the docstrings of the SDK, each run on a small dataset with predictions."""

import doctest
import inspect
import operator

import fiftyone as fo
import pytest

import auto_labeling as al
from auto_labeling import sdk
from auto_labeling.demo import shapes

SETTINGS = {"task": "detection", "model": "shapes-yolo", "label_field": "boxes"}
PREDICTIONS = (("circle", 0.9), ("square", 0.6), ("star", 0.3))
FUNCTIONS = [name for name in sdk.__all__ if inspect.isfunction(getattr(sdk, name))]
METHODS = [f"Run.{name}" for name in vars(al.Run) if inspect.isfunction(getattr(al.Run, name))]


def public(name):
    return not name.rpartition(".")[2].startswith("_")


AUDITS = [f"quality.{n}" for n in al.quality.__all__ if inspect.isfunction(getattr(al.quality, n))]
EXAMPLES = [name for name in (*FUNCTIONS, *METHODS, *AUDITS) if public(name)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return [str(path) for path, _ in shapes.write(tmp_path_factory.mktemp("images"), 4, 1)]


@pytest.fixture
def dataset(files):
    """Four images, each with a circle, a square and a star of falling confidence."""
    dataset = fo.Dataset(persistent=True)
    samples = []
    for path in files:
        boxes = [
            fo.Detection(label=label, confidence=confidence, bounding_box=[0.1, 0.1, 0.2, 0.2])
            for label, confidence in PREDICTIONS
        ]
        samples.append(fo.Sample(path, predictions=fo.Detections(detections=boxes)))
    dataset.add_samples(samples, progress=False)
    yield dataset
    dataset.delete()


def queued(dataset):
    return al.start(dataset, SETTINGS)


def stopped(dataset):
    return al.cancel(queued(dataset))


def in_review(dataset):
    return al.import_labels(dataset, "predictions", "checked")


#: The state of the run in a function's example; in review where it is not listed.
RUNS = {"cancel": queued, "sample_ids": queued, "resume": stopped, "skip": stopped}
#: Functions whose examples begin without a run.
STARTS = {"check", "generate", "import_labels", "list_models", "preflight", "preview", "start"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_function_gives_what_it_shows(name, dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = operator.attrgetter(name)(al)
    pytest.importorskip("ultralytics")  # it prints a note when it is first imported
    names = {"al": al, "dataset": dataset}
    if name not in STARTS:
        names["run"] = RUNS.get(name, in_review)(dataset)
    example = doctest.DocTestParser().get_doctest(function.__doc__, names, name, None, None)
    assert example.examples, f"the docstring of {name} has no example"
    printed = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=printed.append)
    assert result.failed == 0, "".join(printed)
