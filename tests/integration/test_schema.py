"""The schema's atomic updates store what FiftyOne stores, and lose nothing of others."""

import subprocess
import sys
import uuid

import bson
import fiftyone as fo
import pytest

from auto_labeling.storage import schema
from tests.support.paths import CHECKOUT
from tests.support.schema_changes import ROUNDS, change


@pytest.fixture
def twin():
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    yield dataset
    dataset.delete()


def stored(dataset):
    """The dataset's own document without what differs between any two datasets."""
    document = dataset._doc._get_collection().find_one({"_id": dataset._doc.id})
    for key in ("_id", "name", "slug", "sample_collection_name", "last_modified_at"):
        document.pop(key)
    for key in ("created_at", "last_loaded_at", "media_type", "app_config", "default_view"):
        document.pop(key, None)
    return _without_times(document)


def _without_times(value):
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k != "created_at"}
    return [_without_times(v) for v in value] if isinstance(value, list) else value


ATTRIBUTES = {
    "review": fo.StringField(description="state"),
    "score": fo.FloatField(),
    "parts": fo.ListField(fo.StringField(), info={"a": 1}),
    "center": fo.EmbeddedDocumentField(fo.Classification),
}


@pytest.mark.parametrize("kind", [fo.Detections, fo.Classification])
def test_what_is_declared_is_stored_as_fiftyone_stores_it(dataset, twin, kind):
    twin.media_type = "image"
    below = ".detections" if kind is fo.Detections else ""
    for one in (dataset, twin):
        one.reload()
    about = {"description": "of mine", "info": {"auto_labeling": {"run": "x"}}}
    twin.add_sample_field("boxes", fo.EmbeddedDocumentField, embedded_doc_type=kind, **about)
    for name, field in ATTRIBUTES.items():
        kwargs = fo.core.odm.utils.get_field_kwargs(field)
        twin.add_sample_field(f"boxes{below}.{name}", **kwargs)
    for _ in range(2):  # once more changes nothing
        schema.declare(dataset, "boxes", kind, about["description"], about["info"])
        schema.declare_attributes(dataset, "boxes", ATTRIBUTES)
    assert stored(dataset)["sample_fields"] == stored(twin)["sample_fields"]
    flat = dataset.get_field_schema(flat=True)
    assert {k: str(v) for k, v in flat.items()} == {
        k: str(v) for k, v in twin.get_field_schema(flat=True).items()
    }
    sample = dataset.first()
    sample["boxes"] = kind()
    sample.save()


def test_a_forgotten_field_leaves_nothing_and_takes_nothing_along(dataset):
    dataset.add_sample_field("boxes", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    dataset.add_sample_field("boxes_of_mine", fo.StringField)
    dataset.create_index("boxes_of_mine")
    dataset.app_config.sidebar_groups = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    dataset.app_config.active_fields = fo.ActiveFields(paths=["boxes_of_mine"])
    dataset.save()
    before = all_of(dataset)
    schema.declare(dataset, "boxes_x", fo.Detections, "", {})
    schema.declare_attributes(dataset, "boxes_x", {"review": fo.StringField()})
    dataset.create_index("boxes_x.detections.label")
    config = dataset.app_config
    config.sidebar_groups[0].paths += ["boxes_x", "boxes_x.detections.label"]
    config.active_fields.paths += ["boxes_x"]
    dataset.save()
    dataset.set_label_schemas(dataset.generate_label_schemas(["boxes_x"], scan_samples=False))
    dataset.active_label_schemas = ["boxes_x"]
    assert all_of(dataset) != before
    schema.undeclare(dataset, "boxes_x")
    assert all_of(dataset) == before
    schema.undeclare(dataset, "boxes_x")
    assert all_of(dataset) == before


def all_of(dataset):
    dataset.reload()
    document = dataset._doc._get_collection().find_one({"_id": dataset._doc.id})
    for key in ("last_modified_at", "last_loaded_at"):
        document.pop(key, None)
    # An empty list that was never set is one that is empty now.
    document = {key: value for key, value in document.items() if value not in ([], {})}
    return bson.encode(document), sorted(dataset.list_indexes())


PROCESS = """
import sys, fiftyone as fo
from tests.support.schema_changes import change
dataset = fo.load_dataset(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
change(dataset, "theirs")
"""


@pytest.mark.slow
def test_two_processes_that_change_the_schema_at_once_lose_no_field(dataset):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": CHECKOUT}
    other = subprocess.Popen([sys.executable, "-c", PROCESS, dataset.name], **pipes)
    assert "ready\n" in iter(other.stdout.readline, "")
    other.stdin.write("go\n")
    other.stdin.flush()
    change(dataset, "ours")
    assert other.wait(60) == 0
    dataset.reload()
    wanted = {f"{side}{n}" for side in ("ours", "theirs") for n in range(1, ROUNDS, 2)}
    flat = {
        path for path in dataset.get_field_schema(flat=True) if path.startswith(("ours", "the"))
    }
    assert {path for path in flat if "." not in path} == wanted
    assert {path.split(".")[0] for path in flat if path.endswith(".review")} == wanted
