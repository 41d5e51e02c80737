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
    """Explains what is assumed about the axes of the points, and what the App cannot show.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration

    Returns:
        sentences; none if all is known
    """
    if not config.task.is_3d or dataset.media_type != fom.GROUP:
        return []
    sentences = [
        f"The App's 3D viewer cannot open the slice '{name}': no transform leads from it to "
        f"'{calibrations.WORLD}'. Set dataset.static_transforms['{name}::{calibrations.WORLD}']"
        for name in _targets(dataset, config)
        if dataset.group_media_types.get(name) == fom.POINT_CLOUD
        and not calibrations.opens_in_viewer(dataset, name)
    ]
    if not config.reference_frame and (name := unknown_frame(dataset, config)):
        known = [frame for frame in frames(dataset, config) if frame != calibrations.WORLD]
        others = text.some([f"'{frame}'" for frame in known])
        sentences.append(
            f"The reference frame of the points of '{name}' is not set; "
            f"'{calibrations.WORLD}' is assumed. If it is another one, set reference_frame"
            + (f" ({others})" if others else "")
        )
    return sentences


def unknown_frame(dataset: Dataset, config: RunConfig) -> str:
    """The slice whose points have unknown axes, so that a person must say which; "" if none.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration, whose own answer does not count
    """
    if not config.method.lifts or dataset.media_type != fom.GROUP:
        return ""
    unknown = (n for n in _targets(dataset, config) if calibrations.assumes_world(dataset, n))
    return next(unknown, "")


def frames(dataset: Dataset, config: RunConfig) -> list[str]:
    """The frames that the points can be in, by the transforms of the cameras.

    Args:
        dataset: a grouped :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration
    """
    return calibrations.frames(dataset, camera_views.slices_of(dataset, config))


def _targets(dataset: Dataset, config: RunConfig) -> list[str]:
    return list(config.group_slices) or media.slices_to_label(dataset, config.task)


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
    targets = _targets(dataset, config)
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
