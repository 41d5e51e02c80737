"""Which of a model's labels a run keeps, and why it leaves out the others.

Everything works on positions in lists, so that the fast paths, which have no label objects, and
the general path decide alike.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import RunConfig
from auto_labeling.models import merged_prompts
from auto_labeling.models.merged_prompts import Masks


def sift(
    labels: Sequence[str],
    confidences: Sequence[float | None],
    boxes: Sequence[Sequence[float]],
    config: RunConfig,
    masks: Masks | None = None,
    sound: bool = False,
) -> tuple[Sequence[int], dict[str, int]]:
    """Decides which detections of an image a run takes, except for its cap and for missing masks.

    Args:
        labels: their classes
        confidences: their confidences; None for one without
        boxes: their relative ``[x, y, width, height]`` boxes, cut to the image
        config: the run's configuration
        masks (None): gives the masks of the detections at some positions, cropped to the boxes
        sound (False): whether all boxes are known to be finite, and to have an area; then all have
            a confidence, too

    Returns:
        the positions of those that are taken, and how many are left out by reason

    Raises:
        ValueError: if no box or no confidence is finite: then the model is broken
    """
    kept, left_out = of_classes(labels, confidences, boxes, config, sound)
    if not sound:
        sized = [i for i in kept if boxes[i][2] > 0 and boxes[i][3] > 0]
        add(left_out, LeftOut.NO_AREA, len(kept) - len(sized))
        kept = sized
    if config.prompts and len(kept) > 1 and (merged := _several_prompts(config)):
        distinct = merged_prompts.distinct(kept, labels, confidences, boxes, merged, masks)
        add(left_out, LeftOut.DUPLICATE, len(kept) - len(distinct))
        kept = distinct
    return kept, left_out


def of_classes(
    labels: Sequence[str],
    confidences: Sequence[float | None],
    numbers: Sequence[Sequence[float]],
    config: RunConfig,
    sound: bool = False,
) -> tuple[Sequence[int], dict[str, int]]:
    """Decides which detections a run takes by their classes and confidences, in 2D or 3D.

    Args:
        labels: their classes
        confidences: their confidences; None for one without
        numbers: the numbers of their boxes, all of which must be finite
        config: the run's configuration
        sound (False): whether all numbers are known to be finite; then all have a confidence, too

    Returns:
        the positions of those that are taken, and how many are left out by reason

    Raises:
        ValueError: if no box or no confidence is finite: then the model is broken
    """
    left_out: dict[str, int] = {}
    kept: Sequence[int] = range(len(labels))

    def keep(positions: Sequence[int], reason: LeftOut) -> None:
        nonlocal kept
        add(left_out, reason, len(kept) - len(positions))
        kept = positions

    if not (sound and math.isfinite(sum(cast("Sequence[float]", confidences)))):
        finite = [i for i in kept if math.isfinite(_number(confidences[i]) + sum(numbers[i]))]
        if kept and not finite:
            raise ValueError(
                "The model returned only boxes or confidences that are not finite, the first "
                f"for '{labels[0]}'"
            )
        keep(finite, LeftOut.NOT_FINITE)
    if config.classes:
        classes = frozenset(config.classes)
        keep([i for i in kept if labels[i] in classes], LeftOut.OTHER_CLASS)
    if (minimum := config.confidence) is not None:
        sure = [i for i in kept if (c := confidences[i]) is None or c >= minimum]
        keep(sure, LeftOut.LOW_CONFIDENCE)
    return kept, left_out


def capped(
    kept: Sequence[int],
    confidences: Sequence[float | None],
    config: RunConfig,
    left_out: dict[str, int],
) -> Sequence[int]:
    """The most confident, in their order, if the run has a cap.

    Args:
        kept: positions
        confidences: of all detections
        config: the run's configuration
        left_out: where those that the cap leaves out are counted

    Returns:
        at most ``config.max_labels`` of the positions
    """
    maximum = config.max_labels
    if maximum is None or len(kept) <= maximum:
        return kept
    ranked = sorted(kept, key=lambda i: (-_number(confidences[i]), i))
    add(left_out, LeftOut.OVER_LIMIT, len(kept) - maximum)
    return sorted(ranked[:maximum])


def cut_to_image(box: Sequence[float]) -> list[float]:
    """Cuts a relative ``[x, y, width, height]`` box of finite numbers to the image.

    Returns:
        a box of the same form; without width or height if it lies outside
    """
    x, y, width, height = box
    left, top = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    right, bottom = min(max(x + width, 0.0), 1.0), min(max(y + height, 0.0), 1.0)
    return [left, top, max(right - left, 0.0), max(bottom - top, 0.0)]


def _several_prompts(config: RunConfig) -> frozenset[str]:
    """The classes with several prompts, two of which may find the same object."""
    return frozenset(name for name, texts in config.prompts.items() if len(texts) > 1)


def has_area(mask: np.ndarray | None) -> bool:
    """Whether there is a mask and it covers anything."""
    return mask is not None and bool(np.asarray(mask).any())  # np.any takes twice as long


def add(left_out: dict[str, int], reason: LeftOut, number: int) -> None:
    """Counts labels that are left out.

    Args:
        left_out: the counts by reason, which are changed
        reason: why they are left out
        number: how many they are
    """
    if number:
        left_out[reason.value] = left_out.get(reason.value, 0) + number


def add_all(left_out: dict[str, int], more: Mapping[str, int]) -> None:
    """Adds counts to others.

    Args:
        left_out: the counts by reason, which are changed
        more: the counts to add
    """
    for reason, number in more.items():
        left_out[reason] = left_out.get(reason, 0) + number


def left_out_of(label: Any) -> dict[str, int]:
    """The counts that :func:`attach` has put on a label; empty if there are none."""
    return getattr(label, "_left_out", None) or {}


def attach(label: Any, left_out: Mapping[str, int]) -> None:
    """Puts the counts of left-out labels on a label. They are not stored.

    Args:
        label: a :class:`fiftyone.core.labels.Label`
        left_out: the counts by reason
    """
    if left_out:
        label._left_out = left_out


def _number(confidence: float | None) -> float:
    return 0.0 if confidence is None else confidence
