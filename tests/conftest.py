"""What every test gets: a database of its own, and nothing of the user's.

FiftyOne connects to its database when it is imported. So the environment is set before any test
module is loaded, and ``mongod`` starts when something first imports ``fiftyone``: tests that never
do so never wait for it.
"""

import atexit
import os
import shutil
import sys
import tempfile
import uuid
from importlib.abc import MetaPathFinder
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from auto_labeling.demo import database as mongo
from tests.support.paths import CHECKOUT

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

PREFIX = "auto_labeling_test"
#: Bytes of free memory from which on the database is kept there; it takes less than a tenth.
ROOM = 8 * 2**30


def pytest_configure(config):
    name = os.environ.setdefault("FIFTYONE_DATABASE_NAME", f"{PREFIX}_{uuid.uuid4().hex[:12]}")
    if hasattr(config, "workerinput"):  # pytest-xdist: on a server of yours, each has its own
        name = f"{name}_{config.workerinput['workerid']}"
        os.environ["FIFTYONE_DATABASE_NAME"] = name
    if not name.startswith(PREFIX):
        pytest.exit(
            f"FIFTYONE_DATABASE_NAME is {name!r}: the tests delete what they find, so they run "
            f"only on a database whose name starts with {PREFIX!r}",
            returncode=2,
        )
    folder = Path(tempfile.mkdtemp(prefix="auto-labeling-tests-"))
    # Not a pytest hook: at exit FiftyOne still talks to the database, and we come after it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    config.stash[_FOLDER] = folder
    _isolate(folder)
    server = config.stash[_SERVER] = _Server(_database_folder(folder), name)
    sys.meta_path.insert(0, server)


_FOLDER = pytest.StashKey[Path]()
_SERVER = pytest.StashKey["_Server"]()


def _isolate(folder: Path) -> None:
    """Points FiftyOne at empty folders, and at this checkout as its only plugin."""
    plugins = folder / "plugins"
    plugins.mkdir()
    (plugins / "auto-labeling").symlink_to(CHECKOUT, target_is_directory=True)
    os.environ.update(
        FIFTYONE_PLUGINS_DIR=str(plugins),
        FIFTYONE_CONFIG_PATH=str(folder / "config.json"),
        FIFTYONE_APP_CONFIG_PATH=str(folder / "app_config.json"),
        FIFTYONE_DEFAULT_DATASET_DIR=str(folder / "datasets"),
        FIFTYONE_MODEL_ZOO_DIR=str(folder / "zoo"),
        FIFTYONE_DO_NOT_TRACK="true",
        FIFTYONE_AUTO_LABELING_LEASE_SECONDS="4",
        YOLO_AUTOINSTALL="false",
        YOLO_CONFIG_DIR=str(folder),
    )


def _database_folder(folder: Path) -> Path:
    """A folder in memory if there is room, otherwise in ``folder``.

    A new dataset makes the database create and sync ten files, which takes longer than most tests.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or min(_free(memory), psutil.virtual_memory().available) < ROOM:
        return folder / "mongod"
    made = Path(tempfile.mkdtemp(prefix="auto-labeling-tests-", dir=memory))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made / "mongod"


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class _Server(MetaPathFinder):
    """Starts the database at the first ``import fiftyone``, and leaves the import to others."""

    def __init__(self, folder: Path, name: str):
        self._folder = folder
        self._name = name
        self.database = None

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "fiftyone":
            self.start()
        return None

    def start(self) -> str:
        """Starts the database, once. Returns its URI."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            database = self.database = mongo.provide(self._folder)
            if database.process is None:
                atexit.register(_drop, database.uri, self._name)
            os.environ[mongo.URI_VARIABLE] = database.uri
        return os.environ[mongo.URI_VARIABLE]


def _drop(uri: str, name: str) -> None:
    """Leaves nothing behind on a server that is not ours to stop."""
    import pymongo

    with pymongo.MongoClient(uri) as client:
        client.drop_database(name)


@pytest.fixture(scope="session")
def database(pytestconfig) -> str:
    """The URI of the tests' database; for tests whose subprocesses need it."""
    return pytestconfig.stash[_SERVER].start()


@pytest.fixture(scope="session")
def mongod(pytestconfig, database) -> mongo.Database:
    """The tests' database, for tests that kill it; its process is None if it is not ours."""
    return pytestconfig.stash[_SERVER].database


@pytest.fixture(scope="session")
def plugins_dir(pytestconfig) -> Path:
    """FiftyOne's plugins directory: one symlink, to this checkout."""
    return pytestconfig.stash[_FOLDER] / "plugins"


@pytest.fixture
def images(tmp_path) -> list[str]:
    """Five small pictures, PNG and JPEG, all different."""
    import numpy as np
    from PIL import Image

    paths = []
    for index in range(5):
        pixels = np.random.default_rng(index).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        path = tmp_path / "images" / f"{index}.{('png', 'jpg')[index % 2]}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        paths.append(str(path))
    return paths


@pytest.fixture
def dataset(images):
    """A FiftyOne dataset of :func:`images`, deleted afterwards."""
    import fiftyone as fo

    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    dataset.add_samples([fo.Sample(filepath=path) for path in images], progress=False)
    yield dataset
    if not dataset.deleted:
        dataset.delete()


@pytest.fixture
def no_speeds():
    """No measured speeds, before and after: an earlier test's run would be estimated from."""
    from fiftyone.operators.store import ExecutionStore

    from auto_labeling.core.names import SPEEDS_STORE

    ExecutionStore.create(SPEEDS_STORE).clear()
    yield
    ExecutionStore.create(SPEEDS_STORE).clear()
