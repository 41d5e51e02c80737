"""What the cameras of a group see, beside its point cloud: the inputs of lifting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone.core.media as fom
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunConfig
from auto_labeling.engine.calibrations import Calibrations, calibrated
from auto_labeling.storage import group_members
from auto_labeling.threed.cameras import Camera

#: The key of the images of cameras, or of the reason why there are none, among a target's values.
CAMERAS = "cameras"


@dataclass(frozen=True)
class Image:
    """An image of a calibrated camera.

    Attributes:
        camera: where it was made, in the axes of the points
        filepath: its file
        labels: the documents of its 2D labels; empty if a model makes them
    """

    camera: Camera
    filepath: str
    labels: tuple[dict[str, Any], ...]


class CameraViews:
    """Finds the images of the groups that point clouds are in.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        config: the configuration of a run that lifts
    """

    def __init__(self, dataset: Dataset, config: RunConfig) -> None:
        self._dataset = dataset
        self._field = config.source_field
        self._slices = slices_of(dataset, config)
        self._calibrations = Calibrations(dataset, config.reference_frame)

    def add(self, waiting: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Adds the images of each sample to its values, under :data:`CAMERAS`.

        A sample for which there are none gets the error instead, and fails alone.

        Args:
            waiting: ``(sample id, values)`` pairs, whose values are changed
        """
        ids = [sample_id for sample_id, _ in waiting]
        found = group_members.beside(self._dataset, ids, self._slices, self._field)
        images = [member.sample_id for _, members in found.values() for member in members]
        self._calibrations.read([*found, *images])
        for sample_id, values in waiting:
            own, members = found.get(sample_id, ("", []))
            values[CAMERAS] = self._images(sample_id, own, members)

    def _images(
        self, sample_id: str, own: str, members: Sequence[group_members.Member]
    ) -> list[Image] | AutoLabelingError:
        if not members:
            return AutoLabelingError(
                f"The group of this point cloud has no image in {', '.join(self._slices)}"
            )
        try:
            return [
                Image(self._calibrations.camera(m, sample_id, own), m.filepath, m.labels)
                for m in members
            ]
        except (AutoLabelingError, OSError) as error:
            return AutoLabelingError(str(error))


def slices_of(dataset: Dataset, config: RunConfig) -> list[str]:
    """The camera slices of a run: those it names, or all that are calibrated.

    Args:
        dataset: a grouped dataset
        config: the run's configuration
    """
    return list(config.camera_slices) or calibrated(dataset, image_slices(dataset))


def image_slices(dataset: Dataset) -> list[str]:
    """The slices of a grouped dataset that hold images."""
    kinds = dataset.group_media_types if dataset.media_type == fom.GROUP else {}
    return [name for name, kind in kinds.items() if kind == fom.IMAGE]
