"""What runs that lift 2D labels need of a dataset: groups, cameras and their calibration."""

from collections.abc import Collection, Sequence

import fiftyone.core.media as fom
from fiftyone.core.dataset import Dataset

from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunConfig
from auto_labeling.engine import calibrations, camera_views
from auto_labeling.lifecycle import media
from auto_labeling.storage import group_members, samples

#: The settings that only these runs have.
SETTINGS = ("camera_slices", "box_sizes", "reference_frame")

#: Groups in which a calibration is looked up before a run starts.
_LOOKED_UP = 200


def problems(dataset: Dataset, config: RunConfig, skip: Collection[str] = ()) -> dict[str, str]:
    """Judges what a run asks of the cameras of a dataset.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration
        skip (()): the fields that are wrong in themselves

    Returns:
        a dict from field name to a sentence about the problem
    """
    if not config.method.lifts:
        unused = [name for name in SETTINGS if name not in skip and getattr(config, name)]
        return dict.fromkeys(unused, "Only runs that lift 2D labels have this")
    if dataset.media_type != fom.GROUP:
        return {
            "method": "Lifting needs a grouped dataset: a slice with point clouds, and slices with "
            "images of calibrated cameras"
        }
    if "camera_slices" in skip:
        return {}
    if problem := _slice_problem(dataset, config.camera_slices):
        return {"camera_slices": problem}
    slices = camera_views.slices_of(dataset, config)
    if not slices:
        images = text.some(camera_views.image_slices(dataset)) or "NAME"
        return {
            "camera_slices": "No image slice has camera intrinsics: set "
            f"dataset.camera_intrinsics for {images}"
        }
    return _calibration_problems(dataset, config, slices)


def warnings(dataset: Dataset, config: RunConfig) -> list[str]:
    """Explains what is assumed about the axes of the points.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration

    Returns:
        sentences; none if the frame is known
    """
    if not config.method.lifts or config.reference_frame or dataset.media_type != fom.GROUP:
        return []
    unknown = [
        name
        for name in config.group_slices or media.slices_to_label(dataset, config.task)
        if calibrations.assumes_world(dataset, name)
    ]
    if not unknown:
        return []
    return [
        f"The reference frame of the points of '{unknown[0]}' is not set; "
        f"'{calibrations.WORLD}' is assumed. If it is another one, set reference_frame"
    ]


def _slice_problem(dataset: Dataset, names: Sequence[str]) -> str:
    kinds = dataset.group_media_types
    unknown = [name for name in names if name not in kinds]
    if unknown:
        return f"There is no slice '{unknown[0]}'"
    wrong = [name for name in names if kinds[name] != fom.IMAGE]
    return f"The slice '{wrong[0]}' holds no images" if wrong else ""


def _calibration_problems(
    dataset: Dataset, config: RunConfig, slices: Sequence[str]
) -> dict[str, str]:
    """Looks up the calibration of each camera once, in one of the first groups that have it."""
    targets = list(config.group_slices) or media.slices_to_label(dataset, config.task)
    ids = samples.in_slices(dataset, targets)[:_LOOKED_UP] if targets else []
    found = calibrations.Calibrations(dataset, config.reference_frame)
    left = set(slices)
    for sample_id, (own, members) in group_members.beside(dataset, ids, slices).items():
        for member in members:
            if member.slice not in left:
                continue
            left.discard(member.slice)
            try:
                found.camera(member, sample_id, own)
            except calibrations.NoTransform as error:
                return {"reference_frame": str(error)}
            except AutoLabelingError as error:
                return {"camera_slices": str(error)}
            except OSError as error:
                return {"camera_slices": f"{member.filepath} cannot be read: {error}"}
    return {}
