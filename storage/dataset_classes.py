"""The classes that a dataset knows: from the labels in its fields, and its own lists."""

from collections import OrderedDict

import fiftyone.core.fields as fof
import fiftyone.core.labels as fol
from fiftyone.core.dataset import Dataset
from pymongo.errors import ExecutionTimeout, OperationFailure

from auto_labeling.core.names import STAGING_SUFFIX
from auto_labeling.storage import write_stamp

#: What stands for a dataset's own list of classes among the names of its fields.
DEFAULT = "default classes"

_TIMEOUT_MS = 3000
_MAX_REMEMBERED = 64
_remembered: OrderedDict[tuple[str, str], tuple[write_stamp.Stamp | None, tuple[str, ...]]] = (
    OrderedDict()
)


def class_sources(dataset: Dataset) -> list[str]:
    """Where classes can be taken from: label fields, and :data:`DEFAULT` if there are some."""
    names = [DEFAULT] if dataset.default_classes else []
    for name, field in dataset.get_field_schema(ftype=fof.EmbeddedDocumentField).items():
        are_labels = issubclass(field.document_type, fol.Label) and not name.endswith(
            STAGING_SUFFIX
        )
        if are_labels and _path(name, field.document_type):
            names.append(name)
    return names


def classes_of(dataset: Dataset, name: str) -> tuple[str, ...] | None:
    """Reads the classes of one of :func:`class_sources`.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: a field of labels, or :data:`DEFAULT`

    Returns:
        the classes; None if there are too many labels to find out
    """
    if name == DEFAULT:
        return tuple(dict.fromkeys(str(label) for label in dataset.default_classes))
    return of_field(dataset, name)


def of_field(dataset: Dataset, name: str) -> tuple[str, ...] | None:
    """The classes of the labels in a field, sorted. Kept until something is written to samples.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: a field of labels

    Returns:
        the classes; None if there are too many labels to find out in a few seconds
    """
    field = dataset.get_field(name)
    path = _path(name, getattr(field, "document_type", None))
    if not path:
        return None
    key, stamp = (dataset._sample_collection_name, path), write_stamp.stamp(dataset)
    if stamp is not None and key in _remembered and _remembered[key][0] == stamp:
        return _remembered[key][1]
    try:
        labels = dataset._sample_collection.distinct(path, maxTimeMS=_TIMEOUT_MS)
    except (ExecutionTimeout, OperationFailure):  # or more of them than fit into an answer
        return None
    classes = tuple(sorted(label for label in labels if isinstance(label, str) and label.strip()))
    _remembered[key] = (stamp, classes)
    _remembered.move_to_end(key)
    while len(_remembered) > _MAX_REMEMBERED:
        _remembered.popitem(last=False)
    return classes


def _path(name: str, kind: type | None) -> str:
    """The path of the classes of a kind of label; empty if it has none."""
    if kind is None or not issubclass(kind, fol.Label):
        return ""
    if "label" in kind._fields:
        return f"{name}.label"
    root = getattr(kind, "_LABEL_LIST_FIELD", None)
    return f"{name}.{root}.label" if root else ""
