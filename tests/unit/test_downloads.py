"""Whether weights are on this machine: files placed where each library looks for them."""

import json

import pytest

from auto_labeling.models import catalog, manifests


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine without any weights."""
    for variable in ("RF_HOME", "ROBOFLOW_HOME", "TORCH_HOME", "XDG_CACHE_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(manifests, "zoo_dir", lambda: tmp_path / "zoo")
    return tmp_path


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")


OPEN_CLIP = "hf/hub/models--timm--vit_base_patch32_clip_224.openai/snapshots/abc"
VIT = "hf/hub/models--google--vit-base-patch16-224/snapshots/abc"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("yolo11n-coco-torch", "zoo/yolo11n-coco.pt"),
        ("resnet18-imagenet-torch", "zoo/resnet18-5c106cde.pth"),
        ("segment-anything-3-image-torch", "zoo/sam3.pt"),
        ("dfine-nano-coco-torch", "zoo/models--ustc-community--dfine-nano-coco/snapshots/a/x.bin"),
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
    from auto_labeling.models import downloads

    offered = [s for s in catalog.list_models() if s.family == "rfdetr"]
    assert len(offered) == 11
    for spec in offered:
        kind = spec.settings["model_type"]
        default = getattr(library, f"{kind}Config").model_fields["pretrain_weights"].default
        assert downloads._rfdetr_files()[kind] == default


def test_classes_come_from_a_downloaded_configuration(home):
    spec = catalog.get_model("dfine-nano-coco-torch")
    folder = home / "zoo" / "models--ustc-community--dfine-nano-coco" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"id2label": {"1": "cat", "0": "dog"}}))
    assert catalog.known_classes(spec) == ("dog", "cat")
    assert not spec.downloaded  # a configuration is no weights
