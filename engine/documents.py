"""Label documents, as they are stored: with ids, review state, boxes inside the image.

Ids derive from run, sample and position, so that labeling a sample again writes the same
documents.
"""

import hashlib
import math

import fiftyone.core.labels as fol
import numpy as np
from bson import ObjectId

from auto_labeling.run import Run, RunConfig, Task
from auto_labeling.storage.staging import REVIEW, UNPROMOTED

_DROPPED = "dropped"


def to_document(output, run: Run, sample_id: str):
    """Turns what a model returned for one sample into a label document.

    Args:
        output: a :class:`fiftyone.core.labels.Label`, None, or a dict with one label
        run: the run
        sample_id: the sample's id

    Returns:
        a dict, or None if the model gives one label per sample and gave none that counts

    Raises:
        TypeError: if the model returned another kind of label than the task asks for
        ValueError: if a box or a confidence is not finite
    """
    label = _only_label(output)
    if run.config.task is Task.CLASSIFICATION:
        return _from_classification(label, run, sample_id)
    return _from_detections(label, run, sample_id)


def label_ids(run_id: str, sample_id: str, count: int) -> list[ObjectId]:
    """The ids of the first labels that a run makes for a sample."""
    base = hashlib.sha256(f"{run_id}:{sample_id}".encode()).digest()[:9]
    return [ObjectId(base + ordinal.to_bytes(3, "big")) for ordinal in range(count)]


def classification(label: str, confidence: float, run: Run, sample_id: str):
    """The document of one class for a sample, or None if the run does not want it.

    Raises:
        ValueError: if the confidence is not finite
    """
    if not _wanted(label, confidence, run.config):
        return None
    return {
        "_id": label_ids(run.id, sample_id, 1)[0],
        "_cls": "Classification",
        "tags": [],
        "label": label,
        "confidence": confidence,
        REVIEW: UNPROMOTED,
    }


def detections(labels, boxes, confidences, run: Run, sample_id: str, masks=None) -> dict:
    """The document of a sample's detections.

    Args:
        labels: a list of classes
        boxes: their relative ``[x, y, width, height]`` boxes, cut to the image by :func:`inside`:
            lists of floats, which the document takes over
        confidences: their confidences
        run: the run
        sample_id: the sample's id
        masks (None): their boolean masks, cropped to the boxes

    Raises:
        ValueError: if a box or a confidence is not finite
    """
    config = run.config
    kept, dropped = range(len(labels)), 0
    if config.classes or config.confidence is not None or not math.isfinite(sum(confidences)):
        kept = [i for i in kept if _wanted(labels[i], confidences[i], config)]
    if config.max_labels is not None:
        kept, dropped = _capped(kept, [confidences[i] for i in kept], config)
    for i in kept:
        if not math.isfinite(sum(boxes[i])):
            raise _not_finite(boxes[i])
    found = [
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
    if masks is not None:
        for document, i in zip(found, kept, strict=True):
            document["mask"] = masks[i]
    return _together(found, dropped)


def _only_label(output):
    if isinstance(output, dict):
        if len(output) != 1:
            raise TypeError(f"The model returned {len(output)} outputs per sample, not one")
        return next(iter(output.values()))
    return output


def _from_classification(label, run, sample_id):
    if label is None or (isinstance(label, fol.Classification) and label.label is None):
        return None
    if not isinstance(label, fol.Classification):
        raise _wrong_kind(label, run.config, "one Classification per sample")
    if not _wanted(label.label, label.confidence, run.config):
        return None
    return _staged(label, label_ids(run.id, sample_id, 1)[0])


def _from_detections(label, run, sample_id):
    if label is not None and not isinstance(label, fol.Detections):
        raise _wrong_kind(label, run.config, "Detections")
    found = label.detections if label else ()
    kept = [d for d in found if _wanted(d.label, d.confidence, run.config)]
    kept, dropped = _capped(kept, [d.confidence for d in kept], run.config)
    documents = []
    ids = label_ids(run.id, sample_id, len(kept))
    for own_id, detection in zip(ids, kept, strict=True):
        mask, detection.mask = detection.mask, None
        document = _staged(detection, own_id)
        document["bounding_box"] = _inside(document["bounding_box"])
        if mask is not None:
            document["mask"] = mask
        documents.append(document)
    return _together(documents, dropped)


def to_label(document):
    """The label of a document as it comes from here, as it will be once it is approved.

    Args:
        document: a dict of :func:`to_document`, whose masks are arrays; or None

    Returns:
        a :class:`fiftyone.core.labels.Label`, or None
    """
    if document is None:
        return None
    if document["_cls"] == "Detections":
        return fol.Detections(detections=[_plain(one) for one in document["detections"]])
    return _plain(document)


def _plain(document):
    values = {key: value for key, value in document.items() if key != REVIEW}
    mask = values.pop("mask", None)
    label = getattr(fol, values["_cls"]).from_dict(values)
    if mask is not None:
        label.mask = np.asarray(mask)
    return label


def take_dropped(document) -> int:
    """Removes from a document the count of labels that the run's cap left out, and returns it."""
    return document.pop(_DROPPED, 0) if document else 0


def _capped(kept, confidences, config: RunConfig) -> tuple[list, int]:
    """The most confident, in their order, if the run has a cap; and how many that leaves out."""
    most = config.max_labels
    if most is None or len(kept) <= most:
        return kept, 0
    ranked = sorted(range(len(kept)), key=lambda i: (-(confidences[i] or 0.0), i))
    return [kept[i] for i in sorted(ranked[:most])], len(kept) - most


def _together(documents, dropped):
    whole = {"_cls": "Detections", "detections": documents}
    return {**whole, _DROPPED: dropped} if dropped else whole


def _wanted(label, confidence, config: RunConfig) -> bool:
    if confidence is not None and not math.isfinite(confidence):
        raise ValueError(f"The model returned a confidence that is not finite, for '{label}'")
    if config.classes and label not in config.classes:
        return False
    if config.confidence is None or confidence is None:
        return True
    return confidence >= config.confidence


def _staged(label, own_id):
    document = label.to_dict()
    document["_id"] = own_id
    document[REVIEW] = UNPROMOTED
    if document.get("confidence") is not None:
        document["confidence"] = float(document["confidence"])
    return document


def inside(boxes: np.ndarray) -> list[list[float]]:
    """Cuts relative boxes to the image.

    Args:
        boxes: an ``(n, 4)`` array of ``[x, y, width, height]``; those that are not finite are
            left as they are
    """
    boxes = boxes.astype(float)
    cut = boxes.tolist()
    ends = boxes[:, :2] + boxes[:, 2:]
    for i in np.flatnonzero((boxes < 0).any(axis=1) | (ends > 1).any(axis=1)).tolist():
        if math.isfinite(sum(cut[i])):
            cut[i] = _inside(cut[i])
    return cut


def _inside(box):
    """Cuts a relative ``[x, y, width, height]`` box to the image."""
    x, y, width, height = map(float, box)
    if not math.isfinite(x + y + width + height):
        raise _not_finite(box)
    if min(x, y, width, height) >= 0 and x + width <= 1 and y + height <= 1:
        return [x, y, width, height]
    left, top = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    right, bottom = min(max(x + width, 0.0), 1.0), min(max(y + height, 0.0), 1.0)
    return [left, top, max(right - left, 0.0), max(bottom - top, 0.0)]


def _wrong_kind(label, config, wanted) -> TypeError:
    name, given = config.checkpoint or config.model, type(label).__name__
    return TypeError(f"{name} gives {given}; {config.task.label.lower()} needs {wanted}")


def _not_finite(box) -> ValueError:
    return ValueError(f"The model returned a box that is not finite: {list(box)}")
