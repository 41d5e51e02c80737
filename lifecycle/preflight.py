"""What to check before a run starts. It loads no model, so it is cheap at any time."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset
from pydantic import BaseModel, ConfigDict

from auto_labeling.core import text
from auto_labeling.core.run import RunConfig, Speed
from auto_labeling.lifecycle import calibration_check, lifting_rules, media, preview, worker_check
from auto_labeling.lifecycle.estimate import estimate
from auto_labeling.models import catalog, devices, downloads, requirements
from auto_labeling.models.spec import ModelSpec
from auto_labeling.storage import live_workers, mask_locations

#: Seconds from which a run without a GPU is warned of.
_LONG_SECONDS = 600

#: Bytes that should stay free where weights and masks go.
_SPARE_BYTES = 2**30


class Weights(BaseModel):
    """The weights of a model that a run loads.

    ``name`` is a file and its training, or the id of a checkpoint; empty where that says nothing.
    ``damaged`` are files that are empty or were cut off: the worker downloads them again.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    on_disk: bool
    size_bytes: int | None = None
    name: str = ""
    damaged: tuple[str, ...] = ()
    own: tuple[str, ...] = ()  # where a custom model is, a line for each machine


class Disk(BaseModel):
    """A folder to which a run writes."""

    model_config = ConfigDict(frozen=True)

    holds: str  # "weights" or "masks"
    folder: str
    free_bytes: int


class Preflight(BaseModel):
    """What to know before a run starts, as seen from this machine.

    ``check`` refuses settings that cannot work. Nothing here forbids the run.

    Args:
        samples: the number of target samples
        weights: for each model, whether its weights are on disk, and their size
        device: the device of the configuration; empty for a GPU if there is one
        device_found: whether this machine has that device
        gpus: the number of GPUs of this machine
        worker_devices: the devices of the live workers
        missing_packages: packages that the model needs and this machine lacks
        install_command: installs them
        free_disk: the free bytes of each folder to which the run writes
        estimated_seconds: how long the run takes once a worker has it, in seconds; None if unknown
        startup_seconds: the part of that besides labeling, most of it until the model is ready
        is_startup_measured: whether an earlier run has measured it; else it is assumed
        estimated_from: ``"measured"`` by an earlier run, or a ``"trial"``; empty if unknown
        speed: the measured speed behind the estimate
        asking_workers: whether live workers have not yet answered whether they can run the model
        warnings: sentences about what may go wrong or take long
    """

    model_config = ConfigDict(frozen=True)

    samples: int
    weights: tuple[Weights, ...]
    device: str
    device_found: bool
    gpus: int
    worker_devices: tuple[str, ...] = ()
    missing_packages: tuple[str, ...] = ()
    install_command: str = ""
    free_disk: tuple[Disk, ...] = ()
    estimated_seconds: float | None = None
    startup_seconds: float | None = None
    is_startup_measured: bool = False
    estimated_from: str = ""
    speed: Speed | None = None
    asking_workers: bool = False
    warnings: tuple[str, ...] = ()


def preflight(
    dataset: Dataset,
    config: RunConfig,
    sample_ids: Collection[str] | None = None,
    *,
    tried: preview.Trial | None = None,
    samples: int | None = None,
    view: SampleCollection | None = None,
    wait: bool = True,
) -> Preflight:
    """Checks samples, weights, device, packages, disk and time for a run.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration
        sample_ids (None): the ids of the target samples; None means all
        tried (None): the result of :func:`auto_labeling.lifecycle.preview.trial`, to estimate the
            time from where no run has measured it
        samples (None): the number of the target samples, if it is known
        view (None): the view that the target samples are of, if they are of one
        wait (True): whether to wait for the workers' answers about a custom model, and to compare
            the calibration of cameras with a few point clouds

    Returns:
        a :class:`Preflight`

    Raises:
        ModelUnavailable: if a model is not offered
    """
    if samples is None:
        if sample_ids is None:
            samples = media.count(dataset, config.group_slices, config.task)
        else:
            samples = len(set(sample_ids))
    models = catalog.models_of(config)
    missing = tuple(dict.fromkeys(p for spec in models for p in catalog.missing_packages(spec)))
    time = estimate(config, samples, tried.speed if tried else None)
    status = worker_check.ask_workers(config) if wait else worker_check.latest_status(config)
    known: dict[str, Any] = {
        "samples": samples,
        "weights": tuple(_weights(spec, config, status) for spec in models),
        "device": config.device,
        "device_found": devices.exists(config.device),
        "gpus": devices.gpus(),
        "worker_devices": tuple(f"{w.device} on {w.host}" for w in live_workers.live() if w.device),
        "missing_packages": missing,
        "install_command": requirements.install_command(missing) if missing else "",
        "free_disk": tuple(_disks(models, config)),
    }
    if time is not None:
        known |= {
            "estimated_seconds": round(time.seconds, 1),
            "startup_seconds": round(time.startup_seconds, 1),
            "is_startup_measured": time.is_startup_measured,
            "estimated_from": time.origin,
            "speed": time.speed,
        }
    if status is not None:
        known["asking_workers"] = status.asking
    result = Preflight(**known)
    of_custom = status.warnings if status is not None else ()
    if tried is not None:
        doubts = tried.warnings
    else:
        doubts = tuple(calibration_check.of_dataset(dataset, config, sample_ids)) if wait else ()
    noted = cautions(dataset, config, samples, view)
    warnings = (*noted, *doubts, *of_custom, *_warnings(result))
    return result.model_copy(update={"warnings": warnings})


def cautions(
    dataset: Dataset, config: RunConfig, samples: int, view: SampleCollection | None = None
) -> tuple[str, ...]:
    """Warns about settings that a person may not intend, before a run starts.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's configuration
        samples: the number of the target samples
        view (None): the view that the target samples are of, if they are of one

    Returns:
        the warnings, in sentences
    """
    sentences = (
        [] if view is None else [media.meaning(view, samples, config.task, config.group_slices)]
    )
    sentences += lifting_rules.warnings(dataset, config)
    if config.mask_location:
        sentences += mask_locations.warnings(dataset, config.mask_location)
    return tuple(filter(None, sentences))


def _weights(
    spec: ModelSpec, config: RunConfig, status: worker_check.ModelStatus | None
) -> Weights:
    named = config.checkpoint if spec.needs_checkpoint else ""
    of_custom = status if spec.name == config.model else None
    return Weights(
        model=spec.name,
        on_disk=downloads.is_downloaded(spec, named) and not (of_custom and of_custom.here),
        own=of_custom.lines if of_custom else (),
        size_bytes=downloads.size_bytes(spec, named),
        name=downloads.weights_name(spec, named),
        damaged=tuple(map(str, downloads.damaged(spec, named))),
    )


def _disks(models: Sequence[ModelSpec], config: RunConfig) -> Iterator[Disk]:
    folders = {("weights", downloads.folder(spec)) for spec in models if spec.source != "bundled"}
    if config.mask_location:
        folders.add(("masks", Path(config.mask_location)))
    for holds, folder in sorted(folders):
        existing = next((p for p in (folder, *folder.parents) if p.is_dir()), None)
        if existing is not None:
            free = shutil.disk_usage(existing).free
            yield Disk(holds=holds, folder=str(folder), free_bytes=free)


def _warnings(preflight: Preflight) -> Iterator[str]:
    if not preflight.samples:
        yield "There are no samples to label"
    if preflight.missing_packages:
        yield f"Packages are missing on this machine: {preflight.install_command}"
    if not preflight.device_found and not preflight.worker_devices:
        yield f"This machine has no device '{preflight.device}'; the worker needs one"
    for weights in preflight.weights:
        for path in weights.damaged:
            yield f"The weights file {path} is empty or incomplete"
    yield from _of_time(preflight)
    yield from _of_disk(preflight)


def _of_time(preflight: Preflight) -> Iterator[str]:
    has_gpu = preflight.gpus or any(
        not device.startswith("cpu") for device in preflight.worker_devices
    )
    slow = preflight.speed.device == "cpu" if preflight.speed else not has_gpu
    if not slow or not preflight.samples:
        return
    seconds = preflight.estimated_seconds
    if seconds is None:
        if preflight.device != "cpu":
            yield "No GPU was found on this machine; a CPU may take seconds per image"
    elif seconds > _LONG_SECONDS:
        yield f"No GPU: about {text.duration(seconds)}"


def _of_disk(preflight: Preflight) -> Iterator[str]:
    absent = [weights for weights in preflight.weights if not weights.on_disk]
    for disk in preflight.free_disk:
        needed = 0
        if disk.holds == "weights":
            if not absent:
                continue
            needed = sum(weights.size_bytes or 0 for weights in absent)
        if disk.free_bytes < needed + _SPARE_BYTES:
            yield f"Only {text.size(disk.free_bytes)} free for {disk.holds} in {disk.folder}"
