"""Speed and performance, 1 to 3, from published numbers by fixed cuts (``docs/adr/0009``).

Without a published number a rating is unknown. It is never guessed from the size of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auto_labeling.core.run import ModelType, Task
from auto_labeling.models import metrics
from auto_labeling.models.metrics import Measured

if TYPE_CHECKING:  # spec imports this module
    from auto_labeling.models.spec import ModelSpec

PUBLISHED = "published"
ARCHITECTURE = "by architecture"  # that of the same network, trained on COCO
GENERATION = "by generation"  # Segment Anything: there is no measure that all of it shares
DEMO = "demo"
UNKNOWN = "unknown"

_BOXES = "COCO val2017 box AP 50-95"
_MASKS = "COCO val2017 mask AP 50-95"
_TOP_1 = "ImageNet-1k top-1"
_ZERO_SHOT_TOP_1 = "ImageNet-1k zero-shot top-1"
_MINIVAL = "LVIS minival box AP (zero-shot)"
_LVIS = "LVIS val box AP (zero-shot)"  # for models without a number on minival

# By task and type: the metrics that count, and from where a model has 2 and 3.
_PERFORMANCE = {
    (Task.DETECTION, ModelType.FIXED_VOCABULARY): ((_BOXES,), (42, 53)),
    (Task.DETECTION, ModelType.ZERO_SHOT): ((_MINIVAL, _LVIS), (28, 35)),
    (Task.INSTANCE_SEGMENTATION, ModelType.FIXED_VOCABULARY): ((_MASKS,), (35, 45)),
    (Task.INSTANCE_SEGMENTATION, ModelType.ZERO_SHOT): ((_MINIVAL,), (28, 35)),
    (Task.CLASSIFICATION, ModelType.FIXED_VOCABULARY): ((_TOP_1,), (72, 80)),
    (Task.CLASSIFICATION, ModelType.ZERO_SHOT): ((_ZERO_SHOT_TOP_1,), (65, 75)),
}
# The basis of its cost, the first that is published, and the limits of ratings 3 and 2.
_SPEED: dict[tuple[Task, ModelType], dict[str, tuple[float, float]]] = {
    (Task.DETECTION, ModelType.FIXED_VOCABULARY): {"latency": (4, 8.5), "gflops": (35, 125)},
    (Task.DETECTION, ModelType.ZERO_SHOT): {"params": (100, 200)},
    (Task.INSTANCE_SEGMENTATION, ModelType.FIXED_VOCABULARY): {
        "latency": (4.5, 9),
        "gflops": (45, 160),
    },
    (Task.INSTANCE_SEGMENTATION, ModelType.ZERO_SHOT): {"latency": (4, 8.5)},
    (Task.CLASSIFICATION, ModelType.FIXED_VOCABULARY): {"gflops": (5, 20)},
    (Task.CLASSIFICATION, ModelType.ZERO_SHOT): {"gflops": (40, 150)},
}
_SEGMENTER_SPEED: dict[str, tuple[float, float]] = {"params": (50, 100)}
_GENERATIONS = (("segment-anything-3", 3), ("segment-anything-2.1", 3), ("segment-anything-2", 2))
_UNITS = {
    "latency": "{:,.1f} ms on a T4 (TensorRT)",
    "gflops": "{:,.1f} GFLOPs",
    "params": "{:,.0f} M parameters",
}

# The same network, trained on COCO, of models that were measured on other data.
_SIBLINGS = (
    (r"yolov8(.)-oiv7-torch", r"yolov8\1-coco-torch"),
    (r"yoloe26(.)-seg-pf-torch", r"yolo26\1-seg-coco-torch"),
    (
        r"oneformer-(?:ade20k|cityscapes)-swin-large-instance-torch",
        "oneformer-coco-swin-large-instance-torch",
    ),
)
# The same network, once the words that it is prompted with are part of it.
_AS_FAST = ((r"yoloe26(.)-seg-torch", r"yolo26\1-seg-coco-torch"),)

# How a metric reads after its number: the unit, and the data it was measured on.
_IN_WORDS = (
    (r"COCO val2017 box AP 50-95 \(COCO in its training data\)", "AP, COCO (trained on it)"),
    (r"COCO val2017 box AP 50-95", "AP, COCO"),
    (r"COCO val2017 box AP \(zero-shot\)", "AP, COCO (zero-shot)"),
    (r"COCO val2017 mask AP \(boxes of ([\w-]+).*", r"mask AP, COCO (boxes of \1)"),
    (r"COCO val2017 mask AP.*", "mask AP, COCO"),
    (r"ImageNet-1k top-1", "% top-1, ImageNet"),
    (r"ImageNet-1k zero-shot top-1", "% top-1, ImageNet (zero-shot)"),
    (r"LVIS (minival|val) box AP \(zero-shot\)", r"AP, LVIS \1 (zero-shot)"),
    (r"LVIS minival box AP \(prompt-free\)", "AP, LVIS minival (prompt-free)"),
    (r"Open Images V7 val box mAP 50-95", "AP, Open Images V7"),
    (r"(ADE20K|Cityscapes) val mask AP", r"mask AP, \1"),
    (r"(SA-\d+) 1-click mIoU", r"mIoU from one click, \1"),
    (r"SA-V test J&F \(video\)", "J&F, SA-V (video)"),
)


@dataclass(frozen=True)
class Rating:
    """A rating, and its source.

    Args:
        value: 1 to 3, or None if it is unknown
        by: ``"published"``, ``"by architecture"``, ``"by generation"``, ``"demo"`` or ``"unknown"``
        measure: the published number in words, such as ``"47.0 AP, COCO"``; may be empty
        source: the address where the number was read; may be empty
    """

    value: int | None = None
    by: str = UNKNOWN
    measure: str = ""
    source: str = ""


def performance(spec: ModelSpec) -> Rating:
    """Rates how good the labels of a :class:`auto_labeling.models.spec.ModelSpec` are."""
    if spec.needs_checkpoint or spec.source == "remote" or spec.lifts_labels:
        return Rating()
    if spec.weights is not None:
        return Rating(by=DEMO)
    measured = [one for one in metrics.of(spec.name) if one.value is not None]
    own = measured[0] if measured else None
    if spec.is_segmenter:
        value = next((n for start, n in _GENERATIONS if spec.name.startswith(start)), 1)
        return _rating(value, GENERATION, own)
    counted, (two, three) = _PERFORMANCE[spec.task, spec.model_type]
    best = _counted(measured, counted)
    if best is not None:
        return _rating(_level(best, two, three), PUBLISHED, best)
    sibling = _sibling(spec.name, _SIBLINGS)
    best = _counted(metrics.of(sibling), counted)
    if best is None:
        return _rating(None, UNKNOWN, own)
    numbers = [f"{_in_words(best)} of {sibling}"]
    if own is not None:
        numbers.insert(0, _in_words(own))
    return Rating(_level(best, two, three), ARCHITECTURE, " · ".join(numbers), best.source)


def speed(spec: ModelSpec) -> Rating:
    """Rates how fast a model is: by its published latency, else by the cost of an image."""
    if spec.needs_checkpoint or spec.source == "remote" or spec.lifts_labels:
        return Rating()
    if spec.weights is not None:
        return Rating(by=DEMO)
    cuts = _SEGMENTER_SPEED if spec.is_segmenter else _SPEED[spec.task, spec.model_type]
    sibling = _sibling(spec.name, _AS_FAST)
    for name, by in ((spec.name, PUBLISHED), (sibling, ARCHITECTURE)):
        for basis, limits in cuts.items():
            for one in metrics.of(name):
                cost = getattr(one, basis)
                if cost is not None:
                    of = f" of {sibling}" if by == ARCHITECTURE else ""
                    return _cost(cost, basis, limits, by, one.source, of)
    if "params" in cuts and spec.size_bytes:  # weights of four bytes each, as loaded
        millions = spec.size_bytes / 4e6
        return _cost(millions, "params", cuts["params"], ARCHITECTURE, "", " by its weights")
    return Rating()


def _level(best: Measured, two: float, three: float) -> int:
    value = best.value or 0.0
    return 1 + (value >= two) + (value >= three)


def _cost(
    cost: float, basis: str, limits: tuple[float, float], by: str, source: str, of: str
) -> Rating:
    value = 1 + (cost <= limits[0]) + (cost <= limits[1])
    return Rating(value, by, _UNITS[basis].format(cost) + of, source)


def _rating(value: int | None, by: str, measured: Measured | None) -> Rating:
    if measured is None:
        return Rating(value, by)
    return Rating(value, by, _in_words(measured), measured.source)


def _counted(measured: Iterable[Measured], metrics_: Iterable[str]) -> Measured | None:
    """The first measurement by the first of some metrics that has one."""
    by_metric: dict[str, Measured] = {}
    for one in measured:
        by_metric.setdefault(one.metric, one)
    return next((by_metric[metric] for metric in metrics_ if metric in by_metric), None)


def _sibling(name: str, siblings: Sequence[tuple[str, str]]) -> str:
    for pattern, other in siblings:
        if match := re.fullmatch(pattern, name):
            return match.expand(other)
    return ""


def _in_words(measured: Measured) -> str:
    for pattern, template in _IN_WORDS:
        if match := re.fullmatch(pattern, measured.metric):
            unit = match.expand(template)
            return f"{measured.value:.1f}{'' if unit.startswith('%') else ' '}{unit}"
    return f"{measured.value:.1f}, {measured.metric}"
