"""Tries a configuration on a few samples: the labels, and the speed.

It happens in the process that asks. Nothing is written to the dataset, and nothing is downloaded.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import fiftyone.core.labels as fol
from fiftyone.core.dataset import Dataset
from fiftyone.core.models import Model

from auto_labeling.core.errors import (
    AutoLabelingError,
    ConfigError,
    ModelUnavailable,
    first_line,
)
from auto_labeling.core.run import Run, RunConfig, Speed
from auto_labeling.engine import (
    boxes_3d,
    documents,
    drawing,
    drawing_above,
    drawing_cameras,
    lifting_model,
)
from auto_labeling.engine.batches import Waiting
from auto_labeling.engine.camera_views import CAMERAS, CameraViews, Image
from auto_labeling.engine.prediction import Predictor
from auto_labeling.engine.reading import Reader
from auto_labeling.lifecycle import calibration_check, validation
from auto_labeling.models import catalog, custom_check, downloads, zoo
from auto_labeling.models.offline import offline
from auto_labeling.storage import clock, samples

#: The most samples that can be tried at once.
MAX_PREVIEW_SAMPLES = 8

#: Models are large: one is held at a time for this.
_model_lock = threading.Lock()


@dataclass(frozen=True)
class Preview:
    """The labels that a run would give a sample.

    Args:
        sample_id: the sample's id
        filepath: its file
        labels: the :class:`fiftyone.core.labels.Label`, as after approval; None if the sample
            failed, or if a classifier gave no label that counts
        error: why the sample failed; empty if it did not
        guess: how the range of values of an image of more than 8 bits was guessed; empty if it
            was not
        tilted: whether boxes are turned about x or y, which FiftyOne reads in two ways
        cameras: the images from which labels were lifted
    """

    sample_id: str
    filepath: str
    labels: fol.Label | None = None
    error: str = ""
    guess: str = ""
    tilted: bool = False
    cameras: tuple[Image, ...] = ()

    def picture(self, width: int = 480) -> bytes:
        """Draws the labels on the image; those of a point cloud or scene from above.

        Lifted labels are also drawn into the images of the cameras.

        Args:
            width (480): of the picture, in pixels

        Returns:
            the bytes of a JPEG file

        Raises:
            OSError: if the file cannot be read
            ValueError: if the image is too large
        """
        if self.cameras:
            return drawing_cameras.draw(self.filepath, self.labels, self.cameras, width)
        if self.filepath.lower().endswith((".pcd", ".fo3d")):
            return drawing_above.draw(self.filepath, self.labels, width)
        return drawing.draw(self.filepath, self.labels, width)


@dataclass(frozen=True)
class Trial:
    """What came of trying a configuration.

    Args:
        previews: a :class:`Preview` for each sample
        speed: how fast it was, without the loading of the model and its first image; None where
            one sample was tried, or all failed
        warnings: what is doubtful about the calibration of cameras, in sentences
    """

    previews: tuple[Preview, ...]
    speed: Speed | None
    warnings: tuple[str, ...] = ()


def preview(dataset: Dataset, config: RunConfig, sample_ids: Iterable[str]) -> list[Preview]:
    """Runs a model on a few samples, and writes nothing.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: what to do; its label field and mask location are not regarded
        sample_ids: the ids of at most :data:`MAX_PREVIEW_SAMPLES` samples

    Returns:
        a :class:`Preview` for each sample

    Raises:
        ConfigError: if the model cannot do what the configuration asks, or samples are unknown
        ModelUnavailable: if weights or a device are missing: nothing is downloaded
    """
    return list(trial(dataset, config, sample_ids).previews)


def trial(
    dataset: Dataset,
    config: RunConfig,
    sample_ids: Iterable[str],
    report: Callable[[str], None] | None = None,
) -> Trial:
    """Runs a model on a few samples as :func:`preview` does, and says how fast that was.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: what to do
        sample_ids: the ids of at most :data:`MAX_PREVIEW_SAMPLES` samples
        report (None): called with a line of text, now and then

    Returns:
        a :class:`Trial`

    Raises:
        ConfigError: if there are too many samples, or the model cannot be loaded here
    """
    report = report or (lambda text: None)
    validation.check_model(dataset, config)
    ids = validation.frozen_ids(dataset, sample_ids, config)
    if len(ids) > MAX_PREVIEW_SAMPLES:
        raise ConfigError(
            {"target": f"At most {MAX_PREVIEW_SAMPLES} samples can be previewed, not {len(ids):,}"}
        )
    if problems := custom_check.problems(config):  # here, since it is this process that loads it
        raise ConfigError(problems)
    _require_weights(config)
    loaded = samples.read(
        dataset, ids, zoo.field_mapping(config), whole=config.task.is_3d and not config.method.lifts
    )
    if config.method.lifts:
        CameraViews(dataset, config).add(loaded)
    targets = [Waiting(sample_id, values) for sample_id, values in loaded]
    report("Waiting for another preview to finish")
    with _model_lock:
        report("Loading the model")
        model = _load(config)
        lifts = isinstance(model, lifting_model.LiftedLabels)
        try:
            if lifts:
                model.kept = []
            made = _try(model, config, targets, report)
            doubts = calibration_check.of_scenes(model.kept or [], config) if lifts else []
            return replace(made, warnings=tuple(doubts))
        finally:
            del model
            zoo.release()


def _require_weights(config: RunConfig) -> None:
    missing = [spec for spec in catalog.missing_weights(config) if spec.source != "remote"]
    if not missing:
        return
    spec = missing[0]
    name = config.checkpoint if spec.needs_checkpoint and config.checkpoint else spec.name
    damaged = downloads.damaged(spec, config.checkpoint if spec.needs_checkpoint else "")
    if damaged:
        raise ModelUnavailable(
            f"The weights file {damaged[0]} is empty or incomplete. A preview downloads nothing; "
            "the worker downloads it again when a run starts"
        )
    # FiftyOne's command may download other weights of torchvision's than a run loads.
    has_command = spec.entry.get("manager") and spec.wrapper != downloads.TORCHVISION
    how = f": `fiftyone zoo models download {spec.name}`" if has_command else ""
    raise ModelUnavailable(
        f"The weights of '{name}' are not on this machine, and a preview downloads nothing. "
        f"The worker downloads them when a run starts; for a preview, download them first{how}"
    )


def _load(config: RunConfig) -> Model:
    with offline() as requests:
        try:
            return lifting_model.load(config)
        except Exception as error:
            if requests:
                raise ModelUnavailable(
                    f"'{config.model}' needs files that are not on this machine: it asked for "
                    f"{requests[0]}, and a preview downloads nothing"
                ) from error
            if isinstance(error, AutoLabelingError):
                raise
            message = first_line(error)
            raise ModelUnavailable(f"'{config.model}' cannot be loaded here: {message}") from error


def _try(
    model: Model,
    config: RunConfig,
    targets: Sequence[Waiting],
    report: Callable[[str], None],
) -> Trial:
    # The engine knows a run; this one is recorded nowhere.
    run = Run(id="preview", config=config, created_at=clock.stamp())
    reader = Reader(model, zoo.field_mapping(config))
    previews: list[Preview] = []
    began = time.monotonic()
    with Predictor(model, run, reader) as predictor:
        size = predictor.batch_size
        # The first image pays for what is made ready once, so it is not measured.
        starts = [0, *range(1, len(targets), size)]
        for number, first in enumerate(starts):
            report(f"{first} of {len(targets)} samples")
            part = targets[first : 1 if number == 0 else first + size]
            previews += _previews(predictor, reader, part, config.task.is_3d)
            if number == 0:
                began = time.monotonic()
        seconds = time.monotonic() - began
        tried = sum(not preview.error for preview in previews[1:])
        speed = _speed(config, predictor, tried, seconds) if tried else None
    order = {target.sample_id: index for index, target in enumerate(targets)}
    return Trial(tuple(sorted(previews, key=lambda preview: order[preview.sample_id])), speed)


def _previews(
    predictor: Predictor, reader: Reader, targets: Sequence[Waiting], is_3d: bool
) -> Iterator[Preview]:
    loaded = reader(targets)
    guesses = {target.sample_id: guess for target, guess in loaded.guessed}
    made, failures = predictor.finish(predictor.forward(loaded))
    for target, (document, _) in made:
        labels = documents.to_label(document)
        guess = guesses.get(target.sample_id, "")
        tilted = is_3d and boxes_3d.has_tilt(document)
        path = target.values["filepath"]
        cameras = tuple(target.values.get(CAMERAS, ()))
        yield Preview(target.sample_id, path, labels, "", guess, tilted, cameras)
    for target, error in failures:
        yield Preview(target.sample_id, target.values["filepath"], error=error)


def _speed(config: RunConfig, predictor: Predictor, samples: int, seconds: float) -> Speed:
    return Speed(
        model=config.model,
        segmenter=config.segmenter,
        task=config.task,
        machine=socket.gethostname(),
        device=predictor.device,
        half=predictor.half,
        samples=samples,
        rate=round(samples / max(seconds, 1e-6), 3),
        at=clock.stamp(),
    )
