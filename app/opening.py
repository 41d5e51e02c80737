"""Opens the dataset that a call is about."""

import contextlib
import threading

import fiftyone.core.media as fom
from fiftyone.core.dataset import DatasetNotFoundError
from fiftyone.operators import ExecutionContext
from pymongo.errors import PyMongoError

from auto_labeling.app.values import text
from auto_labeling.lifecycle import labeling

#: FiftyOne raises them again where the dataset is needed.
_CANNOT_OPEN = (DatasetNotFoundError, ValueError, PyMongoError)


def load_dataset(ctx: ExecutionContext) -> None:
    """Gives a call its dataset, whose fields are parsed again only if they have changed.

    Where this is not possible, FiftyOne loads it when it is needed, and raises what is wrong.
    """
    with contextlib.suppress(*_CANNOT_OPEN):
        dataset = labeling.load_dataset(*_requested(ctx))
        if dataset.media_type == fom.GROUP and ctx.group_slice is not None:
            dataset.group_slice = ctx.group_slice
        ctx.request_params["dataset_name"] = dataset.name
        ctx._dataset = dataset


def prepare_dataset(ctx: ExecutionContext) -> None:
    """Has the fields of a call's dataset parsed in a thread: the next call will need them."""

    def load() -> None:
        with contextlib.suppress(*_CANNOT_OPEN):
            labeling.load_dataset(*parameters)

    parameters = _requested(ctx)
    threading.Thread(target=load, name="auto-labeling-dataset", daemon=True).start()


def _requested(ctx: ExecutionContext) -> tuple[str, str]:
    """The name and the ID of the dataset."""
    parameters = ctx.request_params
    return text(parameters.get("dataset_name")), text(parameters.get("dataset_id"))
