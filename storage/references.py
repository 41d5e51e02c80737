"""Saved views, evaluations and brain runs that refer to a field.

FiftyOne keeps each of them as a document with the names of fields in it, and does not follow a
field that gets another name.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fiftyone.core.odm as foo
from fiftyone.core.dataset import Dataset
from pymongo.collection import Collection

from auto_labeling.storage.mongo import Document

#: The collections of the database in which FiftyOne keeps them.
_VIEWS, _RUNS = "views", "runs"


@dataclass(frozen=True)
class References:
    """What names a field.

    Args:
        views: the names of saved views
        evaluations: the keys of evaluations
        brain_runs: the keys of brain runs
    """

    views: tuple[str, ...] = ()
    evaluations: tuple[str, ...] = ()
    brain_runs: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.views or self.evaluations or self.brain_runs)

    def __str__(self) -> str:
        """All of them, for people: "the saved view 'a' and the evaluation 'b'"."""
        kinds = (
            ("saved view", self.views),
            ("evaluation", self.evaluations),
            ("brain run", self.brain_runs),
        )
        parts = []
        for noun, names in kinds:
            if len(names) == 1:
                parts.append(f"the {noun} '{names[0]}'")
            elif names:
                parts.append(f"{len(names):,} {noun}s")
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def find(dataset: Dataset, name: str) -> References:
    """Finds what names a field of a dataset.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name

    Returns:
        the :class:`References`; false if there are none
    """
    keys: dict[str, list[str]] = {"views": [], "evaluations": [], "brain_methods": []}
    for kind, key, _, _ in _documents_naming(dataset, name):
        keys[kind].append(key)
    views, evaluations, brain_runs = (tuple(sorted(of_kind)) for of_kind in keys.values())
    return References(views, evaluations, brain_runs)


def rename(dataset: Dataset, name: str, new_name: str) -> None:
    """Makes all that names a field name another one. It can be repeated.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name
        new_name: the name of the field that holds its labels now
    """
    for _, _, collection, document in _documents_naming(dataset, name):
        changes = {
            key: _renamed(document[key], name, new_name)
            for key in ("view_stages", "config")
            if document.get(key)
        }
        before = {key: document[key] for key in changes}
        collection.update_one({"_id": document["_id"], **before}, {"$set": changes})


def _documents_naming(
    dataset: Dataset, name: str
) -> Iterator[tuple[str, str, Collection, Document]]:
    """Yields ``(kind, key, collection, document)`` of each document that names a field."""
    database, dataset_document = foo.get_db_conn(), dataset._doc
    stored = dataset_document._get_collection().find_one({"_id": dataset_document.id}) or {}
    views = database[_VIEWS].find({"_id": {"$in": stored.get("saved_views") or []}})
    listed = [("views", d.get("name") or "", database[_VIEWS], d) for d in views]
    for kind in ("evaluations", "brain_methods"):
        by_id = {oid: key for key, oid in (stored.get(kind) or {}).items()}
        runs = database[_RUNS].find({"_id": {"$in": list(by_id)}})
        listed += [(kind, by_id[d["_id"]], database[_RUNS], d) for d in runs]
    for kind, key, collection, document in listed:
        content = [document.get("view_stages"), document.get("config")]
        if _renamed(content, name, "") != content:
            yield kind, key, collection, document


def _renamed(value: Any, name: str, new_name: str) -> Any:
    """A value with another field's name wherever it names a field; what is JSON stays JSON."""
    if isinstance(value, dict):
        return {
            _renamed(key, name, new_name): _renamed(inner, name, new_name)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_renamed(inner, name, new_name) for inner in value]
    if not isinstance(value, str):
        return value
    if value[:1] in ("{", "[") and name in value:
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        changed = _renamed(inner, name, new_name)
        return value if changed == inner else json.dumps(changed)
    mark = value[: len(value) - len(value.lstrip("$"))]
    path = value[len(mark) :]
    if path == name or path.startswith(f"{name}."):
        return f"{mark}{new_name}{path[len(name) :]}"
    return value
