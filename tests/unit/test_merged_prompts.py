"""One object, one label: against a naive reader, and on masks that are drawn whole."""

import random

import numpy as np
import pytest

from auto_labeling.core.run import RunConfig
from auto_labeling.models import label_filter
from auto_labeling.models.merged_prompts import OVERLAP, distinct, overlap_of_masks


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def naive(labels, confidences, boxes, classes):
    """The most confident first; each is kept unless one that is kept is the same object."""
    kept = []
    for i in sorted(range(len(labels)), key=lambda i: -confidences[i]):
        same = [
            k for k in kept if labels[k] == labels[i] and overlap(boxes[k], boxes[i]) >= OVERLAP
        ]
        if labels[i] not in classes or not same:
            kept.append(i)
    return sorted(kept)


def crowd(seed):
    """Boxes around a few places, so that many overlap."""
    dice = random.Random(seed)
    places = [(dice.random() * 0.5, dice.random() * 0.5) for _ in range(3)]
    boxes = [
        [x + dice.gauss(0, 0.02), y + dice.gauss(0, 0.02), 0.3, 0.3 + dice.random() * 0.05]
        for x, y in (dice.choice(places) for _ in range(dice.randrange(14)))
    ]
    labels = [dice.choice(("vehicle", "person", "tree")) for _ in boxes]
    return labels, [dice.random() for _ in boxes], boxes


@pytest.mark.parametrize("seed", range(60))
def test_boxes_of_one_object_are_one_and_the_others_stay(seed):
    labels, confidences, boxes = crowd(seed)
    classes = frozenset(("vehicle", "tree"))
    kept = distinct(range(len(labels)), labels, confidences, boxes, classes)
    assert kept == naive(labels, confidences, boxes, classes)


def test_only_classes_of_several_prompts_are_looked_at():
    settings = {"task": "detection", "model": "m", "label_field": "f"}
    classes = ("vehicle", "person")
    twice = (["vehicle"] * 3, [0.5, 0.9, 0.7], [[0.1, 0.1, 0.3, 0.3]] * 3)
    merged = RunConfig(**settings, classes=classes, prompts={"vehicle": ("car", "bus")})
    assert label_filter.sift(*twice, merged) == ([1], {"duplicate": 2})
    for prompts in ({}, {"vehicle": ("car",)}, {"person": ("man", "woman")}):
        plain = RunConfig(**settings, classes=classes, prompts=prompts)
        assert list(label_filter.sift(*twice, plain)[0]) == [0, 1, 2]


def drawn(box, mask, size=400):
    """A mask in its place in the whole image."""
    whole = np.zeros((size, size), bool)
    x, y, w, h = (round(v * size) for v in box)
    rows = (np.arange(h) * mask.shape[0] // h)[:, None]
    whole[y : y + h, x : x + w] = mask[rows, np.arange(w) * mask.shape[1] // w]
    return whole


@pytest.mark.parametrize("seed", range(20))
def test_the_overlap_of_cropped_masks_is_that_of_masks_of_the_whole_image(seed):
    random = np.random.default_rng(seed)
    ends = random.integers(1, 9, (2, 4))
    boxes = [[x / 20, y / 20, w / 20, h / 20] for x, y, w, h in ends.tolist()]
    finer = zip(boxes, (1, 4), strict=True)
    shapes = [(round(box[3] * 400 / f), round(box[2] * 400 / f)) for box, f in finer]
    masks = [random.random(shape) > 0.4 for shape in shapes]
    a, b = (drawn(box, mask) for box, mask in zip(boxes, masks, strict=True))
    found = overlap_of_masks(boxes[0], masks[0], boxes[1], masks[1])
    assert found == pytest.approx((a & b).sum() / (a | b).sum(), abs=0.02)


def test_two_objects_in_one_box_stay_two_by_their_masks():
    diagonal = np.eye(30, dtype=bool)
    box = [0.1, 0.1, 0.3, 0.3]
    labels, confidences, boxes = ["pen", "pen", "pen"], [0.9, 0.8, 0.7], [box] * 3
    masks = [diagonal, diagonal[::-1], diagonal]
    take = lambda some: [masks[i] for i in some]  # noqa: E731
    assert distinct(range(3), labels, confidences, boxes, {"pen"}, take) == [0, 1]
    assert distinct(range(3), labels, confidences, boxes, {"pen"}) == [0]
