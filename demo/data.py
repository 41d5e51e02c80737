"""The demo's dataset: shapes with ground truth, and photographs from installed packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.demo import shapes
from auto_labeling.demo.scoring import Score, iou, mask_iou

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.collections import SampleCollection
    from fiftyone.core.dataset import Dataset
    from fiftyone.core.labels import Detection
    from fiftyone.core.sample import Sample

#: Yields the ``(label, box or mask, confidence)`` of each sample's detections in a field.
_Regions = Callable[["SampleCollection", str], Iterable[Sequence[tuple[str, Any, float]]]]

GROUND_TRUTH = "ground_truth"
SHAPES_TAG, PHOTOS_TAG = "shapes", "photos"

_MARK = "auto_labeling_demo"
_PHOTOS = {
    ("skimage", "data"): (
        "astronaut.png",
        "brick.png",
        "camera.png",
        "chelsea.png",
        "coffee.png",
        "coins.png",
        "grass.png",
        "motorcycle_left.png",
        "rocket.jpg",
    ),
    ("ultralytics", "assets"): ("bus.jpg", "zidane.jpg"),
}


class NotADemo(AutoLabelingError):
    """The name of the demo's dataset belongs to another dataset."""


def make_dataset(
    name: str, n_shapes: int = 60, seed: int = 7, *, folder: str | os.PathLike[str]
) -> Dataset:
    """Creates the demo's dataset.

    Args:
        name: its name; an earlier demo dataset of that name is replaced
        n_shapes (60): the number of images of shapes
        seed (7): the seed of the images
        folder: the folder for the images

    Returns:
        a persistent :class:`fiftyone.core.dataset.Dataset`, with metadata

    Raises:
        NotADemo: if a dataset of that name exists that this function did not make
    """
    import fiftyone as fo

    if fo.dataset_exists(name):
        if not fo.load_dataset(name).info.get(_MARK):
            raise NotADemo(
                f"The dataset '{name}' exists and is not the demo's. Choose another name"
            )
        fo.delete_dataset(name)
    folder = Path(folder).resolve()
    samples = [
        _shapes_sample(path, objects)
        for path, objects in shapes.write(folder / "shapes", n_shapes, seed)
    ]
    samples += [_photo_sample(path) for path in copy_photos(folder / "photos")]
    dataset = fo.Dataset(name, persistent=True)
    dataset.info[_MARK] = True
    dataset.default_classes = list(shapes.CLASSES)
    dataset.save()
    dataset.add_sample_field(
        GROUND_TRUTH, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
    )
    dataset.add_samples(samples, progress=False)
    dataset.compute_metadata(num_workers=1, progress=False)
    return dataset


def photos() -> list[Path]:
    """Lists the photographs in the installed packages."""
    photographs: list[Path] = []
    for (package, folder), names in _PHOTOS.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            paths = (Path(spec.origin).parent / folder / name for name in names)
            photographs += [path for path in paths if path.is_file()]
    return photographs


def copy_photos(folder: Path) -> list[Path]:
    """Copies :func:`photos` to a folder, and returns the copies."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, folder / path.name)) for path in photos()]


def score(
    dataset: Dataset, pred_field: str, gt_field: str = GROUND_TRUTH, masks: bool = False
) -> dict[str, Any]:
    """Compares predicted boxes or masks of the shapes with the true ones. Changes nothing.

    Args:
        dataset: a dataset of :func:`make_dataset`
        pred_field: a field of detections
        gt_field ("ground_truth"): the field of the true ones
        masks (False): whether to compare masks; a prediction without one is wrong

    Returns:
        a dict with ``precision``, ``recall`` and the counts behind them
    """
    view = dataset.match_tags(SHAPES_TAG)
    regions: _Regions = _masks if masks else _boxes
    overlap = mask_iou if masks else iou
    total = Score()
    for predicted, actual in zip(regions(view, pred_field), regions(view, gt_field), strict=True):
        total.add(predicted, [(label, region) for label, region, _ in actual], overlap)
    return total.to_dict()


def _boxes(
    view: SampleCollection, field: str
) -> Iterator[list[tuple[str, Sequence[float], float]]]:
    """Yields the ``(label, box, confidence)`` of each sample's detections."""
    parts = ("label", "bounding_box", "confidence")
    columns = view.values([f"{field}.detections.{part}" for part in parts])
    for values in zip(*([row or [] for row in column] for column in columns), strict=True):
        yield [
            (label, box, confidence or 0.0) for label, box, confidence in zip(*values, strict=True)
        ]


def _masks(view: SampleCollection, field: str) -> Iterator[list[tuple[str, np.ndarray, float]]]:
    """Yields the ``(label, mask, confidence)`` of each sample's detections."""
    for detections in view.values(f"{field}.detections"):
        yield [(d.label, _whole(d), d.confidence or 0.0) for d in detections or ()]


def _whole(detection: Detection) -> np.ndarray:
    """Returns a detection's mask as a bool array of its image's size; all False without a mask."""
    if not detection.has_mask:
        return np.zeros((shapes.HEIGHT, shapes.WIDTH), bool)
    return detection.to_segmentation(frame_size=(shapes.WIDTH, shapes.HEIGHT)).mask > 0


def _shapes_sample(path: Path, objects: Sequence[shapes.Shape]) -> Sample:
    import fiftyone as fo

    detections = [
        fo.Detection(label=o.label, bounding_box=list(o.box), mask=o.cropped) for o in objects
    ]
    return fo.Sample(
        str(path), tags=[SHAPES_TAG], **{GROUND_TRUTH: fo.Detections(detections=detections)}
    )


def _photo_sample(path: Path) -> Sample:
    import fiftyone as fo

    return fo.Sample(str(path), tags=[PHOTOS_TAG])
