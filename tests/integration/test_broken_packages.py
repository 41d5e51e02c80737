"""A package that is installed on the worker and does not work: named, with model and machine."""

import logging
import socket
import sys

import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService

import auto_labeling as al
from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog, trust

HOST = socket.gethostname()
#: A library that no machine can load: the words are those of the system's own loader.
GARBAGE = b"not a library at all" * 100


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Puts a package in front of the real one, whose compiled part cannot be loaded."""

    def put(package):
        folder = tmp_path / "broken" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(f"from {package} import _native\n")
        (folder / "_native.abi3.so").write_bytes(GARBAGE)
        monkeypatch.syspath_prepend(folder.parent)
        for name in [n for n in sys.modules if n.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)

    return put


def executed(dataset, run):
    """Lets FiftyOne's own code execute a run's operation, as a worker does."""
    service = DelegatedOperationService()
    service.execute_operation(service.get(ObjectId(labeling.get(dataset, run.id).operation_id)))
    return labeling.get(dataset, run.id)


@pytest.mark.parametrize("model", ["shapes-yolo", "custom-ultralytics-detection"])
def test_the_package_the_model_and_the_machine_are_named(
    dataset, broken, monkeypatch, caplog, model
):
    monkeypatch.setenv(trust.SETTING, "/")
    weights = str(catalog.get_model("shapes-yolo").weights)
    own = {"checkpoint": weights} if model.startswith("custom") else {}
    run = al.start(dataset, task="detection", model=model, label_field="x", **own)
    broken("ultralytics")
    with caplog.at_level(logging.INFO):
        run = executed(dataset, run)
    named = own.get("checkpoint", model)
    assert run.status == "Error"
    assert run.error.startswith(
        f"'{named}' cannot run on {HOST}: the package ultralytics is installed there but does not "
        "work: "
    )
    assert "_native.abi3.so" in run.error
    [told] = [record for record in caplog.records if record.message == "The run has stopped"]
    assert "_native.abi3.so" in str(told.exc_info[1]) and told.exc_info[1].__cause__ is not None


def test_what_an_own_model_lacks_is_named(dataset, broken, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(trust.SETTING, "faulty_a,faulty_b,faulty_c,faulty_d")
    broken("crunch")
    settings = {"task": "detection", "model": "custom-python-detection"}
    for name, code, words in (
        (
            "faulty_a",
            "import crunch as x",
            f"on {HOST}: the package crunch is installed",
        ),
        ("faulty_b", "import nonesuch.part as x", "the module 'nonesuch' is not installed there"),
        ("faulty_c", "x = 1 / 0", f"cannot be imported on {HOST}: ZeroDivisionError"),
        ("faulty_d", "def x():\n    return undefined", f"fails when called on {HOST}: NameError"),
    ):
        (tmp_path / f"{name}.py").write_text(f"{code}\n")
        with pytest.raises(ModelUnavailable, match=words):
            al.preview(dataset, settings, checkpoint=f"{name}:x")
