"""Label documents of 3D boxes: checked, filtered and counted as those of 2D boxes are."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import fiftyone.core.labels as fol
import numpy as np

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import Run
from auto_labeling.engine import documents
from auto_labeling.engine.batches import Waiting
from auto_labeling.engine.documents import Document, SampleLabels
from auto_labeling.engine.outputs import Results
from auto_labeling.models import label_filter

#: A rotation about x or y by more than this, in radians, is a tilt: a fifth of a degree.
TILT = 0.0035

_PARTS = ("location", "dimensions", "rotation")


class _Box(NamedTuple):
    """A box: center and size in the unit of the scene, rotation about x, y and z in radians."""

    location: list[float]
    dimensions: list[float]
    rotation: list[float]


def to_documents(labels: Sequence[Any], run: Run, targets: Sequence[Waiting]) -> Results:
    """Makes the label documents of a batch of scenes.

    Args:
        labels: the model's output for each
        run: the run
        targets: the samples

    Returns:
        for each sample its labels, or its error
    """
    results: Results = []
    for label, target in zip(labels, targets, strict=True):
        try:
            results.append(to_document(label, run, target.sample_id))
        except Exception as error:  # noqa: BLE001 - a label may be wrong in any way
            results.append(error)
    return results


def to_document(output: Any, run: Run, sample_id: str) -> SampleLabels:
    """Turns a model's output for one scene into a label document.

    Args:
        output: :class:`fiftyone.core.labels.Detections` with 3D boxes, or None
        run: the run
        sample_id: the sample's id

    Returns:
        the document, with the labels that were left out

    Raises:
        TypeError: if the model returned another kind of label
        ValueError: if a box lacks a part, or all boxes or confidences are not finite
    """
    label = documents.only_label(output)
    if label is not None and not isinstance(label, fol.Detections):
        raise documents.wrong_kind(label, run.config, "Detections with 3D boxes")
    source: Sequence[Any] = label.detections if label else ()
    boxes = [_box(detection) for detection in source]
    confidences = [detection.confidence for detection in source]
    labels = [detection.label for detection in source]
    numbers = [[*box.location, *box.dimensions, *box.rotation] for box in boxes]
    kept, left_out = label_filter.of_classes(labels, confidences, numbers, run.config)
    sized = [i for i in kept if min(boxes[i].dimensions) > 0]
    label_filter.add(left_out, LeftOut.NO_SIZE, len(kept) - len(sized))
    kept = label_filter.capped(sized, confidences, run.config, left_out)
    label_filter.add_all(left_out, label_filter.left_out_of(label))
    made = []
    for own_id, i in zip(documents.label_ids(run.id, sample_id, len(kept)), kept, strict=True):
        document = documents.staged(source[i], own_id)
        made.append({**document, **boxes[i]._asdict()})
    return SampleLabels(documents.together(made), left_out)


def has_tilt(document: Document | None) -> bool:
    """Whether a document of :func:`to_document` has a box that is turned about x or y."""
    labels = document["detections"] if document else ()
    return any(abs(angle) > TILT for label in labels for angle in label["rotation"][:2])


def _box(detection: fol.Detection) -> _Box:
    box = _Box(*(_part(detection, name) for name in _PARTS))
    x, y, z = box.rotation
    if not (x or y) and math.isfinite(z):  # FiftyOne wants angles from -π to π
        return box._replace(rotation=[0.0, 0.0, math.remainder(z, math.tau)])
    return box


def _part(detection: Any, name: str) -> list[float]:
    value = detection[name] if name in detection.field_names else None
    if value is None and name == "rotation":
        return [0.0, 0.0, 0.0]
    if value is None:
        has_2d = ", only a 2D bounding_box" if len(detection.bounding_box or ()) else ""
        raise ValueError(
            f"A box of '{detection.label}' has no {name}{has_2d}. A 3D box needs location, "
            "dimensions and rotation, each [x, y, z]"
        )
    numbers = np.asarray(value, dtype=float).reshape(-1).tolist()
    if len(numbers) != 3:
        raise ValueError(
            f"The {name} of a box of '{detection.label}' has {len(numbers)} numbers, not 3"
        )
    return numbers
