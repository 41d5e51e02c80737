"""Which samples a run labels: pasted ids, slices of groups, views of all kinds."""

import copy
import uuid

import fiftyone as fo
import pytest
from bson import ObjectId

from auto_labeling.app import pasted_ids
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import RunConfig
from auto_labeling.lifecycle import labeling, media
from tests.support import scripted_model
from tests.support.app_double import answer, page_of, send


@pytest.fixture
def empty():
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    yield dataset
    if not dataset.deleted:
        dataset.delete()


@pytest.fixture
def grouped(empty, tmp_path):
    """Six groups of two images and a point cloud."""
    empty.add_group_field("group", default="left")
    images = scripted_model.write_images(tmp_path / "images", 12)
    samples = []
    for number in range(6):
        group = fo.Group()
        files = {"left": images[number], "right": images[6 + number], "lidar": f"/{number}.pcd"}
        for name, path in files.items():
            samples.append(fo.Sample(path, group=group.element(name), number=number))
    empty.add_samples(samples, progress=False)
    return empty


@pytest.fixture
def detection_config():
    uninstall = scripted_model.install("detection")
    yield RunConfig(task="detection", model="scripted", label_field="boxes")
    uninstall()


def labeled(dataset, run):
    """The slices, and the numbers, of the samples that a run has labeled."""
    found = dataset._sample_collection.find({run.staging_field: {"$exists": True}})
    return sorted((d["group"]["name"], d["number"]) for d in found)


@pytest.mark.parametrize(
    ("chosen", "wanted"), [((), ["left", "right"]), (("right",), ["right"])], ids=["all", "one"]
)
def test_the_image_slices_of_groups_are_labeled_and_no_others(
    grouped, detection_config, chosen, wanted
):
    config = detection_config.model_copy(update={"group_slices": chosen})
    assert labeling.preflight(grouped, config).samples == 6 * len(wanted)
    run = labeling.generate(grouped, labeling.start(grouped, config).id)
    assert (run.samples, run.failed) == (6 * len(wanted), 0)
    assert labeled(grouped, run) == [(name, n) for name in wanted for n in range(6)]
    previews = labeling.preview(grouped, config, configuration_ids(grouped, run)[:3])
    assert [p.error for p in previews] == ["", "", ""]


def configuration_ids(dataset, run):
    found = dataset._sample_collection.find({run.staging_field: {"$exists": True}}, {"_id": 1})
    return [str(document["_id"]) for document in found]


def test_samples_of_other_slices_are_refused(grouped, detection_config):
    lidar = grouped.select_group_slices("lidar").values("id")
    with pytest.raises(ConfigError) as refused:
        labeling.start(grouped, detection_config, lidar[:2])
    assert "2 of the samples are not in left, right" in refused.value.problems["target"]
    for names, problem in ((["lidar"], "point clouds"), (["up"], "no slice 'up'")):
        wrong = detection_config.model_copy(update={"group_slices": tuple(names)})
        with pytest.raises(ConfigError) as refused:
            labeling.start(grouped, wrong)
        assert problem in refused.value.problems["group_slices"]
    assert labeling.runs(grouped) == []


def test_slices_of_a_dataset_without_groups_are_refused(dataset, detection_config):
    wrong = detection_config.model_copy(update={"group_slices": ("left",)})
    with pytest.raises(ConfigError) as refused:
        labeling.start(dataset, wrong)
    assert "not grouped" in refused.value.problems["group_slices"]


def test_the_panel_offers_the_image_slices_and_counts_their_samples(grouped):
    _, state = send(grouped, "new_run")
    told, state = answer(grouped, state, family="yolo", version="v8-shapes", label_field="boxes")
    page = page_of(told)
    assert "Generate labels for 12 samples" in page and "lidar" in page
    told, state = answer(grouped, state, group_slices=["right"])
    assert "Generate labels for 6 samples" in page_of(told)
    _, state = send(grouped, "start", state)
    (run,) = labeling.runs(grouped)
    assert (run.samples, run.config.group_slices) == (6, ("right",))
    assert labeled(grouped, run) == [("right", number) for number in range(6)]


@pytest.mark.parametrize("kind", ["groups", "slice", "dynamic", "patches"])
def test_a_view_stands_for_the_samples_behind_it(grouped, dataset, kind):
    if kind == "groups":
        view = grouped.match({"number": {"$lt": 2}})
        assert len(media.target_ids(grouped, view)) == 4
        assert len(media.target_ids(grouped, view, ["left"])) == 2
        assert len(media.target_ids(grouped, view, (), limit=3)) == 3
    elif kind == "slice":
        view = grouped.select_group_slices(["left", "right"])
        assert media.target_ids(grouped, view) == view.values("id")
        right = grouped.select_group_slices("right").values("id")
        assert media.target_ids(grouped, view, ["right"]) == right
    elif kind == "dynamic":
        dataset.set_values("parity", [n % 2 for n in range(5)])
        view = dataset.group_by("parity")
        assert sorted(media.target_ids(dataset, view)) == sorted(dataset.values("id"))
    else:
        boxes = [
            [fo.Detection(label="a", bounding_box=[0, 0, 0.5, 0.5]) for _ in range(2)]
            for _ in range(5)
        ]
        dataset.set_values("boxes", [fo.Detections(detections=two) for two in boxes])
        view = dataset.to_patches("boxes").limit(4)
        assert media.target_ids(dataset, view) == dataset.values("id")[:2]
    own = grouped if kind in ("groups", "slice") else dataset
    assert media.target_count(own, view) == len(media.target_ids(own, view))


@pytest.mark.parametrize(
    ("file", "said", "remedy"),
    [
        ("a.mp4", "videos", "to_frames"),
        ("a.bag", "multimodal recordings", "dataset from its images"),
        ("a.las", "files of a type unknown to FiftyOne", "image extension"),
    ],
)
def test_what_cannot_be_labeled_is_said_with_what_would_work(
    empty, detection_config, file, said, remedy
):
    empty.add_sample(fo.Sample(f"/{file}"))
    told, state = send(empty, "on_load")
    assert said in page_of(told) and remedy in page_of(told)
    told, state = send(empty, "new_run", state)
    assert said in page_of(told) and "Generate labels" not in page_of(told)
    with pytest.raises(ConfigError) as refused:
        labeling.start(empty, detection_config)
    assert said in refused.value.problems["target"]


@pytest.mark.parametrize("file", ["a.pcd", "a.fo3d"])
def test_a_task_that_does_not_fit_is_refused_and_the_one_that_does_is_offered(
    empty, detection_config, file
):
    empty.add_sample(fo.Sample(f"/{file}"))
    with pytest.raises(ConfigError) as refused:
        labeling.start(empty, detection_config)
    assert "Choose 3D detection" in refused.value.problems["target"]
    told, _ = send(empty, "new_run")
    assert "Boxes in point clouds" in page_of(told) and "Boxes with masks" not in page_of(told)


def test_frames_of_a_video_become_a_dataset_that_can_be_labeled(empty, tmp_path):
    """What the panel says would work does."""
    import cv2
    import numpy as np

    path = str(tmp_path / "two.mp4")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), 5, (64, 48))
    for shade in (0, 250):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    empty.add_sample(fo.Sample(path))
    assert media.refusal(empty)
    frames = empty.to_frames(sample_frames="dynamic", output_dir=str(tmp_path / "frames"))
    made = frames.clone(f"{empty.name}-frames")
    assert media.refusal(made) == "" and made.media_type == "image"
    made.delete()


# --- pasted ids -------------------------------------------------------------------------------

IDS = [str(ObjectId()) for _ in range(3)]


@pytest.mark.parametrize(
    "text",
    [
        "{0},{1},{2}",
        "{0}\n{1}\r\n{2}\n",
        "  {0} {1}\t{2}",
        "['{0}', '{1}', '{2}']",
        '["{0}", "{1}", "{2}"]',
        "ObjectId('{0}'), ObjectId('{1}'), ObjectId('{2}')",
    ],
)
def test_ids_are_read_however_they_are_separated(text):
    read = pasted_ids.read(text.format(*IDS))
    assert (list(read.ids), read.malformed, read.problem) == (IDS, (), "")


def test_what_is_no_id_is_named_and_duplicates_are_merged():
    read = pasted_ids.read(f"{IDS[0]} {IDS[1].upper()} {IDS[0]} abc 123, abc")
    assert (list(read.ids), read.repeated) == (IDS[:2], 1)
    assert read.malformed == ("abc", "123") and "'abc', '123'" in read.problem
    assert pasted_ids.read("").problem


def test_a_huge_list_is_kept_on_the_server_until_it_is_forgotten():
    ids = [f"{number:024x}" for number in range(100_000)]
    text = pasted_ids.keep(ids)
    assert len(text) < 60 and pasted_ids.is_kept(text)
    assert list(pasted_ids.read(text).ids) == ids
    for number in range(20):
        pasted_ids.keep([f"{number:024x}"])
    assert pasted_ids.read(text).is_gone and "Paste them again" in pasted_ids.read(text).problem


def test_pasted_ids_are_the_target_of_a_run(numbered):
    ids = numbered.values("id")
    _, state = send(numbered, "new_run")
    _, state = answer(numbered, state, family="yolo", version="v8-shapes", label_field="boxes")
    told, state = answer(numbered, state, target="ids")
    assert "Still needed: sample IDs" in page_of(told)
    told, state = send(numbered, "start", state)
    assert state["problems"] == {"ids": "Paste the IDs of the samples to label"}
    told, state = answer(numbered, state, ids=f"{ids[0]}, {'f' * 24}, {ids[1]}")
    assert state["problems"]["ids"].startswith("No sample of this dataset has the ID ffff")
    assert "Generate labels for 2 samples" in page_of(told), "an id of no sample is none"
    told, state = send(numbered, "start", state)
    assert labeling.runs(numbered) == [] and "f" * 24 in state["problems"]["ids"]
    told, state = answer(numbered, state, ids="\n".join([*ids[:5], ids[0]]))
    assert state["problems"] == {} and "Generate labels for 5 samples" in page_of(told)
    assert "5 sample IDs; 1 more than once" in page_of(told)
    _, state = send(numbered, "start", state)
    (run,) = labeling.runs(numbered)
    assert (run.samples, run.config.target) == (5, "ids")
    told, state = send(numbered, "duplicate", run_id=run.id)
    assert "5 sample IDs pasted" in page_of(told), "a run with the same settings has the same ids"


def test_an_event_that_knows_an_older_list_brings_no_problem_back(numbered):
    ids = numbered.values("id")
    _, state = send(numbered, "new_run")
    _, state = answer(numbered, state, target="ids", ids="f" * 24)
    problems = dict(state["problems"])
    assert "ffff" in problems["ids"]
    told, state = answer(numbered, state, ids=ids[0])
    assert state["problems"] == {} and "ffff" not in page_of(told)
    older = {**copy.deepcopy(state), "problems": problems}
    told, _ = send(numbered, "on_change_view", older)
    assert told == [], "the page shows these numbers already"
    told, _ = send(numbered, "on_change_selected", older, selection=ids[:2])
    assert "2 samples" in page_of(told) and "ffff" not in page_of(told)


def test_a_long_list_of_ids_does_not_travel_with_the_panels_state(numbered, monkeypatch):
    monkeypatch.setattr(pasted_ids, "MAX_IN_FORM", 10)
    ids = numbered.values("id")[:30]
    _, state = send(numbered, "new_run")
    _, state = answer(numbered, state, family="yolo", version="v8-shapes", label_field="boxes")
    told, state = answer(numbered, state, target="ids", ids=",".join(ids))
    assert pasted_ids.is_kept(state["form"]["what"]["ids"])
    assert "30 sample IDs pasted" in page_of(told)
    told, _ = send(numbered, "clear_ids", copy.deepcopy(state))
    assert "30 sample IDs" not in page_of(told)
    state["form"]["what"]["ids"] = pasted_ids.keep(ids)
    _, state = send(numbered, "start", state)
    (run,) = labeling.runs(numbered)
    assert run.samples == 30
