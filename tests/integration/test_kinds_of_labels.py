"""Every kind of label and dataset passes through import, review and approval unchanged."""

import uuid

import fiftyone as fo
import numpy as np
import pytest

from auto_labeling.core.errors import ConfigError
from auto_labeling.lifecycle import importing
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import merged, root_in, shown, tab_filters
from auto_labeling.review.promotion import promote, undo
from auto_labeling.review.summary import summarize

MASK = np.eye(8, dtype=bool)


@pytest.fixture
def empty():
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    yield dataset
    if not dataset.deleted:
        dataset.delete()


def box(label, confidence=0.5, **more):
    return fo.Detection(
        label=label, confidence=confidence, bounding_box=[0.1, 0.1, 0.3, 0.3], **more
    )


def request(run, tab="review", **more):
    filters = merged({}, run, tab_filters(root_in(more, run), tab))
    return {"view": None, "filters": filters, **more}


def stored(dataset, field):
    """The labels of a field as they are in the database, by sample, without the review's."""
    found = {}
    for document in dataset._sample_collection.find():
        value = document.get(field)
        labels = [] if value is None else value.get("detections", [value])
        assert all(label.get("review", "") in ("", "unpromoted", "promoted") for label in labels)
        found[document["_id"]] = [
            {k: v for k, v in label.items() if k not in ("review", "imported")} for label in labels
        ]
    return found


def approve_all(dataset, run):
    view = shown(dataset, request(run))
    promote(dataset, run.id, view, summarize(dataset, run, view).current)
    return approve(dataset, run.id)


KINDS = {
    "classification": lambda tmp: fo.Classification(label="a", confidence=0.4, logits=[0.1, 0.9]),
    "detections": lambda tmp: fo.Detections(detections=[box("a"), box("b", None, iscrowd=1)]),
    "masks inline": lambda tmp: fo.Detections(detections=[box("a", mask=MASK)]),
    "masks on disk": lambda tmp: fo.Detections(detections=[box("a", mask_path=str(tmp / "m.png"))]),
    "3D detections": lambda tmp: fo.Detections(
        detections=[
            fo.Detection(
                label="car", location=[1.0, 2, 3], dimensions=[4.0, 5, 6], rotation=[0.0, 0, 1]
            )
        ]
    ),
    "none at all": lambda tmp: fo.Detections(detections=[]),
}


@pytest.mark.parametrize("replace", [False, True], ids=["new field", "replacing"])
@pytest.mark.parametrize("kind", KINDS)
def test_labels_come_out_as_they_went_in(empty, tmp_path, kind, replace):
    labels = KINDS[kind](tmp_path)
    other = fo.Detections(detections=[box("z")])
    if kind == "classification":
        other = fo.Classification(label="z")
    media = "scene.fo3d" if kind == "3D detections" else "image.png"
    empty.add_samples(
        [
            fo.Sample(filepath=str(tmp_path / f"1{media}"), truth=labels),
            fo.Sample(filepath=str(tmp_path / f"2{media}"), truth=other),
            fo.Sample(filepath=str(tmp_path / f"3{media}")),
        ],
        dynamic=True,
        progress=False,
    )
    (tmp_path / "m.png").write_bytes(b"mine")
    before = stored(empty, "truth")
    run = importing.import_labels(empty, "truth", "" if replace else "checked", replace=replace)
    assert stored(empty, run.staging_field) == before == stored(empty, "truth")
    approve_all(empty, run)
    target = "truth" if replace else "checked"
    assert stored(empty, target) == before
    empty.reload()
    assert all(sample.to_dict() for sample in empty)
    attributes = {p for p in empty.get_field_schema(flat=True) if p.startswith("truth.")}
    copied = {p.replace("truth.", f"{target}.") for p in attributes}
    assert copied <= set(empty.get_field_schema(flat=True))
    assert (tmp_path / "m.png").read_bytes() == b"mine", "a person's mask is never ours to delete"


def test_of_labels_that_replace_their_source_those_not_promoted_are_gone(empty):
    labels = fo.Detections(detections=[box("keep", 0.9), box("drop", 0.1)])
    only = fo.Detections(detections=[box("drop", 0.2)])
    empty.add_samples(
        [fo.Sample(filepath="/1.png", truth=labels), fo.Sample(filepath="/2.png", truth=only)],
        progress=False,
    )
    run = importing.import_labels(empty, "truth", replace=True)
    asked = request(run)
    asked["filters"][f"{run.label_root}.label"] = {
        "values": ["keep"],
        "exclude": False,
        "isMatching": False,
    }
    promote(empty, run.id, shown(empty, asked), 1)
    assert approve(empty, run.id).approved == 1
    assert [[d["label"] for d in labels] for labels in stored(empty, "truth").values()] == [
        ["keep"],
        [],
    ]


@pytest.mark.parametrize("slice_name", ["left", "right"])
def test_in_a_grouped_dataset_the_slice_that_is_shown_is_counted(empty, slice_name):
    empty.add_group_field("group", default="left")
    samples = []
    for number in range(6):
        group = fo.Group()
        for name, count in (("left", 1), ("right", 2)):
            labels = fo.Detections(detections=[box("a") for _ in range(count)])
            samples.append(
                fo.Sample(filepath=f"/{name}{number}.png", group=group.element(name), truth=labels)
            )
    empty.add_samples(samples, progress=False)
    run = importing.import_labels(empty, "truth", "checked")
    assert run.labels == 18, "all slices"
    empty.group_slice = slice_name  # as FiftyOne does for a request with that slice
    view = shown(empty, request(run, group_slice=slice_name))
    numbers = summarize(empty, run, view)
    mine = 6 if slice_name == "left" else 12
    assert (numbers.current, numbers.total) == (mine, 18)
    assert promote(empty, run.id, view, mine) == mine
    labels = [d for ds in stored(empty, run.staging_field).values() for d in ds]
    assert len(labels) == 18
    promoted = empty._sample_collection.count_documents(
        {f"{run.label_root}.review": "promoted", "group.name": slice_name}
    )
    assert promoted == 6
    assert approve(empty, run.id).approved == mine


def test_a_group_of_images_and_3d_scenes_is_reviewed_slice_by_slice(empty):
    empty.add_group_field("group", default="left")
    cuboid = dict(location=[1.0, 2, 3], dimensions=[4.0, 5, 6], rotation=[0.0, 0, 1])
    samples = []
    for number in range(4):
        group = fo.Group()
        flat = fo.Detections(detections=[box("car"), box("bus")])
        solid = fo.Detections(detections=[fo.Detection(label="car", confidence=0.7, **cuboid)])
        for name, ending, labels in (("left", "png", flat), ("scene", "fo3d", solid)):
            path = f"/{name}{number}.{ending}"
            element = group.element(name)
            samples.append(fo.Sample(filepath=path, group=element, truth=labels))
    empty.add_samples(samples, dynamic=True, progress=False)
    run = importing.import_labels(empty, "truth", "checked")
    before = stored(empty, "truth")
    for name, number in (("scene", 4), ("left", 8)):
        empty.group_slice = name
        view = shown(empty, request(run, group_slice=name))
        assert summarize(empty, run, view).current == number
        assert promote(empty, run.id, view, number) == number
    assert undo(empty, run.id, "bus") == 4
    assert approve(empty, run.id).approved == 8
    after = stored(empty, "checked")
    assert after == {
        sample: [label for label in labels if label["label"] == "car"]
        for sample, labels in before.items()
    }
    assert all(sample.to_dict() for sample in empty)


def test_in_a_view_of_patches_a_selected_patch_is_a_selected_label(empty):
    samples = []
    for number in range(4):
        labels = fo.Detections(detections=[box("a", 0.1), box("b", 0.9)])
        samples.append(fo.Sample(filepath=f"/{number}.png", truth=labels))
    empty.add_samples(samples, progress=False)
    run = importing.import_labels(empty, "truth", "checked")
    stages = empty.to_patches(run.staging_field)._serialize()
    view = shown(empty, request(run, view=stages))
    assert summarize(empty, run, view).current == 8
    patches = view.view.values("id")
    picked = shown(empty, request(run, view=stages, selected=patches[:3]))
    assert summarize(empty, run, picked).current == 3
    assert promote(empty, run.id, picked, 3) == 3
    promoted = {
        str(label["_id"])
        for document in empty._sample_collection.find()
        for label in document[run.staging_field]["detections"]
        if label["review"] == "promoted"
    }
    assert promoted == set(patches[:3])
    # The patches were made before the promotion; what is counted is how things are now.
    again = shown(empty, request(run, view=stages))
    assert summarize(empty, run, again).current == 5
    assert undo(empty, run.id) == 3
    assert summarize(empty, run, shown(empty, request(run, view=stages))).current == 8


def test_fields_that_cannot_be_imported_say_why(empty):
    sample = fo.Sample(
        filepath="/1.png",
        truth=fo.Detections(detections=[box("a")]),
        lines=fo.Polylines(),
        mine=fo.Detections(detections=[box("a", review="my own")]),
        number=3,
    )
    empty.add_samples([sample], dynamic=True, progress=False)
    importing.import_labels(empty, "truth", "checked")
    reasons = importing.sources(empty)
    assert reasons["lines"] == "It holds Polylines, not Classification or Detections"
    assert "already have an attribute" in reasons["mine"]
    assert reasons["checked_in_review"] == "These labels are in review"
    assert reasons["truth"] == "" and "number" not in reasons
    with pytest.raises(ConfigError) as refused:
        importing.import_labels(empty, "lines", "filepath")
    assert set(refused.value.problems) == {"source", "label_field"}
    with pytest.raises(ConfigError):
        importing.import_labels(empty, "truth", "checked")
