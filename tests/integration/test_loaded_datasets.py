"""Datasets whose fields are kept between events are as the database holds them at each event."""

import subprocess
import sys
import threading

import fiftyone as fo
import fiftyone.core.dataset as fod
import fiftyone.core.view as fov
import pytest
from bson import ObjectId

from auto_labeling.storage import loaded_datasets, schema
from tests.support.app_double import send
from tests.support.paths import CHECKOUT


@pytest.fixture
def parsed(monkeypatch):
    """The names of the datasets whose fields FiftyOne has parsed since."""
    names, parse = [], fod._do_load_dataset
    monkeypatch.setattr(
        fod, "_do_load_dataset", lambda obj, name: names.append(name) or parse(obj, name)
    )
    return names


def load(dataset):
    return loaded_datasets.load_dataset(dataset.name)


def test_fields_are_parsed_once(dataset, parsed):
    first = load(dataset)
    assert parsed == [dataset.name]
    second = load(dataset)
    by_id = loaded_datasets.load_dataset("another name", str(dataset._doc.id))
    assert parsed == [dataset.name]
    assert _described_by(first) == _described_by(second) == _described_by(dataset)
    assert first.values("filepath") == second.values("filepath") == dataset.values("filepath")
    assert {one.name for one in (first, second, by_id)} == {dataset.name}
    assert second.first().filepath == dataset.first().filepath


def test_events_of_the_panel_parse_fields_once(numbered, run, parsed):
    _, state = send(numbered, "on_load")
    for event in ("refresh", "new_run", "go_home", "open_run", "refresh"):
        _, state = send(numbered, event, state, run_id=run.id)
    assert len(parsed) == 1


def _rename(dataset):
    dataset.rename_sample_field("mine", "renamed")


CHANGES = {
    "a field": lambda d: d.add_sample_field("more", fo.IntField),
    "a field less": lambda d: d.delete_sample_field("number"),
    "a renamed field": _rename,
    "a declared attribute": lambda d: schema.declare_attributes(
        d, "mine", {"score": fo.FloatField()}
    ),
    "a description": lambda d: _described(d),
    "indexed by FiftyOne": lambda d: d.add_dynamic_sample_fields(),
}


def _described(dataset):
    field = dataset.get_field("number")
    field.description, field.info = "a number", {"unit": "m"}
    field.save()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_fields_is_seen_at_once(numbered, change):
    load(numbered)
    CHANGES[change](numbered)
    after = load(numbered)
    numbered.reload()
    assert _described_by(after) == _described_by(numbered)
    assert after.first().to_dict() == numbered.first().to_dict()


def _described_by(dataset):
    fields = dataset.get_field_schema(flat=True)
    said = {
        name: (type(field), field.description, field.info, field.created_at)
        for name, field in fields.items()
        if not name.startswith("metadata")  # FiftyOne makes this one when it loads a dataset
    }
    documents = {one.name: one.to_mongo() for one in dataset._doc.sample_fields}
    assert documents.pop("metadata")
    return said, documents


def test_a_change_by_another_process_is_seen_at_once(numbered):
    load(numbered)
    code = f"import fiftyone as fo; fo.load_dataset({numbered.name!r}).add_sample_field"
    done = [sys.executable, "-c", f"{code}('theirs', fo.StringField)"]
    subprocess.run(done, check=True, cwd=CHECKOUT, timeout=120)
    assert load(numbered).has_field("theirs")


def test_all_but_the_fields_is_read_at_each_call(numbered):
    load(numbered)
    numbered.save_view("mine", numbered.limit(3))
    numbered.info["about"] = {"a": 1}
    numbered.default_classes = ["cat"]
    numbered.save()
    now = load(numbered)
    assert now.list_saved_views() == ["mine"] and len(now.load_saved_view("mine")) == 3
    assert now.info == {"about": {"a": 1}} and now.default_classes == ["cat"]
    numbered.update_saved_view_info("mine", {"name": "yours"})
    assert now.list_saved_views() == ["mine"] and load(numbered).list_saved_views() == ["yours"]
    was, numbered.name = numbered.name, f"{numbered.name}-2"
    with pytest.raises(fod.DatasetNotFoundError):
        loaded_datasets.load_dataset(was)
    assert load(numbered).name == numbered.name
    numbered.delete()
    with pytest.raises(fod.DatasetNotFoundError):
        loaded_datasets.load_dataset(numbered.name)


def test_another_dataset_of_the_same_name_is_another(images):
    for field in ("first", "second"):
        one = fo.Dataset("same-name", overwrite=True)
        one.add_sample_field(field, fo.IntField)
        one.add_sample(fo.Sample(images[0]))
        assert load(one).has_field(field) and load(one).values("id") == one.values("id")
    assert not load(one).has_field("first")
    one.delete()


def test_a_save_writes_no_field_that_another_process_has_changed(numbered):
    load(numbered)
    ours = load(numbered)
    schema.declare(numbered, "theirs", fo.Detections, "", {})
    ours.persistent = not ours.persistent
    ours.info["x"] = 1
    ours.save()
    numbered.reload()
    assert numbered.has_field("theirs") and numbered.info == {"x": 1}


def test_what_is_changed_in_one_object_is_not_so_in_another(numbered):
    ours, other = load(numbered), load(numbered)
    schema.declare(ours, "more", fo.Detections, "of one", {})
    assert ours.has_field("more") and not other.has_field("more")
    assert other.first().filepath  # no sample holds the field yet
    schema.undeclare(ours, "more")
    assert not load(numbered).has_field("more")


def test_each_call_has_a_slice_of_its_own(images):
    dataset = fo.Dataset(persistent=True)
    dataset.add_group_field("group", default="left")
    group = fo.Group()
    samples = [
        fo.Sample(path, group=group.element(s)) for path, s in zip(images, "ab", strict=False)
    ]
    dataset.add_samples(samples, progress=False)
    one, two = load(dataset), load(dataset)
    one.group_slice = "b"
    assert (one.group_slice, two.group_slice, load(dataset).group_slice) == ("b", "left", "left")
    dataset.delete()


def test_datasets_made_of_others_are_loaded_by_fiftyone(numbered, parsed):
    patches = numbered.to_patches("mine")
    name = patches._patches_dataset.name
    for _ in range(2):
        assert len(loaded_datasets.load_dataset(name)) == len(patches)
    assert parsed.count(name) >= 2
    assert isinstance(patches, fov.DatasetView)


def test_a_change_while_fields_are_parsed_is_not_kept(numbered, monkeypatch):
    parse = fod._do_load_dataset

    def change_then_parse(obj, name):
        monkeypatch.setattr(fod, "_do_load_dataset", parse)
        schema.declare(numbered, "passing", fo.Detections, "", {})
        made = parse(obj, name)
        schema.undeclare(numbered, "passing")
        return made

    loaded_datasets._loaded.clear()
    monkeypatch.setattr(fod, "_do_load_dataset", change_then_parse)
    load(numbered)
    assert not load(numbered).has_field("passing")


def test_several_at_once_parse_once(numbered, parsed):
    loaded_datasets._loaded.clear()
    threads = [threading.Thread(target=load, args=(numbered,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert parsed == [numbered.name]


def test_what_is_not_there_is_not_found(dataset):
    for asked in (("", ""), ("no such", ""), (dataset.name, str(ObjectId()))):
        with pytest.raises(fod.DatasetNotFoundError):
            loaded_datasets.load_dataset(*asked)
