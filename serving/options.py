"""The options of a worker. Imports nothing of FiftyOne, which takes seconds."""

import os
from dataclasses import dataclass
from pathlib import Path

from auto_labeling.core.errors import AutoLabelingError

LOG_DIR_VARIABLE = "FIFTYONE_AUTO_LABELING_LOG_DIR"


@dataclass(frozen=True)
class Options:
    """The options of a worker.

    Args:
        log_dir: the folder for the logs of operations
        everything (False): whether to serve the operations of all plugins
        drain (False): whether to exit when the queue is empty
        once (False): whether to exit after one operation
        poll (0.5): the seconds between two checks of the queue
        grace (None): the seconds that an operation may continue after a request to stop; None
            until it is done
        verbose (False): whether to also print the logs of operations
        json (False): whether to print JSON lines
    """

    log_dir: Path
    everything: bool = False
    drain: bool = False
    once: bool = False
    poll: float = 0.5
    grace: float | None = None
    verbose: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        try:
            self.log_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AutoLabelingError(f"Cannot write logs to {self.log_dir}: {error}") from error
        if not os.access(self.log_dir, os.W_OK):
            raise AutoLabelingError(f"{self.log_dir} is not writable; choose another --log-dir")


def default_log_dir() -> Path:
    """Returns the default folder for the logs of operations."""
    return Path(os.environ.get(LOG_DIR_VARIABLE) or "~/.fiftyone/auto-labeling/logs").expanduser()
