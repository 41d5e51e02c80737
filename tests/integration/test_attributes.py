"""What a model says of its labels beside their class is in the schema, and so in the sidebar."""

import threading

import fiftyone as fo
import pytest

from auto_labeling.core.run import Run, RunConfig, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from auto_labeling.storage import fields
from auto_labeling.storage.attributes import Attributes
from tests.support import attribute_models

KINDS = {
    "color": fo.StringField,
    "occluded": fo.BooleanField,
    "weight": fo.FloatField,
    "seen_at": fo.DateTimeField,
    "parts": fo.ListField,
    "size": fo.FloatField,
    "size_text": fo.StringField,
    "code": fo.StringField,
    "model_source": fo.StringField,
}


def expected(number):
    said = attribute_models.said(number)
    del said["unknown"]
    size, said["model_source"] = said.pop("size"), said.pop("source")
    said |= {"size_text": size} if isinstance(size, str) else {"size": size}
    return said | {"code": str(said["code"]), "weight": number / 2}


@pytest.mark.parametrize("task", ["detection", "classification"])
def test_attributes_are_declared_in_review_and_after_approval(numbered, monkeypatch, task):
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.attribute_models")
    config = RunConfig(
        task=task,
        model=f"custom-python-{task}",
        checkpoint=f"tests.support.attribute_models:{task}",
        label_field="found",
    )
    run = labeling.generate(numbered, labeling.start(numbered, config).id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0), labeling.failures(numbered, run)[:1]
    _check(numbered, run.staging_field)
    promote(numbered, run.id, Shown(numbered.view()), run.labels)
    approve(numbered, run.id)
    _check(numbered, "found")


def _check(dataset, name):
    """As a person sees it: other processes' datasets, the sidebar's fields, its filters, saving."""
    dataset = fo.load_dataset(dataset.name, reload=True)
    root = (
        name if dataset.get_field(name).document_type is fo.Classification else f"{name}.detections"
    )
    schema = dataset.get_field_schema(flat=True)
    assert {a: type(schema.get(f"{root}.{a}")) for a in KINDS} == KINDS
    assert type(schema[f"{root}.parts"].field) is fo.StringField
    assert f"{root}.unknown" not in schema
    assert dataset.count_values(f"{root}.color") == {"red": 20, "green": 20}
    assert dataset.bounds(f"{root}.weight") == (0, 19.5)
    assert dataset.bounds(f"{root}.size") == (0, 19)
    for sample in dataset:
        label = sample[name] if root == name else sample[name].detections[0]
        assert {a: label[a] for a in KINDS if label.has_field(a) and label[a] is not None} == (
            expected(sample.number)
        )
        label["color"] = f"{label['color']} indeed"
        sample.save()  # which checks all values against the schema
        label["color"] = label["color"].removesuffix(" indeed")
        sample.save()


def test_workers_that_see_an_attribute_first_together_declare_it_once(dataset):
    config = RunConfig(task="detection", model="m", label_field="found")
    run = Run(id="r1", config=config, created_at="")
    fields.declare(dataset, run)
    values = [7, 2.5, "x", True, 3, "y", 1.0, False]
    labels = [{"label": "a", "size": value, "rank": number} for number, value in enumerate(values)]
    barrier = threading.Barrier(len(values))

    def work(label):
        attributes = Attributes(dataset, run)
        barrier.wait()
        attributes.declare([{"_cls": "Detections", "detections": [label]}])

    threads = [threading.Thread(target=work, args=(label,)) for label in labels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    below = next(f for f in fields.schema_of(dataset) if f["name"] == run.staging_field)["fields"]
    names = [f["name"] for f in next(f for f in below if f["name"] == "detections")["fields"]]
    assert len(names) == len(set(names)) and {"size", "rank"} <= set(names)
    kinds = {
        "IntField": int,
        "FloatField": (int, float),  # as whole numbers that came before the first with a fraction
        "StringField": str,
        "BooleanField": bool,
    }
    schema = fo.load_dataset(dataset.name, reload=True).get_field_schema(flat=True)
    for label, value in zip(labels, values, strict=True):
        [name] = [key for key in label if key.startswith("size")]
        field = type(schema[f"{run.label_root}.{name}"]).__name__
        assert isinstance(label[name], kinds[field]), (label, field)
        assert label[name] == value or label[name] == str(value)
