"""Which of a model's labels a run keeps, and why it leaves out the others.

Everything goes by positions in lists, so that fast ways, which have no label objects, and the
general way decide alike.
"""

import math
from collections.abc import Callable

import numpy as np

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import RunConfig
from auto_labeling.models import merged_prompts


def sift(
    labels: list,
    confidences: list,
    boxes: list,
    config: RunConfig,
    masks: Callable | None = None,
    sound: bool = False,
) -> tuple[list, dict[str, int]]:
    """Decides which detections of an image a run takes, but for its cap and for missing masks.

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
        ValueError: if all that the model gave is not finite: then the model is broken
    """
    left_out: dict[str, int] = {}
    everything = kept = range(len(labels))

    def keep(some, reason) -> None:
        nonlocal kept
        add(left_out, reason, len(kept) - len(some))
        kept = some

    if not (sound and math.isfinite(sum(confidences))):
        finite = [i for i in kept if math.isfinite(_number(confidences[i]) + sum(boxes[i]))]
        if everything and not finite:
            raise ValueError(
                "The model returned only boxes or confidences that are not finite, the first "
                f"for '{labels[0]}'"
            )
        keep(finite, LeftOut.NOT_FINITE)
    if config.classes:
        wanted = frozenset(config.classes)
        keep([i for i in kept if labels[i] in wanted], LeftOut.OTHER_CLASS)
    if (least := config.confidence) is not None:
        some = [i for i in kept if confidences[i] is None or confidences[i] >= least]
        keep(some, LeftOut.LOW_CONFIDENCE)
    if not sound:
        keep([i for i in kept if boxes[i][2] > 0 and boxes[i][3] > 0], LeftOut.NO_AREA)
    if config.prompts and len(kept) > 1 and (merged := several_prompts(config)):
        some = merged_prompts.distinct(kept, labels, confidences, boxes, merged, masks)
        keep(some, LeftOut.DUPLICATE)
    return kept, left_out


def capped(kept: list, confidences: list, config: RunConfig, left_out: dict[str, int]) -> list:
    """The most confident, in their order, if the run has a cap.

    Args:
        kept: positions
        confidences: of all detections
        config: the run's configuration
        left_out: where those that the cap leaves out are counted
    """
    most = config.max_labels
    if most is None or len(kept) <= most:
        return kept
    ranked = sorted(kept, key=lambda i: (-_number(confidences[i]), i))
    add(left_out, LeftOut.OVER_LIMIT, len(kept) - most)
    return sorted(ranked[:most])


def several_prompts(config: RunConfig) -> frozenset:
    """The classes that several prompts become: two prompts may see the same object."""
    return frozenset(name for name, texts in config.prompts.items() if len(texts) > 1)


def has_area(mask) -> bool:
    """Whether a mask is there and covers anything."""
    return mask is not None and bool(np.asarray(mask).any())  # np.any takes twice as long


def add(left_out: dict[str, int], reason: LeftOut, number: int) -> None:
    """Counts labels that are left out."""
    if number:
        left_out[reason.value] = left_out.get(reason.value, 0) + number


def add_all(left_out: dict[str, int], more: dict[str, int]) -> None:
    """Adds counts to others."""
    for reason, number in more.items():
        left_out[reason] = left_out.get(reason, 0) + number


def left_out_of(label) -> dict[str, int]:
    """What was left out of a model's answer before it came to be a label; see :func:`tell`."""
    return getattr(label, "_left_out", None) or {}


def tell(label, left_out: dict[str, int]) -> None:
    """Says with a label what was left out of it; this is stored nowhere."""
    if left_out:
        label._left_out = left_out


def _number(confidence) -> float:
    return 0.0 if confidence is None else confidence
