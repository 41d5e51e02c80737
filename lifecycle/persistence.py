"""Whether a dataset is persistent, which a queued run needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auto_labeling.core.errors import ConfigError

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.dataset import Dataset

NOT_PERSISTENT = (
    "This dataset is not persistent: FiftyOne deletes it, and the run with it, when the session "
    "that created it ends. Make it persistent first (`dataset.persistent = True`)"
)


def is_persistent(dataset: Dataset) -> bool:
    """Whether the dataset is persistent, as the database has it."""
    document = dataset._doc
    stored = document._get_collection().find_one({"_id": document.id}, {"persistent": 1})
    return bool((stored or {}).get("persistent"))


def require(dataset: Dataset, persist: bool = False) -> None:
    """Refuses a dataset that may be gone before a worker comes.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        persist (False): whether to make it persistent instead

    Raises:
        ConfigError: if it is not persistent
    """
    if is_persistent(dataset):
        return
    if not persist:
        raise ConfigError({"target": NOT_PERSISTENT})
    dataset.persistent = True
