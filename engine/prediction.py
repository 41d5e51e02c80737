"""Runs a model on batches; a bad sample never costs its batch.

``forward`` is what must happen in the model's thread. ``finish`` turns its result into label
documents, and runs in another thread meanwhile.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from auto_labeling.core.run import Run
from auto_labeling.engine import outputs, retries
from auto_labeling.engine.loading import Loaded, Reader, describe

BATCH_SIZE = 16


@dataclass
class Predicted:
    """What a model said of a batch.

    Args:
        targets: the samples
        result: the model's output for them, raw or as a list of labels
        failures: ``(target, error text)`` of the samples that failed
        is_raw: whether ``result`` still has to go through :mod:`engine.outputs`
        guessed: ``(target, guess)`` of images whose range of values was guessed
    """

    targets: list
    result: Any
    failures: list
    is_raw: bool
    guessed: list = field(default_factory=list)


class Predictor:
    """A model at work.

    Args:
        model: a :class:`fiftyone.core.models.Model`
        run: the run
        reader: reads single samples again after a failure
        pause (time.sleep): called with the seconds to wait for a service; may raise
    """

    def __init__(self, model, run: Run, reader: Reader, pause: Callable = time.sleep) -> None:
        import fiftyone.core.models as fom

        self._model = model
        self._run = run
        self._reader = reader
        self._is_torch = isinstance(model, fom.TorchModelMixin)
        self._asks_each = not self._is_torch and type(model).predict_all is fom.Model.predict_all
        self._retries = retries.Retries(pause)
        self._fast = outputs.fast_path(model)
        # Torch models that preprocess to different sizes cannot stack a batch.
        self.batch_size = 1 if self._is_torch and model.ragged_batches else BATCH_SIZE

    def __enter__(self) -> "Predictor":
        if self._is_torch:
            self._preprocess, self._model.preprocess = self._model.preprocess, False
        self._model.__enter__()
        return self

    def __exit__(self, *args):
        result = self._model.__exit__(*args)
        if self._is_torch:
            self._model.preprocess = self._preprocess
        return result

    @property
    def device(self) -> str:
        """The device that the model runs on."""
        return str(self._model.device) if self._is_torch else "cpu"

    @property
    def half(self) -> bool:
        """Whether the model runs in half precision; a wish for it is left out where it may fail."""
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

    def finish(self, predicted: Predicted) -> tuple[list, list]:
        """Turns what the model said into documents.

        Returns:
            ``(documents, failures)``: lists of ``(target, made)``, where ``made`` is a
            :class:`auto_labeling.engine.documents.Made`, and of ``(target, error text)``
        """
        convert = self._fast.convert if predicted.is_raw else outputs.to_documents
        documents, failures = [], list(predicted.failures)
        results = convert(predicted.result, self._run, predicted.targets)
        for target, result in zip(predicted.targets, results, strict=True):
            if isinstance(result, Exception):
                failures.append((target, describe(result)))
            else:
                documents.append((target, result))
        return documents, failures

    def _run_model(self, batch, size):
        if batch is None:
            raise ValueError("These images cannot be combined into a batch")
        if self._fast is not None:
            return self._fast.forward(batch), True
        labels = list(self._model.predict_all(batch))
        if len(labels) != size:
            raise ValueError(f"The model gave {len(labels)} outputs for {size} images")
        return labels, False

    def _each(self, targets, items):
        """The same as :meth:`_again`, of a model that takes one image after the other anyway."""
        results = []
        for target, item in zip(targets, items, strict=True):
            try:
                results.append((target, self._model.predict(item)))
                self._retries.succeeded()
            except Exception as error:  # noqa: BLE001 - see forward
                failure = error
                results.append((target, self._alone(target, failure)))
        return results

    def _again(self, targets, error: BaseException):
        """``(target, label)`` of each sample of a batch that failed, or ``(target, error text)``.

        Halves of it need less memory. For all else, each sample is asked about alone: so one that
        is at fault is known, and a service is asked about none twice.
        """
        if len(targets) > 1 and _is_out_of_memory(error):
            _free_memory()
            self.batch_size = middle = max(1, len(targets) // 2)
            return [
                result
                for half in (targets[:middle], targets[middle:])
                for result in self._half(half)
            ]
        if len(targets) == 1:
            return [(targets[0], self._alone(targets[0], error))]
        if retries.passes(error):
            self._retries.wait(1, error)
        return [(target, self._alone(target)) for target in targets]

    def _half(self, targets):
        try:
            return list(zip(targets, self._labels(targets), strict=True))
        except Exception as error:  # noqa: BLE001 - see forward
            failure = error
        return self._again(targets, failure)

    def _alone(self, target, error: BaseException | None = None):
        """The label of one sample, or the text of its error.

        Args:
            target: the sample
            error (None): what asking about it alone has met already
        """
        tried = 0
        while True:
            if error is not None:
                tried += 1
                if not retries.passes(error):
                    return describe(error)
                if not self._retries.wait(tried, error):
                    self._retries.in_vain(error)
                    return describe(error)
            try:
                [label] = self._labels([target])
            except Exception as again:  # noqa: BLE001 - see forward
                error = again
            else:
                self._retries.succeeded()
                return label

    def _labels(self, targets):
        batch = self._reader.collate([self._reader.item(target) for target in targets])
        labels = list(self._model.predict_all(batch))
        if len(labels) != len(targets):
            raise ValueError(f"The model gave {len(labels)} outputs for {len(targets)} images")
        return labels


def _is_out_of_memory(error: BaseException):
    import torch

    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))


def _free_memory() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
