"""Whether a dataset is persistent, which a queued run needs."""

from auto_labeling.core.errors import ConfigError

NOT_PERSISTENT = (
    "This dataset is not persistent: FiftyOne deletes it, and the run with it, when the session "
    "that created it ends. Make it persistent first (`dataset.persistent = True`)"
)


def is_persistent(dataset) -> bool:
    """Whether the dataset is persistent, as the database has it."""
    document = dataset._doc
    found = document._get_collection().find_one({"_id": document.id}, {"persistent": 1})
    return bool((found or {}).get("persistent"))


def require(dataset, persist: bool = False):
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
