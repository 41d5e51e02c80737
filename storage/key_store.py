"""Keys with values that live as long as a dataset: the only user of FiftyOne's ExecutionStore."""

import re

import fiftyone.core.odm as foo
from fiftyone.core.dataset import Dataset
from fiftyone.factory.repos.execution_store import MongoExecutionStoreRepo
from fiftyone.operators.store import ExecutionStore
from pymongo.collection import Collection

from auto_labeling.storage.mongo import Document


def collection() -> Collection:
    """Where the stores of all datasets are kept."""
    return foo.get_db_conn()[MongoExecutionStoreRepo.COLLECTION_NAME]


class Keys:
    """The keys of a store; where FiftyOne's own answers for one at a time, for many at once."""

    NAME: str

    def __init__(self, dataset: Dataset) -> None:
        self._store = ExecutionStore.create(self.NAME, dataset._doc.id)
        self._scope = {"store_name": self.NAME, "dataset_id": dataset._doc.id}
        self._documents = collection()

    def _where(self, prefix: str, suffix: str = "") -> Document:
        """A query for the keys that begin, and end, with something."""
        ending = f".*{re.escape(suffix)}$" if suffix else ""
        return {**self._scope, "key": {"$regex": f"^{re.escape(prefix)}{ending}"}}
