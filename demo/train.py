"""Trains the demo's two models on drawn shapes: one predicts boxes, the other masks.

.. code-block:: shell

    nice -n 10 python -m auto_labeling.demo.train detect
    nice -n 10 python -m auto_labeling.demo.train segment

These commands download nothing. They write ``demo/weights/shapes-yolo.pt`` and
``shapes-yolo-seg.pt``, with the measured precision and recall beside them. The networks are
Ultralytics' YOLOv8 at half the width of its smallest size; their weights are licensed AGPL-3.0
(``demo/weights/README.md``).
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from auto_labeling.demo import shapes
from auto_labeling.demo.scoring import Score, iou, mask_iou

WEIGHTS = Path(__file__).resolve().parent / "weights"
IMAGE_SIZE = 256
TRAIN_SEED, VALIDATION_SEED, TEST_SEED = 1, 2, 4
TEST_IMAGES = 500
CONFIDENCE = 0.25
# The arguments of prediction. A shape has one class: a second box on it, of another class, is a
# mistake. The catalog's entry has the same arguments for FiftyOne.
PREDICTION: dict[str, Any] = {
    "imgsz": IMAGE_SIZE,
    "rect": False,
    "agnostic_nms": True,
    "retina_masks": True,  # masks in the image's own pixels
    "verbose": False,
}

_WIDTH = 0.125
_OUTLINE_SCALE = 4
# A checkpoint also carries its training arguments, among them folders of the machine.
_KEPT_ARGUMENTS = ("task", "mode", "imgsz", "epochs", "batch", "seed")


@dataclass(frozen=True)
class Recipe:
    """A model to train.

    Args:
        task: its name in Ultralytics
        name: the name of the weights, and of the model in the catalog
        architecture: the file of Ultralytics that describes the network
        has_masks: whether it predicts masks as well as boxes
    """

    task: str
    name: str
    architecture: str
    has_masks: bool

    @property
    def weights(self) -> Path:
        return WEIGHTS / f"{self.name}.pt"


RECIPES = {
    "detect": Recipe("detect", "shapes-yolo", "yolov8.yaml", False),
    "segment": Recipe("segment", "shapes-yolo-seg", "yolov8-seg.yaml", True),
}


def train(recipe: Recipe, images: int, epochs: int, folder: Path) -> Path:
    """Trains a model.

    Args:
        recipe: the model
        images: the number of images to draw
        epochs: the number of passes over them
        folder: a folder for the images and for the files of Ultralytics

    Returns:
        the path of the last checkpoint, as Ultralytics wrote it
    """
    yolo = _ultralytics(folder)
    for split, count, seed in (("train", images, TRAIN_SEED), ("val", 200, VALIDATION_SEED)):
        _write_split(recipe, folder, split, count, seed)
    data = folder / "data.yaml"
    data.write_text(json.dumps(_data(folder)))  # JSON is YAML
    model = yolo(str(_architecture(recipe, folder)), task=recipe.task)
    model.train(
        data=str(data),
        epochs=epochs,
        imgsz=IMAGE_SIZE,
        batch=32,
        device="cpu",
        workers=0,
        cache="ram",
        seed=0,
        optimizer="AdamW",
        lr0=0.004,
        cos_lr=True,
        warmup_epochs=1,
        close_mosaic=0,
        mosaic=0.0,  # the scenes are varied enough, and a mosaic costs four decodes
        erasing=0.0,
        flipud=0.5,
        amp=False,  # its check downloads a model
        plots=False,
        val=False,  # the last epoch is the one we publish
        project=str(folder),
        name="run",
    )
    return Path(model.trainer.last)


def publish(recipe: Recipe, checkpoint: Path, path: Path) -> None:
    """Writes a checkpoint for prediction: in half precision, without traces of this machine.

    Args:
        recipe: the model
        checkpoint: the checkpoint, as Ultralytics wrote it
        path: the file to write
    """
    import torch
    import ultralytics
    from ultralytics.nn.tasks import torch_safe_load

    loaded, _ = torch_safe_load(str(checkpoint))
    model = (loaded.get("ema") or loaded["model"]).half()
    arguments = {k: v for k, v in loaded["train_args"].items() if k in _KEPT_ARGUMENTS}
    model.args, model.criterion = dict(arguments), None
    model.yaml["yaml_file"] = f"{recipe.name}.yaml"
    model.names = dict(enumerate(shapes.CLASSES))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        {
            "model": model,
            "ema": None,
            "epoch": -1,
            "train_args": arguments,
            "version": ultralytics.__version__,
            "license": "AGPL-3.0 License (https://ultralytics.com/license)",
        },
        path,
    )


def measure(
    recipe: Recipe, path: Path, images: int = TEST_IMAGES, seed: int = TEST_SEED
) -> dict[str, Any]:
    """Scores a checkpoint on images that it has not seen.

    Args:
        recipe: the model
        path: the checkpoint
        images (500): the number of images
        seed (4): the seed of the images

    Returns:
        ``{"boxes": …}``, and ``"masks"`` if the model predicts them: dicts from class, and from
        ``"all"``, to precision, recall and counts
    """
    from ultralytics import YOLO

    model = YOLO(str(path))
    kinds: dict[str, Callable[[Any, Any], float]] = {"boxes": iou}
    if recipe.has_masks:
        kinds["masks"] = mask_iou
    scores = {kind: {label: Score() for label in (*shapes.CLASSES, "all")} for kind in kinds}
    for scene in shapes.generate(images, seed):
        predicted = _predict(model, scene.image)
        actual: dict[str, list[tuple[str, Any]]] = {
            "boxes": [(shape.label, shape.box) for shape in scene.objects],
            "masks": [(shape.label, shape.mask) for shape in scene.objects],
        }
        for kind, overlap in kinds.items():
            for label, score in scores[kind].items():
                score.add(
                    [p for p in predicted[kind] if label in (p[0], "all")],
                    [a for a in actual[kind] if label in (a[0], "all")],
                    overlap,
                )
    return {
        kind: {label: score.to_dict() for label, score in by_label.items()}
        for kind, by_label in scores.items()
    }


def _predict(model: Any, image: np.ndarray) -> dict[str, list[tuple[str, Any, float]]]:
    """Returns the ``(label, box or mask, confidence)`` of Ultralytics' predictions for an image.

    Args:
        model: an Ultralytics model
        image: an RGB image, a uint8 array of (height, width, 3)
    """
    bgr = image[..., ::-1]
    result = model.predict(bgr, conf=CONFIDENCE, **PREDICTION)[0]
    names = [result.names[int(c)] for c in result.boxes.cls]
    confidences = result.boxes.conf.tolist()
    boxes = [(x, y, r - x, b - y) for x, y, r, b in result.boxes.xyxyn.tolist()]
    masks = [] if result.masks is None else list(result.masks.data.numpy() > 0)
    return {
        "boxes": list(zip(names, boxes, confidences, strict=True)),
        "masks": list(zip(names, masks, confidences, strict=bool(masks))),
    }


def _ultralytics(folder: Path) -> Any:
    """Imports ``YOLO`` so that it neither downloads nor leaves settings in the home folder."""
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
    os.environ["YOLO_CONFIG_DIR"] = str(folder)
    from ultralytics import YOLO, settings

    settings.update({"sync": False, "datasets_dir": str(folder)})
    return YOLO


def _architecture(recipe: Recipe, folder: Path) -> Path:
    import ultralytics
    from ultralytics.utils import YAML

    source = Path(ultralytics.__file__).parent / "cfg" / "models" / "v8" / recipe.architecture
    model = YAML.load(source)
    model.update(nc=len(shapes.CLASSES), scales={"n": [0.33, _WIDTH, 1024]})
    path = folder / f"{recipe.name}.yaml"
    path.write_text(json.dumps(model))
    return path


def _write_split(recipe: Recipe, folder: Path, split: str, count: int, seed: int) -> None:
    labels = folder / "labels" / split
    labels.mkdir(parents=True, exist_ok=True)
    for path, objects in shapes.write(folder / "images" / split, count, seed):
        lines = []
        for shape in objects:
            row = _outline(shape.mask) if recipe.has_masks else _center_and_size(shape.box)
            numbers = " ".join(f"{value:.6f}" for value in row)
            lines.append(f"{shapes.CLASSES.index(shape.label)} {numbers}")
        (labels / f"{path.stem}.txt").write_text("\n".join(lines))


def _center_and_size(box: Sequence[float]) -> list[float]:
    x, y, width, height = box
    return [x + width / 2, y + height / 2, width, height]


def _outline(mask: np.ndarray) -> list[float]:
    """Returns the ``x, y, x, y, ...`` around a mask, from 0 to 1; thin lines join its parts."""
    from ultralytics.data.converter import merge_multi_segment

    # OpenCV returns the centers of the pixels at the edge: on a large mask, nearly the edge.
    large = np.kron(mask, np.ones((_OUTLINE_SCALE, _OUTLINE_SCALE), bool)).astype(np.uint8)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    parts: list[Any] = list(contours)
    joined = merge_multi_segment(parts) if len(parts) > 1 else parts
    points = np.concatenate([part.reshape(-1, 2) for part in joined]) + 0.5
    return (points / large.shape[::-1]).ravel().tolist()


def _data(folder: Path) -> dict[str, Any]:
    return {
        "path": str(folder),
        "train": "images/train",
        "val": "images/val",
        "names": dict(enumerate(shapes.CLASSES)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, writes the checkpoint, and prints its scores as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m auto_labeling.demo.train", description=__doc__)
    parser.add_argument("task", choices=RECIPES, help="the model to train")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument(
        "--output", type=Path, help="the file to write (default: beside the others)"
    )
    parser.add_argument("--measure", action="store_true", help="only measure the checkpoint again")
    args = parser.parse_args(argv)
    recipe = RECIPES[args.task]
    output = args.output or recipe.weights
    with tempfile.TemporaryDirectory(prefix="auto-labeling-train-") as temporary:
        _ultralytics(Path(temporary))
        if not args.measure:
            checkpoint = train(recipe, args.images, args.epochs, Path(temporary))
            publish(recipe, checkpoint, output)
        measured = measure(recipe, output)
    output.with_suffix(".json").write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
