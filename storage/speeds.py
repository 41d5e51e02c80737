"""How fast models were, measured by runs; shown beside the ratings.

Kept for all datasets of a database, since every machine that labels writes to it: one key for each
model, which holds its latest speed for each machine, device and second stage, and for runs with one
worker and with several.
"""

from collections.abc import Iterable

from fiftyone.operators.store import ExecutionStore

from auto_labeling.core.names import SPEEDS_STORE
from auto_labeling.core.run import Progress, Run, Speed
from auto_labeling.storage import clock
from auto_labeling.storage.mongo import Document

#: Samples below which an attempt says little of how fast its model is.
MIN_SAMPLES = 20

_RETRIES = 16
_MAX_PER_MODEL = 20


def record(run: Run, progress: Progress | None, samples: int, seconds: float) -> None:
    """Keeps how fast an attempt was, in place of an earlier speed of the same kind.

    Args:
        run: the run
        progress: its progress at the end; None if the run was deleted since
        samples: how many samples the attempt labeled
        seconds: the time that the attempt took
    """
    if progress is None or not progress.rate or samples < MIN_SAMPLES:
        return
    config, at_work = run.config, max(progress.workers, 1)
    _store(
        Speed(
            model=config.model,
            segmenter=config.segmenter,
            task=config.task,
            machine=progress.worker.partition(":")[0],
            device=progress.device,
            half=progress.half,
            samples=samples,
            rate=round(progress.rate / at_work, 3),
            # Not those that are left: one that dies makes it no run of one worker.
            workers=max(at_work, min(config.workers, run.chunks)),
            startup_seconds=round(max(0.0, seconds - samples / progress.rate), 1),
            at=clock.stamp(),
        )
    )


def _store(speed: Speed) -> None:
    store = ExecutionStore.create(SPEEDS_STORE)
    for _ in range(_RETRIES):
        known = store.get(speed.model)
        others = [s for s in _parsed(known) if _kind(s) != _kind(speed)]
        value = [s.model_dump(mode="json") for s in [speed, *others][:_MAX_PER_MODEL]]
        if known is None:
            is_stored = store.set_if_absent(speed.model, value)
        else:
            is_stored = store.compare_and_set(speed.model, known, value)
        if is_stored:
            return


def of_model(name: str) -> list[Speed]:
    """The speeds of a model, the latest first."""
    return _parsed(ExecutionStore.create(SPEEDS_STORE).get(name))


def of_all() -> dict[str, list[Speed]]:
    """The speeds of each model that has some."""
    return {name: of_model(name) for name in ExecutionStore.create(SPEEDS_STORE).list_keys()}


def _parsed(value: Iterable[Document] | None) -> list[Speed]:
    return [Speed.model_validate(item) for item in value or ()]


def _kind(speed: Speed) -> tuple[str, str, str, str, bool, bool]:
    several = speed.workers > 1
    return speed.segmenter, speed.task, speed.machine, speed.device, speed.half, several
