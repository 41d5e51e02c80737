"""The previews that windows have asked for, each at work in a thread, in memory alone.

A handler of the panel must answer at once, and a model may take a minute to load.
"""

import base64
import contextlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import RunConfig
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.events import sentence
from auto_labeling.panels.window_memory import ByWindow

#: Settings that a preview does not depend on.
_NOT_USED = ("label_field", "name", "target", "group_slices", "mask_location", "workers")

_WIDTH = 440
_MAX_WINDOWS = 32

_jobs: ByWindow = ByWindow(_MAX_WINDOWS)
_lock = threading.Lock()


@dataclass
class Job:
    """A preview that is under way, or done.

    Args:
        config: what is tried
        sample_ids: on which samples
        says: how far it is
        trial: what came of it; None until it is done, or if it failed
        pictures: for each of its previews a picture as a data URI; empty where there is none
        error: why it failed; empty if it did not
        done: whether it is over
    """

    config: RunConfig
    sample_ids: tuple[str, ...]
    says: str = "Starting"
    trial: labeling.Trial | None = None
    pictures: list[str] = field(default_factory=list)
    error: str = ""
    done: bool = False

    def is_of(self, config: RunConfig) -> bool:
        """Whether it tried what a configuration asks of the model."""
        plain = [c.model_dump(exclude=set(_NOT_USED)) for c in (self.config, config)]
        return plain[0] == plain[1]


def begin(window: str, dataset: Dataset, config: RunConfig, sample_ids: Iterable[str]) -> None:
    """Starts a preview, in place of an earlier one of the same window.

    Args:
        window: the window's name (``PanelState.window``)
        dataset: the dataset
        config: what the form asks of the model
        sample_ids: the ids of a few samples
    """
    job = Job(config, tuple(sample_ids))
    with _lock:
        _jobs.note(window, job)
    threading.Thread(target=_work, args=(job, dataset), name="preview", daemon=True).start()


def of(window: str) -> Job | None:
    """The preview of a window, if it has asked for one."""
    with _lock:
        job: Job | None = _jobs.get(window)
        return job


def forget(window: str) -> None:
    """Drops a window's preview; one that is under way ends unseen."""
    with _lock:
        _jobs.pop(window, None)


def _work(job: Job, dataset: Dataset) -> None:
    def report(text: str) -> None:
        job.says = text

    try:
        trial = labeling.trial(dataset, job.config, job.sample_ids, report)
        report("Drawing")
        job.pictures = [_picture(preview) for preview in trial.previews]
        job.trial = trial
    except Exception as error:  # noqa: BLE001 - the page says what went wrong
        job.error = sentence(error)
    finally:
        job.done = True


def _picture(preview: labeling.Preview) -> str:
    with contextlib.suppress(OSError, ValueError):
        data = base64.b64encode(preview.picture(_WIDTH)).decode("ascii")
        return f"data:image/jpeg;base64,{data}"
    return ""
