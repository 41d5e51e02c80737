"""The mask files of a run on disk, once its labels are approved."""

import logging
from pathlib import Path

from bson import ObjectId

from auto_labeling.run import Run

logger = logging.getLogger(__name__)


def remove_unused(dataset, run: Run):
    """Removes the mask files of labels that are not in the label field.

    Only files in the run's own folder are looked at. It can be called again after a crash. A file
    that cannot be removed is left, and said in the log: it is no reason not to approve.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run whose promoted labels are all in the label field
    """
    folder = Path(run.mask_folder) if run.mask_folder else None
    if folder is None or not folder.is_dir():
        return
    for shard in sorted(folder.iterdir()):
        try:
            _clean(dataset, run, shard)
        except OSError as error:
            logger.warning("Some masks of '%s' could not be removed: %s", run.name, error)


def _clean(dataset, run, shard):
    files = {}
    for path in shard.iterdir():
        sample_id = path.name.partition("-")[0]
        if ObjectId.is_valid(sample_id):
            files[str(path)] = ObjectId(sample_id)
    used = _used(dataset, run, set(files.values()))
    for path in files.keys() - used:
        Path(path).unlink(missing_ok=True)
    if not any(shard.iterdir()):
        shard.rmdir()


def _used(dataset, run, sample_ids) -> set:
    field = run.config.label_field
    path = f"{field}.detections.mask_path"
    found = dataset._sample_collection.find({"_id": {"$in": list(sample_ids)}}, {path: 1})
    labels = (label for d in found for label in (d.get(field) or {}).get("detections", ()))
    return {label["mask_path"] for label in labels if label.get("mask_path")}
