"""Runs a model on batches; a bad sample never costs its batch.

``forward`` runs in the model's thread. ``finish`` turns its result into label documents, in another
thread at the same time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import fiftyone.core.models as fom

from auto_labeling.core import text
from auto_labeling.core.run import TILTED, Run
from auto_labeling.engine import boxes_3d, outputs, retries
from auto_labeling.engine.batches import Failure, Loaded, Waiting, describe
from auto_labeling.engine.documents import SampleLabels
from auto_labeling.engine.reading import Reader

BATCH_SIZE = 16

#: Scenes in a batch: a large one takes as much memory as a batch of images.
SCENES_AT_ONCE = 4

#: A sample, and its label or the text of its error.
Labeled = tuple[Waiting, Any]


@dataclass
class Predicted:
    """A model's output for a batch.

    Args:
        targets: the samples
        result: the model's output for them, raw or as a list of labels
        failures: ``(target, error text)`` of the samples that failed
        is_raw: whether ``result`` still has to go through :mod:`engine.outputs`
        guessed: ``(target, guess)`` of images whose range of values was guessed; for scenes,
            ``TILTED`` of those with tilted boxes
    """

    targets: list[Waiting]
    result: Any
    failures: list[Failure]
    is_raw: bool
    guessed: list[tuple[Waiting, str]] = field(default_factory=list)


class Predictor:
    """A model at work.

    Args:
        model: a :class:`fiftyone.core.models.Model`
        run: the run
        reader: reads single samples again after a failure
        pause (time.sleep): called with the seconds to wait for a service; may raise
    """

    def __init__(
        self,
        model: fom.Model,
        run: Run,
        reader: Reader,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model = model
        self._run = run
        self._reader = reader
        self._is_torch = isinstance(model, fom.TorchModelMixin)
        self._asks_each = not self._is_torch and type(model).predict_all is fom.Model.predict_all
        self._retries = retries.Retries(pause)
        self._fast = outputs.fast_path(model)
        # Torch models that preprocess to different sizes cannot stack a batch.
        self.batch_size = 1 if self._is_torch and model.ragged_batches else BATCH_SIZE
        self._of_scenes = run.config.task.is_3d
        if self._of_scenes:
            self.batch_size = SCENES_AT_ONCE

    def __enter__(self) -> "Predictor":
        if self._is_torch:
            self._preprocess, self._model.preprocess = self._model.preprocess, False
        self._model.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._model.__exit__(*args)
        if self._is_torch:
            self._model.preprocess = self._preprocess

    @property
    def device(self) -> str:
        """The device that the model runs on."""
        return str(getattr(self._model, "device", "cpu")) if self._is_torch else "cpu"

    @property
    def half(self) -> bool:
        """Whether the model runs in half precision; that is not used where it may fail."""
        return bool(getattr(self._model, "using_half_precision", False))

    def forward(self, loaded: Loaded) -> Predicted:
        """Runs the model on a batch; on a failure, on parts of it that may do better.

        Raises:
            AutoLabelingError: if a service behind the model does not answer
        """
        targets = loaded.targets
        if not targets:
            return Predicted([], [], loaded.failures, False)
        if self._asks_each and loaded.batch is not None:
            parts = self._each(targets, loaded.batch)
        else:
            try:
                result, is_raw = self._run_model(loaded.batch, len(targets))
                self._retries.succeeded()
                return Predicted(targets, result, loaded.failures, is_raw, loaded.guessed)
            except Exception as error:  # noqa: BLE001 - a model may raise anything
                failure = error
            parts = self._again(targets, failure)
        labels = [part for part in parts if not isinstance(part[1], str)]
        failed = [part for part in parts if isinstance(part[1], str)]
        return Predicted(
            [target for target, _ in labels],
            [label for _, label in labels],
            loaded.failures + failed,
            False,
            loaded.guessed,
        )

    def finish(
        self, predicted: Predicted
    ) -> tuple[list[tuple[Waiting, SampleLabels]], list[Failure]]:
        """Turns the model's output into documents.

        Returns:
            ``(documents, failures)``: lists of ``(target, labels)``, and of ``(target, error
            text)``
        """
        convert: Callable[[Any, Run, Sequence[Waiting]], outputs.Results]
        convert = outputs.to_documents
        if predicted.is_raw and self._fast is not None:
            convert = self._fast.convert
        elif self._of_scenes:
            convert = boxes_3d.to_documents
        documents: list[tuple[Waiting, SampleLabels]] = []
        failures = list(predicted.failures)
        results = convert(predicted.result, self._run, predicted.targets)
        for target, result in zip(predicted.targets, results, strict=True):
            if isinstance(result, Exception):
                failures.append((target, describe(result)))
            else:
                documents.append((target, result))
                if self._of_scenes and boxes_3d.has_tilt(result.document):
                    predicted.guessed.append((target, TILTED))
        return documents, failures

    def _run_model(self, batch: Any, size: int) -> tuple[Any, bool]:
        if batch is None:
            raise ValueError("These images cannot be combined into a batch")
        if self._fast is not None:
            return self._fast.forward(batch), True
        return self._predicted(batch, size), False

    def _predicted(self, batch: Any, size: int) -> list[Any]:
        labels = list(self._model.predict_all(batch))
        if len(labels) != size:
            raise ValueError(
                f"The model returned {text.count(len(labels), 'output')} for "
                f"{text.count(size, 'image')}"
            )
        return labels

    def _each(self, targets: Sequence[Waiting], items: Sequence[Any]) -> list[Labeled]:
        """The same as :meth:`_again`, for a model that takes one image after the other anyway."""
        results: list[Labeled] = []
        for target, item in zip(targets, items, strict=True):
            try:
                results.append((target, self._model.predict(item)))
                self._retries.succeeded()
            except Exception as error:  # noqa: BLE001 - see forward
                failure = error
                results.append((target, self._alone(target, failure)))
        return results

    def _again(self, targets: Sequence[Waiting], error: BaseException) -> list[Labeled]:
        """``(target, label)`` of each sample of a batch that failed, or ``(target, error text)``.

        After running out of memory, halves of the batch are tried. After other errors, each sample
        is tried alone: that shows the one at fault, and calls a service once for each.
        """
        if len(targets) > 1 and _is_out_of_memory(error):
            _free_memory()
            middle = max(1, len(targets) // 2)
            self.batch_size = min(self.batch_size, middle)  # the last batch may be a small one
            return [
                result
                for half in (targets[:middle], targets[middle:])
                for result in self._half(half)
            ]
        if len(targets) == 1:
            return [(targets[0], self._alone(targets[0], error))]
        if retries.is_temporary(error):
            self._retries.wait(1, error)
        return [(target, self._alone(target)) for target in targets]

    def _half(self, targets: Sequence[Waiting]) -> list[Labeled]:
        try:
            return list(zip(targets, self._labels(targets), strict=True))
        except Exception as error:  # noqa: BLE001 - see forward
            failure = error
        return self._again(targets, failure)

    def _alone(self, target: Waiting, error: BaseException | None = None) -> Any:
        """The label of one sample, or the text of its error.

        Args:
            target: the sample
            error (None): the error of a try of it alone
        """
        tried = 0
        while True:
            if error is not None:
                tried += 1
                if not retries.is_temporary(error):
                    return describe(error)
                if not self._retries.wait(tried, error):
                    self._retries.gave_up(error)
                    return describe(error)
            try:
                [label] = self._labels([target])
            except Exception as again:  # noqa: BLE001 - see forward
                error = again
            else:
                self._retries.succeeded()
                return label

    def _labels(self, targets: Sequence[Waiting]) -> list[Any]:
        batch = self._reader.collate([self._reader.item(target) for target in targets])
        return self._predicted(batch, len(targets))


def _is_out_of_memory(error: BaseException) -> bool:
    import torch

    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))


def _free_memory() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
