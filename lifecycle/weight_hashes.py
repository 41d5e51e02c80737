"""Which weights a run's models load on this machine: for certificates."""

import hashlib
from pathlib import Path

from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Run
from auto_labeling.models import catalog, downloads

_BLOCK = 1 << 20


def weight_hashes(run: Run) -> dict[str, str]:
    """The SHA-256 of each file of weights that a run's models load, by the file's name.

    Args:
        run: the run

    Returns:
        the hashes; without the files that are not on this machine
    """
    if run.source:  # its labels were imported
        return {}
    try:
        models = catalog.models_of(run.config)
    except ModelUnavailable:
        return {}
    paths = [path for spec in models for path in downloads.files(spec, run.config.checkpoint)]
    return {path.name: _sha256(path) for path in paths}


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            whole.update(block)
    return whole.hexdigest()
