"""From a model's labels to the documents that are stored.

Ids derive from run, sample and position, so that labeling a sample again writes the same
documents.
"""

import hashlib
import math

import fiftyone.core.labels as fol
from bson import ObjectId

from auto_labeling.run import Run, RunConfig, Task
from auto_labeling.storage.staging import REVIEW, UNPROMOTED


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
        ValueError: if a box is not finite
    """
    label = _only_label(output)
    if run.config.task is Task.CLASSIFICATION:
        return _classification(label, run, sample_id)
    return _detections(label, run, sample_id)


def label_id(run_id: str, sample_id: str, ordinal: int) -> ObjectId:
    """The id of the n-th label that a run makes for a sample."""
    digest = hashlib.sha256(f"{run_id}:{sample_id}:{ordinal}".encode()).digest()
    return ObjectId(digest[:12])


def _only_label(output):
    if isinstance(output, dict):
        if len(output) != 1:
            raise TypeError(f"The model returned {len(output)} outputs per sample, not one")
        return next(iter(output.values()))
    return output


def _classification(label, run, sample_id):
    if label is None or (isinstance(label, fol.Classification) and label.label is None):
        return None
    if not isinstance(label, fol.Classification):
        raise TypeError(f"The model returned {type(label).__name__}, not one class per sample")
    return _staged(label, run, sample_id, 0) if _wanted(label, run.config) else None


def _detections(label, run, sample_id):
    if label is not None and not isinstance(label, fol.Detections):
        raise TypeError(f"The model returned {type(label).__name__}, not detections")
    kept = [d for d in (label.detections if label else ()) if _wanted(d, run.config)]
    documents = [_staged(d, run, sample_id, ordinal) for ordinal, d in enumerate(kept)]
    for document in documents:
        document["bounding_box"] = _inside(document["bounding_box"])
    return {"_cls": "Detections", "detections": documents}


def _wanted(label, config: RunConfig) -> bool:
    if config.classes and label.label not in config.classes:
        return False
    if config.confidence is None or label.confidence is None:
        return True
    return label.confidence >= config.confidence


def _staged(label, run, sample_id, ordinal):
    document = label.to_dict()
    document["_id"] = label_id(run.id, sample_id, ordinal)
    document[REVIEW] = UNPROMOTED
    if document.get("confidence") is not None:
        document["confidence"] = float(document["confidence"])
    return document


def _inside(box):
    """Cuts a relative ``[x, y, width, height]`` box to the image."""
    if not all(math.isfinite(value) for value in box):
        raise ValueError(f"The model returned a box that is not finite: {list(box)}")
    x, y, width, height = (float(value) for value in box)
    if min(x, y, width, height) >= 0 and x + width <= 1 and y + height <= 1:
        return [x, y, width, height]
    left, top = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    right, bottom = min(max(x + width, 0.0), 1.0), min(max(y + height, 0.0), 1.0)
    return [left, top, right - left, bottom - top]
