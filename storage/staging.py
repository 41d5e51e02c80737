"""The staging field: where generated labels wait, and how they leave it.

Every target sample holds ``null`` in the staging field until its labels are written, and
every write of labels asks for that ``null``. So the database itself lets each sample be
written once: a worker that was overtaken, or stopped and continued after the run was
approved or deleted, matches nothing and changes nothing. A sample in which the model found
nothing ends with an empty list, or with no staging field at all where a sample holds a
single label; "found nothing" is never ``null``.
"""

import fiftyone as fo
from bson import ObjectId
from pymongo import UpdateMany, UpdateOne

from auto_labeling.run import Run, Task

REVIEW = "review"
UNPROMOTED = "unpromoted"
PROMOTED = "promoted"

_NULL = {"$type": "null"}
_INFO = "auto_labeling"


def _document_type(run: Run):
    return fo.Classification if run.config.task is Task.CLASSIFICATION else fo.Detections


def declare(dataset, run: Run):
    """Adds the staging field and its review state to the dataset's schema."""
    _declare(dataset, run.staging_field, run, f"Labels of '{run.name}', waiting for review")
    dataset.add_sample_field(f"{run.label_root}.{REVIEW}", fo.StringField)


def owner(dataset, field_name: str):
    """The id of the run that declared a field, or None."""
    field = dataset.get_field(field_name)
    return ((getattr(field, "info", None) or {}).get(_INFO) or {}).get("run")


def await_labels(dataset, run: Run, sample_ids):
    """Marks samples as waiting for this run's labels; those it has labeled stay as they are."""
    _samples(dataset).update_many(
        {"_id": {"$in": _oids(sample_ids)}, run.staging_field: {"$exists": False}},
        {"$set": {run.staging_field: None}},
    )


def waiting(dataset, run: Run, sample_ids, fields=None) -> list[tuple[str, dict]]:
    """Returns ``(sample id, values)`` of the samples that still wait, in the order given.

    Args:
        dataset: the dataset
        run: the run
        sample_ids: the ids of a chunk
        fields (None): a dict from key to the name of a field of labels that is wanted too

    Returns:
        each sample's ``values`` hold its ``filepath``, and a
        :class:`fiftyone.core.labels.Label` or None for each of ``fields``
    """
    fields = fields or {}
    query = {"_id": {"$in": _oids(sample_ids)}, run.staging_field: _NULL}
    projection = {"filepath": 1, **{name: 1 for name in fields.values()}}
    found = {
        str(d["_id"]): {
            "filepath": d["filepath"],
            **{key: _label(d.get(name)) for key, name in fields.items()},
        }
        for d in _samples(dataset).find(query, projection)
    }
    return [(sample_id, found[sample_id]) for sample_id in sample_ids if sample_id in found]


def _label(document):
    return None if document is None else getattr(fo, document["_cls"]).from_dict(document)


def write(dataset, run: Run, documents) -> int:
    """Writes labels to samples that still wait for them.

    Args:
        dataset: the dataset
        run: the run
        documents: ``(sample id, label document or None)`` pairs; None says that a
            model that gives one label per sample gave none

    Returns:
        the number of samples that were still waiting
    """
    operations = [
        UpdateOne({"_id": ObjectId(sample_id), run.staging_field: _NULL}, _update(run, document))
        for sample_id, document in documents
    ]
    if not operations:
        return 0
    return _samples(dataset).bulk_write(operations, ordered=False).matched_count


def _update(run, document):
    if document is None:
        return [{"$unset": run.staging_field}, {"$set": {"last_modified_at": "$$NOW"}}]
    return {
        "$set": {run.staging_field: document},
        "$currentDate": {"last_modified_at": True},
    }


def stop_waiting(dataset, run: Run):
    """Takes the mark off all samples that still wait, so that no late labels can arrive."""
    _samples(dataset).update_many({run.staging_field: _NULL}, {"$unset": {run.staging_field: ""}})


def count(dataset, run: Run, review: str = "") -> int:
    """Counts the staged labels, or those of one review state."""
    root = run.label_root
    pipeline = [{"$match": {run.staging_field: {"$type": "object"}}}]
    if run.many:
        pipeline.append({"$unwind": f"${root}"})
    if review:
        pipeline.append({"$match": {f"{root}.{REVIEW}": review}})
    pipeline.append({"$count": "labels"})
    return _first_count(dataset, pipeline)


def count_waiting(dataset, run: Run) -> int:
    """Counts the samples that wait for labels, those that failed among them."""
    return _samples(dataset).count_documents({run.staging_field: _NULL})


def count_approved(dataset, run: Run) -> int:
    """Counts the labels in the run's label field."""
    field = run.config.label_field
    pipeline = [{"$match": {field: {"$type": "object"}}}]
    if run.many:
        pipeline.append({"$unwind": f"${field}.detections"})
    pipeline.append({"$count": "labels"})
    return _first_count(dataset, pipeline)


def publish(dataset, run: Run):
    """Moves the promoted labels to the label field and removes the staging field.

    Each sample moves in one atomic update, and all steps can be repeated after a crash at
    any point: the label field is declared before data moves, and the staging field's
    schema goes last, since a sample holding an undeclared field makes a dataset unreadable.
    """
    dataset.reload()
    _declare(dataset, run.config.label_field, run, f"Approved labels of '{run.name}'")
    _samples(dataset).bulk_write(
        [UpdateMany({run.staging_field: {"$exists": True}}, _move_pipeline(run))]
    )
    withdraw(dataset, run)


def withdraw(dataset, run: Run):
    """Removes the staging field: its data first, its schema last."""
    _samples(dataset).update_many(
        {run.staging_field: {"$exists": True}},
        [{"$unset": run.staging_field}, {"$set": {"last_modified_at": "$$NOW"}}],
    )
    forget_field(dataset, run.staging_field)


def forget_field(dataset, name: str):
    """Removes a field from the schema, without touching any sample.

    ``Dataset.delete_sample_field`` does these same steps, but rewrites every sample of the
    dataset and bumps every ``last_modified_at`` in doing so.
    """
    dataset.reload()
    if not dataset.has_field(name):
        return
    document = dataset._doc
    fields = dataset._sample_doc_cls
    fields._reload_fields()
    fields._delete_field_schema(name)
    document.app_config._delete_paths([name])
    document.save()
    fields._delete_indexes([name])
    schemas = dataset.label_schemas
    kept = {path: s for path, s in schemas.items() if path.split(".")[0] != name}
    if kept != schemas:
        dataset.set_label_schemas(kept)
    dataset.reload()


def _move_pipeline(run):
    target, staging = run.config.label_field, run.staging_field
    bare = {"$unsetField": {"field": REVIEW, "input": "$$label"}}
    if run.many:
        promoted = {
            "$filter": {
                "input": {"$ifNull": [f"${staging}.detections", []]},
                "as": "label",
                "cond": {"$eq": [f"$$label.{REVIEW}", PROMOTED]},
            }
        }
        moved = {
            "$cond": [
                {"$gt": [{"$size": "$$promoted"}, 0]},
                {
                    "_cls": "Detections",
                    "detections": {"$map": {"input": "$$promoted", "as": "label", "in": bare}},
                },
                f"${target}",
            ]
        }
        value = {"$let": {"vars": {"promoted": promoted}, "in": moved}}
    else:
        moved = {"$let": {"vars": {"label": f"${staging}"}, "in": bare}}
        value = {"$cond": [{"$eq": [f"${staging}.{REVIEW}", PROMOTED]}, moved, f"${target}"]}
    return [
        {"$set": {target: value, "last_modified_at": "$$NOW"}},
        {"$unset": staging},
    ]


def _declare(dataset, name, run, description):
    dataset.add_sample_field(
        name,
        fo.EmbeddedDocumentField,
        embedded_doc_type=_document_type(run),
        description=description,
        info={_INFO: {"run": run.id}},
    )


def _first_count(dataset, pipeline):
    result = next(iter(_samples(dataset).aggregate(pipeline)), None)
    return result["labels"] if result else 0


def _samples(dataset):
    return dataset._sample_collection


def _oids(sample_ids):
    return [ObjectId(sample_id) for sample_id in sample_ids]
