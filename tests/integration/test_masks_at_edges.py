"""Masks at the edge of the image, and of any kind of number, as a model of one's own gives them."""

import uuid

import fiftyone as fo
import fiftyone.core.models as fom
import numpy as np
import pytest
import torch
from PIL import Image

import auto_labeling as al
from auto_labeling.core.errors import AutoLabelingError
from tests.support import red_rectangles

ME = "tests.integration.test_masks_at_edges"
REACH = 6  # pixels that a box is larger than what there is to see, on each side


class Finder(fom.Model):
    """The red thing, in a box that is larger on each side, with a mask of that box."""

    media_type = "image"
    kind = staticmethod(lambda mask: mask)

    def predict_all(self, images):
        return [self.predict(image) for image in images]

    def predict(self, image):
        seen = (image[..., 0] > 180) & (image[..., 1] < 100)
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        wide = np.pad(seen, REACH)  # what is beyond the edge belongs to no object
        top, left = rows[0], columns[0]
        height, width = np.ptp(rows) + 1 + 2 * REACH, np.ptp(columns) + 1 + 2 * REACH
        detection = fo.Detection(
            label="red",
            confidence=0.9,
            mask=self.kind(wide[top : top + height, left : left + width]),
            bounding_box=[
                (left - REACH) / red_rectangles.WIDTH,
                (top - REACH) / red_rectangles.HEIGHT,
                width / red_rectangles.WIDTH,
                height / red_rectangles.HEIGHT,
            ],
        )
        return fo.Detections(detections=[detection])


class Integers(Finder):
    kind = staticmethod(lambda mask: mask.astype(np.int64) * 3)


class Shares(Finder):
    kind = staticmethod(lambda mask: np.where(mask, 0.8, 0.3)[..., None])


class Broken(Finder):
    kind = staticmethod(lambda mask: np.zeros((2, 3, 4, 5)))


class _Reaching(red_rectangles._Network):
    def _look(self, image, red_ones):
        output = super()._look(image, red_ones)
        output["boxes"] += torch.tensor([-REACH, -REACH, REACH, REACH])
        return output


def torch_segmenter():
    """A torch model with raw outputs, whose boxes are larger than what there is to see."""
    model = red_rectangles._model("masks")
    model._model = _Reaching("masks")
    return model


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Pictures with a red thing at the left, in the middle, at the right, and in a corner."""
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", ME)
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    paths = red_rectangles.write(tmp_path / "pictures", 40)
    corner = np.full(
        (red_rectangles.HEIGHT, red_rectangles.WIDTH, 3), red_rectangles.BACKGROUND, np.uint8
    )
    corner[38:, 52:] = red_rectangles.RED
    paths[1] = str(tmp_path / "pictures" / "corner.png")
    Image.fromarray(corner).save(paths[1])
    dataset.add_samples([fo.Sample(path) for path in (paths[1], *paths[::13])], progress=False)
    yield dataset
    dataset.delete()


def generated(dataset, model, **settings):
    run = al.start(
        dataset,
        task="instance_segmentation",
        model="custom-python-instance-segmentation",
        checkpoint=f"{ME}:{model}",
        label_field="found",
        queue=False,
        **settings,
    )
    return al.generate(run)


@pytest.mark.parametrize("model", ["Finder", "Integers", "Shares", "torch_segmenter"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_masks_lie_where_the_object_is(pictures, tmp_path, model, on_disk):
    (tmp_path / "masks").mkdir()
    run = generated(pictures, model, mask_location=str(tmp_path / "masks") if on_disk else "")
    al.promote(run)
    al.approve(run)
    pictures.reload()
    for sample in pictures:
        (found,) = sample.found.detections
        x, y, width, height = found.bounding_box
        assert min(x, y) >= 0 and x + width <= 1 and y + height <= 1
        assert (found.mask_path is not None) is on_disk
        picture = np.asarray(Image.open(sample.filepath))
        visible = (picture[..., 0] > 180) & (picture[..., 1] < 100)
        drawn = (
            found.to_segmentation(frame_size=(red_rectangles.WIDTH, red_rectangles.HEIGHT)).mask > 0
        )
        assert np.array_equal(drawn, visible)


def test_a_mask_that_is_no_picture_fails_its_sample_with_the_reason(pictures):
    with pytest.raises(AutoLabelingError, match="a mask of 4 dimensions; a mask has two"):
        generated(pictures, "Broken")
