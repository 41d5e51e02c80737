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
from fiftyone.core.odm.utils import get_field_kwargs
from pymongo import UpdateOne

from auto_labeling.run import Run, Task
from auto_labeling.storage import ranges

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
    if run.source:
        _declare_attributes(dataset, run.source, run.staging_field, run)


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


def count(dataset, run: Run, review: str = "", query=None, wanted=None) -> int:
    """Counts the staged labels, or some of them.

    Args:
        dataset: the dataset
        run: the run
        review (""): a review state; none means any
        query (None): which samples
        wanted (None): what the labels must be, as a query on their own attributes
    """
    root = run.label_root
    pipeline = [{"$match": {**(query or {}), run.staging_field: {"$type": "object"}}}]
    if run.many:
        pipeline.append({"$unwind": f"${root}"})
    wanted = {**(wanted or {}), **({REVIEW: review} if review else {})}
    if wanted:
        pipeline.append({"$match": {f"{root}.{name}": value for name, value in wanted.items()}})
    pipeline.append({"$count": "labels"})
    return _first_count(dataset, pipeline)


def count_waiting(dataset, run: Run, sample_ids=None) -> int:
    """Counts the samples that wait for labels, those that failed among them.

    Args:
        dataset: the dataset
        run: the run
        sample_ids (None): count only among these
    """
    query = {run.staging_field: _NULL}
    if sample_ids is not None:
        query["_id"] = {"$in": _oids(sample_ids)}
    return _samples(dataset).count_documents(query)


def count_approved(dataset, run: Run) -> int:
    """Counts the labels in the run's label field."""
    field = run.config.label_field
    pipeline = [{"$match": {field: {"$type": "object"}}}]
    if run.many:
        pipeline.append({"$unwind": f"${field}.detections"})
    pipeline.append({"$count": "labels"})
    return _first_count(dataset, pipeline)


def publish(dataset, run: Run, after=None):
    """Moves the promoted labels to the label field and removes the staging field.

    Args:
        dataset: the dataset
        run: the run
        after (None): called after each part of the work with its number of samples

    Each sample moves in one atomic update, and all steps can be repeated after a crash at
    any point: the label field is declared before data moves, and the staging field's
    schema goes last, since a sample holding an undeclared field makes a dataset unreadable.
    """
    dataset.reload()
    if not run.replaces:
        _declare(dataset, run.config.label_field, run, f"Approved labels of '{run.name}'")
    if dataset.has_field(run.staging_field):
        _declare_attributes(dataset, run.staging_field, run.config.label_field, run)
    ranges.update_many(
        _samples(dataset),
        {run.staging_field: {"$exists": True}},
        _move_pipeline(run),
        after=after,
    )
    withdraw(dataset, run)


def withdraw(dataset, run: Run):
    """Removes the staging field: its data first, its schema last."""
    ranges.update_many(
        _samples(dataset),
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
        stripped = {"$map": {"input": "$$promoted", "as": "label", "in": bare}}
        moved = {"$mergeObjects": [f"${staging}", {"detections": stripped}]}
        kept = {"$gt": [{"$size": "$$promoted"}, 0]}
        value = {"$cond": [_or_replaced(kept, run), moved, f"${target}"]}
        value = {"$let": {"vars": {"promoted": promoted}, "in": value}}
    else:
        kept = {"$eq": [f"${staging}.{REVIEW}", PROMOTED]}
        moved = {"$let": {"vars": {"label": f"${staging}"}, "in": bare}}
        moved = {"$cond": [kept, moved, None]}
        value = {"$cond": [_or_replaced(kept, run), moved, f"${target}"]}
    return [
        {"$set": {target: value, "last_modified_at": "$$NOW"}},
        {"$unset": staging},
    ]


def _or_replaced(kept, run):
    """Where labels go back to their source, those that nobody promoted are taken out of it."""
    if not run.replaces:
        return kept
    return {"$or": [kept, {"$eq": [{"$type": f"${run.staging_field}"}, "object"]}]}


def await_copies(dataset, run: Run, before=None) -> int:
    """Marks the samples whose labels are to be imported; returns how many wait."""
    wanted = {run.source: {"$type": "object"}, run.staging_field: {"$exists": False}}
    update = {"$set": {run.staging_field: None}}
    ranges.update_many(_samples(dataset), wanted, update, before=before)
    return count_waiting(dataset, run)


def copy_existing(dataset, run: Run, before=None, after=None):
    """Copies the labels of the run's source to where they are awaited, unpromoted.

    Args:
        dataset: the dataset
        run: the run
        before (None): called before each part of the work; it may raise
        after (None): called after each part with its number of samples
    """
    wanted = {run.staging_field: _NULL, run.source: {"$type": "object"}}
    stamp = {"last_modified_at": "$$NOW"}
    if run.many:
        labels = {"detections": {"$ifNull": [f"${run.source}.detections", []]}}
        copied = {"$mergeObjects": [f"${run.source}", labels]}
        # Setting an attribute of a list sets it in each of its labels.
        marked = {f"{run.label_root}.{REVIEW}": UNPROMOTED}
        update = [{"$set": {run.staging_field: copied, **stamp}}, {"$set": marked}]
    else:
        copied = {"$mergeObjects": [f"${run.source}", {REVIEW: UNPROMOTED}]}
        update = [{"$set": {run.staging_field: copied, **stamp}}]
    ranges.update_many(_samples(dataset), wanted, update, before=before, after=after)
    stop_waiting(dataset, run)  # samples whose labels were deleted meanwhile


def has_marker(dataset, run: Run) -> bool:
    """Whether labels of the source have an attribute named as our marker."""
    path = run.source if not run.many else f"{run.source}.detections"
    return _samples(dataset).find_one({f"{path}.{REVIEW}": {"$exists": True}}) is not None


def _declare_attributes(dataset, source, target, run):
    """Declares the attributes that labels of one field have for those of another."""
    below = ".detections" if run.many else ""
    source, target = f"{source}{below}.", f"{target}{below}."
    for path, field in dataset.get_field_schema(flat=True).items():
        name = path.removeprefix(source)
        if name in (path, REVIEW) or "." in name or dataset.has_field(f"{target}{name}"):
            continue
        dataset.add_sample_field(f"{target}{name}", **get_field_kwargs(field))


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
