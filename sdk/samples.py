"""Which samples a script means."""

from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import Target
from auto_labeling.lifecycle import media


def dataset_of(samples):
    """The dataset that a dataset or view is of.

    Raises:
        AutoLabelingError: if it is neither
    """
    if not isinstance(samples, SampleCollection):
        raise AutoLabelingError(
            f"A FiftyOne dataset or view is needed, not {type(samples).__name__}"
        )
    return samples._root_dataset


def targets(samples, sample_ids=None, slices=()) -> tuple[Target, list | None]:
    """What the samples of a new run are called, and their ids; None for all of the dataset.

    Args:
        samples: a dataset or a view, of samples or of labels as patches
        sample_ids (None): ids, in place of all of ``samples``
        slices (()): the slices of a grouped dataset
    """
    dataset_of(samples)
    if sample_ids is not None:
        if isinstance(sample_ids, str):
            raise ConfigError({"target": "sample_ids are a list of IDs, not one text"})
        return Target.IDS, list(sample_ids)
    if isinstance(samples, Dataset):
        return Target.ALL, None
    return Target.VIEW, ids_in(samples, slices)


def ids_in(samples, slices=()) -> list[str]:
    """The ids of the samples of a view, each once; of patches, those that they are of."""
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
                "target": f"This configuration is for the {asked.label.lower()}. Say which samples "
                "that is now: a view, sample ids, or target 'all'"
            }
        )


_PARTS = (Target.VIEW, Target.SELECTION, Target.IDS)
