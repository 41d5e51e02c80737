"""Thresholds: a minimum confidence for each class, saved with the run."""

from collections.abc import Mapping

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.run import Run
from auto_labeling.review.acting import in_review
from auto_labeling.storage.runs import RunStore

#: Classes that can have a threshold.
MAX_CLASSES = 5_000


def save(dataset: Dataset, run_id: str, minimums: Mapping[str, float | None]) -> Run:
    """Sets the thresholds of some classes of a run; those of others stay.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        minimums: a dict from class to its minimum confidence, from 0 to 1; None removes it

    Returns:
        the run as stored

    Raises:
        ConfigError: with a sentence for each wrong threshold
        IllegalTransition: if the run is not in review
    """
    if not isinstance(minimums, Mapping):
        raise ConfigError({"thresholds": "Must be a mapping from class to minimum confidence"})
    if len(minimums) > MAX_CLASSES:
        raise ConfigError({"thresholds": f"At most {MAX_CLASSES:,} classes can have a threshold"})
    wrong = {
        f"thresholds: {name}": f"A threshold must be a number from 0 to 1, not {least!r}"
        for name, least in minimums.items()
        if not isinstance(name, str) or not _is_threshold(least)
    }
    if wrong:
        raise ConfigError(wrong)
    run = in_review(dataset, run_id)
    changed = {**dict(run.thresholds), **minimums}
    # Pairs: as keys, the database would refuse the names of some classes.
    kept = tuple((n, float(least)) for n, least in sorted(changed.items()) if least is not None)
    return RunStore(dataset).amend(run_id, thresholds=kept) if kept != run.thresholds else run


def of(run: Run) -> dict[str, float]:
    """Returns the thresholds of a run, to choose the labels above them.

    Raises:
        AutoLabelingError: if it has none
    """
    if not run.thresholds:
        raise AutoLabelingError(f"'{run.name}' has no thresholds; set some first")
    return dict(run.thresholds)


def _is_threshold(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value is None or (is_number and 0 <= value <= 1)  # type: ignore[operator]
