"""Whether weights are on this machine: files placed where each library looks for them."""

import hashlib
import io
import json
import os
import zipfile

import pytest

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import RunConfig
from auto_labeling.models import catalog, downloads, manifests, weight_files


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine without any weights."""
    for variable in ("RF_HOME", "ROBOFLOW_HOME", "TORCH_HOME", "XDG_CACHE_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(manifests, "zoo_dir", lambda: tmp_path / "zoo")
    return tmp_path


def whole(path):
    """The bytes of a file of weights of that name, without any weights in it."""
    if path.suffix == ".safetensors":
        header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
        return len(header).to_bytes(8, "little") + header + bytes(16)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:  # as torch writes it
        archive.writestr("archive/data.pkl", bytes(64))
    return made.getvalue()


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole(path))


OPEN_CLIP = "hf/hub/models--timm--vit_base_patch32_clip_224.openai/snapshots/abc"
DFINE = "zoo/models--ustc-community--dfine-nano-coco"
VIT = "hf/hub/models--google--vit-base-patch16-224/snapshots/abc"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("yolo11n-coco-torch", "zoo/yolo11n-coco.pt"),
        ("resnet18-imagenet-torch", "zoo/resnet18-f37072fd.pth"),
        ("segment-anything-3-image-torch", "zoo/sam3.pt"),
        (
            "dfine-nano-coco-torch",
            "zoo/models--ustc-community--dfine-nano-coco/snapshots/a/pytorch_model.bin",
        ),
        ("open-clip-torch", f"{OPEN_CLIP}/open_clip_model.safetensors"),
        ("vit-base-patch16-224-imagenet-torch", f"{VIT}/model.safetensors"),
        ("yolo-nas-torch", ".cache/torch/hub/checkpoints/yolo_nas_l_coco.pth"),
        ("rfdetr-nano-coco-torch", ".roboflow/models/rf-detr-nano.pth"),
        ("rfdetr-large-coco-torch", ".roboflow/models/rf-detr-large-2026.pth"),
        ("rfdetr-seg-2xlarge-coco-torch", ".roboflow/models/rf-detr-seg-xxlarge.pt"),
    ],
)
def test_weights_are_found_where_their_library_keeps_them(home, name, file):
    spec = catalog.get_model(name)
    if name.startswith("rfdetr"):
        pytest.importorskip("rfdetr", reason="the names are read from the library")
    assert not spec.downloaded
    put(home / file)
    assert spec.downloaded


def test_the_file_that_an_entry_names_is_not_the_one_that_torchvision_loads(home):
    """Another training: the run would download resnet50's newer weights, of 80.9 and not 76.1."""
    spec = catalog.get_model("resnet50-imagenet-torch")
    put(home / "zoo" / spec.entry["base_filename"])
    assert not spec.downloaded
    assert spec.weights_name == "resnet50-11ad3fa6.pth (IMAGENET1K_V2)"
    assert spec.size_bytes == pytest.approx(97.79 * 2**20, abs=1)
    put(home / ".cache/torch/hub/checkpoints/resnet50-11ad3fa6.pth")
    assert spec.downloaded and spec.loaded_bytes < 1000


def test_each_model_of_torchvision_loads_what_the_library_says():
    library = pytest.importorskip("torchvision.models")
    offered = [s for s in catalog.list_models() if s.wrapper == downloads.TORCHVISION]
    assert len(offered) > 30
    for spec in offered:
        weights = library.get_weight(spec.settings["entrypoint_args"]["weights"])
        assert downloads.url(spec) == weights.url
        assert f"({weights.name})" in spec.weights_name
        assert spec.size_bytes == pytest.approx(weights.meta["_file_size"] * 2**20, abs=1)


BROKEN = [
    ("yolo11n-coco-torch", "zoo/yolo11n-coco.pt"),
    ("resnet50-imagenet-torch", "zoo/resnet50-11ad3fa6.pth"),
    ("segment-anything-vitb-torch", "zoo/sam_vit_b_01ec64.pth"),
    ("vit-base-patch16-224-imagenet-torch", f"{VIT}/model.safetensors"),
    ("open-clip-torch", f"{OPEN_CLIP}/open_clip_pytorch_model.bin"),
]


@pytest.mark.parametrize("keep", [0, 1, 20, -1], ids=["empty", "byte", "head", "all but one byte"])
@pytest.mark.parametrize(("name", "file"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_download_that_was_cut_off_is_not_there_and_makes_room(home, name, file, keep):
    spec, path = catalog.get_model(name), home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole(path)[:keep])
    os.utime(path, (0, 0))
    assert not spec.downloaded
    assert downloads.damaged(spec) == [path]
    downloads.clear_damaged(spec)
    assert not path.exists() and path.with_name(f"{path.name}.damaged").exists()
    put(path)
    downloads.clear_damaged(spec)
    assert spec.downloaded


def test_a_page_that_was_saved_as_weights_is_not_whole(home):
    path = home / "zoo" / "yolo11n-coco.pt"
    put(path)
    path.write_bytes(b"<!DOCTYPE html><title>404 Not Found</title>")
    assert not catalog.get_model("yolo11n-coco-torch").downloaded


def test_an_older_file_of_torch_is_compared_with_the_hash_in_its_name(tmp_path):
    content = b"\x80\x02" + bytes(1000)
    path = tmp_path / f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    path.write_bytes(content)
    assert weight_files.is_whole(path, hashed=True)
    path.write_bytes(content[:-1])
    assert not weight_files.is_whole(path, hashed=True)


def test_a_file_that_is_being_downloaded_is_waited_for(home, monkeypatch):
    path = home / "zoo" / "yolo11n-coco.pt"
    put(path)
    path.write_bytes(whole(path)[:20])
    monkeypatch.setattr(downloads.time, "sleep", lambda _: path.write_bytes(whole(path)))
    downloads.clear_damaged(catalog.get_model("yolo11n-coco-torch"))
    assert catalog.get_model("yolo11n-coco-torch").downloaded


def test_a_checkpoint_in_parts_is_there_when_all_of_them_are(home):
    spec = catalog.get_model("dfine-nano-coco-torch")
    cache = home / DFINE
    folder, parts = cache / "snapshots" / "new", ["model-1.safetensors", "model-2.safetensors"]
    put(folder / parts[0])
    index = {"weight_map": {"a": parts[0], "b": parts[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not spec.downloaded
    put(folder / parts[1])
    assert spec.downloaded
    assert spec.loaded_bytes == sum((folder / part).stat().st_size for part in parts)


def test_the_snapshot_that_is_loaded_counts_and_no_older_one(home):
    spec = catalog.get_model("dfine-nano-coco-torch")
    cache = home / DFINE
    put(cache / "snapshots" / "old" / "model.safetensors")
    assert spec.downloaded
    (cache / "snapshots" / "new").mkdir()
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("new")
    assert not spec.downloaded


def test_a_persons_own_file_is_never_moved(home):
    spec = catalog.get_model("custom-ultralytics-detection")
    path = home / "best.pt"
    path.write_bytes(b"")
    assert not downloads.is_downloaded(spec, str(path))
    with pytest.raises(ModelUnavailable, match=r"best\.pt is empty or incomplete"):
        downloads.clear_damaged(spec, str(path))
    assert path.exists()


@pytest.mark.parametrize(
    ("name", "variable", "file"),
    [
        ("rfdetr-nano-coco-torch", "RF_HOME", "rf-detr-nano.pth"),
        ("rfdetr-nano-coco-torch", "ROBOFLOW_HOME", "rf-detr-nano.pth"),
        ("yolo-nas-torch", "TORCH_HOME", "hub/checkpoints/yolo_nas_l_coco.pth"),
        ("yolo-nas-torch", "XDG_CACHE_HOME", "torch/hub/checkpoints/yolo_nas_l_coco.pth"),
        ("open-clip-torch", "HF_HUB_CACHE", f"{OPEN_CLIP[7:]}/open_clip_pytorch_model.bin"),
    ],
)
def test_folders_are_where_the_environment_says(home, monkeypatch, name, variable, file):
    if variable.startswith("R"):
        pytest.importorskip("rfdetr", reason="the names are read from the library")
    put(home / "elsewhere" / file)
    assert not catalog.get_model(name).downloaded
    monkeypatch.setenv(variable, str(home / "elsewhere"))
    assert catalog.get_model(name).downloaded


def test_an_entry_for_any_checkpoint_is_never_downloaded(home):
    put(home / VIT / "model.safetensors")
    assert not catalog.get_model("classification-transformer-torch").downloaded


def test_the_names_of_rf_detrs_weights_are_those_of_the_library():
    library = pytest.importorskip("rfdetr.config", reason="rfdetr is not installed")
    offered = [s for s in catalog.list_models() if s.family == "rfdetr"]
    assert len(offered) == 11
    for spec in offered:
        kind = spec.settings["model_type"]
        default = getattr(library, f"{kind}Config").model_fields["pretrain_weights"].default
        assert downloads._rfdetr_files()[kind] == default


def test_classes_come_from_a_downloaded_configuration(home):
    spec = catalog.get_model("dfine-nano-coco-torch")
    folder = home / DFINE / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"id2label": {"1": "cat", "0": "dog"}}))
    assert catalog.known_classes(spec) == ("dog", "cat")
    assert not spec.downloaded  # a configuration is no weights


def test_the_weights_of_a_run_are_those_of_the_checkpoint_that_it_names(home):
    folder = home / "mine"
    config = RunConfig(
        task="detection",
        model="detection-transformer-torch",
        label_field="new",
        checkpoint=str(folder),
    )
    assert [spec.name for spec in catalog.missing_weights(config)] == [config.model]
    put(folder / "model.safetensors")
    assert catalog.missing_weights(config) == []


def test_the_weights_of_both_stages_count(home):
    config = RunConfig(
        task="instance_segmentation",
        method="two_stage",
        model="yolo11n-coco-torch",
        segmenter="segment-anything-3-image-torch",
        label_field="new",
    )
    put(home / "zoo/yolo11n-coco.pt")
    assert [spec.name for spec in catalog.missing_weights(config)] == [config.segmenter]
