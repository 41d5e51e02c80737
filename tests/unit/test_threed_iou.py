"""Overlaps of many boxes at once, against FiftyOne's own."""

import fiftyone as fo
import fiftyone.utils.iou as foui
import numpy as np
import pytest

from auto_labeling.threed import iou


def _boxes(rng, count):
    return np.column_stack(
        [
            rng.uniform(-3, 3, (count, 3)),
            rng.uniform(0.5, 5, (count, 3)),
            rng.uniform(-4, 4, count),
        ]
    )


def test_3d_iou_is_fiftyones():
    rng = np.random.default_rng()
    ours, theirs = _boxes(rng, 12), _boxes(rng, 12)
    labels = [
        [
            fo.Detection(location=b[:3], dimensions=b[3:6], rotation=[0.0, 0.0, b[6]])
            for b in boxes.tolist()
        ]
        for boxes in (ours, theirs)
    ]
    expected = foui.compute_ious(*labels)
    assert expected.max() > 0.1
    np.testing.assert_allclose(iou.iou_3d(ours, theirs), expected, atol=1e-9)


@pytest.mark.parametrize("yaw", [0.0, 0.3, np.pi / 2, np.pi, -2.0])
def test_a_box_overlaps_with_itself_wholly_also_turned_by_half(yaw):
    box = np.array([[1.0, -2.0, 0.5, 4.0, 2.0, 1.5, yaw]])
    half = box + np.eye(7)[6] * np.pi
    assert iou.iou_from_above(box, half)[0, 0] == pytest.approx(1.0)
    assert iou.iou_3d(box, half)[0, 0] == pytest.approx(1.0)


def test_from_above_ignores_heights_and_3d_does_not():
    box = np.array([[0.0, 0.0, 0.0, 4.0, 2.0, 2.0, 0.7]])
    higher = box + np.eye(7)[2]
    assert iou.iou_from_above(box, higher)[0, 0] == pytest.approx(1.0)
    assert iou.iou_3d(box, higher)[0, 0] == pytest.approx(1 / 3)


def test_boxes_that_touch_or_are_apart_share_nothing():
    box = np.array([[0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 0.0]])
    others = np.array([[2.0, 0, 0, 2, 2, 2, 0], [9.0, 0, 0, 2, 2, 2, 1]])
    np.testing.assert_allclose(iou.iou_from_above(box, others), 0, atol=1e-9)
    assert iou.iou_3d(np.empty((0, 7)), others).shape == (0, 2)


def test_ten_thousand_boxes_at_once():
    rng = np.random.default_rng(0)
    boxes = _boxes(rng, 10_000)
    boxes[:, :2] *= 100
    overlap = iou.iou_from_above(boxes[:200], boxes)
    np.testing.assert_allclose(overlap[np.arange(200), np.arange(200)], 1.0)
