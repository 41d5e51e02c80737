"""The display names of model families, versions and sizes."""

from auto_labeling.models.model_choice import UNNAMED
from auto_labeling.models.spec import ModelSpec

_FAMILIES = {
    "alexnet": "AlexNet",
    "classification-transformer": "Any Hugging Face classifier",
    "clip": "CLIP",
    "convnext": "ConvNeXt",
    "custom-python": "Your own: Python",
    "custom-torch": "Your own: Torch classifier",
    "custom-ultralytics": "Your own: Ultralytics",
    "densenet": "DenseNet",
    "detection-transformer": "Any Hugging Face detector",
    "dfine": "D-FINE",
    "efficientnet": "EfficientNet",
    "efficientnet-lite": "EfficientNet-Lite",
    "faster-rcnn": "Faster R-CNN",
    "googlenet": "GoogLeNet",
    "grounding-dino": "Grounding DINO",
    "inception": "Inception",
    "lifted-labels": "Lifted 2D labels",
    "llmdet": "LLMDet",
    "mask-rcnn": "Mask R-CNN",
    "mask2former": "Mask2Former",
    "medsiglip": "MedSigLIP",
    "mnasnet": "MNASNet",
    "mobilenet": "MobileNet",
    "monet": "MONET",
    "omdet-turbo": "OmDet-Turbo",
    "oneformer": "OneFormer",
    "open-clip": "OpenCLIP",
    "owlvit": "OWL-ViT",
    "pubmed-clip": "PubMedCLIP",
    "resnet": "ResNet",
    "resnext": "ResNeXt",
    "retinanet": "RetinaNet",
    "rfdetr": "RF-DETR",
    "rtdetr": "RT-DETR",
    "segment-anything": "Segment Anything",
    "shufflenet": "ShuffleNet",
    "siglip": "SigLIP",
    "squeezenet": "SqueezeNet",
    "swin": "Swin Transformer",
    "universal-segmentation-transformer": "Any Hugging Face segmenter",
    "vgg": "VGG",
    "vit": "ViT",
    "wide-resnet": "Wide ResNet",
    "yolo": "YOLO",
    "yolo-nas": "YOLO-NAS",
    "yolo-world": "YOLO-World",
    "yoloe": "YOLOE",
    "yoloe-pf": "YOLOE, prompt-free",
    "zero-shot-classification-transformer": "Any Hugging Face zero-shot classifier",
    "zero-shot-detection-transformer": "Any Hugging Face zero-shot detector",
}
_WORDS = {
    "ade20k": "ADE20K",
    "cityscapes": "Cityscapes",
    "coco": "COCO",
    "patch14": "Patch 14",
    "patch16": "Patch 16",
    "patch32": "Patch 32",
    "vitb": "ViT-B",
    "vitl": "ViT-L",
    "vith": "ViT-H",
    "vit-32": "ViT-32",
    "xlarge": "Extra large",
    "2xlarge": "Double extra large",
    "base-plus": "Base plus",
    UNNAMED: "Original",
}
_DATA = {"oiv7": "Open Images V7", "shapes": "demo shapes"}


def family(name: str) -> str:
    """The display name of a family."""
    return _FAMILIES.get(name, name)


def version(name: str) -> str:
    """The display name of a version: ``"v8-oiv7"`` → ``"v8, Open Images V7"``."""
    number, data = _version_and_data(name)
    return f"{number}, {data}" if data else number


def size(name: str) -> str:
    """The display name of a size."""
    return _WORDS.get(name, name.capitalize() if name.isalpha() and len(name) > 1 else name)


def model(spec: ModelSpec) -> str:
    """The display name of a model: ``"YOLO 11 Nano"``."""
    number, data = _version_and_data(spec.version)
    name = " ".join(filter(None, (family(spec.family), number, spec.size and size(spec.size))))
    return f"{name}, {data}" if data else name


def _version_and_data(name: str) -> tuple[str, str]:
    number, _, data = name.rpartition("-")
    return (number, _DATA[data]) if data in _DATA else (_WORDS.get(name, name), "")
