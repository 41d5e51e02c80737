"""Whether a machine can label a run's samples; checked there before it gets a chunk.

Nothing here imports FiftyOne, which ends the process where it cannot reach its database.
"""

import importlib.metadata
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from auto_labeling import __version__
from auto_labeling.models import requirements

#: Seconds in which the database must answer.
_PATIENCE_MS = 10_000


@dataclass(frozen=True)
class Needs:
    """What a run needs of each machine.

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
    dataset_id: object
    packages: tuple = ()
    media: tuple = ()
    mask_folder: str = ""
    probe: str = ""
    version: str = __version__
    fiftyone_version: str = ""


def problems(needs: Needs) -> list[str]:
    """What is missing on this machine: a sentence for each thing."""
    found = [
        _code(needs),
        _fiftyone(needs),
        _packages(needs),
        _database(needs),
        _media(needs),
        _masks(needs),
    ]
    return [sentence for sentence in found if sentence]


def _code(needs) -> str:
    if needs.version == __version__:
        return ""
    return f"Auto-Labeling {__version__} is installed there, not {needs.version}; uninstall it"


def _fiftyone(needs) -> str:
    try:
        there = importlib.metadata.version("fiftyone")
    except importlib.metadata.PackageNotFoundError:
        return f"FiftyOne is not installed there; install fiftyone=={needs.fiftyone_version}"
    if there.split(".")[:2] != needs.fiftyone_version.split(".")[:2]:
        return f"FiftyOne {there} is installed there, not {needs.fiftyone_version}"
    return ""


def _packages(needs) -> str:
    missing = requirements.missing(needs.packages)
    if not missing:
        return ""
    return f"The model's packages are not installed there: {requirements.install_command(missing)}"


def _database(needs):
    import pymongo
    from pymongo.errors import PyMongoError

    where = _address(needs.uri)
    try:
        with pymongo.MongoClient(needs.uri, serverSelectionTimeoutMS=_PATIENCE_MS) as client:
            datasets = client[needs.database]["datasets"]
            if datasets.find_one({"_id": needs.dataset_id}, {"_id": 1}) is not None:
                return ""
        wrong = f"The database at {where} is a different one there: it does not have this dataset"
    except PyMongoError as error:
        reason = str(error).partition(" (configured timeouts")[0][:200]
        wrong = f"The database at {where} cannot be reached from there ({reason})"
    if _is_local(where):
        wrong += (
            f". {where} means each machine itself: set FIFTYONE_DATABASE_URI to an address "
            "that all machines reach"
        )
    return wrong


def _address(uri):
    """The hosts of a URI, without the password."""
    return uri.partition("://")[2].rpartition("@")[2].partition("/")[0].partition("?")[0]


def _is_local(hosts):
    hosts = [host.strip("[]") for host in hosts.split(",")]
    return any(h.startswith(("localhost", "127.", "::1", "0.0.0.0")) for h in hosts)


def _media(needs) -> str:
    unread = [path for path in needs.media if not _can_read(path)]
    if not unread:
        return ""
    return (
        f"{unread[0]} cannot be read there: media must have the same paths on all machines "
        "(a shared folder)"
    )


def _can_read(path):
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def _masks(needs) -> str:
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
class Room:
    """What one worker gets of a machine.

    Args:
        gpus: how many GPUs; 0 to label on CPUs
        cpus: how many CPUs
    """

    gpus: int
    cpus: float

    @property
    def loaders(self) -> int:
        """How many loader processes that is enough for."""
        return max(1, min(8, int(self.cpus)))

    def __str__(self) -> str:
        cpus = f"{self.cpus:g} CPU" + ("" if self.cpus == 1 else "s")
        return f"a GPU and {cpus}" if self.gpus else cpus


def room(machines: list[dict], workers: int, device: str) -> Room | None:
    """How much each of some workers may have: a GPU, or a share of the CPUs.

    Args:
        machines: what Ray calls each node's resources: dicts with ``CPU`` and ``GPU``
        workers: how many are wanted
        device: the run's device; empty takes GPUs where there are some

    Returns:
        the room for one, or None if the device is a GPU and there is none
    """
    with_gpus = [m for m in machines if m.get("GPU", 0) >= 1]
    if device.startswith("cuda") and not with_gpus:
        return None
    if (with_gpus and device in ("", "cuda")) or device.startswith("cuda:"):
        return Room(1, min(m.get("CPU", 0) // int(m["GPU"]) for m in with_gpus))
    cpus = [m.get("CPU", 0) for m in machines]
    most = int(max(cpus, default=0))
    shares = [*range(most, 0, -1), *(1 / parts for parts in range(2, workers + 1))]
    for share in shares:
        if sum(int(c / share + 1e-9) for c in cpus) >= workers:
            return Room(0, float(share))
    return Room(0, 1.0)
