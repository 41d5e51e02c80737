"""Changes a dataset's list of fields, one atomic update at a time.

FiftyOne changes the list by reading it, adding to it and writing all of it: of two processes that
do so in the same instant, one loses its field, and a sample that holds a field which the list lacks
makes the whole dataset unreadable. What is here adds to the list and takes from it in the database,
so that nothing of others is written. What is stored is exactly what FiftyOne would store.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo
from fiftyone.core.dataset import Dataset
from fiftyone.core.odm.dataset import SampleFieldDocument
from fiftyone.core.odm.utils import create_field, get_field_kwargs
from mongoengine.errors import FieldDoesNotExist

from auto_labeling.storage.mongo import STAMP, Document


def declare(
    dataset: Dataset, name: str, kind: type[fo.Label], description: str, info: dict[str, Any]
) -> None:
    """Declares a field of labels. One that is declared already stays unchanged.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name
        kind: a subclass of :class:`fiftyone.core.labels.Label`
        description: what the field's name is explained by in the App
        info: further facts about it
    """
    field = create_field(
        name,
        fo.EmbeddedDocumentField,
        embedded_doc_type=kind,
        description=description,
        info=info,
    )
    _update(
        dataset,
        {"$push": {"sample_fields": _document(field)}},
        {"sample_fields.name": {"$ne": name}},
    )
    reload(dataset)


def declare_attributes(dataset: Dataset, name: str, fields: Mapping[str, fo.Field]) -> None:
    """Declares attributes of a field's labels. Those that are declared already stay unchanged.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the name of a declared field of labels
        fields: a dict from an attribute's name to a :class:`fiftyone.core.fields.Field`
    """
    many = issubclass(dataset.get_field(name).document_type, fo.Detections)
    for attribute, field in fields.items():
        document = _document(create_field(attribute, **get_field_kwargs(field)))
        lacks = {"label.fields.name": {"$ne": attribute}}
        if many:
            target = "sample_fields.$[field].fields.$[label].fields"
            filters: list[Document] = [
                {"field.name": name},
                {"label.name": "detections", **lacks},
            ]
        else:
            target = "sample_fields.$[label].fields"
            filters = [{"label.name": name, **lacks}]
        _update(dataset, {"$push": {target: document}}, array_filters=filters)
    reload(dataset)


def undeclare_attribute(dataset: Dataset, name: str, attribute: str) -> None:
    """Takes an attribute of a field's labels out of the schema, without touching any sample.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the name of a declared field of labels
        attribute: the attribute's name
    """
    of_field, without = {"field.name": name}, {"name": attribute}
    _update(
        dataset,
        {"$pull": {"sample_fields.$[field].fields.$[label].fields": without}},
        array_filters=[of_field, {"label.name": "detections", "label.fields": _ARRAY}],
    )
    _update(
        dataset,
        {"$pull": {"sample_fields.$[field].fields": without}},
        array_filters=[{**of_field, "field.fields": _ARRAY}],
    )
    reload(dataset)


def remove_info(dataset: Dataset, name: str, key: str) -> None:
    """Takes a key out of what a field says of itself, and with it a description that we gave it.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name
        key: a key of the field's ``info``
    """
    with_key = {"field.name": name, f"field.info.{key}": {"$exists": True}}
    _update(
        dataset,
        {
            "$unset": {
                f"sample_fields.$[field].info.{key}": "",
                "sample_fields.$[field].description": "",
            }
        },
        array_filters=[with_key],
    )
    reload(dataset)


def widen(dataset: Dataset, name: str, attribute: str) -> None:
    """Declares whole numbers of a field's labels as floats, which hold all of them, too.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the name of a declared field of labels
        attribute: the attribute's name; one that is no whole number stays unchanged
    """
    of_labels = [{"label.name": name}]
    target = "sample_fields.$[label].fields.$[attribute].ftype"
    if issubclass(dataset.get_field(name).document_type, fo.Detections):
        of_labels = [{"field.name": name}, {"label.name": "detections"}]
        target = "sample_fields.$[field].fields.$[label].fields.$[attribute].ftype"
    whole, broken = (f"{kind.__module__}.{kind.__name__}" for kind in (fo.IntField, fo.FloatField))
    filters = [*of_labels, {"attribute.name": attribute, "attribute.ftype": whole}]
    _update(dataset, {"$set": {target: broken}}, array_filters=filters)
    reload(dataset)


def undeclare(dataset: Dataset, name: str) -> None:
    """Takes a field out of the schema and all that speaks of it, without touching any sample.

    ``Dataset.delete_sample_field`` does this too, but rewrites every sample of the dataset and
    bumps every ``last_modified_at`` in doing so. The field itself goes last: until then, all can
    be repeated.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name
    """
    reload(dataset)
    if not dataset.has_field(name):
        return
    dataset._sample_doc_cls._delete_indexes([name])
    paths = {"$regex": rf"^{re.escape(name)}(\.|$)"}
    for of_paths in ("app_config.active_fields.paths", "active_label_schemas"):
        _update(dataset, {"$pull": {of_paths: paths}}, {of_paths: _ARRAY})
    groups = "app_config.sidebar_groups"
    _update(dataset, {"$pull": {f"{groups}.$[].paths": paths}}, {groups: _ARRAY})
    _update(
        dataset,
        {"$pull": {"sample_fields": {"name": name}}, "$unset": {f"label_schemas.{name}": ""}},
    )
    reload(dataset)


def reload(dataset: Dataset) -> None:
    """Takes the schema from the database, and the samples that this process has in memory.

    Those come last, and cannot be read while some sample holds a field without a schema: which
    must not prevent others from declaring it.
    """
    with contextlib.suppress(FieldDoesNotExist):
        dataset.reload()


_ARRAY = {"$type": "array"}


def _document(field: fo.Field) -> Document:
    field._set_created_at(datetime.now(timezone.utc))
    return SampleFieldDocument.from_field(field).to_mongo().to_dict()


def _update(
    dataset: Dataset,
    update: Document,
    query: Document | None = None,
    array_filters: Sequence[Document] | None = None,
) -> None:
    document = dataset._doc
    update = {**update, **STAMP}
    conditions = {**(query or {}), "_id": document.id}
    document._get_collection().update_one(conditions, update, array_filters=array_filters)
