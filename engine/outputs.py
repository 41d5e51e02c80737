"""Turns model outputs into label documents: a general path, and fast ones for common formats.

Making ``fo.Detection`` objects and serialising them costs about 0.3 ms a label, more than many
models take for an image. The fast ways compute what FiftyOne's output processors compute, on
arrays, and write the documents down. A contract test holds each equal to the general way, field by
field; a model whose wrapper or processor is not exactly one of these goes the general way.
"""

from typing import Any

import numpy as np

from auto_labeling.core.run import Run
from auto_labeling.engine import documents

_TORCH = "fiftyone.utils.torch"

#: A relative size that is an area beyond doubt, whatever rounding does.
_SMALL = 1e-6


def to_documents(labels, run: Run, targets) -> list:
    """The general way: a :class:`documents.Made`, or an exception, for each label."""
    results = []
    for label, target in zip(labels, targets, strict=True):
        try:
            results.append(documents.to_document(label, run, target.sample_id))
        except Exception as error:  # noqa: BLE001 - a label may be wrong in any way
            results.append(error)
    return results


def fast_path(model):
    """Returns the fast way for a model, or None if there is none."""
    import fiftyone.utils.torch as fout

    if not isinstance(model, fout.TorchImageModel):
        return None
    processor = type(model._output_processor)
    plain = type(model)._predict_all is fout.TorchImageModel._predict_all
    if plain and not model.config.raw_inputs:
        kinds = {
            fout.DetectorOutputProcessor: _Boxes,
            fout.InstanceSegmenterOutputProcessor: _Instances,
            fout.ClassifierOutputProcessor: _Logits,
        }
        kind = kinds.get(processor)
        return kind(model) if kind else None
    if processor.__name__ == "UltralyticsDetectionOutputProcessor":
        return _ultralytics(model)
    return None


def _ultralytics(model):
    import fiftyone.utils.ultralytics as fouu

    known = type(model)._predict_all is fouu.FiftyOneYOLOModel._predict_all
    exact = type(model._output_processor) is fouu.UltralyticsDetectionOutputProcessor
    return _Ultralytics(model) if known and exact else None


class _Fast:
    """What the fast ways share: the plain model's forward pass, without its processor."""

    def __init__(self, model) -> None:
        self._model = model
        self._classes = model._output_processor.classes

    def forward(self, batch):
        """Runs the network; returns its output and the size of the frames."""
        import torch

        if isinstance(batch, (list, tuple)):
            batch = torch.stack(batch)
        height, width = batch.shape[-2:]
        batch = batch.to(self._model.device)
        if self._model.using_half_precision:
            batch = batch.half()
        return self._model._forward_pass(batch), (width, height)

    def convert(self, result, run: Run, targets):
        """A :class:`documents.Made`, or an exception, for each target."""
        output, frame = result
        config = self._model.config
        results = []
        for one, target in zip(self._split(output), targets, strict=True):
            try:
                results.append(self._document(one, frame, config, run, target.sample_id))
            except Exception as error:  # noqa: BLE001 - one sample's output may be wrong
                results.append(error)
        return results

    def _split(self, output):
        return output


class _Logits(_Fast):
    """FiftyOne's ``ClassifierOutputProcessor``."""

    def _split(self, output):
        processor = self._model._output_processor
        if isinstance(output, dict):
            output = output[processor.logits_key]
        logits = output.detach().cpu().numpy()
        odds = np.exp(logits)
        odds /= np.sum(odds, axis=1, keepdims=True)
        return zip(np.argmax(logits, axis=1), np.max(odds, axis=1), strict=True)

    def _document(self, one, frame, config: Any, run: Run, sample_id: str):
        index, score = one
        [label] = _named(self._classes, [index])
        if config.confidence_thresh is not None and score < config.confidence_thresh:
            return documents.Made(None, {})
        if config.filter_classes is not None and label not in config.filter_classes:
            return documents.Made(None, {})
        return documents.classification(label, float(score), run, sample_id)


class _Boxes(_Fast):
    """FiftyOne's ``DetectorOutputProcessor``: absolute ``[x1, y1, x2, y2]`` boxes."""

    def convert(self, result, run: Run, targets):
        """A :class:`documents.Made`, or an exception, for each target."""
        output, frame = result
        return self._convert(output, [frame] * len(targets), run, targets)

    def _convert(self, output, frames, run: Run, targets):
        try:
            found = _Found(output, frames, self._model.config)
        except Exception as error:  # noqa: BLE001 - one sample's output may be wrong
            if len(targets) == 1:
                return [error]
            parts = zip(output, frames, targets, strict=True)
            return [self._convert([o], [f], run, [t])[0] for o, f, t in parts]
        results = []
        for one, rows, target in zip(output, found.rows, targets, strict=True):
            try:
                results.append(self._document(one, found, rows, run, target.sample_id))
            except Exception as error:  # noqa: BLE001 - see above
                results.append(error)
        return results

    def _document(self, one, found, rows, run: Run, sample_id: str):
        kept = rows if found.kept is None else [i for i in rows if found.kept[i]]
        labels = _named(self._classes, [found.labels[i] for i in kept])
        if found.allowed is not None:
            pairs = zip(kept, labels, strict=True)
            kept = [i for i, label in pairs if label in found.allowed]
            labels = [label for label in labels if label in found.allowed]
        return documents.detections(
            labels,
            [found.boxes[i] for i in kept],
            [found.scores[i] for i in kept],
            run,
            sample_id,
            masks=self._masks(one, found, rows, kept),
            sound=found.sound,
        )

    def _masks(self, one, found, rows, kept) -> None:
        """Gives the masks of some of the kept boxes; None where the model makes none."""
        return None


def _named(classes, outputs):
    """The names of outputs. A number below 0 would silently be one from the end."""
    try:
        if min(outputs, default=0) >= 0:
            return [classes[number] for number in outputs]
    except (IndexError, KeyError, TypeError):
        pass
    raise ValueError(
        f"The model gives class {max(outputs, key=abs)}, counted from 0, and names "
        f"{len(classes or ()):,}: give each output a name, in order"
    )


class _Found:
    """The boxes of a batch, brought from the device and computed on together.

    Args:
        output: the model's output for each image; empty for one without boxes
        frames: the ``(width, height)`` of each image, in pixels
        config: the model's configuration
    """

    def __init__(self, output, frames, config: Any) -> None:
        sizes = [len(one["scores"]) if one else 0 for one in output]
        ends = np.cumsum(sizes).tolist()
        self.rows = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        some = [one for one in output if one]
        self.corners = corners = _together(some, "boxes").reshape(-1, 4)
        frame = np.repeat(np.asarray(frames, dtype=corners.dtype), sizes, axis=0)
        relative = np.concatenate(
            [corners[:, :2] / frame, (corners[:, 2:] - corners[:, :2]) / frame], axis=1
        )
        scores, threshold = _together(some, "scores"), config.confidence_thresh
        self.boxes = documents.inside(relative)
        #: Whether all boxes are finite and have an area in the image, as a rule: asked once.
        sized = np.minimum(relative[:, :2] + relative[:, 2:], 1) - np.maximum(relative[:, :2], 0)
        self.sound = bool((sized > _SMALL).all() and np.isfinite(relative).all())
        self.scores = scores.astype(float).tolist()
        self.labels = _together(some, "labels").tolist()
        self.kept = None if threshold is None else (~(scores < threshold)).tolist()
        classes = config.filter_classes
        self.allowed = None if classes is None else frozenset(classes)


def _together(outputs, key):
    import torch

    return _array(torch.cat([one[key] for one in outputs])) if outputs else np.empty(0, np.float32)


class _Instances(_Boxes):
    """FiftyOne's ``InstanceSegmenterOutputProcessor``: boxes with masks of the whole frame."""

    def _masks(self, one, found, rows, kept):
        return lambda some: self._cut(one, found, rows, [kept[i] for i in some])

    def _cut(self, one, found, rows, kept):
        if not kept:
            return []
        soft = one["masks"].detach()
        within = [i - rows.start for i in kept]
        if soft.device.type != "cpu":
            soft, within = soft[within].cpu(), range(len(kept))  # on its way once, not mask by mask
        frames, threshold = soft.numpy(), self._model._output_processor.mask_thresh
        # Counted from 0 of the image: a corner before it would count from the other side.
        corners = np.rint(found.corners[list(kept)]).clip(0).astype(int).tolist()
        cut = [
            frames[i, 0, slice(y1, y2), slice(x1, x2)]
            for i, (x1, y1, x2, y2) in zip(within, corners, strict=True)
        ]
        return cut if frames.dtype == bool else [mask > threshold for mask in cut]


class _Ultralytics(_Boxes):
    """FiftyOne's ``FiftyOneYOLOModel``; what follows the network is Ultralytics' own code."""

    def forward(self, batch):
        """Runs the network, as ``FiftyOneYOLOModel._predict_all`` does."""
        images = batch["images"].to(self._model.device)
        if self._model.using_half_precision:
            images = images.half()
        output = self._model._forward_pass(images)
        return {**output, "imgs": images, "orig_imgs": batch["orig_imgs"]}, batch["orig_shapes"]

    def convert(self, result, run: Run, targets):
        """A :class:`documents.Made`, or an exception, for each target."""
        output, frames = result
        predictor, config = self._model._model.predictor, self._model.config
        # Ultralytics wants as many file names as there are images.
        predictor.batch = [[""] * len(targets)]
        if config.confidence_thresh is not None:
            predictor.args.conf = config.confidence_thresh
        processor = self._model._output_processor
        found = processor._to_dict(processor.post_process(output))
        return self._convert(found, frames, run, targets)


def _array(tensor):
    return tensor.detach().cpu().numpy()
