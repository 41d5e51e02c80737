"""Catalog entries for custom models, in the manifest's format."""

from typing import Any

_TASKS = {
    "classification": ("classification", "Classification"),
    "instances": ("instance-segmentation", "Segmentation"),
    "detection": ("detection", "Detection"),
}
_TASK_3D = "3d-detection"
_DOCS = "https://docs.voxel51.com/integrations/"


def entries() -> list[dict[str, Any]]:
    """An entry for each kind of own model and each task it can have."""
    listed = []
    for tag, (task, word) in _TASKS.items():
        listed.append(
            _entry(
                f"custom-python-{task}",
                "Your own class or function, by import path: package.module:Name returns a "
                "fiftyone.core.models.Model",
                {"type": "python", "config": {}},
                (),
                tag,
                "https://docs.voxel51.com/api/fiftyone.core.models.html",
            )
        )
        processor = f"fiftyone.utils.ultralytics.Ultralytics{word}OutputProcessor"
        wrapper = "fiftyone.utils.ultralytics.FiftyOneYOLOModel"
        settings = {"entrypoint_fcn": "ultralytics.YOLO", "output_processor_cls": processor}
        listed.append(
            _entry(
                f"custom-ultralytics-{task}",
                "Your own Ultralytics checkpoint, by the path of its file on the worker",
                {"type": wrapper, "config": settings},
                ("torch", "torchvision", "ultralytics"),
                tag,
                _DOCS + "ultralytics.html",
            )
        )
    listed.append(
        _entry(
            f"custom-python-{_TASK_3D}",
            "Your own class or function, by import path: package.module:Name has a method predict, "
            "which returns 3D detections for a scene",
            {"type": "python", "config": {}},
            (),
            "detection-3d",
            "https://docs.voxel51.com/user_guide/using_datasets.html#d-detections",
        )
    )
    listed.append(
        _entry(
            "custom-torch-classification",
            "Your own Torch classifier, by the path of its TorchScript or pickled module; the "
            "chosen classes name its outputs, in order",
            {
                "type": "fiftyone.utils.torch.TorchImageModel",
                "config": {
                    "output_processor_cls": "fiftyone.utils.torch.ClassifierOutputProcessor",
                    "image_size": [224, 224],
                    "image_mean": [0.485, 0.456, 0.406],
                    "image_std": [0.229, 0.224, 0.225],
                },
            },
            ("torch", "torchvision"),
            "classification",
            "https://docs.voxel51.com/api/fiftyone.utils.torch.html",
        )
    )
    return listed


def _entry(
    name: str,
    description: str,
    deployment: dict[str, Any],
    packages: tuple[str, ...],
    tag: str,
    url: str,
) -> dict[str, Any]:
    return {
        "base_name": name,
        "description": description,
        "source": url,
        "author": "You",
        "license": "",
        "size_bytes": None,
        "default_deployment_config_dict": deployment,
        "requirements": {"packages": list(packages)},
        "tags": [tag, "torch", "custom"],
        "family": name.rpartition("-" + _TASKS.get(tag, (_TASK_3D,))[0])[0],
    }
