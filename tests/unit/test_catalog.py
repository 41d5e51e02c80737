"""The catalog: what it lists, what it knows, and what listing costs."""

import dataclasses
import json
import subprocess
import sys

import pytest

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Method, ModelType, Task
from auto_labeling.models import catalog, exclusions, licenses, manifests

#: Counts calls and opened files, which say the same on a busy machine; milliseconds do not.
COSTS = """
import json, sys
from auto_labeling.models import catalog

files, calls = [], 0

def note_open(event, arguments):
    if event == "open":
        files.append(str(arguments[0]))

def note_call(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")

def cost():
    global calls
    files.clear()
    calls = 0
    sys.setprofile(note_call)
    models = catalog.list_models()
    sys.setprofile(None)
    return {"models": len(models), "calls": calls, "files": list(files)}

sys.addaudithook(note_open)
costs = {"cold": cost(), "warm": cost()}
for spec in catalog.list_models():
    catalog.known_classes(spec)
heavy = [m for m in ("torch", "ultralytics", "fiftyone", "fiftyone.zoo") if m in sys.modules]
print(json.dumps({**costs, "heavy": heavy}))
"""


def test_listing_is_cheap_and_imports_nothing_heavy():
    result = subprocess.run(
        [sys.executable, "-c", COSTS], capture_output=True, text=True, check=True
    )
    told = json.loads(result.stdout)
    cold, warm = told["cold"], told["warm"]
    assert told["heavy"] == []
    assert cold["models"] == warm["models"] > 190
    assert cold["calls"] < 100_000 and len(cold["files"]) == len(set(cold["files"])) < 80
    assert warm["calls"] < 10_000 and warm["files"] == []


def test_names_are_unique_and_lead_back_to_the_model():
    specs = catalog.list_models()
    assert len({spec.name for spec in specs}) == len(specs)
    assert all(catalog.get_model(spec.name) is spec for spec in specs)


def test_an_unknown_model_is_a_readable_error():
    with pytest.raises(ModelUnavailable, match="no model 'nonesuch'"):
        catalog.get_model("nonesuch")


@pytest.mark.parametrize("task", [task for task in Task if not task.is_3d])
@pytest.mark.parametrize("model_type", ModelType)
def test_models_are_listed_by_task_and_type(task, model_type):
    specs = catalog.list_models(task, model_type)
    assert specs
    assert {spec.task for spec in specs} == {task}
    assert {spec.model_type for spec in specs} == {model_type}


def test_bundled_models_come_first():
    sources = [spec.source for spec in catalog.list_models()]
    assert sources == sorted(sources, key=["bundled", "custom", "zoo", "remote"].index)


def test_every_model_has_what_the_form_shows():
    for spec in catalog.list_models():
        assert spec.family, spec.name
        assert spec.license and spec.description and spec.url and spec.author, spec.name
        assert spec.source == "custom" or spec.packages, spec.name
        assert isinstance(spec.downloaded, bool), spec.name
        if spec.task is Task.CLASSIFICATION or spec.is_segmenter or spec.lifts_labels:
            assert spec.confidence is None, spec.name
        else:
            assert 0.2 <= spec.confidence <= 0.5, spec.name


def test_a_choice_of_family_version_and_size_means_one_model():
    chosen = {}
    for spec in catalog.list_models():
        key = (spec.task, spec.method, spec.model_type, spec.family, spec.version, spec.size)
        assert chosen.setdefault(key, spec.name) == spec.name
        assert spec.source != "zoo" or spec.family != spec.name, "the name was not understood"


# --- coverage -------------------------------------------------------------------------------------

REFERENCE = {
    Task.CLASSIFICATION: """
        clip-vit-base32 open-clip siglip-base-patch16-224 vit-base-patch16-224-imagenet
        resnet18-imagenet resnet34-imagenet resnet50-imagenet resnet101-imagenet resnet152-imagenet
    """,
    Task.DETECTION: """
        omdet-turbo-swin-tiny owlvit-base-patch16
        yolov8s-world yolov8m-world yolov8l-world yolov8x-world faster-rcnn-resnet50-fpn-coco
        yolo11n-coco yolo11s-coco yolo11m-coco yolo11l-coco yolo11x-coco
        yolov10n-coco yolov10s-coco yolov10m-coco yolov10l-coco yolov10x-coco
        yolov9c-coco yolov9e-coco
        yolov8n-coco yolov8s-coco yolov8m-coco yolov8l-coco yolov8x-coco
        yolov8n-oiv7 yolov8s-oiv7 yolov8m-oiv7 yolov8l-oiv7 yolov8x-oiv7
    """,
    Task.INSTANCE_SEGMENTATION: """
        segment-anything-2-hiera-tiny-image segment-anything-2-hiera-small-image
        segment-anything-2-hiera-base-plus-image segment-anything-2-hiera-large-image
        segment-anything-2.1-hiera-tiny-image segment-anything-2.1-hiera-small-image
        segment-anything-2.1-hiera-base-plus-image segment-anything-2.1-hiera-large-image
        yoloe11s-seg yoloe11m-seg yoloe11l-seg yoloev8s-seg yoloev8m-seg yoloev8l-seg
        yolo11n-seg-coco yolo11s-seg-coco yolo11m-seg-coco yolo11l-seg-coco yolo11x-seg-coco
        yolov8n-seg-coco yolov8s-seg-coco yolov8m-seg-coco yolov8l-seg-coco yolov8x-seg-coco
        yolov9c-seg-coco yolov9e-seg-coco
    """,
}
SEMANTIC_ONLY = """
    group-vit-segmentation-transformer deeplabv3-resnet50-coco deeplabv3-resnet101-coco
    fcn-resnet50-coco fcn-resnet101-coco
"""
BEYOND = """
    grounding-dino llmdet omdet-turbo owlvit yolo yoloe rtdetr rfdetr dfine mask-rcnn mask2former
    oneformer segment-anything clip open-clip siglip convnext swin efficientnet vit
    classification-transformer detection-transformer universal-segmentation-transformer
    zero-shot-classification-transformer zero-shot-detection-transformer
"""


@pytest.mark.parametrize(("task", "count"), list(zip(REFERENCE, (9, 29, 26), strict=True)))
def test_the_models_of_the_reference_are_offered_for_its_tasks(task, count):
    names = REFERENCE[task].split()
    assert len(set(names)) == count
    assert {catalog.get_model(f"{name}-torch").task for name in names} == {task}


def test_the_semantic_models_of_the_reference_are_excluded_with_that_reason():
    reasons = {catalog.excluded()[f"{name}-torch"] for name in SEMANTIC_ONLY.split()}
    assert len(reasons) == 1 and "pixels, not instances" in reasons.pop()


def test_the_further_families_are_offered():
    families = {spec.family for spec in catalog.list_models()}
    assert set(BEYOND.split()) <= families
    versions = {(spec.family, spec.version) for spec in catalog.list_models()}
    assert {("yolo", "26"), ("yoloe", "26"), ("rtdetr", "v2"), ("rtdetr", "")} <= versions
    assert {("segment-anything", v) for v in ("", "2", "2.1", "3")} <= versions


def test_every_model_of_the_manifest_is_offered_or_excluded_with_a_reason():
    """Fails when a new FiftyOne brings a model that no one has thought about."""
    offered = {spec.name for spec in catalog.list_models() if spec.source == "zoo"}
    excluded = catalog.excluded()
    names = {entry["base_name"] for entry in manifests.zoo()}
    assert offered | set(excluded) == names and not offered & set(excluded)
    undecided = [name for name, reason in excluded.items() if not reason]
    assert not undecided, "decide in models/exclusions.py"
    known = {spec.wrapper for spec in catalog.list_models() if spec.source == "zoo"}
    assert known <= WRAPPERS, "a new wrapper: run it in test_adapters_*.py, or exclude it"


WRAPPERS = {
    "fiftyone.utils.clip.TorchCLIPModel",
    "fiftyone.utils.fcclip.FCCLIPModel",
    "fiftyone.utils.open_clip.TorchOpenClipModel",
    "fiftyone.utils.rfdetr.RFDETRDetectionModel",
    "fiftyone.utils.rfdetr.RFDETRSegmentationModel",
    "fiftyone.utils.sam.SegmentAnythingModel",
    "fiftyone.utils.sam2.SegmentAnything2ImageModel",
    "fiftyone.utils.sam3.SegmentAnything3ImageModel",
    "fiftyone.utils.super_gradients.TorchYoloNasModel",
    "fiftyone.utils.transformers.FiftyOneTransformerForImageClassification",
    "fiftyone.utils.transformers.FiftyOneTransformerForObjectDetection",
    "fiftyone.utils.transformers.FiftyOneTransformerForUniversalSegmentation",
    "fiftyone.utils.transformers.FiftyOneZeroShotTransformerForImageClassification",
    "fiftyone.utils.transformers.FiftyOneZeroShotTransformerForObjectDetection",
    "fiftyone.utils.ultralytics.FiftyOneRTDETRModel",
    "fiftyone.utils.ultralytics.FiftyOneYOLOEVPModel",
    "fiftyone.utils.ultralytics.FiftyOneYOLOModel",
    "fiftyone.zoo.models.torch.TorchvisionImageModel",
}


def test_an_entry_that_nobody_has_decided_on_is_neither():
    entry = {"base_name": "new", "tags": ["torch", "captions"]}
    assert exclusions.reason(entry, has_task=False) is None


@pytest.mark.parametrize(
    ("task", "method", "some"),
    [
        (Task.DETECTION, Method.ONE_STAGE, "shapes-yolo"),
        (Task.INSTANCE_SEGMENTATION, Method.ONE_STAGE, "mask-rcnn-resnet50-fpn-coco-torch"),
        (Task.INSTANCE_SEGMENTATION, Method.TWO_STAGE, "grounding-dino-tiny-torch"),
        (Task.INSTANCE_SEGMENTATION, Method.EXISTING_DETECTIONS, "segment-anything-vitb-torch"),
    ],
)
def test_choices_fit_task_and_method(task, method, some):
    assert some in {spec.name for spec in catalog.choices(task, method)}


def test_masks_out_of_boxes_are_for_instance_segmentation_alone():
    for task in (Task.CLASSIFICATION, Task.DETECTION):
        assert catalog.choices(task, Method.TWO_STAGE) == []
        assert catalog.choices(task, Method.EXISTING_DETECTIONS) == []
    segmenters = {spec.name for spec in catalog.segmenters()}
    one_stage = catalog.choices(Task.INSTANCE_SEGMENTATION, Method.ONE_STAGE)
    assert len(segmenters) == 13 and not segmenters & {spec.name for spec in one_stage}


# --- licenses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Apache 2.0", "Apache-2.0"),
        ("Apache-2.0", "Apache-2.0"),
        ("Apache 2.0, BSD 3-Clause", "Apache-2.0 AND BSD-3-Clause"),
        ("SAM License", "LicenseRef-SAM"),
        ("", "LicenseRef-Unknown"),
        (None, "LicenseRef-Unknown"),
    ],
)
def test_licences_have_one_spelling(text, normal):
    assert licenses.normalize(text) == normal


def test_weights_with_a_licence_of_their_own_bear_it():
    assert catalog.get_model("yolo-nas-torch").license == "LicenseRef-Deci-YOLO-NAS"


def test_only_allowed_licences_are_offered(monkeypatch):
    monkeypatch.setenv(licenses.ALLOWED_LICENSES, "Apache 2.0, BSD-3-Clause")
    found = {spec.license for spec in catalog.list_models()}
    assert found == {"Apache-2.0", "BSD-3-Clause", "Apache-2.0 AND BSD-3-Clause"}
    assert "AGPL-3.0" in catalog.excluded()["yolo11n-coco-torch"]
    with pytest.raises(ModelUnavailable, match=licenses.ALLOWED_LICENSES):
        catalog.get_model("yolo11n-coco-torch")


def test_only_allowed_names_are_offered(monkeypatch):
    monkeypatch.setenv(licenses.ALLOWED_NAMES, "resnet50-imagenet-torch,shapes-yolo")
    assert [s.name for s in catalog.list_models()] == ["shapes-yolo", "resnet50-imagenet-torch"]
    assert licenses.ALLOWED_NAMES in catalog.excluded()["yolo11n-coco-torch"]


# --- what is on this machine ----------------------------------------------------------------------


def test_a_registered_remote_source_is_listed(monkeypatch, tmp_path):
    monkeypatch.setattr(manifests, "zoo_dir", lambda: tmp_path)
    (tmp_path / "org" / "repo").mkdir(parents=True)
    entry = {"base_name": "org/model", "tags": ["detection"], "license": "MIT"}
    manifest = {"name": "org/repo", "url": "https://github.com/org/repo", "models": [entry]}
    (tmp_path / "org" / "repo" / "manifest.json").write_text(json.dumps(manifest))
    spec = catalog.get_model("org/model")
    assert (spec.source, spec.task, spec.license) == ("remote", Task.DETECTION, "MIT")
    assert spec.entry["remote_source"] == "https://github.com/org/repo"


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("yolo11n-coco-torch", ("yolo", "11", "nano")),
        ("yolov8x-oiv7-torch", ("yolo", "v8-oiv7", "xlarge")),
        ("yolo26s-cls-imagenet-torch", ("yolo", "26", "small")),
        ("yolov9c-coco-torch", ("yolo", "v9", "c")),
        ("rtdetr-v2-m-coco-torch", ("rtdetr", "v2", "medium")),
        ("rfdetr-large-coco-torch", ("rfdetr", "", "large")),
        ("faster-rcnn-resnet50-fpn-coco-torch", ("faster-rcnn", "", "")),
        ("resnet50-imagenet-torch", ("resnet", "", "50")),
        ("vgg16-bn-imagenet-torch", ("vgg", "", "16-bn")),
        ("mobilenet-v2-imagenet-torch", ("mobilenet", "v2", "")),
        ("convnext-tiny-224-torch", ("convnext", "", "tiny")),
        ("shapes-yolo", ("yolo", "v8-shapes", "nano")),
        (
            "segment-anything-2.1-hiera-base-plus-image-torch",
            ("segment-anything", "2.1", "base-plus"),
        ),
        ("segment-anything-vitb-torch", ("segment-anything", "", "vitb")),
        ("yolov8s-world-torch", ("yolo-world", "v8", "small")),
        ("yoloe26n-seg-pf-torch", ("yoloe-pf", "26", "nano")),
        ("grounding-dino-tiny-torch", ("grounding-dino", "", "tiny")),
        ("owlvit-base-patch16-torch", ("owlvit", "patch16", "base")),
        ("mask2former-swin-tiny-coco-instance-torch", ("mask2former", "swin", "tiny")),
    ],
)
def test_family_version_and_size_come_from_the_name(name, parsed):
    spec = catalog.get_model(name)
    assert (spec.family, spec.version, spec.size) == parsed


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("shapes-yolo", 4, {"circle", "star"}),
        ("efficientnet-lite0-imagenet", 998, {"tabby", "espresso"}),  # crane and maillot twice
        ("resnet50-imagenet-torch", 998, {"tabby", "espresso"}),
        ("faster-rcnn-resnet50-fpn-coco-torch", 90, {"person", "cat"}),
        ("yolo11n-coco-torch", 80, {"person", "cat"}),
        ("yolov8n-oiv7-torch", 601, {"Accordion", "Cat"}),
        ("yolo26n-cls-imagenet-torch", 1000, {"tabby", "tiger_cat"}),
    ],
)
def test_classes_are_known_without_weights(name, count, some):
    classes = catalog.known_classes(catalog.get_model(name))
    assert len(classes) == len(set(classes)) == count
    assert some <= set(classes)
    assert "background" not in classes


def test_classes_that_only_the_weights_know_are_none():
    assert catalog.known_classes(catalog.get_model("dfine-nano-coco-torch")) is None


def test_the_files_of_every_bundled_model_exist():
    bundled = [spec for spec in catalog.list_models() if spec.source == "bundled"]
    readme = (catalog.PACKAGE / "demo" / "weights" / "README.md").read_text(encoding="utf-8")
    names = {"shapes-yolo", "shapes-yolo-seg", "shapes-sam", "efficientnet-lite0-imagenet"}
    names |= {"lifted-labels"}
    assert {spec.name for spec in bundled} == names
    for spec in bundled:
        assert catalog.missing_packages(spec) == (), spec.name
        assert spec.weights is None or spec.weights.stat().st_size > 100_000
        if spec.weights:
            assert spec.weights.stat().st_size == pytest.approx(spec.size_bytes, rel=0.05)
            assert f"| `{spec.weights.name}` | {spec.license} |" in readme


@pytest.mark.parametrize("name", ["shapes-yolo", "shapes-yolo-seg"])
def test_the_demos_models_know_the_classes_that_it_draws(name):
    from auto_labeling.demo import shapes

    assert catalog.known_classes(catalog.get_model(name)) == shapes.CLASSES


@pytest.mark.parametrize(
    ("requirement", "installed"),
    [
        ("pytest", True),
        ("pytest>=1", True),
        ("pytest>=1000", False),
        ("no-such-package-here", False),
        ("no-such-package-here; python_version < '3'", True),
        ("no-such-package-here @ git+https://example.com/x.git", False),
        ("not a requirement", False),
    ],
)
def test_missing_packages_are_told_by_the_environment(requirement, installed):
    spec = catalog.get_model("shapes-yolo")
    wanting = dataclasses.replace(spec, packages=(requirement,))
    assert catalog.missing_packages(wanting) == (() if installed else (requirement,))
