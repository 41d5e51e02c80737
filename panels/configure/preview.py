"""The previews that panels have asked for, each at work in a thread, in memory alone.

A handler of the panel must answer at once, and a model may take a minute to load.
"""

import base64
import contextlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import RunConfig
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.events import sentence

#: What a preview does not depend on.
_ASIDE = ("label_field", "name", "target", "group_slices", "mask_location")

_WIDTH = 440
_MOST_PANELS = 32

_jobs: OrderedDict[str, "Job"] = OrderedDict()
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
    trial: "labeling.Trial | None" = None
    pictures: list = field(default_factory=list)
    error: str = ""
    done: bool = False

    def is_of(self, config: RunConfig) -> bool:
        """Whether it tried what a configuration asks of the model."""
        plain = [c.model_dump(exclude=set(_ASIDE)) for c in (self.config, config)]
        return plain[0] == plain[1]


def begin(panel_id: str, dataset: Dataset, config: RunConfig, sample_ids) -> None:
    """Starts a preview, in place of an earlier one of the same panel."""
    job = Job(config, tuple(sample_ids))
    with _lock:
        _jobs[panel_id] = job
        _jobs.move_to_end(panel_id)
        while len(_jobs) > _MOST_PANELS:
            _jobs.popitem(last=False)
    threading.Thread(target=_work, args=(job, dataset), name="preview", daemon=True).start()


def of(panel_id: str) -> Job | None:
    """The preview of a panel, if it has asked for one."""
    with _lock:
        return _jobs.get(panel_id)


def forget(panel_id: str) -> None:
    """Drops a panel's preview; one that is under way ends unseen."""
    with _lock:
        _jobs.pop(panel_id, None)


def _work(job, dataset: Dataset) -> None:
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


def _picture(preview) -> str:
    with contextlib.suppress(OSError, ValueError):
        data = base64.b64encode(preview.picture(_WIDTH)).decode("ascii")
        return f"data:image/jpeg;base64,{data}"
    return ""
