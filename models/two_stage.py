"""Boxes first, then masks: a detector's boxes, or those of a field, through a promptable segmenter.

Class and confidence are those of the box; the segmenter's own score is ``mask_quality``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import fiftyone.core.labels as fol
import fiftyone.core.models as fom
import fiftyone.utils.torch as fout
import numpy as np

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import RunConfig
from auto_labeling.models import label_filter
from auto_labeling.models.pixels import read

if TYPE_CHECKING:  # for annotations only
    import torch

_BOXES = "detections"
_MAX_BOXES_AT_ONCE = 64  # a mask of the whole image is held for each

#: An item of a batch: the image as each stage takes it, its size, and the boxes of a field.
Item = dict[str, Any]


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
        field_mapping: Mapping[str, str] | None = None,
        detector_transform: Callable[[Any], Any] | None = None,
        segmenter_transform: Callable[[np.ndarray], Any] | None = None,
        with_boxes: bool = False,
    ) -> None:
        self._with_boxes = with_boxes
        self._detector_transform = detector_transform
        self._segmenter_transform: Any = segmenter_transform
        super().__init__(field_mapping=field_mapping)

    @property
    def required_keys(self) -> list[str]:
        """The keys of the dicts that this takes."""
        return ["filepath", _BOXES] if self._with_boxes else ["filepath"]

    def __call__(self, d: Mapping[str, Any]) -> Item:
        """Loads the input for a sample; ``d`` has a value for each of :attr:`required_keys`."""
        image = read(d["filepath"])
        boxes = d.get(_BOXES) if self._with_boxes else None
        transform = self._detector_transform
        item = {"boxes": boxes, "detect": image if transform is None else transform(image)}
        item["segment"], item["size"] = self._segmenter_transform(np.asarray(image))
        return item


class _Stages(fom.Model, fom.TorchModelMixin, fom.SupportsGetItem):
    """Makes masks for boxes; the two methods differ in where the boxes come from."""

    def __init__(self, segmenter: fom.Model, config: RunConfig) -> None:
        self._config = config
        # One of FiftyOne's segmenters, whose common methods no base class declares.
        self._segmenter: Any = segmenter
        self._prompts = segmenter.build_get_item(field_mapping={"box_prompt_field": _BOXES})
        self._preprocess = True

    def __enter__(self) -> fom.Model:
        self._segmenter.preprocess = False
        self._segmenter.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._segmenter.__exit__(*args)

    @property
    def media_type(self) -> str:
        return "image"

    @property
    def device(self) -> torch.device:
        return self._segmenter.device

    @property
    def transforms(self) -> None:
        return None

    @property
    def preprocess(self) -> bool:
        return self._preprocess

    @preprocess.setter
    def preprocess(self, value: bool) -> None:
        self._preprocess = value

    @property
    def ragged_batches(self) -> bool:
        return False

    @property
    def has_collate_fn(self) -> bool:
        return True

    @staticmethod
    def collate_fn(batch: list[Item]) -> list[Item]:
        return batch

    def predict(self, arg: Item) -> fol.Detections:
        return self.predict_all([arg])[0]

    def predict_all(self, args: Sequence[Item]) -> list[fol.Detections]:
        boxes = self._boxes(args)
        return [self._with_masks(item, label) for item, label in zip(args, boxes, strict=True)]

    def _boxes(self, items: Sequence[Item]) -> Sequence[fol.Detections | None]:
        """The boxes of each image."""
        raise NotImplementedError

    def _with_masks(self, item: Item, label: fol.Detections | None) -> fol.Detections:
        height, width = (int(side) for side in item["size"])
        taken, left_out = self._taken(label.detections if label else [])
        kept = [copy for d in taken if (copy := _inside(d, width, height)) is not None]
        label_filter.add(left_out, LeftOut.NO_AREA, len(taken) - len(kept))
        label_filter.add_all(left_out, label_filter.left_out_of(label))
        for first in range(0, len(kept), _MAX_BOXES_AT_ONCE):
            self._segment(item, kept[first : first + _MAX_BOXES_AT_ONCE])
        masked = fol.Detections(detections=kept)
        label_filter.attach(masked, left_out)
        return masked

    def _taken(
        self, detections: Sequence[fol.Detection]
    ) -> tuple[list[fol.Detection], dict[str, int]]:
        """The detections that the run takes, so that the others cost no mask."""
        kept, left_out = label_filter.sift(
            [d.label for d in detections],
            [d.confidence for d in detections],
            [[float(value) for value in d.bounding_box] for d in detections],
            self._config,
        )
        return [detections[i] for i in kept], left_out

    def _segment(self, item: Item, detections: Sequence[fol.Detection]) -> None:
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
            [masks] = self._segmenter.predict_all(self._segmenter.collate_fn([prompt]))
        finally:
            self._segmenter.preprocess = was
        for mask in masks.detections:
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

    def __init__(self, detector: fom.Model, segmenter: fom.Model, config: RunConfig) -> None:
        super().__init__(segmenter, config)
        self._detector: Any = detector  # any of FiftyOne's models, torch or not
        self._is_torch = isinstance(detector, fom.TorchModelMixin)

    def __enter__(self) -> fom.Model:
        if self._is_torch:
            self._detector.preprocess = False
        self._detector.__enter__()
        return super().__enter__()

    def __exit__(self, *args: Any) -> None:
        self._detector.__exit__(*args)
        super().__exit__(*args)

    def build_get_item(self, field_mapping: Mapping[str, str] | None = None) -> ImageAndBoxes:
        """Builds the loader of inputs, as FiftyOne asks for it."""
        return ImageAndBoxes(
            field_mapping=field_mapping,
            detector_transform=self._detector.transforms if self._is_torch else np.asarray,
            segmenter_transform=self._prompts.transform,
        )

    def _boxes(self, items: Sequence[Item]) -> Sequence[fol.Detections | None]:
        images = [item["detect"] for item in items]
        if self._is_torch:
            self._detector.preprocess = False
        if self._is_torch and self._detector.ragged_batches:
            return [self._detector.predict_all([image])[0] for image in images]
        return self._detector.predict_all(self._together(images))

    def _together(self, images: list[Any]) -> Any:
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

    def build_get_item(self, field_mapping: Mapping[str, str] | None = None) -> ImageAndBoxes:
        """Builds the loader of inputs, as FiftyOne asks for it."""
        return ImageAndBoxes(
            field_mapping=field_mapping,
            detector_transform=_nothing,
            segmenter_transform=self._prompts.transform,
            with_boxes=True,
        )

    def _boxes(self, items: Sequence[Item]) -> Sequence[fol.Detections | None]:
        return [item["boxes"] for item in items]


def _nothing(image: Any) -> None:
    return None


def _inside(detection: fol.Detection, width: int, height: int) -> fol.Detection | None:
    """A copy with the box cut to the image and without a mask; None if less than a pixel is left.

    It keeps all else that the label has: tags, index, instance, attributes.
    """
    box = label_filter.cut_to_image([float(value) for value in detection.bounding_box])
    if not (box[2] * width >= 1 and box[3] * height >= 1):
        return None
    copy = detection.copy()
    copy.bounding_box = box
    copy.mask = copy.mask_path = None
    return copy
