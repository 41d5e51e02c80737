"""Attributes that a model gives its labels: declared when first seen, so that the sidebar has them.

Several workers may see the same one first: whichever is declared first counts for all. A value that
does not fit the declared type is turned into it where nothing is lost; whole numbers become floats
where a float follows; everything else goes by a name of its own, as ``size_text`` beside ``size``.
"""

import datetime
import logging
from collections.abc import Iterable
from typing import Any

import fiftyone.core.fields as fof
import fiftyone.core.labels as fol
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run
from auto_labeling.storage import fields, schema
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import ACTIONS, REVIEW, REVIEW_SOURCE, SOURCE

logger = logging.getLogger(__name__)

#: The field for each type of value, and what is appended to a name that has another type already.
_KINDS: tuple[tuple[type, type[fof.Field], str], ...] = (
    (bool, fof.BooleanField, "flag"),
    (int, fof.IntField, "number"),
    (float, fof.FloatField, "number"),
    (str, fof.StringField, "text"),
    (datetime.datetime, fof.DateTimeField, "time"),
    (list, fof.ListField, "list"),
    (dict, fof.DictField, "record"),
)
_BY_NAME = {field.__name__: kind for kind, field, _ in _KINDS}


class Attributes:
    """The attributes of a run's staged labels.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
    """

    def __init__(self, dataset: Dataset, run: Run) -> None:
        self._dataset = dataset
        self._run = run
        kind: Any = fol.Detection if run.many else fol.Classification
        self._own = {*kind._fields_ordered, "_id", "_cls", "mask", "mask_path", REVIEW}
        # What a person's labels are marked by means that alone, unless it is the boxes' own.
        self._ours = {ACTIONS, REVIEW_SOURCE} | (set() if run.own_source else {SOURCE})
        self._declared: dict[str, tuple[str, str]] | None = (
            None  # each one's type, and of its items
        )
        self._warned: set[str] = set()

    def declare(self, documents: Iterable[Document | None]) -> None:
        """Declares what labels hold that are about to be written, and makes it fit.

        Args:
            documents: label documents, which are changed; None for a sample without
        """
        for document in filter(None, documents):
            labels = document["detections"] if self._run.many else [document]
            for label in labels:
                for name in label.keys() - self._own:
                    self._fit_attribute(label, name)

    def _fit_attribute(self, label: Document, name: str) -> None:
        if name in self._ours:
            label[f"model_{name}"] = label.pop(name)
            name = f"model_{name}"
        value = label[name]
        if value is None or value == [] or not _is_name(name):
            return  # there is nothing that tells the type
        known = self._read() if self._declared is None else self._declared
        if name not in known:
            field = self._of_source(name) or _field(value)
            if field is None or self._dataset.get_field(self._run.staging_field) is None:
                return
            schema.declare_attributes(self._dataset, self._run.staging_field, {name: field})
            known = self._read()
        declared = known.get(name)
        if declared is None or declared[0] not in _BY_NAME:
            return  # the field is gone, which the next write notices; or a type of another library
        fits, fitted = _fit(value, *declared)
        if fits:
            label[name] = fitted
        elif declared[0] == fof.IntField.__name__ and isinstance(value, float):
            schema.widen(self._dataset, self._run.staging_field, name)
            self._read()
        else:
            self._rename(label, name, declared)

    def _rename(self, label: Document, name: str, declared: tuple[str, str]) -> None:
        """Gives a value that does not fit a name of its own."""
        suffix = next((s for kind, _, s in _KINDS if isinstance(label[name], kind)), "other")
        other = f"{name}_{suffix}"
        if other not in self._warned:
            self._warned.add(other)
            logger.warning(
                "'%s' is a %s, but the model also returns other types: those values are in '%s'",
                name,
                declared[0].removesuffix("Field").lower(),
                other,
            )
        label[other] = label.pop(name)
        self._fit_attribute(label, other)

    def _read(self) -> dict[str, tuple[str, str]]:
        """What is declared, asked of the database: another worker may have been faster."""
        stored = fields.schema_of(self._dataset)
        field = next((f for f in stored if f["name"] == self._run.staging_field), {})
        if self._run.many:
            field = next((f for f in field.get("fields") or () if f["name"] == "detections"), {})
        self._declared = declared = {
            f["name"]: (_last(f.get("ftype")), _last(f.get("subfield")))
            for f in field.get("fields") or ()
        }
        return declared

    def _of_source(self, name: str) -> fof.Field | None:
        """The field that existing labels declare for an attribute that they hand on."""
        source = self._run.config.source_field
        path = f"{source}.detections.{name}" if self._run.many else f"{source}.{name}"
        field = self._dataset.get_field(path) if source else None
        return field if type(field).__name__ in _BY_NAME else None


def _is_name(name: str) -> bool:
    return bool(name) and not name.startswith(("_", "$")) and "." not in name


def _last(path: str | None) -> str:
    return (path or "").rpartition(".")[2]


def _field(value: Any) -> fof.Field | None:
    """The field for a value; None if there is none that the sidebar could show."""
    if isinstance(value, dict) and "_cls" in value:
        return None
    if isinstance(value, list):
        kinds = {_kind(item) for item in value}
        kinds = {float} if kinds == {int, float} else kinds
        fields_of_items = [field for kind, field, _ in _KINDS[:5] if kinds == {kind}]
        return fof.ListField(*(field() for field in fields_of_items))
    field = next((field for kind, field, _ in _KINDS if isinstance(value, kind)), None)
    return field() if field else None


def _kind(value: Any) -> type | None:
    return next((kind for kind, _, _ in _KINDS if isinstance(value, kind)), None)


def _fit(value: Any, name: str, subfield: str = "") -> tuple[bool, Any]:
    """Whether a value fits a declared type, and what it is there."""
    kind = _BY_NAME.get(name)
    if kind is None or _kind(value) is kind is not list:
        return True, value
    if kind is list and isinstance(value, list):
        fitted = [_fit(item, subfield) for item in value]
        return all(fits for fits, _ in fitted), [item for _, item in fitted]
    is_number = isinstance(value, (bool, int, float))
    if is_number and (
        kind is str
        or (kind is bool and value in (0, 1))
        or (kind is int and value == value // 1)
        or (kind is float and not isinstance(value, bool))
    ):
        return True, kind(value)
    return False, value
