"""How long a run will take: until its model is ready, and until all samples are labeled.

It is estimated from what earlier runs of the model took on the machines of the database. A run with
several workers is another kind of run: Ray and each worker have to start, and workers share the
cores of a machine. What no run has measured is assumed, by the defaults below, and said to be.
"""

import math
from dataclasses import dataclass

from auto_labeling.core.run import Method, RunConfig, Speed
from auto_labeling.storage import speeds
from auto_labeling.storage.chunks import chunk_size

MEASURED, TRIED = "measured", "trial"

#: Seconds until a worker has imported its libraries and loaded a model, where no run has measured
#: it: of a YOLO model from a warm disk on 2 cores, rounded up.
STARTUP_SECONDS = 10.0

#: The same for several workers: Ray starts, and each of them imports FiftyOne at the same time.
SEVERAL_STARTUP_SECONDS = 40.0


@dataclass(frozen=True)
class Estimate:
    """How long a run will take once a worker has it.

    Args:
        speed: what it is estimated from
        origin: ``"measured"`` by an earlier run, or in a ``"trial"``
        startup_seconds: the time besides labeling, most of it until the model is ready
        labeling_seconds: the time to label all samples
        is_startup_measured: whether a run has measured the former; else it is assumed
    """

    speed: Speed
    origin: str
    startup_seconds: float
    labeling_seconds: float
    is_startup_measured: bool

    @property
    def seconds(self) -> float:
        """The time of the run."""
        return self.startup_seconds + self.labeling_seconds


def estimate(config: RunConfig, samples: int, tried: Speed | None = None) -> Estimate | None:
    """Estimates the time of a run.

    Args:
        config: the run's configuration
        samples: the number of target samples
        tried (None): the speed of a trial on this machine, for where no run has measured one

    Returns:
        the :class:`Estimate`; None if nothing is known of the model's speed
    """
    workers = _workers(config, samples)
    speed, origin = _speed(config, workers, tried)
    if speed is None or not speed.rate:
        return None
    is_alike = (speed.workers > 1) == (workers > 1)
    startup = speed.startup_seconds if is_alike and origin == MEASURED else None
    assumed = SEVERAL_STARTUP_SECONDS if workers > 1 else STARTUP_SECONDS
    # The workers of one machine share its cores, unless they were measured together.
    at_once = workers if is_alike or speed.device != "cpu" else 1
    return Estimate(
        speed=speed,
        origin=origin,
        startup_seconds=assumed if startup is None else startup,
        labeling_seconds=samples / speed.rate / at_once,
        is_startup_measured=startup is not None,
    )


def _workers(config: RunConfig, samples: int) -> int:
    """How many workers there is work for."""
    chunks = math.ceil(samples / chunk_size(samples, config.workers))
    return max(1, min(config.workers, chunks))


def _speed(config: RunConfig, workers: int, tried: Speed | None) -> tuple[Speed | None, str]:
    """The speed to reckon with, and where it comes from."""
    segmenter = config.segmenter if config.method is Method.TWO_STAGE else ""
    alike = [
        speed
        for speed in speeds.of_model(config.model)
        if (speed.segmenter, speed.task) == (segmenter, config.task)
        and speed.rate
        and _is_kind(speed.device, config.device)
    ]
    # Stable: else the latest first.
    alike.sort(key=lambda s: ((s.workers > 1) != (workers > 1), s.half != config.half))
    if alike:
        return alike[0], MEASURED
    return (tried, TRIED) if tried else (None, "")


def _is_kind(device: str, kind: str) -> bool:
    return not kind or device.partition(":")[0] == kind.partition(":")[0]
