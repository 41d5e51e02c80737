"""Why a zoo model is not offered; each one that is not has a reason here."""

from collections.abc import Mapping
from typing import Any

_BY_TAG = {
    "ocr": "reads text; it does not classify objects",
    "obb": "produces rotated boxes, which are polylines, not detections",
    "video": "labels videos; runs label images",
    "keypoints": "gives keypoints",
    "depth": "produces depth maps",
    "gaussian-splatting": "gives 3D scenes",
}
_PIXELS = "labels pixels, not instances: a region of two cats is one region"
_BY_TAG_AT_LAST = {
    "panoptic": _PIXELS,
    "segmentation": _PIXELS,
    "embeddings": "produces embeddings, not labels",
}
_BY_WRAPPER = {
    "fiftyone.utils.qwen3_vl.Qwen3VLModel": (
        "a language model that writes its boxes as text, without a confidence to review them by"
    ),
    "fiftyone.utils.twelvelabs.TwelveLabsModel": "a paid service for videos",
    "fiftyone.utils.fcclip.FCCLIPModel": "runs code downloaded from a hub when it loads",
    "fiftyone.utils.eta.ETAModel": "needs TensorFlow, which this plugin does not run",
}


def reason(entry: Mapping[str, Any], has_task: bool) -> str | None:
    """Why an entry of the manifest is not offered.

    Args:
        entry: the entry
        has_task: whether its tags name a task of ours

    Returns:
        a phrase; empty if the model is offered; None if no one has decided, which a test reports
    """
    tags = entry.get("tags") or ()
    deployment = entry.get("default_deployment_config_dict") or {}
    for tag, text in _BY_TAG.items():
        if tag in tags:
            return text
    if deployment.get("type") in _BY_WRAPPER and "embeddings" not in tags:
        return _BY_WRAPPER[deployment["type"]]
    if (deployment.get("config") or {}).get("task") in ("semantic", "panoptic"):
        return _PIXELS
    if has_task:
        return ""
    return next((text for tag, text in _BY_TAG_AT_LAST.items() if tag in tags), None)
