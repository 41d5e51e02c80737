"""What the manifest does not say of a family. All of it is our judgement, none a measurement.

A ``confidence`` is where a form starts; a ``cost`` says how much slower the architecture is than a
one-stage convolutional network with as many weights, a ``grade`` how well it does for its size.
"""

from dataclasses import dataclass

ESTIMATED = "estimated"
UNKNOWN = "unknown"  # of a model that nobody has named yet

# How much better than the first of its family a generation does for its size.
_GENERATIONS = {"v5": 0.75, "v9": 1.1, "v10": 1.1, "11": 1.2, "26": 1.3, "v2": 1.1, "2.1": 1.1}


@dataclass(frozen=True)
class Family:
    """A family of models.

    Args:
        confidence: the recommended minimum confidence of its boxes and masks
        cost: relative cost of a forward pass for the size of the weights
        grade: relative quality for the size of the weights
    """

    confidence: float = 0.25
    cost: float = 1.0
    grade: float = 1.0


_DEFAULT = Family()
_FAMILIES = {
    "yolo": Family(0.25, 1.0, 2.0),
    "yolo-world": Family(0.2, 1.5, 2.0),
    "yoloe": Family(0.25, 1.5, 2.5),
    "yoloe-pf": Family(0.25, 1.5, 2.0),
    "yolo-nas": Family(0.25, 1.0, 2.0),
    "rtdetr": Family(0.5, 1.3, 3.0),
    "rfdetr": Family(0.5, 1.3, 3.5),
    "dfine": Family(0.5, 1.3, 4.0),
    "detection-transformer": Family(0.5, 2.0, 1.5),
    "faster-rcnn": Family(0.3, 3.0, 0.7),
    "retinanet": Family(0.3, 2.5, 0.7),
    "mask-rcnn": Family(0.5, 3.0, 0.6),
    "mask2former": Family(0.5, 3.0, 1.5),
    "oneformer": Family(0.5, 3.0, 1.5),
    "universal-segmentation-transformer": Family(0.5, 3.0, 1.5),
    "fc-clip": Family(0.5, 5.0, 1.5),
    "grounding-dino": Family(0.3, 3.0, 1.5),
    "llmdet": Family(0.3, 3.0, 1.8),
    "omdet-turbo": Family(0.3, 1.5, 1.5),
    "owlvit": Family(0.2, 2.0, 0.5),
    "zero-shot-detection-transformer": Family(0.3, 3.0, 1.5),
    "alexnet": Family(grade=0.05),
    "vgg": Family(cost=3.0, grade=0.1),
    "squeezenet": Family(grade=0.5),
}


def generation(version: str) -> float:
    """The relative quality of a version of a family for the size of its weights."""
    return _GENERATIONS.get(version, 1.0)


def family(name: str) -> Family:
    """What is known of a family."""
    return _FAMILIES.get(name, _DEFAULT)
