"""Which media a dataset holds, and what models can label: images and 3D scenes, also in slices."""

import contextlib
from collections.abc import Collection, Iterator, Sequence

import fiftyone.core.media as fom
from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset
from pymongo.errors import ConnectionFailure

from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Task
from auto_labeling.storage import samples

_KINDS = {
    fom.IMAGE: "images",
    fom.VIDEO: "videos",
    fom.POINT_CLOUD: "point clouds",
    fom.THREE_D: "3D scenes",
    fom.MULTIMODAL: "multimodal recordings",
    fom.UNKNOWN: "files of a type unknown to FiftyOne",
}
_REMEDIES = {
    fom.VIDEO: (
        "Label its frames instead: "
        '`dataset.to_frames(sample_frames=True).clone("frames", persistent=True)` '
        "makes a dataset of images"
    ),
    fom.IMAGE: "Choose another task",
    fom.POINT_CLOUD: "Choose 3D detection; you can also analyze and approve its existing 3D labels",
    fom.THREE_D: "Choose 3D detection; you can also analyze and approve its existing 3D labels",
    fom.MULTIMODAL: "Create a dataset from its images, and label that",
    fom.UNKNOWN: "Give the files an image extension, such as .jpg, and add them again. For point "
    "clouds (.las, .bin), `auto-labeling convert --dataset` writes .pcd files beside them, and "
    "shows these",
}

#: The media that a task labels: of 3D tasks, and of others.
_LABELED = {True: (fom.POINT_CLOUD, fom.THREE_D), False: (fom.IMAGE,)}
_NOUNS = {True: "point clouds and 3D scenes", False: "images"}


def tasks(dataset: Dataset) -> list[Task]:
    """The tasks for which labels can be generated for a dataset.

    A dataset without samples has no media type yet; images may follow.
    """
    kinds = set(_kinds(dataset)) or {fom.IMAGE}
    return [task for task in Task if not kinds.isdisjoint(_LABELED[task.is_3d])]


def refusal(dataset: Dataset, task: Task | None = None) -> str:
    """Why labels cannot be generated for a dataset.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        task (None): the task; by default, any

    Returns:
        a sentence without its end; empty if they can
    """
    possible, kind = tasks(dataset), dataset.media_type
    if possible if task is None else task in possible:
        return ""
    nouns = _NOUNS[task.is_3d] if task else "images and point clouds"
    what = f"{task.label} labels {nouns}" if task else f"Models label {nouns}"
    if kind == fom.GROUP:
        none = "images" if task and not task.is_3d else "point clouds" if task else nouns
        return f"None of the group slices holds {none.replace(' and ', ' or ')}, and {_lower(what)}"
    return f"{what}, and this dataset holds {_KINDS.get(kind, kind)}"


def _lower(sentence: str) -> str:
    return sentence if sentence[:1].isdigit() else sentence[:1].lower() + sentence[1:]


def _kinds(dataset: Dataset) -> list[str]:
    """The media types of a dataset or, if it is grouped, of its slices."""
    if dataset.media_type == fom.GROUP:
        return list(dataset.group_media_types.values())
    return [dataset.media_type] if dataset.media_type else []


def remedy(dataset: Dataset) -> str:
    """What would work with a dataset for which labels cannot be generated."""
    return next((_REMEDIES[kind] for kind in _kinds(dataset) if kind in _REMEDIES), "")


def can_be_reviewed(dataset: Dataset) -> bool:
    """Whether existing labels of a dataset can be analyzed."""
    return dataset.media_type not in (fom.VIDEO, fom.MULTIMODAL)


@contextlib.contextmanager
def reading(subject: str = "The view") -> Iterator[None]:
    """Takes what goes wrong while FiftyOne makes or reads a view for a fault of the view.

    Args:
        subject ("The view"): what is read, as a sentence begins with it

    Raises:
        AutoLabelingError: with FiftyOne's reason: usually the view names a field that is gone
    """
    try:
        yield
    except (AutoLabelingError, ConnectionFailure):
        raise
    except Exception as error:
        message = str(error).strip().partition("\n")[0] or type(error).__name__
        raise AutoLabelingError(
            f"{subject} can no longer be read: {message}. Create it again, or delete it"
        ) from error


def slices(dataset: Dataset, task: Task | None = None) -> dict[str, str]:
    """The slices of a grouped dataset, each with why it cannot be labeled, or "".

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`; without groups it has no slices
        task (None): the task; by default, one for images

    Returns:
        a dict from slice to the reason
    """
    if dataset.media_type != fom.GROUP:
        return {}
    labeled = _LABELED[task is not None and task.is_3d]
    return {
        name: "" if kind in labeled else f"It holds {_KINDS.get(kind, kind)}"
        for name, kind in dataset.group_media_types.items()
    }


def slices_to_label(dataset: Dataset, task: Task | None = None) -> list[str]:
    """The slices of a grouped dataset that models of a task can label.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        task (None): the task; by default, one for images
    """
    return [name for name, reason in slices(dataset, task).items() if not reason]


def labeled_slices(dataset: Dataset, field: str) -> dict[str, str]:
    """The slices of a grouped dataset that hold labels, each with its media type; images first.

    Args:
        dataset: a dataset; without groups it has no slices
        field: the label field
    """
    if dataset.media_type != fom.GROUP:
        return {}
    kinds = sorted(dataset.group_media_types.items(), key=lambda kind: kind[1] != fom.IMAGE)
    return {name: kind for name, kind in kinds if samples.is_in_slice(dataset, name, field)}


def count(dataset: Dataset, names: Collection[str] = (), task: Task | None = None) -> int:
    """Counts the samples of a dataset that can be labeled; of a grouped one, in some slices.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        names (()): slices; by default, all that the task labels
        task (None): the task; by default, one for images

    Returns:
        the number of samples
    """
    if dataset.media_type != fom.GROUP:
        return len(dataset)
    return samples.count_in_slices(dataset, names or slices_to_label(dataset, task))


def count_known(dataset: Dataset, sample_ids: Sequence[str]) -> int:
    """Counts the ids that samples of a dataset have.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        sample_ids: the ids, each given once

    Returns:
        the number of samples
    """
    return len(sample_ids) - len(samples.unknown(dataset, sample_ids))


def target_ids(
    dataset: Dataset,
    view: SampleCollection,
    names: Collection[str] = (),
    limit: int | None = None,
    task: Task | None = None,
) -> list[str]:
    """Reads the ids of the samples that a view stands for as the target of a run.

    A view of groups stands for the samples of its groups in the chosen slices. A view of dynamic
    groups stands for all samples of its groups, and one of patches for the samples they are cut
    from.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        view: a view on it
        names (()): slices of a grouped dataset; by default, all that the task labels
        limit (None): the maximum number of ids
        task (None): the task; by default, one for images

    Returns:
        the ids, each once
    """
    if view.media_type == fom.GROUP and dataset.media_type == fom.GROUP:
        groups = view.limit(limit) if limit else view
        ids = groups.values(f"{dataset.group_field}.id")
        return samples.of_groups(dataset, ids, names or slices_to_label(dataset, task))[:limit]
    if view._is_dynamic_groups:
        view = view.flatten()
    view = view.limit(limit) if limit else view
    # In a view of patches, frames or clips the ids are not those of samples.
    generated = view._dataset is not dataset and view.has_field("sample_id")
    ids = list(dict.fromkeys(view.values("sample_id" if generated else "id")))
    if dataset.media_type == fom.GROUP and names:
        outside = set(samples.outside_slices(dataset, ids, names))
        ids = [sample_id for sample_id in ids if sample_id not in outside]
    return ids


def target_count(
    dataset: Dataset,
    view: SampleCollection,
    names: Collection[str] = (),
    task: Task | None = None,
) -> int:
    """Counts the ids that :func:`target_ids` gives, without reading them where possible.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        view: a view on it
        names (()): slices of a grouped dataset; by default, all that the task labels
        task (None): the task; by default, one for images

    Returns:
        the number of samples
    """
    if dataset.media_type == fom.GROUP or view._dataset is not dataset or view._is_dynamic_groups:
        return len(target_ids(dataset, view, names, task=task))
    return len(view)


def meaning(
    view: SampleCollection,
    samples: int,
    task: Task | None = None,
    names: Collection[str] = (),
) -> str:
    """Explains what a view stands for as the target of a run, if that is not its own samples.

    Args:
        view: a view of a dataset
        samples: how many samples it stands for
        task (None): the task
        names (()): slices of a grouped dataset; by default, all that the task labels

    Returns:
        a sentence or two; empty where the samples of the view are labeled
    """
    if view._dataset is not view._root_dataset and view.has_field("sample_id"):
        return _of_generated(view, samples, task)
    sentence = f"The run labels {text.count(samples, 'sample')}"
    groups = text.count(len(view), "group") if view.media_type == fom.GROUP else ""
    if view._is_dynamic_groups:
        return f"{sentence}: all in the {groups} of the view"
    if groups:
        slices_of = ", ".join(names or slices_to_label(view._root_dataset, task))
        return f"{sentence}: those in {slices_of} of the {groups} of the view"
    return ""


def _of_generated(view: SampleCollection, samples: int, task: Task | None) -> str:
    kind = "patch" if view._is_patches else "clip" if view._is_clips else "frame"
    number = len(view)
    noun = {"patch": "patches"}.get(kind, f"{kind}s") if number != 1 else kind
    one_each = ", each with one label" if task is Task.CLASSIFICATION else ""
    sentence = (
        f"The view shows {number:,} {noun}; the run labels the "
        f"{text.count(samples, 'whole image')} they come from{one_each}"
    )
    if not view._is_patches:
        return sentence
    field = getattr(getattr(view, "_patches_stage", None), "field", None) or "FIELD"
    folder = "dataset_type=fo.types.ImageClassificationDirectoryTree"
    return (
        f"{sentence}. To label each patch by itself, export the patches as images and label those: "
        f'`view.export(export_dir="patches", {folder}, label_field="{field}")`, then '
        f'`fo.Dataset.from_dir("patches", {folder})`'
    )


def slice_problem(dataset: Dataset, names: Collection[str], task: Task | None = None) -> str:
    """Explains what is wrong with a choice of slices.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        names: the chosen slices
        task (None): the task; by default, one for images

    Returns:
        a sentence; empty if nothing is wrong
    """
    known = slices(dataset, task)
    if names and not known:
        return "This dataset is not grouped, so it has no slices to choose"
    unknown = [name for name in names if name not in known]
    if unknown:
        return f"There is no slice '{unknown[0]}'"
    wrong = [name for name in names if known[name]]
    return f"The slice '{wrong[0]}' cannot be labeled: {known[wrong[0]]}" if wrong else ""
