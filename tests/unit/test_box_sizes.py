"""Usual sizes of classes, as people write them."""

import pytest

from auto_labeling.core import box_sizes
from auto_labeling.core.settings import RunConfig
from auto_labeling.threed import sizes

SETTINGS = {"task": "detection_3d", "model": "m", "label_field": "f", "method": "lift_labels"}


@pytest.mark.parametrize(
    "text",
    ["car: 4.6 x 2.0 x 1.7", "car=4.6x2x1.7", " car : 4.6 × 2 × 1.7 m", "car: 4.6 2 1.7"],  # noqa: RUF001
)
def test_sizes_are_read_as_people_write_them(text):
    assert box_sizes.read([text]) == {"car": (4.6, 2.0, 1.7)}


def test_several_may_stand_in_one_text():
    both = box_sizes.read(["car: 4 x 2 x 1.5, delivery van: 5.9 x 2 x 2.5"])
    assert both == {"car": (4.0, 2.0, 1.5), "delivery van": (5.9, 2.0, 2.5)}


@pytest.mark.parametrize(
    "text",
    ["car", "car: 4 x 2", "car: 4 x 2 x 0", "car: 4 x 2 x 1000", ": 1 x 1 x 1", "a: b: 1 x 1 x 1"],
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"meters|each side"):
        box_sizes.read([text])


def test_a_mapping_is_stored_as_texts():
    config = RunConfig(**SETTINGS, box_sizes={"car": [4.6, 2, 1.7]})
    assert config.box_sizes == ("car: 4.6 x 2 x 1.7",)
    assert RunConfig(**config.model_dump()).box_sizes == config.box_sizes


def test_known_classes_have_several_names():
    assert sizes.size_of("Person") == sizes.size_of("pedestrian")
    assert sizes.size_of("traffic_cone") == sizes.SIZES["traffic cone"]
    assert sizes.size_of("unicorn") is None
    assert sizes.size_of("CAR", {"car": (1.0, 2.0, 3.0)}) == (1.0, 2.0, 3.0)
