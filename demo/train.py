"""Trains the demo's detector on shapes that it draws itself.

.. code-block:: shell

    nice -n 10 python -m auto_labeling.demo.train

took 14 minutes on two busy CPU cores, downloads nothing, and writes
``demo/weights/shapes-yolo.pt`` with the measured precision and recall beside it. The network is
Ultralytics' YOLOv8 at half the width of its smallest size; what it trains is licensed AGPL-3.0
(``demo/weights/README.md``).
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from auto_labeling.demo import shapes
from auto_labeling.demo.scoring import Score

WEIGHTS = Path(__file__).resolve().parent / "weights" / "shapes-yolo.pt"
IMAGE_SIZE = 256
TRAIN_SEED, VALIDATION_SEED, TEST_SEED = 1, 2, 4
TEST_IMAGES = 500
CONFIDENCE = 0.25
# How to predict. A shape has one class: a second box on it, of another class, is a mistake. The
# catalog's entry says the same to FiftyOne.
PREDICTION = {"imgsz": IMAGE_SIZE, "rect": False, "agnostic_nms": True, "verbose": False}

_WIDTH = 0.125
# A checkpoint also carries its training arguments, among them folders of the machine.
_KEPT_ARGUMENTS = ("task", "mode", "imgsz", "epochs", "batch", "seed")


def train(images: int, epochs: int, folder: Path) -> Path:
    """Trains a detector.

    Args:
        images: how many images to draw for it
        epochs: how often to go through them
        folder: a folder for the images and for what Ultralytics writes

    Returns:
        the path of the last checkpoint, as Ultralytics left it
    """
    yolo = _ultralytics(folder)
    for split, count, seed in (("train", images, TRAIN_SEED), ("val", 200, VALIDATION_SEED)):
        _write_split(folder, split, count, seed)
    data = folder / "data.yaml"
    data.write_text(json.dumps(_data(folder)))  # JSON is YAML
    model = yolo(str(_architecture(folder)), task="detect")
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
        mosaic=0.0,  # the scenes are varied as they are, and a mosaic costs four decodes
        erasing=0.0,
        flipud=0.5,
        amp=False,  # its check downloads a model
        plots=False,
        val=False,  # the last epoch is the one we publish
        project=str(folder),
        name="run",
    )
    return Path(model.trainer.last)


def publish(checkpoint: Path, path: Path) -> None:
    """Writes what prediction needs of a checkpoint: half precision, and nothing of this machine."""
    import torch
    import ultralytics
    from ultralytics.nn.tasks import torch_safe_load

    loaded, _ = torch_safe_load(str(checkpoint))
    model = (loaded.get("ema") or loaded["model"]).half()
    arguments = {k: v for k, v in loaded["train_args"].items() if k in _KEPT_ARGUMENTS}
    model.args, model.criterion = dict(arguments), None
    model.yaml["yaml_file"] = "shapes-yolo.yaml"
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


def measure(path: Path, images: int = TEST_IMAGES, seed: int = TEST_SEED) -> dict:
    """Scores a checkpoint on images that it has not seen.

    Returns:
        a dict from class, and ``"all"``, to precision, recall and counts
    """
    from ultralytics import YOLO

    model = YOLO(str(path))
    scores = {label: Score() for label in (*shapes.CLASSES, "all")}
    for scene in shapes.generate(images, seed):
        predicted = _predict(model, scene.image)
        there = [(shape.label, shape.box) for shape in scene.objects]
        for label, score in scores.items():
            score.add(
                [p for p in predicted if label in (p[0], "all")],
                [t for t in there if label in (t[0], "all")],
            )
    return {label: score.to_dict() for label, score in scores.items()}


def _predict(model, image) -> list[tuple]:
    """The ``(label, box, confidence)`` of what Ultralytics itself finds in an RGB image."""
    bgr = image[..., ::-1]
    found = model.predict(bgr, conf=CONFIDENCE, **PREDICTION)[0]
    rows = zip(
        found.boxes.cls.tolist(),
        found.boxes.xyxyn.tolist(),
        found.boxes.conf.tolist(),
        strict=True,
    )
    return [(found.names[int(c)], (x, y, r - x, b - y), conf) for c, (x, y, r, b), conf in rows]


def _ultralytics(folder: Path):
    """Imports Ultralytics so that it neither downloads nor leaves settings in the home folder."""
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
    os.environ["YOLO_CONFIG_DIR"] = str(folder)
    from ultralytics import YOLO, settings

    settings.update({"sync": False, "datasets_dir": str(folder)})
    return YOLO


def _architecture(folder: Path) -> Path:
    import ultralytics
    from ultralytics.utils import YAML

    source = Path(ultralytics.__file__).parent / "cfg" / "models" / "v8" / "yolov8.yaml"
    model = YAML.load(source)
    model.update(nc=len(shapes.CLASSES), scales={"n": [0.33, _WIDTH, 1024]})
    path = folder / "shapes-yolo.yaml"
    path.write_text(json.dumps(model))
    return path


def _write_split(folder: Path, split: str, count: int, seed: int) -> None:
    labels = folder / "labels" / split
    labels.mkdir(parents=True, exist_ok=True)
    for path, objects in shapes.write(folder / "images" / split, count, seed):
        lines = []
        for shape in objects:
            x, y, width, height = shape.box
            row = (x + width / 2, y + height / 2, width, height)
            numbers = " ".join(f"{value:.6f}" for value in row)
            lines.append(f"{shapes.CLASSES.index(shape.label)} {numbers}")
        (labels / f"{path.stem}.txt").write_text("\n".join(lines))


def _data(folder: Path) -> dict:
    return {
        "path": str(folder),
        "train": "images/train",
        "val": "images/val",
        "names": dict(enumerate(shapes.CLASSES)),
    }


def main(argv=None) -> int:
    """Trains, writes the checkpoint, and prints what it is worth as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m auto_labeling.demo.train", description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--measure", action="store_true", help="only measure the checkpoint again")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="auto-labeling-train-") as temporary:
        _ultralytics(Path(temporary))
        if not args.measure:
            publish(train(args.images, args.epochs, Path(temporary)), args.output)
        measured = measure(args.output)
    args.output.with_suffix(".json").write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
