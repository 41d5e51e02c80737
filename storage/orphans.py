"""Staging fields that no run needs: left by a clone, a merge or a renamed field.

Runs do not come along when a dataset is cloned or merged, but their staging fields do.
"""

from fiftyone.core.dataset import Dataset

from auto_labeling.core.names import STAGING_SUFFIX
from auto_labeling.core.run import RunState
from auto_labeling.storage import fields, id_ranges, schema
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import ACTIONS, INFO, REVIEW, STATES
from auto_labeling.storage.runs import RunStore

_OURS = list(STATES)


def needed_fields(dataset: Dataset) -> set[str]:
    """The names of the staging fields that runs of the dataset need.

    Those of runs that a newer version of this package has stored are among them.
    """
    store = RunStore(dataset)
    needed = {run.staging_field for run in store.list() if run.state is not RunState.APPROVED}
    if newer := store.newer():
        of_newer = (f for f in fields.schema_of(dataset) if fields.stored_owner(f) in newer)
        needed |= {field["name"] for field in of_newer if is_marked(field)}
    return needed


def is_marked(field: Document) -> bool:
    """Whether the labels of a stored field carry a marker that is ours."""
    of_ours = fields.stored_owner(field) or field["name"].endswith(STAGING_SUFFIX)
    return bool(of_ours) and fields.is_staging(field)


def names(dataset: Dataset) -> list[str]:
    """The staging fields that no run of the dataset needs, renamed ones among them."""
    marked = [field["name"] for field in fields.schema_of(dataset) if is_marked(field)]
    needed = needed_fields(dataset) if marked else ()
    return [name for name in marked if name not in needed]


def description(name: str) -> str:
    """What an orphan is, in one sentence without its end."""
    return f"'{name}' holds labels in review of a run that is not in this dataset"


def remedies(dataset_name: str) -> str:
    """What a person can do about an orphan, in one sentence."""
    return (
        "Analyze its labels as existing labels, rename or delete the field, or make it an ordinary "
        f"field: `auto-labeling doctor {dataset_name} --repair`"
    )


def count(dataset: Dataset, name: str) -> int:
    """Counts the samples with labels in an orphan.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name

    Returns:
        the number of samples
    """
    return dataset._sample_collection.count_documents({name: {"$type": "object"}})


def make_ordinary(dataset: Dataset, name: str) -> None:
    """Makes an orphan an ordinary field: its labels stay, without our marker.

    One without any label is removed. All can be repeated after a crash: the field is an orphan
    until its ``info`` goes, which is last.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name
    """
    samples = dataset._sample_collection
    id_ranges.update_many(samples, {name: {"$type": "null"}}, {"$unset": {name: ""}})
    if not count(dataset, name):
        schema.undeclare(dataset, name)
        return
    field = next(f for f in fields.schema_of(dataset) if f["name"] == name)
    many = (field.get("embedded_doc_type") or "").endswith("Detections")
    root = f"{name}.detections" if many else name
    value = {"$map": {"input": f"${root}", "as": "label", "in": _bare("$$label")}}
    update = {"$set": {root: value if many else _bare(f"${name}")}}
    id_ranges.update_many(samples, {f"{root}.{REVIEW}": {"$in": _OURS}}, [update])
    if samples.find_one({f"{root}.{REVIEW}": {"$exists": True}}, {"_id": 1}) is None:
        schema.undeclare_attribute(dataset, name, REVIEW)
        schema.undeclare_attribute(dataset, name, ACTIONS)
    schema.remove_info(dataset, name, INFO)


def _bare(label: str) -> Document:
    unmarked: Document = {"$unsetField": {"field": REVIEW, "input": label}}
    unmarked = {"$unsetField": {"field": ACTIONS, "input": unmarked}}
    return {"$cond": [{"$in": [f"{label}.{REVIEW}", _OURS]}, unmarked, label]}
