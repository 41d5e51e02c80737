"""Turns model outputs into label documents: a general path, and fast ones for common formats.

Making ``fo.Detection`` objects and serializing them costs about 0.3 ms a label, more than many
models take for an image. The fast paths compute the same as FiftyOne's output processors, on
arrays, and make the documents from these. A contract test holds each equal to the general path,
field by field. Models with any other wrapper or processor take the general path.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import fiftyone.core.models as fom
import numpy as np

from auto_labeling.core.run import Run
from auto_labeling.engine import documents
from auto_labeling.engine.batches import Waiting
from auto_labeling.engine.documents import SampleLabels
from auto_labeling.models.merged_prompts import Masks

#: A relative size that is an area beyond doubt, whatever rounding does.
_SMALL = 1e-6

#: For each sample of a batch: its labels, or its error.
Results = list[SampleLabels | Exception]

#: The width and height of an image, in pixels.
Frame = tuple[int, int]


def to_documents(labels: Sequence[Any], run: Run, targets: Sequence[Waiting]) -> Results:
    """Takes the general path.

    Args:
        labels: the model's label for each sample
        run: the run
        targets: the samples

    Returns:
        for each sample, its :class:`auto_labeling.engine.documents.SampleLabels`, or the error
        that its label caused
    """
    results: Results = []
    for label, target in zip(labels, targets, strict=True):
        try:
            results.append(documents.to_document(label, run, target.sample_id))
        except Exception as error:  # noqa: BLE001 - a label may be wrong in any way
            results.append(error)
    return results


class FastPath:
    """The plain model's forward pass, without its processor.

    Args:
        model: a :class:`fiftyone.utils.torch.TorchImageModel`
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._classes = model._output_processor.classes

    def forward(self, batch: Any) -> tuple[Any, Any]:
        """Runs the network; returns its output and the size of the frames."""
        import torch

        if isinstance(batch, (list, tuple)):
            batch = torch.stack(batch)
        height, width = batch.shape[-2:]
        batch = batch.to(self._model.device)
        if self._model.using_half_precision:
            batch = batch.half()
        return self._model._forward_pass(batch), (width, height)

    def convert(self, result: tuple[Any, Any], run: Run, targets: Sequence[Waiting]) -> Results:
        """Makes the documents of a batch.

        Args:
            result: the result of :meth:`forward`
            run: the run
            targets: the samples

        Returns:
            for each sample, its labels or the error that they caused

        Raises:
            NotImplementedError: in this base class
        """
        raise NotImplementedError


def fast_path(model: fom.Model) -> FastPath | None:
    """Returns the fast path of a model, or None if there is none."""
    import fiftyone.utils.torch as fout

    if not isinstance(model, fout.TorchImageModel):
        return None
    processor = type(model._output_processor)
    plain = type(model)._predict_all is fout.TorchImageModel._predict_all
    if plain and not model.config.raw_inputs:
        kinds: dict[type, type[FastPath]] = {
            fout.DetectorOutputProcessor: _Boxes,
            fout.InstanceSegmenterOutputProcessor: _Instances,
            fout.ClassifierOutputProcessor: _Logits,
        }
        kind = kinds.get(processor)
        return kind(model) if kind else None
    if processor.__name__ == "UltralyticsDetectionOutputProcessor":
        return _ultralytics(model)
    return None


def _ultralytics(model: Any) -> FastPath | None:
    import fiftyone.utils.ultralytics as fouu

    known = type(model)._predict_all is fouu.FiftyOneYOLOModel._predict_all
    exact = type(model._output_processor) is fouu.UltralyticsDetectionOutputProcessor
    return _Ultralytics(model) if known and exact else None


class _Logits(FastPath):
    """FiftyOne's ``ClassifierOutputProcessor``."""

    def convert(self, result: tuple[Any, Any], run: Run, targets: Sequence[Waiting]) -> Results:
        """See :meth:`FastPath.convert`."""
        results: Results = []
        for (index, score), target in zip(self._best(result[0]), targets, strict=True):
            try:
                results.append(self._document(index, score, run, target.sample_id))
            except Exception as error:  # noqa: BLE001 - one sample's output may be wrong
                results.append(error)
        return results

    def _best(self, output: Any) -> Iterable[tuple[int, float]]:
        """The output with the highest score, and this score, for each image."""
        processor = self._model._output_processor
        if isinstance(output, dict):
            output = output[processor.logits_key]
        logits = output.detach().cpu().numpy()
        odds = np.exp(logits)
        odds /= np.sum(odds, axis=1, keepdims=True)
        return zip(np.argmax(logits, axis=1), np.max(odds, axis=1), strict=True)

    def _document(self, index: int, score: float, run: Run, sample_id: str) -> SampleLabels:
        config = self._model.config
        [label] = _named(self._classes, [index])
        if config.confidence_thresh is not None and score < config.confidence_thresh:
            return SampleLabels(None, {})
        if config.filter_classes is not None and label not in config.filter_classes:
            return SampleLabels(None, {})
        return documents.classification(label, float(score), run, sample_id)


class _Boxes(FastPath):
    """FiftyOne's ``DetectorOutputProcessor``: absolute ``[x1, y1, x2, y2]`` boxes."""

    def convert(self, result: tuple[Any, Any], run: Run, targets: Sequence[Waiting]) -> Results:
        """See :meth:`FastPath.convert`."""
        output, frame = result
        return self._convert(output, [frame] * len(targets), run, targets)

    def _convert(
        self, output: Sequence[Any], frames: Sequence[Frame], run: Run, targets: Sequence[Waiting]
    ) -> Results:
        try:
            boxes = _BatchBoxes(output, frames, self._model.config)
        except Exception as error:  # noqa: BLE001 - one sample's output may be wrong
            if len(targets) == 1:
                return [error]
            parts = zip(output, frames, targets, strict=True)
            return [self._convert([o], [f], run, [t])[0] for o, f, t in parts]
        results: Results = []
        for image, rows, target in zip(output, boxes.rows, targets, strict=True):
            try:
                results.append(self._document(image, boxes, rows, run, target.sample_id))
            except Exception as error:  # noqa: BLE001 - see above
                results.append(error)
        return results

    def _document(
        self, image: Any, boxes: "_BatchBoxes", rows: range, run: Run, sample_id: str
    ) -> SampleLabels:
        kept: Sequence[int] = rows
        if boxes.sure is not None:
            kept = [i for i in rows if boxes.sure[i]]
        labels = _named(self._classes, [boxes.labels[i] for i in kept])
        if boxes.allowed is not None:
            pairs = zip(kept, labels, strict=True)
            kept = [i for i, label in pairs if label in boxes.allowed]
            labels = [label for label in labels if label in boxes.allowed]
        return documents.detections(
            labels,
            [boxes.relative[i] for i in kept],
            [boxes.scores[i] for i in kept],
            run,
            sample_id,
            masks=self._masks(image, boxes, rows, kept),
            sound=boxes.sound,
        )

    def _masks(
        self, image: Any, boxes: "_BatchBoxes", rows: range, kept: Sequence[int]
    ) -> Masks | None:
        """Gives the masks of some of the kept boxes; None where the model makes none."""
        return None


def _named(classes: Any, outputs: Sequence[int]) -> list[str]:
    """The names of outputs. A number below 0 would silently be one from the end."""
    try:
        if min(outputs, default=0) >= 0:
            return [classes[number] for number in outputs]
    except (IndexError, KeyError, TypeError):
        pass
    raise ValueError(
        f"The model returns class {max(outputs, key=abs)} (counted from 0), but names only "
        f"{len(classes or ()):,}: name each output, in order"
    )


class _BatchBoxes:
    """The boxes of a batch, brought from the device and computed on together.

    Args:
        output: the model's output for each image; empty for one without boxes
        frames: the ``(width, height)`` of each image, in pixels
        config: the model's configuration

    Attributes:
        rows: for each image, the positions of its boxes in the lists
        corners: an ``(n, 4)`` array of ``[x1, y1, x2, y2]``, in pixels
        relative: relative ``[x, y, width, height]`` boxes, cut to the image
        sound: whether all boxes are finite and have an area in the image
        scores: from 0 to 1
        labels: the numbers of the classes
        sure: whether each reaches the model's minimum confidence; None if it has none
        allowed: the classes that the model may give; None for all
    """

    def __init__(self, output: Sequence[Any], frames: Sequence[Frame], config: Any) -> None:
        sizes = [len(image["scores"]) if image else 0 for image in output]
        ends = np.cumsum(sizes).tolist()
        self.rows = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        images = [image for image in output if image]
        self.corners = corners = _together(images, "boxes").reshape(-1, 4)
        frame = np.repeat(np.asarray(frames, dtype=corners.dtype), sizes, axis=0)
        relative = np.concatenate(
            [corners[:, :2] / frame, (corners[:, 2:] - corners[:, :2]) / frame], axis=1
        )
        scores, threshold = _together(images, "scores"), config.confidence_thresh
        self.relative = documents.inside(relative)
        sized = np.minimum(relative[:, :2] + relative[:, 2:], 1) - np.maximum(relative[:, :2], 0)
        self.sound = bool((sized > _SMALL).all() and np.isfinite(relative).all())
        self.scores: list[float] = scores.astype(float).tolist()
        self.labels: list[int] = _together(images, "labels").tolist()
        self.sure: list[bool] | None = None
        if threshold is not None:
            self.sure = (~(scores < threshold)).tolist()
        classes = config.filter_classes
        self.allowed = None if classes is None else frozenset(classes)


def _together(images: Sequence[Any], key: str) -> np.ndarray:
    import torch

    if not images:
        return np.empty(0, np.float32)
    return torch.cat([image[key] for image in images]).detach().cpu().numpy()


class _Instances(_Boxes):
    """FiftyOne's ``InstanceSegmenterOutputProcessor``: boxes with masks of the whole frame."""

    def _masks(
        self, image: Any, boxes: _BatchBoxes, rows: range, kept: Sequence[int]
    ) -> Masks | None:
        return lambda positions: self._cut(image, boxes, rows, [kept[i] for i in positions])

    def _cut(
        self, image: Any, boxes: _BatchBoxes, rows: range, kept: Sequence[int]
    ) -> list[np.ndarray]:
        if not kept:
            return []
        soft = image["masks"].detach()
        within: Sequence[int] = [i - rows.start for i in kept]
        if soft.device.type != "cpu":
            # Copied from the device once, not mask by mask.
            soft, within = soft[within].cpu(), range(len(kept))
        frames, threshold = soft.numpy(), self._model._output_processor.mask_thresh
        # Counted from 0 of the image: a corner before it would count from the other side.
        corners = np.rint(boxes.corners[list(kept)]).clip(0).astype(int).tolist()
        cut = [
            frames[i, 0, slice(y1, y2), slice(x1, x2)]
            for i, (x1, y1, x2, y2) in zip(within, corners, strict=True)
        ]
        return cut if frames.dtype == bool else [mask > threshold for mask in cut]


class _Ultralytics(_Boxes):
    """FiftyOne's ``FiftyOneYOLOModel``; all after the network is Ultralytics' own code."""

    def forward(self, batch: Any) -> tuple[Any, Any]:
        """Runs the network, as ``FiftyOneYOLOModel._predict_all`` does."""
        images = batch["images"].to(self._model.device)
        if self._model.using_half_precision:
            images = images.half()
        output = self._model._forward_pass(images)
        return {**output, "imgs": images, "orig_imgs": batch["orig_imgs"]}, batch["orig_shapes"]

    def convert(self, result: tuple[Any, Any], run: Run, targets: Sequence[Waiting]) -> Results:
        """See :meth:`FastPath.convert`."""
        output, frames = result
        predictor, config = self._model._model.predictor, self._model.config
        # Ultralytics wants as many file names as there are images.
        predictor.batch = [[""] * len(targets)]
        if config.confidence_thresh is not None:
            predictor.args.conf = config.confidence_thresh
        processor = self._model._output_processor
        images = processor._to_dict(processor.post_process(output))
        return self._convert(images, frames, run, targets)
