"""The mask files of a run on disk, and which labels in this database still use them.

A person may have cloned the dataset, copied or renamed the field: files that any label names, in
any field of any dataset, are kept. Where that cannot be found out in time, all are kept,
and a note of the folder stays for the doctor.
"""

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import fiftyone.core.odm as foo
import pymongo
from bson import ObjectId
from fiftyone.core.dataset import Dataset
from pymongo.errors import PyMongoError

from auto_labeling.core.names import UNFINISHED_MASKS
from auto_labeling.core.run import Run, RunState
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.runs import RunStore

logger = logging.getLogger(__name__)

#: Seconds in which it must be known which files labels name; else all files are kept.
TIMEOUT_SECONDS = 10

_DETECTIONS, _DETECTION = "Detections", "Detection"


def remove_unused(dataset: Dataset, run: Run, timeout: float = TIMEOUT_SECONDS) -> int:
    """Removes the mask files of a run that no label of this database names.

    Only files in the run's own folder are looked at. It can be called again after a crash. A file
    that cannot be removed is left, and said in the log.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run whose labels are where they end: in the label field, or deleted
        timeout (TIMEOUT_SECONDS): seconds in which it must be known which files are named

    Returns:
        the number of files that are left
    """
    folder = Path(run.mask_folder) if run.mask_folder else None
    if folder is None or not folder.is_dir():
        return 0
    store = RunStore(dataset)
    store.keep_masks(run)  # first, so that a crash leaves a note
    try:
        referenced = _referenced(folder, timeout)
    except PyMongoError as error:
        message = "All mask files of '%s' were kept: it is unknown which of them labels use (%s)"
        logger.warning(message, run.name, error)
        return len(files(folder))
    left = remove(folder, referenced)
    if not left or run.state is RunState.APPROVING:  # an approved run is on record itself
        store.forget_masks(run.id)
    return left


def unreferenced(folder: Path, timeout: float) -> list[str]:
    """Lists the mask files in a run's folder that no label of this database names.

    Args:
        folder: the run's own folder
        timeout: seconds in which it must be known which files are named

    Returns:
        their paths

    Raises:
        PyMongoError: if it is not known in time
    """
    referenced = _referenced(folder, timeout)
    return [path for path in files(folder) if path_key(path) not in referenced]


def remove_unreferenced(folder: Path, timeout: float) -> None:
    """Removes what :func:`unreferenced` lists.

    Args:
        folder: the run's own folder
        timeout: as for :func:`unreferenced`

    Raises:
        PyMongoError: if it is not known in time which files are named
    """
    remove(folder, _referenced(folder, timeout))


def remove(folder: Path, referenced: set[tuple[str, str]]) -> int:
    """Removes the mask files in a run's folder, except those that are referenced.

    Args:
        folder: the run's own folder
        referenced: the files to keep, as :func:`path_key` gives them

    Returns:
        the number of files that are left
    """
    for path in files(folder):
        if path_key(path) not in referenced:
            try:
                os.unlink(path)
            except OSError as error:
                logger.warning("Could not remove a mask file: %s", error)
    # What a killed worker has left of files that were not whole yet.
    shutil.rmtree(folder / UNFINISHED_MASKS, ignore_errors=True)
    with contextlib.suppress(OSError):
        for part in (*folder.iterdir(), folder):
            with contextlib.suppress(OSError):  # one that still holds something stays
                part.rmdir()
    return len(files(folder))


def files(folder: Path) -> list[str]:
    """The mask files of a run in its folder; others are not looked at."""
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]
    return [path for path in paths if ObjectId.is_valid(os.path.basename(path).partition("-")[0])]


def path_key(path: str) -> tuple[str, str]:
    """The end of a file's path, which is the same if the folder has another name elsewhere."""
    head, name = os.path.split(path)
    return os.path.basename(head), name


def _referenced(folder: Path, timeout: float) -> set[tuple[str, str]]:
    """The files in a run's folder that labels of this database name.

    Raises:
        PyMongoError: if that cannot be found out in time
    """
    # The folder's own name is the run's id, which no other folder has.
    pattern = {"$regex": rf"[\\/]{re.escape(folder.name)}[\\/]"}
    database = foo.get_db_conn()
    keys: set[tuple[str, str]] = set()
    with pymongo.timeout(timeout):
        fields = {"sample_fields": 1, "sample_collection_name": 1}
        for document in database.datasets.find({}, fields):
            name = document.get("sample_collection_name") or ""
            if not name.startswith("samples."):  # a view of patches, which is made again
                continue
            for path in _mask_paths(document.get("sample_fields") or ()):
                paths = database[name].aggregate(_paths_pipeline(path, pattern))
                keys.update(path_key(d["_id"]) for d in paths)
    return keys


def _mask_paths(declared: Iterable[Document]) -> Iterator[str]:
    """The paths at which a stored schema declares files of instance masks."""
    for field in declared:
        kind = (field.get("embedded_doc_type") or "").rpartition(".")[2]
        if kind == _DETECTIONS:
            yield f"{field['name']}.detections.mask_path"
        elif kind == _DETECTION:
            yield f"{field['name']}.mask_path"


def _paths_pipeline(path: str, pattern: Document) -> list[Document]:
    many = ".detections." in path
    unwind = [{"$unwind": f"${path.rpartition('.')[0]}"}] if many else []
    match: Document = {"$match": {path: pattern}}
    return [match, {"$project": {path: 1}}, *unwind, match, {"$group": {"_id": f"${path}"}}]
