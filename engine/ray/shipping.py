"""Sends our code and the access to the database to a process on another machine.

The code goes as a folder named like the package: a wheel would be installed there with all its
requirements, and a checkout would be imported under its folder's name.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from auto_labeling.core.names import PACKAGE

_ROOT = Path(__file__).resolve().parents[2]
_NOT_OURS = {"tests"}
_DATA = ("fiftyone.yml", "requirements.txt")

#: Settings of FiftyOne that are this process's own.
_OWN = {"FIFTYONE_PRIVATE_DATABASE_PORT"}


@contextlib.contextmanager
def staged() -> Iterator[str]:
    """A temporary folder with a copy of the package, under the name of its import."""
    with tempfile.TemporaryDirectory(prefix="auto-labeling-code-") as temporary:
        folder = Path(temporary) / PACKAGE
        folder.mkdir()
        for part in _parts():
            if part.is_dir():
                unneeded = shutil.ignore_patterns("__pycache__")
                shutil.copytree(part, folder / part.name, ignore=unneeded)
            else:
                shutil.copy(part, folder / part.name)
        yield str(folder)


def _parts() -> Iterator[Path]:
    yield from sorted(_ROOT.glob("*.py"))
    yield from (_ROOT / name for name in _DATA if (_ROOT / name).is_file())
    for path in sorted(_ROOT.glob("*/__init__.py")):
        if path.parent.name not in _NOT_OURS:
            yield path.parent


def environment() -> dict[str, str]:
    """The settings that a process elsewhere needs: those of FiftyOne, with its database's address.

    They may hold a password, so they must never be part of what Ray shows about a job.
    """
    import fiftyone as fo

    settings = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("FIFTYONE_") and name not in _OWN
    }
    port = os.environ.get("FIFTYONE_PRIVATE_DATABASE_PORT")
    uri = fo.config.database_uri or f"mongodb://localhost:{port or 27017}"
    return {
        **settings,
        "FIFTYONE_DATABASE_URI": uri,
        "FIFTYONE_DATABASE_NAME": fo.config.database_name,
    }


def adopt(settings: dict[str, str]) -> None:
    """Takes settings over in the other process, before FiftyOne is imported there.

    That machine's own settings win, except for the address of the database.
    """
    for name in _OWN:
        os.environ.pop(name, None)
    for name, value in settings.items():
        if name.startswith("FIFTYONE_DATABASE_") or name.endswith("_LEASE_SECONDS"):
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)
