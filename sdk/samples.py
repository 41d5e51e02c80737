"""Which samples a script selects."""

from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import Target
from auto_labeling.lifecycle import media


def dataset_of(samples):
    """The dataset itself, or that of a view.

    Raises:
        AutoLabelingError: if it is neither
    """
    if not isinstance(samples, SampleCollection):
        raise AutoLabelingError(
            f"This needs a FiftyOne dataset or view, not {type(samples).__name__}"
        )
    return samples._root_dataset


def targets(samples, sample_ids=None, slices=()) -> tuple[Target, list | None]:
    """The target of a new run, and its sample IDs; None for the whole dataset.

    Args:
        samples: a dataset or a view, of samples or of labels as patches
        sample_ids (None): IDs, instead of all of ``samples``
        slices (()): the slices of a grouped dataset
    """
    dataset_of(samples)
    if sample_ids is not None:
        if isinstance(sample_ids, str):
            raise ConfigError({"target": "sample_ids must be a list of IDs, not a single string"})
        return Target.IDS, list(sample_ids)
    if isinstance(samples, Dataset):
        return Target.ALL, None
    return Target.VIEW, ids_in(samples, slices)


def ids_in(samples, slices=()) -> list[str]:
    """The IDs of the samples in a view, each once; for patches, the samples that contain them."""
    with media.reading():
        return media.target_ids(samples._root_dataset, samples, slices)


def refuse_forgotten(target: Target, asked) -> None:
    """Refuses to label a whole dataset where the configuration speaks of a part of it.

    Raises:
        ConfigError: if ``asked``, of a configuration, narrows and ``target`` does not
    """
    if target is Target.ALL and asked in (*_PARTS, *(part.value for part in _PARTS)):
        asked = Target(asked)
        raise ConfigError(
            {
                "target": f"This configuration is for the {asked.label.lower()}. Choose the "
                "samples: a view, sample IDs, or target 'all'"
            }
        )


_PARTS = (Target.VIEW, Target.SELECTION, Target.IDS)
