"""Datasets for events of the App: their fields are parsed again only when they have changed.

FiftyOne makes a document and a class of a dataset's fields for each request. With the fields of
many runs this takes longer than all else that an event does: 0.12 s with 60 runs. So the fields are
kept here, with the bytes in which the database holds them. Each call reads those, and uses what is
kept only if they are the same. The rest of the dataset's document is read at each call.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import bson
import cachetools
import fiftyone.core.odm as foo
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from fiftyone.core.dataset import Dataset, DatasetNotFoundError
from mongoengine.base.datastructures import EmbeddedDocumentList

_MAX_DATASETS = 16

#: What FiftyOne does not load either.
_LEFT_OUT = {"_media_sources": 0, "_media_source_layouts": 0}
_OPTIONS: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)

_FIELDS = ("sample_fields", "frame_fields")
#: What the classes of samples are made of. With another version, FiftyOne migrates the dataset.
_SCHEMA = (*_FIELDS, "sample_collection_name", "frame_collection_name", "media_type", "version")
#: What a dataset keeps in memory of its runs: one each.
_CACHES = ("_annotation_cache", "_brain_cache", "_evaluation_cache", "_run_cache")


@dataclass(frozen=True)
class _Loaded:
    """A dataset that was loaded, and is never changed.

    Args:
        schema: what the classes of its samples were made of, as the database holds it
        dataset: the dataset
    """

    schema: bytes
    dataset: Dataset


_loaded: OrderedDict[ObjectId, _Loaded] = OrderedDict()
_lock = threading.Lock()
_loading = threading.Lock()  # several events at once parse the fields once


def load_dataset(name: str, dataset_id: str = "") -> Dataset:
    """Returns a dataset as the database holds it now: another object with each call.

    Its fields may be shared with other such objects. Change them as ``storage/schema.py`` does, in
    the database, and then call ``dataset.reload()``, which gives it fields of its own.

    Args:
        name: the dataset's name
        dataset_id (""): its ID. It counts more than the name, which may have changed

    Raises:
        DatasetNotFoundError: if there is none
    """
    document = _read(name, dataset_id)
    if dataset := _kept(document):
        return dataset
    with _loading:
        document = _read(name, dataset_id)
        return _kept(document) or _parsed(document)


def _kept(document: RawBSONDocument) -> Dataset | None:
    with _lock:
        kept = _loaded.get(document["_id"])
        if kept:
            _loaded.move_to_end(document["_id"])
    if kept is None or kept.schema != _schema(document):
        return None
    return _with_fields_of(kept.dataset, document)


def _parsed(document: RawBSONDocument) -> Dataset:
    # Not the one that FiftyOne keeps for the rest of the process, which others may change.
    dataset: Dataset = Dataset._make_instance(document["name"], False)
    is_same = _changes(_read("", str(document["_id"]))) == _changes(document)
    if not is_same or not _is_simple(dataset):
        return dataset
    with _lock:
        _loaded[document["_id"]] = _Loaded(_schema(document), dataset)
        while len(_loaded) > _MAX_DATASETS:
            _loaded.popitem(last=False)
    return _with_fields_of(dataset, document)


def _read(name: str, dataset_id: str) -> RawBSONDocument:
    query = {"_id": ObjectId(dataset_id)} if ObjectId.is_valid(dataset_id) else {"name": name}
    datasets = foo.get_db_conn().get_collection("datasets", codec_options=_OPTIONS)
    document = datasets.find_one(query, _LEFT_OUT)
    if document is None:
        raise DatasetNotFoundError(name)
    return document


def _schema(document: RawBSONDocument) -> bytes:
    return bson.encode({key: document.get(key) for key in _SCHEMA})


def _changes(document: RawBSONDocument) -> bytes:
    """All of it but when it was last loaded, which FiftyOne writes as it loads it."""
    return bson.encode({key: value for key, value in document.items() if key != "last_loaded_at"})


def _is_simple(dataset: Dataset) -> bool:
    """Whether the classes of a dataset's samples are made of its own document alone.

    Patches, frames and clips are made of other datasets.
    """
    name = dataset._doc.sample_collection_name
    return bool(name.startswith("samples.")) and not dataset._contains_videos(any_slice=True)


def _with_fields_of(loaded: Dataset, document: RawBSONDocument) -> Dataset:
    """Another object for a dataset, with all but its fields from a document."""
    rest: dict[str, Any] = {key: value for key, value in document.items() if key not in _FIELDS}
    options = foo.get_db_conn().codec_options  # of which the time zone may be set
    copy = foo.DatasetDocument.from_dict(bson.decode(bson.encode(rest), codec_options=options))
    for name in _FIELDS:  # not by the attribute, which would count as a change to be saved
        copy._data[name] = EmbeddedDocumentList(list(loaded._doc[name]), copy, name)
    dataset: Dataset = Dataset.__new__(Dataset)
    dataset._doc = copy
    dataset._sample_doc_cls = loaded._sample_doc_cls
    dataset._frame_doc_cls = loaded._frame_doc_cls
    dataset._deleted = False
    dataset._group_slice = copy.default_group_slice
    for name in _CACHES:
        setattr(dataset, name, cachetools.LRUCache(5))
    return dataset
