"""Labels of cameras, lifted into the point cloud of their group, as a model of the engine.

The labels are those of a field, or a 2D model makes them on the spot.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone.core.labels as fol
import fiftyone.core.models as fom
import fiftyone.utils.torch as fout
import numpy as np
from fiftyone.core.dataset import Dataset

from auto_labeling.core import box_sizes
from auto_labeling.core.account import LeftOut
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Method, RunConfig
from auto_labeling.engine import documents
from auto_labeling.engine.batches import Waiting
from auto_labeling.engine.camera_views import CAMERAS, CameraViews, Image
from auto_labeling.engine.reading import Reader
from auto_labeling.models import catalog, label_filter, zoo
from auto_labeling.storage import samples
from auto_labeling.threed import lifting
from auto_labeling.threed.scenes import read_points

Sizes = Mapping[str, box_sizes.Size]

#: The points of scenes, and their cameras with 2D labels.
Kept = list[tuple[np.ndarray, list[lifting.View]]]


@dataclass
class Scene:
    """A point cloud, and the images of its cameras as a 2D model takes them.

    Attributes:
        points: ``(N, 3)`` positions in meters
        images: what the cameras saw
        pixels: the images, read; empty if their labels are known
    """

    points: np.ndarray
    images: list[Image]
    pixels: list[Any]


def load(config: RunConfig) -> fom.Model:
    """Loads the model of a run, of any method.

    Args:
        config: the run's configuration

    Raises:
        ModelUnavailable: if packages, weights, trust or the device are missing, with the remedy
    """
    spec = catalog.get_model(config.model)
    if config.method is Method.LIFT_LABELS:
        return LiftedLabels(config)
    if config.method is not Method.LIFT_MODEL:
        return zoo.load(spec, config)
    in_images = {"task": spec.task, "method": Method.ONE_STAGE, "max_labels": None}
    return LiftedModel(zoo.load(spec, config.model_copy(update=in_images)), config)


class LiftedLabels(fom.Model, fom.SupportsGetItem):
    """Lifts the labels of a field. All work is done where files are read, in parallel.

    Args:
        config: the run's configuration
    """

    def __init__(self, config: RunConfig) -> None:
        self._sizes = box_sizes.read(config.box_sizes)
        #: The points of scenes and what their cameras saw, if a list is put here before the
        #: first one is read.
        self.kept: Kept | None = None

    @property
    def media_type(self) -> str:
        """FiftyOne's name for the media; the cameras' are images."""
        return "image"

    @property
    def preprocess(self) -> bool:
        """Whether the model prepares its inputs: never, the loader does."""
        return False

    @preprocess.setter
    def preprocess(self, value: bool) -> None:
        pass

    def build_get_item(self, field_mapping: Mapping[str, str] | None = None) -> fout.GetItem:
        """Builds the loader of inputs, as FiftyOne asks for it."""
        return _LiftedItem(self._sizes, self.kept)

    def predict(self, arg: fol.Detections) -> fol.Detections:
        """Passes on what the loader has made."""
        return arg


class LiftedModel(LiftedLabels):
    """Lifts the labels of a 2D model.

    Args:
        detector: a model that gives :class:`fiftyone.core.labels.Detections` for images
        config: the run's configuration
    """

    def __init__(self, detector: fom.Model, config: RunConfig) -> None:
        super().__init__(config)
        self._detector: Any = detector  # any of FiftyOne's models, torch or not
        self._reader = Reader(detector)
        self._is_torch = isinstance(detector, fom.TorchModelMixin)

    def __enter__(self) -> fom.Model:
        if self._is_torch:
            self._detector.preprocess = False
        self._detector.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._detector.__exit__(*args)

    @property
    def device(self) -> Any:
        """Where the 2D model runs."""
        return getattr(self._detector, "device", "cpu")

    def build_get_item(self, field_mapping: Mapping[str, str] | None = None) -> fout.GetItem:
        """Builds the loader of inputs, as FiftyOne asks for it."""
        return _SceneItem(self._reader)

    def predict(self, arg: Scene) -> fol.Detections:
        """Labels the images of a scene, and lifts the labels."""
        labels = self._labels(arg.pixels)
        views = [
            _view(number, image, _detections(label))
            for number, (image, label) in enumerate(zip(arg.images, labels, strict=True))
        ]
        left_out: dict[str, int] = {}
        for label in labels:
            label_filter.add_all(left_out, label_filter.left_out_of(label))
        return _lifted(arg.points, views, self._sizes, left_out, self.kept)

    def _labels(self, pixels: Sequence[Any]) -> list[Any]:
        ragged = self._is_torch and self._detector.ragged_batches
        parts = [[one] for one in pixels] if ragged else [list(pixels)]
        return [
            label
            for part in parts
            for label in self._detector.predict_all(self._reader.collate(part))
        ]


class _LiftedItem(fout.GetItem):
    """Reads a point cloud, and lifts the known labels of its cameras."""

    def __init__(self, sizes: Sizes, kept: Kept | None) -> None:
        self._sizes = sizes
        self._kept = kept
        super().__init__()

    @property
    def required_keys(self) -> list[str]:
        return ["filepath", CAMERAS]

    def __call__(self, d: Mapping[str, Any]) -> fol.Detections:
        views = _known_views(d)
        return _lifted(read_points(d["filepath"]), views, self._sizes, {}, self._kept)


class _SceneItem(fout.GetItem):
    """Reads a point cloud, and the images of its cameras."""

    def __init__(self, reader: Reader) -> None:
        self._read: Callable[[Waiting], Any] = reader.item
        super().__init__()

    @property
    def required_keys(self) -> list[str]:
        return ["filepath", CAMERAS]

    def __call__(self, d: Mapping[str, Any]) -> Scene:
        images = _images(d)
        pixels = [self._read(Waiting("", {"filepath": image.filepath})) for image in images]
        return Scene(read_points(d["filepath"]), images, pixels)


def known_scenes(
    dataset: Dataset, config: RunConfig, sample_ids: Sequence[str]
) -> Iterator[tuple[np.ndarray, list[lifting.View]]]:
    """Reads the points and the known 2D labels of scenes; those that cannot be read are missing.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        config: the configuration of a run that lifts the labels of a field
        sample_ids: the ids of a few point clouds

    Returns:
        ``(points, views)`` of each: ``(N, 3)`` positions in meters, and its cameras with labels
    """
    loaded = samples.read(dataset, sample_ids)
    CameraViews(dataset, config).add(loaded)
    for _, values in loaded:
        if isinstance(values[CAMERAS], list):
            with contextlib.suppress(AutoLabelingError, OSError):
                yield read_points(values["filepath"]), [v for v, _ in _known_views(values)]


def _known_views(
    values: Mapping[str, Any],
) -> list[tuple[lifting.View, dict[str, fol.Detection]]]:
    return [
        _view(number, image, [fol.Detection.from_dict(label) for label in image.labels])
        for number, image in enumerate(_images(values))
    ]


def _images(values: Mapping[str, Any]) -> list[Image]:
    found = values[CAMERAS]
    if isinstance(found, AutoLabelingError):
        raise found
    return found


def _detections(label: Any) -> list[fol.Detection]:
    label = documents.only_label(label)
    if label is None:
        return []
    if not isinstance(label, fol.Detections):
        raise TypeError(f"The model returns {type(label).__name__}; lifting needs Detections")
    return label.detections


def _view(
    number: int, image: Image, detections: Sequence[fol.Detection]
) -> tuple[lifting.View, dict[str, fol.Detection]]:
    """A camera with its labels, and the labels by the ids that lifting gets."""
    camera = image.camera
    size = np.array([camera.width, camera.height], dtype=np.float64)
    labels, by_id = [], {}
    for ordinal, detection in enumerate(detections):
        x, y, width, height = (float(value) for value in detection.bounding_box)
        box = np.concatenate([np.array([x, y]) * size, np.array([x + width, y + height]) * size])
        name = f"{number}/{ordinal}"
        by_id[name] = detection
        mask = detection.get_mask() if detection.has_mask else None
        confidence = detection.confidence
        labels.append(
            lifting.Label2D(
                name,
                detection.label or "",
                box,
                None if confidence is None else float(confidence),
                None if mask is None else np.asarray(mask) > 0,
            )
        )
    return lifting.View(camera, labels), by_id


def _lifted(
    points: np.ndarray,
    views: Sequence[tuple[lifting.View, dict[str, fol.Detection]]],
    sizes: Sizes,
    left_out: dict[str, int],
    kept: Kept | None,
) -> fol.Detections:
    if kept is not None:
        kept.append((points, [view for view, _ in views]))
    result = lifting.lift(points, [view for view, _ in views], sizes)
    sources = {name: label for _, by_id in views for name, label in by_id.items()}
    slices = {name: view.camera.name for view, by_id in views for name in by_id}
    boxes = [_box(one, sources[one.sources[0]], slices[one.sources[0]]) for one in result.objects]
    label_filter.add(left_out, LeftOut.TOO_FEW_POINTS, len(result.too_few))
    label_filter.add(left_out, LeftOut.NO_CLUSTER, len(result.no_cluster))
    label_filter.add(left_out, LeftOut.SAME_OBJECT, len(result.same_object))
    made = fol.Detections(detections=boxes)
    label_filter.attach(made, left_out)
    return made


def _box(one: lifting.Lifted, source: fol.Detection, name: str) -> fol.Detection:
    """A box as FiftyOne has it. It is turned around the vertical axis alone, since FiftyOne reads
    other rotations in two ways."""
    values: dict[str, Any] = {
        "num_points": int(one.num_points),
        "residual": round(float(one.residual), 4),
        "overlap": round(float(one.overlap), 4),
        "source_slice": name,
        "source_label": str(source.id),
    }
    instance = getattr(source, "instance", None)  # older labels lack the field
    if instance is not None:
        values["instance"] = instance
    return fol.Detection(
        label=one.label,
        location=[float(value) for value in one.box[:3]],
        dimensions=[float(value) for value in one.box[3:6]],
        rotation=[0.0, 0.0, float(one.box[6])],
        confidence=None if one.confidence is None else float(one.confidence),
        **values,
    )
