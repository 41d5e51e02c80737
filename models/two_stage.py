"""Boxes first, then masks: a detector's boxes, or those of a field, through a promptable segmenter.

Class and confidence are the box's own; what the segmenter says of its mask is ``mask_quality``.
"""

import fiftyone.core.labels as fol
import fiftyone.core.models as fom
import fiftyone.utils.torch as fout
import numpy as np

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import RunConfig
from auto_labeling.models import label_filter
from auto_labeling.models.pixels import read

_BOXES = "detections"
_MOST_BOXES_AT_ONCE = 64  # a mask of the whole image is held for each


class ImageAndBoxes(fout.GetItem):
    """Loads an image for the detector and for the segmenter, and the boxes of a field.

    Args:
        field_mapping (None): the field that holds the boxes, if they are not detected
        detector_transform (None): the detector's transform, or None
        segmenter_transform (None): the segmenter's transform
        with_boxes (False): whether boxes come from a field
    """

    def __init__(
        self,
        field_mapping=None,
        detector_transform=None,
        segmenter_transform=None,
        with_boxes=False,
    ) -> None:
        self._with_boxes = with_boxes
        self._detector_transform = detector_transform
        self._segmenter_transform = segmenter_transform
        super().__init__(field_mapping=field_mapping)

    @property
    def required_keys(self):
        return ["filepath", _BOXES] if self._with_boxes else ["filepath"]

    def __call__(self, d):
        image = read(d["filepath"])
        boxes = d.get(_BOXES) if self._with_boxes else None
        transform = self._detector_transform
        item = {"boxes": boxes, "detect": image if transform is None else transform(image)}
        item["segment"], item["size"] = self._segmenter_transform(np.asarray(image))
        return item


class _Stages(fom.Model, fom.TorchModelMixin, fom.SupportsGetItem):
    """What the two methods share: masks for boxes."""

    def __init__(self, segmenter, config: RunConfig) -> None:
        self._config = config
        self._segmenter = segmenter
        self._prompts = segmenter.build_get_item(field_mapping={"box_prompt_field": _BOXES})
        self._preprocess = True

    def __enter__(self):
        self._segmenter.preprocess = False
        self._segmenter.__enter__()
        return self

    def __exit__(self, *args):
        return self._segmenter.__exit__(*args)

    @property
    def media_type(self) -> str:
        return "image"

    @property
    def device(self):
        return self._segmenter.device

    @property
    def transforms(self) -> None:
        return None

    @property
    def preprocess(self):
        return self._preprocess

    @preprocess.setter
    def preprocess(self, value) -> None:
        self._preprocess = value

    @property
    def ragged_batches(self) -> bool:
        return False

    @property
    def has_collate_fn(self) -> bool:
        return True

    @staticmethod
    def collate_fn(batch):
        return batch

    def predict(self, arg):
        return self.predict_all([arg])[0]

    def predict_all(self, args):
        boxes = self._boxes(args)
        return [self._with_masks(item, found) for item, found in zip(args, boxes, strict=True)]

    def _boxes(self, items):
        """The boxes of each image: a :class:`fiftyone.core.labels.Detections`, or None."""
        raise NotImplementedError

    def _with_masks(self, item, found):
        height, width = (int(side) for side in item["size"])
        detections = found.detections if found else []
        wanted, left_out = self._wanted(detections)
        kept = [copy for d in wanted if (copy := _inside(d, width, height)) is not None]
        label_filter.add(left_out, LeftOut.NO_AREA, len(wanted) - len(kept))
        label_filter.add_all(left_out, label_filter.left_out_of(found))
        for first in range(0, len(kept), _MOST_BOXES_AT_ONCE):
            self._segment(item, kept[first : first + _MOST_BOXES_AT_ONCE])
        masked = fol.Detections(detections=kept)
        label_filter.tell(masked, left_out)
        return masked

    def _wanted(self, detections):
        """What the run does not want costs no mask."""
        kept, left_out = label_filter.sift(
            [d.label for d in detections],
            [d.confidence for d in detections],
            [[float(value) for value in d.bounding_box] for d in detections],
            self._config,
        )
        return [detections[i] for i in kept], left_out

    def _segment(self, item, detections) -> None:
        # The segmenter leaves out boxes without a mask: a number tells which are left.
        numbered = fol.Detections(
            detections=[
                fol.Detection(label=str(number), bounding_box=d.bounding_box)
                for number, d in enumerate(detections)
            ]
        )
        prompt = {"image": item["segment"], "original_size": item["size"], "id": ""}
        prompt |= self._prompts._preprocess_prompts({"box_prompt_field": numbered}, item["size"])
        if hasattr(self._segmenter, "operation_mode"):
            prompt["operation_mode"] = self._segmenter.operation_mode
        was, self._segmenter.preprocess = self._segmenter.preprocess, False
        try:
            [found] = self._segmenter.predict_all(self._segmenter.collate_fn([prompt]))
        finally:
            self._segmenter.preprocess = was
        for mask in found.detections:
            detection = detections[int(mask.label)]
            if mask.mask is not None and mask.mask.size and mask.mask.any():
                detection.mask = mask.mask
                detection["mask_quality"] = float(mask.confidence)


class TwoStage(_Stages):
    """A detector, then a segmenter.

    Args:
        detector: a :class:`fiftyone.core.models.Model` that gives boxes
        segmenter: a :class:`fiftyone.utils.sam.SegmentAnythingModel` of any generation
        config: the run's configuration: boxes it does not want cost nothing
    """

    def __init__(self, detector, segmenter, config: RunConfig) -> None:
        super().__init__(segmenter, config)
        self._detector = detector
        self._is_torch = isinstance(detector, fom.TorchModelMixin)

    def __enter__(self):
        if self._is_torch:
            self._detector.preprocess = False
        self._detector.__enter__()
        return super().__enter__()

    def __exit__(self, *args):
        self._detector.__exit__(*args)
        return super().__exit__(*args)

    def build_get_item(self, field_mapping=None):
        return ImageAndBoxes(
            field_mapping=field_mapping,
            detector_transform=self._detector.transforms if self._is_torch else np.asarray,
            segmenter_transform=self._prompts.transform,
        )

    def _boxes(self, items):
        images = [item["detect"] for item in items]
        if self._is_torch:
            self._detector.preprocess = False
        if self._is_torch and self._detector.ragged_batches:
            labels = [self._detector.predict_all([image])[0] for image in images]
        else:
            labels = self._detector.predict_all(self._together(images))
        return labels

    def _together(self, images):
        if not self._is_torch:
            return images
        if self._detector.has_collate_fn:
            return self._detector.collate_fn(images)
        import torch

        return torch.stack(images)


class ExistingDetections(_Stages):
    """The boxes of a field, through a segmenter.

    Args:
        segmenter: a :class:`fiftyone.utils.sam.SegmentAnythingModel` of any generation
        config: the run's configuration: boxes it does not want cost nothing
    """

    def build_get_item(self, field_mapping=None):
        return ImageAndBoxes(
            field_mapping=field_mapping,
            detector_transform=_nothing,
            segmenter_transform=self._prompts.transform,
            with_boxes=True,
        )

    def _boxes(self, items):
        return [item["boxes"] for item in items]


def _nothing(image) -> None:
    return None


def _inside(detection, width, height):
    """A copy with the box cut to the image and without a mask; None if less than a pixel is left.

    It keeps what else the label has: tags, index, instance, attributes.
    """
    x, y, w, h = (float(value) for value in detection.bounding_box)
    left, top = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    right, bottom = min(max(x + w, 0.0), 1.0), min(max(y + h, 0.0), 1.0)
    if not ((right - left) * width >= 1 and (bottom - top) * height >= 1):
        return None
    kept = detection.copy()
    kept.bounding_box = [left, top, right - left, bottom - top]
    kept.mask = kept.mask_path = None
    return kept
