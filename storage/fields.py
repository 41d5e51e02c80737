"""A run's fields in the dataset's schema: declared, and looked for, in the database itself.

A process's own copy of a schema is as old as its last ``reload``. A person may delete or rename
any field at any moment, in the App or in a script, and a sample that holds a field which the schema
lacks makes the whole dataset unreadable. So what writes into samples asks here afterwards.
"""

from dataclasses import dataclass
from typing import Any

import fiftyone as fo
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import FieldGone, IllegalTransition
from auto_labeling.core.run import Run, RunState, Task
from auto_labeling.storage import id_ranges, schema
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import INFO, REVIEW, SOURCE


@dataclass(frozen=True)
class MissingField:
    """What has become of a run's staging field, which is no longer there.

    Args:
        field: the name that it had
        renamed_to: the name that it has now; empty if it was deleted
        is_taken: whether another field has its name now
        makes_again: what makes the labels again, for people
    """

    field: str
    renamed_to: str = ""
    is_taken: bool = False
    makes_again: str = "label all samples again"

    @property
    def happened(self) -> str:
        """What has happened, in one sentence without its end."""
        if self.renamed_to:
            return f"The staging field '{self.field}' was renamed to '{self.renamed_to}'"
        if self.is_taken:
            return f"Another field now has the name of this run's staging field, '{self.field}'"
        return f"The staging field '{self.field}' was deleted, along with this run's labels"

    @property
    def remedy(self) -> str:
        """What can be done, in one sentence without its end."""
        if self.is_taken:
            return f"Rename or delete '{self.field}' first, or delete the run"
        if self.renamed_to:
            return (
                f"Rename it back to continue, {self.makes_again}, or delete the run; "
                f"'{self.renamed_to}' keeps its labels"
            )
        return f"{self.makes_again[:1].upper()}{self.makes_again[1:]}, or delete the run"

    def __str__(self) -> str:
        return f"{self.happened}. {self.remedy}"


def schema_of(dataset: Dataset) -> list[Document]:
    """The fields of samples as the database stores them, with what is below them."""
    document = dataset._doc
    stored = document._get_collection().find_one({"_id": document.id}, {"sample_fields": 1})
    return (stored or {}).get("sample_fields") or []


def stored_owner(field: Document) -> str:
    """The id of the run that a stored field says it is of; empty if it says nothing."""
    info = (field.get("info") or {}).get(INFO)
    return (info.get("run") or "") if isinstance(info, dict) else ""


def is_staging(field: Document) -> bool:
    """Whether labels of a stored field declare a review state, as those of a staging field do."""
    inner = next((f for f in field.get("fields") or () if f["name"] == "detections"), field)
    return any(below["name"] == REVIEW for below in inner.get("fields") or ())


def is_declared(dataset: Dataset, name: str) -> bool:
    """Whether the schema in the database has a field now.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name

    Returns:
        True even if this process has not reloaded the dataset since
    """
    query = {"_id": dataset._doc.id, "sample_fields.name": name}
    return dataset._doc._get_collection().find_one(query, {"_id": 1}) is not None


def missing(dataset: Dataset, run: Run) -> MissingField | None:
    """Finds out whether the staging field of a run is missing, and why.

    A field whose ``info`` a person has changed is still the run's, by its review state.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        what has happened to it; None if it is there
    """
    fields = schema_of(dataset)
    name = run.staging_field
    of_that_name = next((field for field in fields if field["name"] == name), None)
    if of_that_name is not None and (
        stored_owner(of_that_name) == run.id
        or (not stored_owner(of_that_name) and is_staging(of_that_name))
    ):
        return None
    own = {name, run.config.label_field}
    renamed = [f["name"] for f in fields if stored_owner(f) == run.id and f["name"] not in own]
    return MissingField(
        name, next(iter(renamed), ""), of_that_name is not None, **_makes_again(run)
    )


def _makes_again(run: Run) -> dict[str, str]:
    if not run.source:
        return {}
    if run.state is RunState.IN_REVIEW:
        return {"makes_again": f"import the labels of '{run.source}' again into a new run"}
    return {"makes_again": f"resume to copy the labels of '{run.source}' again"}


def require_staging_field(dataset: Dataset, run: Run) -> None:
    """Refuses to continue without the run's staging field, and leaves nothing undeclared.

    Call it after writing values into the field. A person who deletes a field takes its values first
    and its schema last, so that values written in between would be left.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Raises:
        FieldGone: with what has happened, and what can be done
    """
    query = {
        "_id": dataset._doc.id,
        "sample_fields": {"$elemMatch": {"name": run.staging_field, f"info.{INFO}.run": run.id}},
    }
    if dataset._doc._get_collection().find_one(query, {"_id": 1}) is not None:
        return
    missing_field = missing(dataset, run)
    if missing_field is None:
        return
    unset_undeclared(dataset, run.staging_field)
    raise FieldGone(str(missing_field))


def unset_undeclared(dataset: Dataset, name: str) -> int:
    """Removes the values of a field that the schema lacks from all samples.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name; nothing happens if the schema has it

    Returns:
        the number of samples that had a value
    """
    if is_declared(dataset, name):
        return 0
    return id_ranges.update_many(
        dataset._sample_collection,
        {name: {"$exists": True}},
        [{"$unset": name}, {"$set": {"last_modified_at": "$$NOW"}}],
    )


# --- declaring ---------------------------------------------------------------------------------


def declare(dataset: Dataset, run: Run) -> None:
    """Adds the staging field and its review state to the dataset's schema.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Raises:
        IllegalTransition: if another field has its name
    """
    _declare(dataset, run.staging_field, run, f"Labels of '{run.name}', waiting for review")
    schema.declare_attributes(dataset, run.staging_field, {REVIEW: fo.StringField()})
    if run.source:
        _declare_attributes(dataset, run.source, run.staging_field, run)


def declare_label_field(dataset: Dataset, run: Run, again: bool = False) -> None:
    """Adds the label field, with the attributes of the staged labels, to the dataset's schema.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: a run that is being approved
        again (False): whether labels are there already, so that it must be declared, even if a
            person has deleted or renamed it since
    """
    name, about = run.config.label_field, f"Approved labels of '{run.name}'"
    if again and not is_declared(dataset, name):
        schema.declare(dataset, name, _document_type(run), about, _info(run))
    schema.reload(dataset)
    if not again and not run.replaces:
        _declare(dataset, name, run, about)
    if dataset.has_field(run.staging_field) and dataset.has_field(name):
        _declare_attributes(dataset, run.staging_field, name, run)


def refuse_renamed(dataset: Dataset, run: Run) -> None:
    """Stops an approval whose staging field was renamed; a deleted one holds no labels.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Raises:
        FieldGone: with what has happened, and what can be done
    """
    missing_field = missing(dataset, run)
    if missing_field and missing_field.renamed_to:
        raise FieldGone(f"{missing_field.happened}. Rename it back, then finish the approval")


def owner(dataset: Dataset, field_name: str) -> str | None:
    """Tells which run declared a field.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        field_name: the field's name

    Returns:
        the run's id; None if no run did
    """
    field = dataset.get_field(field_name)
    return ((getattr(field, "info", None) or {}).get(INFO) or {}).get("run")


def _document_type(run: Run) -> type[fo.Label]:
    return fo.Classification if run.config.task is Task.CLASSIFICATION else fo.Detections


def _info(run: Run) -> dict[str, Any]:
    return {INFO: {"run": run.id}}


def _declare_attributes(dataset: Dataset, source: str, target: str, run: Run) -> None:
    """Declares the attributes that labels of one field have for those of another."""
    below = ".detections" if run.many else ""
    source, target = f"{source}{below}.", f"{target}{below}."
    known = dataset.get_field_schema(flat=True)
    names = {path: path.removeprefix(source) for path in known if path.startswith(source)}
    missing = {
        name: known[path]
        for path, name in names.items()
        if "." not in name and not _is_ours(name, known[path]) and f"{target}{name}" not in known
    }
    schema.declare_attributes(dataset, target.split(".")[0], missing)


def _is_ours(name: str, field: fo.Field) -> bool:
    return name == REVIEW or INFO in (field.info or {})


def has_source(dataset: Dataset, field_name: str) -> bool:
    """Whether labels of a field have an attribute ``source`` of their own.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        field_name: the field's name; empty means no field

    Returns:
        True if the schema declares it
    """
    paths = (f"{field_name}.{SOURCE}", f"{field_name}.detections.{SOURCE}")
    return bool(field_name) and any(map(dataset.has_field, paths))


def _declare(dataset: Dataset, name: str, run: Run, description: str) -> None:
    schema.declare(dataset, name, _document_type(run), description, _info(run))
    of_ours = owner(dataset, name) == run.id
    if not of_ours and (name != run.staging_field or missing(dataset, run)):
        raise IllegalTransition(
            f"Someone else has created a field '{name}'; rename it, then continue"
        )
