"""The calibrated cameras of a grouped dataset, as FiftyOne keeps them."""

from collections.abc import Sequence

import fiftyone.core.camera as focam
import fiftyone.core.fields as fof
import numpy as np
from fiftyone.core.dataset import Dataset
from fiftyone.core.sample import Sample
from PIL import Image

from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.storage.group_members import Member
from auto_labeling.threed.cameras import Camera

#: The frame of points whose slice has no transform of its own: FiftyOne's default.
WORLD = focam.DEFAULT_TRANSFORM_TARGET_FRAME

_PER_SAMPLE = (
    focam.CameraIntrinsics,
    focam.CameraIntrinsicsRef,
    focam.StaticTransform,
    focam.StaticTransformRef,
)


class NoTransform(AutoLabelingError):
    """No transform leads from a camera to the points."""


class Calibrations:
    """Finds the camera that made an image, in the axes of a point cloud.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        frame (""): the name of the frame that the points are in; by default the slice of the
            points, if transforms lead to it, else "world"
    """

    def __init__(self, dataset: Dataset, frame: str = "") -> None:
        self._dataset = dataset
        self._frame = frame
        self._fields = per_sample_fields(dataset)
        self._samples: dict[str, Sample] = {}
        self._known: dict[tuple[str, str], tuple[focam.CameraIntrinsics, np.ndarray]] = {}

    def read(self, sample_ids: Sequence[str]) -> None:
        """Reads the calibration that samples carry themselves, of many in one query.

        Args:
            sample_ids: the ids of images and point clouds; those of the last call are forgotten
        """
        if self._fields:
            every = self._dataset.select_group_slices(_allow_mixed=True)
            names = [*self._fields, self._dataset.group_field]
            view = every.select(list(sample_ids)).select_fields(names)
            self._samples = {sample.id: sample for sample in view.iter_samples()}

    def camera(self, image: Member, points_id: str, points_slice: str) -> Camera:
        """The camera of an image.

        Args:
            image: the image's sample
            points_id: the id of the point cloud's sample
            points_slice: its slice

        Raises:
            AutoLabelingError: if the intrinsics or a transform are missing, with their names
        """
        key = (image.slice, points_slice)
        found = None if self._fields else self._known.get(key)
        if found is None:
            found = self._resolved(image, points_id, points_slice)
            self._known[key] = found
        intrinsics, to_camera = found
        width, height = image.size or _size_of(image.filepath)
        distortion = intrinsics.get_distortion_coeffs()
        return Camera(
            name=image.slice,
            matrix=intrinsics.intrinsic_matrix,
            to_camera=to_camera,
            width=width,
            height=height,
            distortion=distortion,
            fisheye=isinstance(intrinsics, focam.OpenCVFisheyeCameraIntrinsics),
        )

    def _resolved(
        self, image: Member, points_id: str, points_slice: str
    ) -> tuple[focam.CameraIntrinsics, np.ndarray]:
        dataset = self._dataset
        sample = self._sample(image.sample_id)
        intrinsics = dataset.resolve_intrinsics(sample)
        if intrinsics is None:
            raise AutoLabelingError(
                f"The slice '{image.slice}' has no camera intrinsics: set "
                f"dataset.camera_intrinsics['{image.slice}']",
                reason=FailureReason.CALIBRATION_MISSING,
            )
        return intrinsics, np.linalg.inv(self._pose(sample, image.slice, points_id, points_slice))

    def _sample(self, sample_id: str) -> Sample:
        return self._samples.get(sample_id) or self._dataset[sample_id]

    def _pose(self, sample: Sample, name: str, points_id: str, points_slice: str) -> np.ndarray:
        """The matrix from a camera's axes to those of the points."""
        frame = self._frame or points_slice
        points = self._sample(points_id)
        pose = _matrix(self._dataset, sample, name, points, frame)
        if pose is None and not self._frame:
            pose = _matrix(self._dataset, sample, name, points, WORLD)
        if pose is not None:
            return pose
        wanted = f"'{frame}'" if self._frame else f"'{points_slice}' or '{WORLD}'"
        known = ", ".join(f"'{key}'" for key in self._dataset.static_transforms or {}) or "none"
        raise NoTransform(
            f"No transform leads from the slice '{name}' to {wanted}: set "
            f"dataset.static_transforms['{name}::{self._frame or WORLD}'], or name the frame of "
            f"the points in reference_frame (the known transforms: {known})",
            reason=FailureReason.CALIBRATION_MISSING,
        )


def _matrix(
    dataset: Dataset, image: Sample, name: str, points: Sample, frame: str
) -> np.ndarray | None:
    """The matrix from the axes of the camera of an image to a frame, if transforms lead there."""
    direct = dataset.resolve_transformation(image, name, frame)
    if direct is not None:
        return direct.transform_matrix
    to_world = dataset.resolve_transformation(image, name, WORLD)
    from_world = dataset.resolve_transformation(points, frame, WORLD)
    if to_world is None or from_world is None:
        return None
    return np.linalg.inv(from_world.transform_matrix) @ to_world.transform_matrix


def frames(dataset: Dataset, slices: Sequence[str]) -> list[str]:
    """The frames to which a dataset's transforms lead from each of some cameras; "world" first.

    Args:
        dataset: a grouped dataset
        slices: the slices of the cameras
    """
    keys = [key.split("::") for key in dataset.static_transforms or {}]
    named = dict.fromkeys([WORLD, *(key[-1] for key in keys), *(key[0] for key in keys)])
    bare = Sample(filepath="bare")  # without a calibration of its own
    return [
        frame
        for frame in named
        if all(
            name == frame or _matrix(dataset, bare, name, bare, frame) is not None
            for name in slices
        )
    ]


def opens_in_viewer(dataset: Dataset, points_slice: str) -> bool:
    """Whether the App's 3D viewer can show the points of a slice of groups.

    With any transform in the dataset, it needs one from each slice of ``.pcd`` files to "world".

    Args:
        dataset: a grouped dataset
        points_slice: the slice of the points
    """
    if not dataset.static_transforms or per_sample_fields(dataset):
        return True
    bare = Sample(filepath="bare")
    return dataset.resolve_transformation(bare, points_slice, WORLD) is not None


def per_sample_fields(dataset: Dataset) -> list[str]:
    """The fields in which samples carry intrinsics or transforms of their own."""
    names = []
    for name, field in dataset.get_field_schema().items():
        kind = field.field if isinstance(field, fof.ListField) else field
        document = getattr(kind, "document_type", None)
        if document is not None and issubclass(document, _PER_SAMPLE):
            names.append(name)
    return names


def assumes_world(dataset: Dataset, points_slice: str) -> bool:
    """Whether nothing says which frame the points of a slice are in.

    Args:
        dataset: a grouped dataset
        points_slice: the slice of the points
    """
    keys = [key.split("::") for key in dataset.static_transforms or {}]
    return not per_sample_fields(dataset) and all(points_slice not in key for key in keys)


def calibrated(dataset: Dataset, slices: Sequence[str]) -> list[str]:
    """Those of some slices that have camera intrinsics.

    Args:
        dataset: a grouped dataset
        slices: the names of slices
    """
    if per_sample_fields(dataset):
        return list(slices)
    known = dataset.camera_intrinsics or {}
    return [name for name in slices if name in known]


def _size_of(filepath: str) -> tuple[int, int]:
    with Image.open(filepath) as image:  # reads the header alone
        return image.size
