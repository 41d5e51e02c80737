"""Label documents as stored: with IDs, review state, and boxes inside the image.

Ids derive from run, sample and position, so that labeling a sample again writes the same
documents.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import fiftyone.core.labels as fol
import numpy as np
from bson import ObjectId

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import Run, RunConfig, Task
from auto_labeling.engine import mask_cropping
from auto_labeling.models import label_filter
from auto_labeling.models.merged_prompts import Masks
from auto_labeling.storage.staging import REVIEW, UNPROMOTED

_MASKS = Task.INSTANCE_SEGMENTATION

#: A label as MongoDB stores it.
Document = dict[str, Any]


class SampleLabels(NamedTuple):
    """The labels of a sample, from the answer of a model.

    Args:
        document: the label document; None if the model gives one label per sample and gave none
            that the run takes
        left_out: how many labels were left out, by :class:`auto_labeling.core.account.LeftOut`
    """

    document: Document | None
    left_out: dict[str, int]


def to_document(output: Any, run: Run, sample_id: str) -> SampleLabels:
    """Turns a model's output for one sample into a label document.

    Args:
        output: a :class:`fiftyone.core.labels.Label`, None, or a dict with one label
        run: the run
        sample_id: the sample's id

    Returns:
        the document, as stored, with the labels that were left out

    Raises:
        TypeError: if the model returned another kind of label than the task asks for
        ValueError: if all boxes or confidences are not finite
    """
    label = only_label(output)
    if run.config.task is Task.CLASSIFICATION:
        return _from_classification(label, run, sample_id)
    return _from_detections(label, run, sample_id)


def label_ids(run_id: str, sample_id: str, count: int) -> list[ObjectId]:
    """The ids of the first labels that a run makes for a sample.

    Args:
        run_id: the run's id
        sample_id: the sample's id
        count: how many
    """
    base = hashlib.sha256(f"{run_id}:{sample_id}".encode()).digest()[:9]
    return [ObjectId(base + ordinal.to_bytes(3, "big")) for ordinal in range(count)]


def classification(label: str, confidence: float, run: Run, sample_id: str) -> SampleLabels:
    """The document of one class for a sample, if the run takes it.

    Args:
        label: the class
        confidence: from 0 to 1
        run: the run
        sample_id: the sample's id

    Raises:
        ValueError: if the confidence is not finite
    """
    if left_out := _left_out(label, confidence, run.config):
        return SampleLabels(None, left_out)
    document = {
        "_id": label_ids(run.id, sample_id, 1)[0],
        "_cls": "Classification",
        "tags": [],
        "label": label,
        "confidence": confidence,
        REVIEW: UNPROMOTED,
    }
    return SampleLabels(document, {})


def detections(
    labels: Sequence[str],
    boxes: Sequence[list[float]],
    confidences: Sequence[float | None],
    run: Run,
    sample_id: str,
    masks: Masks | None = None,
    sound: bool = False,
) -> SampleLabels:
    """The document of a sample's detections.

    Args:
        labels: their classes
        boxes: their relative ``[x, y, width, height]`` boxes, cut to the image by :func:`inside`:
            lists of floats, which the document takes over
        confidences: their confidences
        run: the run
        sample_id: the sample's id
        masks (None): gives the boolean masks, cropped to the boxes, of those at some positions
        sound (False): whether all boxes are known to be finite, and to have an area

    Raises:
        ValueError: if all boxes or confidences are not finite
    """
    kept, cut, left_out = _kept(labels, boxes, confidences, run.config, masks, sound)
    documents: list[Document] = [
        {
            "_id": own_id,
            "_cls": "Detection",
            "attributes": {},
            "tags": [],
            "label": labels[i],
            "bounding_box": boxes[i],
            "confidence": confidences[i],
            REVIEW: UNPROMOTED,
        }
        for i, own_id in zip(kept, label_ids(run.id, sample_id, len(kept)), strict=True)
    ]
    if cut is not None:
        for document, i in zip(documents, kept, strict=True):
            if cut[i] is not None:
                document["mask"] = cut[i]
    return SampleLabels(together(documents), left_out)


def _kept(
    labels: Sequence[str],
    boxes: Sequence[Sequence[float]],
    confidences: Sequence[float | None],
    config: RunConfig,
    masks: Masks | None,
    sound: bool = False,
) -> tuple[Sequence[int], dict[int, Any] | None, dict[str, int]]:
    """The positions that a run takes, the masks there, and how many are left out by reason."""
    kept, left_out = label_filter.sift(labels, confidences, boxes, config, masks, sound)
    cut = None
    if masks is not None:
        cut = dict(zip(kept, masks(kept), strict=True))
        if config.task is _MASKS:
            kept, cut = _masked(kept, cut, config, left_out)
    return label_filter.capped(kept, confidences, config, left_out), cut, left_out


def _masked(
    kept: Sequence[int], cut: Mapping[int, Any], config: RunConfig, left_out: dict[str, int]
) -> tuple[Sequence[int], dict[int, Any]]:
    """Leaves out labels without a mask, or takes them without one if the run keeps them."""
    cut = {i: mask if label_filter.has_area(mask) else None for i, mask in cut.items()}
    if config.keep_without_mask:
        return kept, cut
    masked = [i for i in kept if cut[i] is not None]
    label_filter.add(left_out, LeftOut.NO_MASK, len(kept) - len(masked))
    return masked, cut


def only_label(output: Any) -> Any:
    """The label of an output, which may be a dict with one.

    Raises:
        TypeError: if it is a dict with more
    """
    if isinstance(output, dict):
        if len(output) != 1:
            raise TypeError(f"The model returned {len(output)} outputs per sample, not one")
        return next(iter(output.values()))
    return output


def _from_classification(label: Any, run: Run, sample_id: str) -> SampleLabels:
    if label is None or (isinstance(label, fol.Classification) and label.label is None):
        return SampleLabels(None, {})
    if not isinstance(label, fol.Classification):
        raise wrong_kind(label, run.config, "one Classification per sample")
    if left_out := _left_out(label.label, label.confidence, run.config):
        return SampleLabels(None, left_out)
    return SampleLabels(staged(label, label_ids(run.id, sample_id, 1)[0]), {})


def _from_detections(label: Any, run: Run, sample_id: str) -> SampleLabels:
    if label is not None and not isinstance(label, fol.Detections):
        raise wrong_kind(label, run.config, "Detections")
    source: Sequence[fol.Detection] = label.detections if label else ()
    raw = np.array([list(d.bounding_box) for d in source], dtype=float).reshape(-1, 4)
    boxes = inside(raw)
    mask_cropping.fit(source, raw, boxes)
    kept, cut, left_out = _kept(
        [d.label for d in source],
        boxes,
        [d.confidence for d in source],
        run.config,
        masks=lambda positions: [_mask_of(source[i]) for i in positions],
    )
    label_filter.add_all(left_out, label_filter.left_out_of(label))
    documents = []
    ids = label_ids(run.id, sample_id, len(kept))
    for own_id, i in zip(ids, kept, strict=True):
        detection: Any = source[i]
        # A mask that a file holds stays there; one without area is no mask of an instance.
        mask = cut[i] if cut and detection.mask is not None else None
        detection.mask = None
        document = staged(detection, own_id)
        document["bounding_box"] = boxes[i]
        if mask is not None:
            document["mask"] = mask
        documents.append(document)
    return SampleLabels(together(documents), left_out)


def _mask_of(detection: fol.Detection) -> np.ndarray | None:
    return detection.get_mask() if detection.mask is None else detection.mask


def to_label(document: Document | None) -> fol.Label | None:
    """The label of a document that is not stored yet, as it will be once it is approved.

    Args:
        document: a document of :func:`to_document`, whose masks are arrays; or None

    Returns:
        a :class:`fiftyone.core.labels.Label`, or None
    """
    if document is None:
        return None
    if document["_cls"] == "Detections":
        return fol.Detections(detections=[_plain(label) for label in document["detections"]])
    return _plain(document)


def _plain(document: Document) -> fol.Label:
    values = {key: value for key, value in document.items() if key != REVIEW}
    mask = values.pop("mask", None)
    label = getattr(fol, values["_cls"]).from_dict(values)
    if mask is not None:
        label.mask = np.asarray(mask)
    return label


def together(documents: list[Document]) -> Document:
    """The document of a list of detections."""
    return {"_cls": "Detections", "detections": documents}


def _left_out(label: str, confidence: float | None, config: RunConfig) -> dict[str, int]:
    """The reason why a run does not take a class for a sample, counted; empty if it takes it."""
    if confidence is not None and not math.isfinite(confidence):
        raise ValueError(f"The model returned a confidence that is not finite, for '{label}'")
    if config.classes and label not in config.classes:
        return {LeftOut.OTHER_CLASS.value: 1}
    if config.confidence is None or confidence is None or confidence >= config.confidence:
        return {}
    return {LeftOut.LOW_CONFIDENCE.value: 1}


def staged(label: fol.Label, own_id: ObjectId) -> Document:
    """The document of a label in the staging field.

    Args:
        label: the label
        own_id: its id there
    """
    document = label.to_dict()
    document["_id"] = own_id
    document[REVIEW] = UNPROMOTED
    if document.get("confidence") is not None:
        document["confidence"] = float(document["confidence"])
    return document


def inside(boxes: np.ndarray) -> list[list[float]]:
    """Cuts relative boxes to the image.

    Args:
        boxes: an ``(n, 4)`` array of ``[x, y, width, height]``; those that are not finite stay
            unchanged
    """
    boxes = boxes.astype(float)
    cut = boxes.tolist()
    ends = boxes[:, :2] + boxes[:, 2:]
    for i in np.flatnonzero((boxes < 0).any(axis=1) | (ends > 1).any(axis=1)).tolist():
        if math.isfinite(sum(cut[i])):
            cut[i] = label_filter.cut_to_image(cut[i])
    return cut


def wrong_kind(label: object, config: RunConfig, expected: str) -> TypeError:
    """The error of a model that returned another kind of label.

    Args:
        label: what it returned
        config: the run's configuration
        expected: what its task needs, in words
    """
    name, returned = config.checkpoint or config.model, type(label).__name__
    return TypeError(f"{name} returns {returned}; {config.task.label_within} needs {expected}")
