"""Family, version and size of a model, parsed from its name; the manifest lacks them."""

import re

_WORDS = ("nano", "tiny", "small", "medium", "base-plus", "base", "large", "2xlarge", "xlarge")
_SIZES = {"n": "nano", "s": "small", "m": "medium", "l": "large", "x": "xlarge"} | {
    word: word for word in _WORDS
}
_WORD = "|".join(_WORDS)

# The parts of a name that tell the task and the data, not the family, version or size.
_NOISE = re.compile(
    r"-torch$|-(imagenet|coco|ade20k|cityscapes)(?=-|$)|-(cls|instance|image)(?=-|$)"
    r"|-224(?=-|$)|-resnet50-fpn"
)
_PATTERNS = (
    re.compile(
        r"(?P<family>yoloe)(?P<version>v?(?:8|11|26))(?P<size>[nsmlx])-seg(?P<variant>-pf)?"
    ),
    re.compile(
        r"(?P<family>yolo)(?P<version>v?\d+)(?P<size>[a-z])(?P<variant>-world|-seg)?(?P<data>-oiv7)?"
    ),
    re.compile(
        rf"(?P<family>segment-anything)(?:-(?P<version>2\.1|2|3))?"
        rf"(?:-(?:hiera-)?(?P<size>{_WORD}|vit[blh]))?"
    ),
    re.compile(rf"(?P<family>rfdetr)(?P<variant>-seg)?-(?P<size>{_WORD})"),
    re.compile(rf"(?P<family>owlvit)-(?P<size>{_WORD})-(?P<version>patch\d+)"),
    re.compile(
        rf"(?P<family>mask2former|oneformer|omdet-turbo)-(?P<version>swin)-(?P<size>{_WORD})"
    ),
    re.compile(rf"(?P<family>.+?)(?:-(?P<version>v\d))?-(?P<size>{_WORD}|[nsmlx])(?:-.*)?"),
    re.compile(r"(?P<family>clip|vit)-vit-(?P<size>base)(?P<version>\d+)"),
    re.compile(r"(?P<family>[a-z-]+?)-?(?P<version>v\d)?-?(?P<size>b?\d[\w.-]*)?"),
)
_LEFTOVERS = {
    "custom-python-3d-detection": ("custom-python", "", ""),
    "squeezenet-1.1-imagenet-torch": ("squeezenet", "1.1", ""),
    "clip-vit-base32-torch": ("clip", "vit-32", "base"),
    "siglip-base-patch16-224-torch": ("siglip", "2", "base"),
    "medsiglip-448-zero-torch": ("medsiglip", "", ""),
    "monet-zero-torch": ("monet", "", ""),
    "pubmed-clip-vit-base-patch32": ("pubmed-clip", "vit-32", "base"),
    "oneformer-ade20k-swin-tiny-instance-torch": ("oneformer", "ade20k", "tiny"),
    "oneformer-ade20k-swin-large-instance-torch": ("oneformer", "ade20k", "large"),
    "oneformer-cityscapes-swin-large-instance-torch": ("oneformer", "cityscapes", "large"),
    "oneformer-coco-swin-large-instance-torch": ("oneformer", "coco", "large"),
    "fc-clip-coco-instance-torch": ("fc-clip", "", ""),
}


def parse(name: str) -> tuple[str, str, str]:
    """Returns ``(family, version, size)`` of a zoo model; parts that the name lacks are empty."""
    if name in _LEFTOVERS:
        return _LEFTOVERS[name]
    short = _NOISE.sub("", name)
    for pattern in _PATTERNS:
        match = pattern.fullmatch(short)
        if match:
            parts = match.groupdict()
            size = parts.get("size") or ""
            variant = (parts.get("variant") or "") if parts.get("variant") != "-seg" else ""
            version = (parts.get("version") or "") + (parts.get("data") or "")
            return parts["family"] + variant, version, _SIZES.get(size, size)
    return short, "", ""
