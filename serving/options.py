"""The options of a worker. Imports nothing of FiftyOne, which takes seconds."""

import os
from dataclasses import dataclass
from pathlib import Path

from auto_labeling.core.errors import AutoLabelingError

LOG_DIR_VARIABLE = "FIFTYONE_AUTO_LABELING_LOG_DIR"


@dataclass(frozen=True)
class Options:
    """How to serve.

    Args:
        everything: whether to serve the operations of all plugins
        drain: whether to end when nothing is queued
        once: whether to end after one operation
        poll: seconds between looks at the queue
        grace: seconds that an operation may go on after the service was asked to stop; None means
            until it is done
        log_dir: the folder for the logs of operations
        verbose: whether to print what operations log, too
        json: whether to print JSON lines
    """

    log_dir: Path
    everything: bool = False
    drain: bool = False
    once: bool = False
    poll: float = 0.5
    grace: float | None = None
    verbose: bool = False
    json: bool = False

    def __post_init__(self):
        try:
            self.log_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AutoLabelingError(f"Cannot write logs to {self.log_dir}: {error}") from error
        if not os.access(self.log_dir, os.W_OK):
            raise AutoLabelingError(f"{self.log_dir} is not writable; choose another --log-dir")


def default_log_dir() -> Path:
    """Where the logs of operations are kept by default."""
    return Path(os.environ.get(LOG_DIR_VARIABLE) or "~/.fiftyone/auto-labeling/logs").expanduser()
