"""Whether a machine can label a run's samples; checked there before it gets a chunk.

Nothing here imports FiftyOne, which ends the process where it cannot reach its database.
"""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_labeling import __version__
from auto_labeling.models import requirements

if TYPE_CHECKING:  # for annotations only
    from bson import ObjectId

#: The time in which the database must answer.
_DATABASE_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class Needs:
    """The needs of a run on each machine.

    Args:
        uri: the database's address
        database: its name
        dataset_id: the id of the run's dataset there
        packages: the requirements of the run's models
        media: files of the run that the driver can read
        mask_folder: the folder of the run's mask files; empty if there are none
        probe: a file that the driver has put there
        version: of our code
        fiftyone_version: of FiftyOne
    """

    uri: str
    database: str
    dataset_id: ObjectId
    packages: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    mask_folder: str = ""
    probe: str = ""
    version: str = __version__
    fiftyone_version: str = ""


def problems(needs: Needs) -> list[str]:
    """Checks this machine; returns a sentence for each problem."""
    sentences = [
        _code(needs),
        _fiftyone(needs),
        _packages(needs),
        _database(needs),
        _media(needs),
        _masks(needs),
    ]
    return [sentence for sentence in sentences if sentence]


def _code(needs: Needs) -> str:
    if needs.version == __version__:
        return ""
    return f"Auto-Labeling {__version__} is installed there, not {needs.version}; uninstall it"


def _fiftyone(needs: Needs) -> str:
    try:
        there = importlib.metadata.version("fiftyone")
    except importlib.metadata.PackageNotFoundError:
        return f"FiftyOne is not installed there; install fiftyone=={needs.fiftyone_version}"
    if there.split(".")[:2] != needs.fiftyone_version.split(".")[:2]:
        return f"FiftyOne {there} is installed there, not {needs.fiftyone_version}"
    return ""


def _packages(needs: Needs) -> str:
    missing = requirements.missing(needs.packages)
    if not missing:
        return ""
    return f"The model's packages are not installed there: {requirements.install_command(missing)}"


def _database(needs: Needs) -> str:
    import pymongo
    from pymongo.errors import PyMongoError

    address = _address(needs.uri)
    try:
        client: pymongo.MongoClient[Any]
        timeout = _DATABASE_TIMEOUT_MS
        with pymongo.MongoClient(needs.uri, serverSelectionTimeoutMS=timeout) as client:
            datasets: Any = client[needs.database]["datasets"]
            if datasets.find_one({"_id": needs.dataset_id}, {"_id": 1}) is not None:
                return ""
        problem = (
            f"The database at {address} is a different one there: it does not have this dataset"
        )
    except PyMongoError as error:
        reason = str(error).partition(" (configured timeouts")[0][:200]
        problem = f"The database at {address} cannot be reached from there ({reason})"
    if _is_local(address):
        problem += (
            f". {address} means each machine itself: set FIFTYONE_DATABASE_URI to an address "
            "that all machines reach"
        )
    return problem


def _address(uri: str) -> str:
    """The hosts of a URI, without the password."""
    return uri.partition("://")[2].rpartition("@")[2].partition("/")[0].partition("?")[0]


def _is_local(address: str) -> bool:
    hosts = [host.strip("[]") for host in address.split(",")]
    return any(host.startswith(("localhost", "127.", "::1", "0.0.0.0")) for host in hosts)


def _media(needs: Needs) -> str:
    unreadable = [path for path in needs.media if not _can_read(path)]
    if not unreadable:
        return ""
    return (
        f"{unreadable[0]} cannot be read there: media must have the same paths on all machines "
        "(a shared folder)"
    )


def _can_read(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def _masks(needs: Needs) -> str:
    if not needs.mask_folder:
        return ""
    if needs.probe and not os.path.isfile(needs.probe):
        return f"The mask location is not shared: {needs.mask_folder} is a different folder there"
    try:
        Path(needs.mask_folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=needs.mask_folder).close()
    except OSError as error:
        return f"No masks can be written to {needs.mask_folder} there: {error.strerror or error}"
    return ""


@dataclass(frozen=True)
class WorkerResources:
    """The part of a machine that one worker gets.

    Args:
        gpus: how many GPUs; 0 to label on CPUs
        cpus: how many CPUs
    """

    gpus: int
    cpus: float

    @property
    def loaders(self) -> int:
        """How many loader processes the CPUs are enough for."""
        return max(1, min(8, int(self.cpus)))

    def __str__(self) -> str:
        cpus = f"{self.cpus:g} CPU" if self.cpus == 1 else f"{self.cpus:g} CPUs"
        return f"a GPU and {cpus}" if self.gpus else cpus


def resources_per_worker(
    machines: Sequence[Mapping[str, float]], workers: int, device: str
) -> WorkerResources | None:
    """The resources that each worker may have: a GPU, or a share of the CPUs.

    Args:
        machines: Ray's resources of each node: dicts with ``CPU`` and ``GPU``
        workers: how many are requested
        device: the run's device; empty takes GPUs where there are some

    Returns:
        None if the device is a GPU and there is none
    """
    with_gpus = [m for m in machines if m.get("GPU", 0) >= 1]
    if device.startswith("cuda") and not with_gpus:
        return None
    if (with_gpus and device in ("", "cuda")) or device.startswith("cuda:"):
        return WorkerResources(1, min(m.get("CPU", 0) // int(m["GPU"]) for m in with_gpus))
    cpus = [m.get("CPU", 0) for m in machines]
    largest = int(max(cpus, default=0))
    shares = [*range(largest, 0, -1), *(1 / parts for parts in range(2, workers + 1))]
    for share in shares:
        if sum(int(c / share + 1e-9) for c in cpus) >= workers:
            return WorkerResources(0, float(share))
    return WorkerResources(0, 1.0)
