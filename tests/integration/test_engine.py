"""The engine's parts, each against an oracle: fast paths, odd images, loaders, masks."""

import copy
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from auto_labeling.core.errors import CannotWrite
from auto_labeling.core.run import Run, RunConfig
from auto_labeling.engine import arrays, loading, masks
from auto_labeling.engine.batches import Waiting
from auto_labeling.engine.prediction import Predictor
from auto_labeling.engine.reading import Reader
from auto_labeling.models import pixels
from tests.support.constant_models import model as raw_model

OID = "6b041f2bf9079f44d5feadd1"


def make_run(task="detection", **config):
    config = RunConfig(task=task, model="m", label_field="f", **config)
    return Run(id="r1", config=config, created_at="")


@pytest.fixture
def photos(tmp_path):
    """Twelve JPEGs of 640 by 360."""
    paths = []
    for number in range(12):
        noise = np.random.default_rng(number).integers(0, 255, (36, 64, 3), dtype=np.uint8)
        path = tmp_path / f"{number:02}.jpg"
        Image.fromarray(noise).resize((640, 360)).save(path)
        paths.append(str(path))
    return paths


def waiting(paths):
    return [Waiting(f"{i:024x}", {"filepath": path}) for i, path in enumerate(paths)]


def finished(model, run, targets, general):
    reader = Reader(model)
    predictor = Predictor(model, run, reader)
    if general:
        predictor._fast = None
    with predictor:
        predicted = predictor.forward(reader(targets))
        assert general is None or predicted.is_raw is not general
        return predictor.finish(predicted)


def plain(documents):
    """Documents with their masks as lists, in the order of their keys."""
    result = []
    for target, made in documents:
        document = copy.deepcopy(made.document)
        for label in (document or {}).get("detections", ()):
            if "mask" in label:
                mask = np.asarray(label["mask"])
                label["mask"] = (mask.dtype.name, mask.tolist())
        if document and document["_cls"] == "Detections":
            document["detections"] = [sorted(dict(d).items()) for d in document["detections"]]
        else:
            document = document and sorted(dict(document).items())
        result.append((target.sample_id, document, made.left_out))
    return result


TASKS = {"boxes": "detection", "masks": "instance_segmentation", "logits": "classification"}


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize(
    "limits",
    [{}, {"confidence": 0.6}, {"classes": ("class 3", "class 40", "class 77")}, {"max_labels": 3}],
)
def test_each_fast_path_equals_the_general_way_field_by_field(photos, kind, limits):
    model = raw_model(kind, mask_size=40 if kind == "masks" else None)
    model.config.confidence_thresh = limits.get("confidence")
    run = make_run(TASKS[kind], **limits)
    targets = waiting(photos)
    fast, general = (finished(model, run, targets, way) for way in (False, True))
    assert plain(fast[0]) == plain(general[0])
    assert fast[1] == general[1] == []


@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_several_prompts_of_one_class_are_one_label_on_every_path(photos, kind):
    model = raw_model(kind, mask_size=40 if kind == "masks" else None)
    one = model._model.one
    one["labels"][:] = 7
    one["boxes"][4:] = one["boxes"][:6].clone()
    if kind == "masks":
        one["masks"][4:] = one["masks"][:6].clone()
    prompts = {"class 7": ("a car", "a bus")}
    run = make_run(TASKS[kind], classes=("class 7",), prompts=prompts)
    fast, general = (finished(model, run, waiting(photos), way) for way in (False, True))
    assert plain(fast[0]) == plain(general[0])
    for _, made in fast[0]:
        assert made.left_out == {"duplicate": 4} and len(made.document["detections"]) == 6
        best = sorted(one["scores"].tolist()[i] for i in range(10))[-1]
        assert best in [d["confidence"] for d in made.document["detections"]]


def test_the_ultralytics_fast_path_equals_the_general_way(tmp_path):
    from auto_labeling.demo import shapes
    from auto_labeling.models import catalog, zoo

    paths = [str(path) for path, _ in shapes.write(tmp_path / "shapes", 12, 5)]
    run = make_run(confidence=0.1)
    model = zoo.load(catalog.get_model("shapes-yolo"), run.config)
    targets = waiting(paths)
    fast, general = (finished(model, run, targets, way) for way in (False, True))
    assert plain(fast[0]) == plain(general[0])
    assert sum(len(made.document["detections"]) for _, made in fast[0]) > 20


def test_labels_that_are_not_finite_are_left_out_and_fail_a_sample_that_has_no_others(photos):
    model = raw_model("boxes")
    network = model._model

    def sometimes_nan(batch):
        outputs = [copy.deepcopy(network.one) for _ in batch]
        outputs[3]["boxes"][0, 0] = float("nan")
        outputs[5]["scores"][2] = float("nan")
        outputs[7]["boxes"][:] = float("inf")
        return outputs

    model._model = sometimes_nan
    for general in (False, True):
        documents, failures = finished(model, make_run(), waiting(photos), general)
        assert {target.sample_id for target, _ in failures} == {f"{7:024x}"}
        left_out = {int(t.sample_id, 16): made.left_out for t, made in documents if made.left_out}
        assert left_out == {3: {"not_finite": 1}, 5: {"not_finite": 1}}
        assert len(documents) == 11


# --- images ----------------------------------------------------------------------------------


def test_odd_images_are_read_as_the_app_displays_them(tmp_path):
    colours = np.zeros((20, 30, 3), np.uint8)
    colours[:, :15] = (250, 10, 10)
    image = Image.fromarray(colours)
    image.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    image.quantize(8).save(tmp_path / "palette.png")
    image.convert("L").save(tmp_path / "grey.png")
    image.convert("RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(np.full((20, 30), 128 << 8, np.uint16)).save(tmp_path / "deep.png")
    image.crop((0, 0, 1, 1)).save(tmp_path / "one.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by a quarter to show it
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)

    def read(name):
        return np.asarray(pixels.read(str(tmp_path / name))).astype(int)

    assert np.abs(read("cmyk.jpg")[10, 5] - (250, 10, 10)).max() < 30
    assert np.abs(read("palette.png")[10, 5] - (250, 10, 10)).max() < 10
    assert read("grey.png").shape == read("alpha.png").shape == (20, 30, 3)
    assert np.unique(read("deep.png")).tolist() == [128]
    assert read("one.png").shape == (1, 1, 3)
    turned = read("turned.jpg")
    assert turned.shape == (30, 20, 3)
    assert turned[5, 10, 0] > 200 and turned[25, 10, 0] < 50


def test_an_image_that_is_too_large_is_said_in_our_words_whoever_notices(tmp_path, monkeypatch):
    Image.new("RGB", (30, 30)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow's own limit, where it holds
    with pytest.raises(ValueError, match=r"too many to decode.* cut it into tiles"):
        pixels.read(str(tmp_path / "large.png"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # lifted by a library
    monkeypatch.setattr(pixels, "_MAX_PIXELS", 100)
    with pytest.raises(ValueError, match=r"30 by 30 pixels are too many to decode.* into tiles"):
        pixels.read(str(tmp_path / "large.png"))


def test_files_that_cannot_be_read_fail_alone(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as some libraries do
    import ultralytics.data.utils  # sets Pillow to accept truncated files, for the whole process

    whole = Path(photos[0]).read_bytes()
    bad = {
        "empty.jpg": b"",
        "text.jpg": b"this is not an image",
        "truncated.jpg": whole[: len(whole) // 2],
        "header.jpg": whole[:200],
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    bomb = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(bomb)
    paths = [
        *photos[:4],
        *(str(tmp_path / n) for n in (*bad, "bomb.png", "missing.jpg")),
        photos[5],
    ]
    loaded = Reader(raw_model())(waiting(paths))
    assert len(loaded.targets) == 5
    assert len(loaded.failures) == 6
    errors = {os.path.basename(t.values["filepath"]): text for t, text in loaded.failures}
    assert errors["missing.jpg"].startswith("FileNotFoundError")
    assert "truncated" in errors["truncated.jpg"]
    assert ultralytics.data.utils is not None


def test_images_that_do_not_go_together_are_labeled_one_by_one(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as some libraries do
    odd = tmp_path / "odd.png"
    Image.new("RGB", (50, 70)).save(odd)
    targets = waiting([*photos, str(odd)])
    documents, failures = finished(raw_model(), make_run(), targets, None)
    assert [target.sample_id for target, _ in documents] == [t.sample_id for t in targets]
    assert not failures


@pytest.mark.parametrize("name", ["shapes-yolo", "efficientnet-lite0-imagenet"])
def test_a_turned_photo_gets_the_labels_of_an_upright_one(tmp_path, name):
    from auto_labeling.demo import shapes
    from auto_labeling.models import catalog, zoo

    path, _ = next(iter(shapes.write(tmp_path / "shapes", 1, 5)))
    upright, turned = str(tmp_path / "upright.png"), str(tmp_path / "turned.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter further, clockwise
    with Image.open(path) as image:
        image.save(upright)
        image.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    spec = catalog.get_model(name)
    run = make_run(spec.task.value)
    model = zoo.load(spec, run.config)
    documents, failures = finished(model, run, waiting([upright, turned]), None)
    first, second = (made.document for _, made in documents)
    assert not failures
    for document in (first, second):
        for label in document.get("detections", [document]):
            del label["_id"]
    assert first == second


@pytest.mark.parametrize("count", range(1, 5))
def test_transforms_that_begin_with_a_tensor_do_the_same_to_an_array(photos, count):
    from fiftyone.utils.torch import ToPILImage
    from torchvision import transforms

    parts = [
        ToPILImage(),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        transforms.CenterCrop(99),
    ]
    cases = [transforms.Compose(parts[1:count]), transforms.Compose(parts[:count])]
    for transform in [*cases, transforms.PILToTensor(), transforms.ToTensor()]:
        of_array = arrays.of_array(transform)
        if of_array is not None:
            expected = transform(pixels.read(photos[0]))
            assert torch.equal(of_array(pixels.read_array(photos[0])), expected)
    assert (arrays.of_array(cases[1]) is None) is (count == 1)
    resized = transforms.Compose([transforms.Resize(50), transforms.ToTensor()])
    assert arrays.of_array(resized) is None
    assert arrays.of_array(None) is None


# --- loader processes ------------------------------------------------------------------------


class Strange:
    """A transform that misbehaves for some images, which it knows by their first pixel."""

    def __init__(self, transform, act):
        self.transform = transform
        self.act = act

    def __call__(self, image):
        self.act(image.getpixel((0, 0)))
        return self.transform(image)


def numbered(tmp_path, count):
    paths = []
    for number in range(count):
        path = tmp_path / f"n{number:03}.png"
        Image.new("RGB", (64, 48), (number, 0, 0)).save(path)
        paths.append(str(path))
    return paths


def strange_reader(act):
    model = raw_model()
    model._transforms = Strange(model._transforms, act)
    return Reader(model)


def load_all(reader, paths, size=4, processes=2):
    targets = waiting(paths)
    batches = iter([targets[i : i + size] for i in range(0, len(targets), size)])
    seen, failures = [], []
    for loaded in loading.load(reader, batches, processes):
        for target, image in zip(
            loaded.targets, loaded.batch if loaded.targets else [], strict=True
        ):
            seen.append((target.sample_id, int(image[0, 0, 0])))
        failures += loaded.failures
        if loaded.release is not None:
            loaded.release()
    return seen, failures


def test_batches_come_in_order_and_hold_their_own_images_however_uneven_the_loaders(tmp_path):
    def sometimes_slow(pixel):
        time.sleep(random.random() * 0.02 if pixel[0] % 3 else 0)

    seen, failures = load_all(strange_reader(sometimes_slow), numbered(tmp_path, 90))
    assert seen == [(f"{n:024x}", n) for n in range(90)]
    assert failures == []


def test_a_first_file_that_is_missing_puts_no_traceback_in_the_log(tmp_path, capfd):
    paths = [str(tmp_path / "missing.png"), *numbered(tmp_path, 12)]
    seen, failures = load_all(Reader(raw_model()), paths)
    assert len(seen) == 12
    assert [text.partition(":")[0] for _, text in failures] == ["FileNotFoundError"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_file_that_kills_its_loader_is_given_up_and_all_others_are_read(tmp_path):
    def dies(pixel):
        if pixel[0] == 13:
            os.kill(os.getpid(), signal.SIGKILL)

    seen, failures = load_all(strange_reader(dies), numbered(tmp_path, 30))
    assert sorted(seen) == [(f"{n:024x}", n) for n in range(30) if n != 13]
    assert [target.sample_id for target, _ in failures] == [f"{13:024x}"]


def test_a_loader_that_is_killed_once_costs_nothing(tmp_path):
    flag = tmp_path / "killed"

    def dies_once(pixel):
        if pixel[0] == 13 and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    seen, failures = load_all(strange_reader(dies_once), numbered(tmp_path, 30))
    assert seen == [(f"{n:024x}", n) for n in range(30)]
    assert failures == []


def test_batches_that_cannot_be_sent_are_failures_and_not_a_hang(tmp_path):
    reader = strange_reader(lambda pixel: None)
    reader._stacks = False
    reader._transform = lambda image: lambda: image
    _, failures = load_all(reader, numbered(tmp_path, 8))
    assert len(failures) == 8
    assert "ickl" in failures[0][1]


def test_out_of_memory_halves_the_batch_and_goes_on(photos):
    model = raw_model("boxes")
    network = model._model

    def small(batch):
        if len(batch) > 3:
            raise MemoryError("too much")
        return network(batch)

    model._model = small
    reader = Reader(model)
    predictor = Predictor(model, make_run(), reader)
    before = predictor.batch_size
    with predictor:
        documents, failures = predictor.finish(predictor.forward(reader(waiting(photos))))
    assert len(documents) == 12 and not failures
    assert predictor.batch_size < before


def test_a_large_batch_that_runs_out_of_memory_later_does_not_enlarge_the_next_ones(photos):
    model = raw_model("boxes")
    network = model._model

    def small(batch):
        if len(batch) > 6:
            raise MemoryError("too much")
        return network(batch)

    model._model = small
    reader = Reader(model)
    predictor = Predictor(model, make_run(), reader)
    predictor.batch_size = 2  # an earlier batch ran out of memory; this one was cut before that
    with predictor:
        documents, failures = predictor.finish(predictor.forward(reader(waiting(photos))))
    assert len(documents) == 12 and not failures
    assert predictor.batch_size == 2


# --- masks -----------------------------------------------------------------------------------


def with_masks(sample_id, count):
    labels = [{"mask": np.eye(9, dtype=bool)} for _ in range(count)]
    return Waiting(sample_id, {}), {"_cls": "Detections", "detections": labels}


def test_masks_on_disk_are_what_fiftyone_reads_back_and_are_named_idempotently(tmp_path):
    import fiftyone as fo

    store = masks.MaskStore(make_run(mask_location=str(tmp_path)))
    for _ in range(2):
        saved, failures, _ = store.save([with_masks(OID, 3)])
    labels = saved[0][1]["detections"]
    assert not failures
    assert len(list(tmp_path.rglob("*.png"))) == 3
    detection = fo.Detection(mask_path=labels[0]["mask_path"], bounding_box=[0, 0, 1, 1])
    assert np.array_equal(detection.get_mask() > 0, np.eye(9, dtype=bool))
    store.forget([OID])
    assert not list(tmp_path.rglob("*.png"))


def test_mask_files_are_forgotten_also_where_a_label_has_no_mask(tmp_path):
    store = masks.MaskStore(make_run(mask_location=str(tmp_path)))
    target, document = with_masks(OID, 3)
    document["detections"].insert(1, {})
    store.save([(target, document)])
    others = store.save([with_masks("b" * 24, 1)])[0][0][1]["detections"]
    assert [label.get("mask_path", "")[-6:] for label in document["detections"]] == [
        "-0.png",
        "",
        "-1.png",
        "-2.png",
    ]
    store.forget([OID, "c" * 24])
    assert [str(path) for path in tmp_path.rglob("*.png")] == [others[0]["mask_path"]]


def test_inline_masks_are_what_fiftyone_stores(tmp_path):
    import fiftyone as fo

    mask = np.random.default_rng(0).random((7, 5)) > 0.5
    stored = fo.Detection(mask=mask).to_dict()["mask"]
    assert bytes(masks.inline(mask)) == bytes(stored)


def test_a_mask_location_that_cannot_be_written_is_said_once_and_fails_no_sample(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    store = masks.MaskStore(make_run(mask_location=str(tmp_path / "file")))
    saved, failures, refusal = store.save(
        [with_masks(OID, 1), (Waiting("b" * 24, {}), None), with_masks("c" * 24, 1)]
    )
    assert failures == []
    assert [target.sample_id for target, _ in saved] == ["b" * 24]
    assert str(tmp_path / "file" / "r1") in str(refusal) and "not a folder" in str(refusal)
    with pytest.raises(CannotWrite, match="not a folder"):
        store.prepare()
