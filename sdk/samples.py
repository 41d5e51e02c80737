"""The samples that a script selects."""

from collections.abc import Iterable, Mapping
from typing import Any

from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset

from auto_labeling.app import answers
from auto_labeling.app.targets import slices_of
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import Target
from auto_labeling.lifecycle import media


def dataset_of(samples: SampleCollection) -> Dataset:
    """Returns a dataset itself, or the dataset of a view.

    Raises:
        AutoLabelingError: if it is neither
    """
    if not isinstance(samples, SampleCollection):
        raise AutoLabelingError(
            f"This needs a FiftyOne dataset or view, not {type(samples).__name__}"
        )
    return samples._root_dataset


def targets(
    samples: SampleCollection,
    sample_ids: Iterable[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> tuple[Target, list[str] | None]:
    """Returns the target of a new run, and its sample IDs; None for the whole dataset.

    Args:
        samples: a dataset or a view, of samples or of labels as patches
        sample_ids (None): IDs, instead of all of ``samples``
        settings (None): fields of ``RunConfig``, of which the task and the group slices count

    Raises:
        ConfigError: if ``sample_ids`` is a single string
        AutoLabelingError: if ``samples`` is neither a dataset nor a view
    """
    dataset_of(samples)
    if sample_ids is not None:
        if isinstance(sample_ids, str):
            raise ConfigError({"target": "sample_ids must be a list of IDs, not a single string"})
        return Target.IDS, list(sample_ids)
    if isinstance(samples, Dataset):
        return Target.ALL, None
    return Target.VIEW, ids_in(samples, settings or {})


def ids_in(samples: SampleCollection, settings: Mapping[str, Any]) -> list[str]:
    """Returns the IDs of the samples in a view, each once.

    Args:
        samples: a view. For patches, the samples that contain them
        settings: fields of ``RunConfig``, of which the task and the group slices count
    """
    task, slices = answers.task_of(settings), slices_of(settings)
    with media.reading():
        return media.target_ids(samples._root_dataset, samples, slices, task=task)


def refuse_forgotten(target: Target, configured: object) -> None:
    """Refuses to label a whole dataset if the configuration is for a part of it.

    Args:
        target: the target of the new run
        configured: the target in the configuration; may be anything

    Raises:
        ConfigError: if ``configured`` is a part of a dataset and ``target`` is the whole
    """
    if target is Target.ALL and configured in (*_PARTS, *(part.value for part in _PARTS)):
        part = Target(configured)
        raise ConfigError(
            {
                "target": f"This configuration is for the {part.label.lower()}. Choose the "
                "samples: a view, sample IDs, or target 'all'"
            }
        )


_PARTS = (Target.VIEW, Target.SELECTION, Target.IDS)
