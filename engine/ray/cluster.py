"""Connects to Ray: the cluster that ``RAY_ADDRESS`` names, or one on this machine."""

import contextlib
import dataclasses
import importlib.metadata
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from types import ModuleType

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.core.run import Run
from auto_labeling.engine import camera_views
from auto_labeling.engine.ray import limits, nodes, shipping
from auto_labeling.models import catalog
from auto_labeling.storage import group_members, samples
from auto_labeling.storage.chunks import ChunkStore

#: The smallest object store that Ray allows: we do not use it, and ``/dev/shm`` may be small.
_OBJECT_STORE_BYTES = 80 * 2**20

#: Each machine must be able to read about so many files of the run.
_MEDIA = 8
_PROBE = ".auto-labeling-"


@contextlib.contextmanager
def connected() -> Iterator[ModuleType]:
    """Connects to Ray for a run, and gives the module.

    Raises:
        AutoLabelingError: if there is no Ray, or the cluster cannot be used
    """
    # Ray would start its workers through uv, which gives them another environment.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        command = limits.install_command()
        raise AutoLabelingError(
            f"More than one worker needs Ray on the worker: {command}",
            reason=FailureReason.RAY_MISSING,
        ) from None
    if ray.is_initialized():
        raise AutoLabelingError(
            "This process uses Ray already; leave it with ray.shutdown() before you label with "
            "several workers"
        )
    address = os.environ.get("RAY_ADDRESS", "")
    try:
        with shipping.staged() as code, _own_signals():
            _connect(ray, address, code)
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: ModuleType, address: str, code: str) -> None:
    local = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    try:
        ray.init(
            address or "local",
            runtime_env={"py_modules": [code]},
            logging_level=logging.WARNING,
            **({} if address else local),
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        where = f"The Ray cluster at {address}" if address else "Ray on this machine"
        reason = " ".join(str(error).split())[:300]
        raise AutoLabelingError(
            f"{where} cannot be used: {reason}", reason=FailureReason.RAY_MISSING
        ) from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps this process's handler for SIGTERM, which Ray would replace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def needs_of(dataset: Dataset, run: Run) -> Iterator[nodes.Needs]:
    """The needs of a run on each machine, with a file to test the mask location by.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
    """
    folder = run.mask_folder
    settings = shipping.environment()
    needs = nodes.Needs(
        uri=settings["FIFTYONE_DATABASE_URI"],
        database=settings["FIFTYONE_DATABASE_NAME"],
        dataset_id=dataset._doc.id,
        packages=tuple(p for spec in catalog.models_of(run.config) for p in spec.packages),
        media=tuple(_media(dataset, run)),
        mask_folder=folder,
        fiftyone_version=importlib.metadata.version("fiftyone"),
    )
    if not folder:
        yield needs
        return
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=_PROBE, dir=folder) as probe:
        yield dataclasses.replace(needs, probe=probe.name)


def _media(dataset: Dataset, run: Run) -> Iterator[str]:
    """Some files of the run, from all over it, that can be read here."""
    store, config = ChunkStore(dataset), run.config
    cameras = camera_views.slices_of(dataset, config) if config.method.lifts else []
    for index in range(0, run.chunks, max(1, run.chunks // _MEDIA)):
        first = store.sample_ids(run.id, index)[:1]
        paths = [values["filepath"] for _, values in samples.read(dataset, first)]
        if cameras:
            beside = group_members.beside(dataset, first, cameras).values()
            paths += [member.filepath for _, members in beside for member in members]
        yield from filter(os.path.isfile, paths)
