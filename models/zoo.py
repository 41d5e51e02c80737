"""Loads a model of the catalog with FiftyOne's own code, ready for a run."""

from __future__ import annotations

import functools
import gc
import os
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from auto_labeling.core import text
from auto_labeling.core.errors import FailureReason, ModelUnavailable
from auto_labeling.core.run import Method, ModelType, RunConfig, Task
from auto_labeling.models import (
    broken_packages,
    catalog,
    checkpoints,
    custom_loader,
    downloads,
    manifests,
    prompts,
    requirements,
    trust,
)
from auto_labeling.models.spec import ModelSpec

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    import fiftyone.core.models as fom
    import fiftyone.utils.torch as fout

_SAM3 = "fiftyone.utils.sam3.SegmentAnything3ImageModel"
_YOLO = "fiftyone.utils.ultralytics.FiftyOneYOLOModel"
_YOLOE_VISUAL = "fiftyone.utils.ultralytics.FiftyOneYOLOEVPModel"
_RFDETR = "fiftyone.utils.rfdetr."

_IMAGE_SIZES = {Task.CLASSIFICATION: [224, 224]}
_DETECTOR_SIZE = [800, 800]
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")
_DEVICE = re.compile(r"(cpu|mps|cuda(:\d+)?)?")

#: The name by which a model asks for the boxes of an existing field.
BOXES = "detections"


def load(spec: ModelSpec, config: RunConfig) -> fom.Model:
    """Loads the model of a run, downloading weights where the zoo does that.

    Its labels have at least the minimum confidence (the recommended one, if the run names none).
    From these, :mod:`auto_labeling.models.label_filter` takes those that the run asks for.

    Args:
        spec: the model that the run names
        config: the run's configuration

    Returns:
        a :class:`fiftyone.core.models.Model`

    Raises:
        ModelUnavailable: if packages, weights, trust or the device are missing, with the remedy
    """
    _require_device(config)
    if config.method is Method.ONE_STAGE:
        return _load_one(spec, config)
    from auto_labeling.models.two_stage import ExistingDetections, TwoStage

    if config.method is Method.EXISTING_DETECTIONS:
        return ExistingDetections(_load_one(spec, config), config)
    segmenter = catalog.get_model(config.segmenter)
    return TwoStage(_load_one(spec, config), _load_one(segmenter, config), config)


def release() -> None:
    """Frees the device memory of models that nothing refers to."""
    gc.collect()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def field_mapping(config: RunConfig) -> dict[str, str]:
    """The dataset's fields that a model needs beside the image, by the name it gives them."""
    if config.method is Method.EXISTING_DETECTIONS:
        return {BOXES: config.source_field}
    return {}


def _load_one(spec: ModelSpec, config: RunConfig) -> fom.Model:
    try:
        return _loaded(spec, config)
    except (ImportError, OSError) as error:
        if not broken_packages.is_broken(error):
            raise
        named = config.checkpoint if spec.source == "custom" else spec.name
        problem = broken_packages.sentence(named, error)
        raise ModelUnavailable(problem, reason=FailureReason.PACKAGE_BROKEN) from error


def _loaded(spec: ModelSpec, config: RunConfig) -> fom.Model:
    from auto_labeling.models import scene_models

    require_packages(spec)
    # Ultralytics would otherwise install packages into the worker's environment.
    os.environ["YOLO_AUTOINSTALL"] = "false"
    options = options_for(spec, config)
    downloads.clear_damaged(spec, config.checkpoint if spec.needs_checkpoint else "")
    model: Any  # its attributes below are those of its wrapper
    if spec.source == "custom":
        model = custom_loader.load(spec, config, options)
    elif spec.source == "bundled":
        model = _load_bundled(spec, options)
    else:
        model = _load_zoo(spec, config, options)
    if spec.task.is_3d:
        model = scene_models.wrap(model, config.checkpoint or spec.name)
    if spec.needs_checkpoint or spec.source == "remote":
        custom_loader.require_fit(spec, config, model)
    if spec.wrapper == _YOLO and spec.task is Task.CLASSIFICATION:
        _crop_like_ultralytics(model)
    if spec.wrapper == _YOLOE_VISUAL:
        # It would ask for a field with example boxes; we prompt it with words alone.
        model.build_get_item = functools.partial(_image_get_item, model)
    if spec.model_type is ModelType.ZERO_SHOT and not spec.is_segmenter:
        _name_classes(model, _texts(spec, config))
    return model


def require_packages(spec: ModelSpec) -> None:
    """Raises :class:`ModelUnavailable` with the install command if packages are missing."""
    missing = catalog.missing_packages(spec)
    if missing:
        raise ModelUnavailable(
            f"The model '{spec.name}' needs packages that are missing on the worker. "
            f"Install them where the worker runs: {requirements.install_command(missing)}",
            reason=FailureReason.PACKAGES_MISSING,
        )


def options_for(spec: ModelSpec, config: RunConfig) -> dict[str, Any]:
    """The settings of FiftyOne's wrapper that the manifest does not have.

    Args:
        spec: the model
        config: the run's configuration

    Raises:
        ModelUnavailable: if the run names a folder that is not trusted
    """
    options: dict[str, Any] = {}
    if spec.is_segmenter:
        options |= {"operation_mode": "visual"} if spec.wrapper == _SAM3 else {}
    else:
        confidence = spec.confidence if config.confidence is None else config.confidence
        if confidence is not None:
            options["confidence_thresh"] = confidence
        options |= _class_options(spec, config)
    if spec.wrapper == downloads.TORCHVISION and "image_size" not in spec.settings:
        # Without one size for all, FiftyOne runs these models an image at a time.
        size = _IMAGE_SIZES.get(spec.task, _DETECTOR_SIZE)
        options |= {"image_size": size, "ragged_batches": False}
    if config.checkpoint and spec.needs_checkpoint and spec.source == "zoo":
        if os.path.exists(config.checkpoint):  # a folder on the worker, not an id of the hub
            trust.require(os.path.abspath(config.checkpoint))
        options["name_or_path"] = config.checkpoint
    return options | _device_options(spec, config)


def _class_options(spec: ModelSpec, config: RunConfig) -> dict[str, Any]:
    if spec.model_type is ModelType.ZERO_SHOT:
        options: dict[str, Any] = {"classes": list(_texts(spec, config))}
        # FiftyOne would put "A photo of" before a person's own words too.
        return options | {"text_prompt": ""} if _template(spec, config) else options
    return {}  # label_filter leaves out, and counts, labels of other classes


def _texts(spec: ModelSpec, config: RunConfig) -> dict[str, str]:
    """The class of each text that a zero-shot model is asked for."""
    return prompts.texts(config, _template(spec, config))


def _template(spec: ModelSpec, config: RunConfig) -> str:
    """The words that FiftyOne's wrapper puts before each class, if we have to do that ourselves."""
    return (spec.settings.get("text_prompt") or "") if config.prompts else ""


def _device_options(spec: ModelSpec, config: RunConfig) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if config.device:
        # RF-DETR knows no numbers of devices.
        plain = spec.wrapper.startswith(_RFDETR)
        options["device"] = config.device.partition(":")[0] if plain else config.device
    if config.half and spec.can_be_half and config.device != "cpu" and _has_cuda():
        options["use_half_precision"] = True
    return options


def _require_device(config: RunConfig) -> None:
    import torch

    if not _DEVICE.fullmatch(config.device):
        raise ModelUnavailable(
            f"'{config.device}' is an unknown device; use cpu, mps, cuda or cuda:0",
            reason=FailureReason.DEVICE_MISSING,
        )
    kind, _, number = config.device.partition(":")
    count = torch.cuda.device_count()
    if kind == "cuda" and int(number or 0) >= count:
        raise ModelUnavailable(
            f"The worker has no device '{config.device}': it sees "
            f"{text.count(count, 'CUDA device')}",
            reason=FailureReason.DEVICE_MISSING,
        )


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def _name_classes(model: Any, classes: Mapping[str, str]) -> None:
    """Makes a zero-shot model answer with the run's classes, whichever texts it is asked for."""
    plain = all(prompt == name for prompt, name in classes.items())
    processor = getattr(model, "_output_processor", None)
    if processor is None:
        return
    if plain and not getattr(processor, "_is_grounded", False):
        return
    model._output_processor = prompts.ClassProcessor(processor, classes)


def _crop_like_ultralytics(model: Any) -> None:
    """Makes a classifier crop images as its library does: the zoo's entry pads them with gray."""
    from fiftyone.utils.ultralytics import FiftyOneYOLOClassificationModel as Classifier

    model._ultralytics_preprocess = functools.partial(Classifier._ultralytics_preprocess, model)


def _image_get_item(
    model: Any, field_mapping: Mapping[str, str] | None = None
) -> fout.ImageGetItem:
    import fiftyone.utils.torch as fout

    return fout.ImageGetItem(
        transform=model.transforms, use_numpy=False, field_mapping=field_mapping
    )


def _load_bundled(spec: ModelSpec, options: Mapping[str, Any]) -> fom.Model:
    import fiftyone.core.models as fom

    path = spec.weights
    if path is not None and not path.is_file():
        raise ModelUnavailable(
            f"The weights of '{spec.name}' are missing from this installation: {path}. "
            "Install Auto-Labeling again",
            reason=FailureReason.WEIGHTS_MISSING,
        )
    # Loading writes into the settings.
    settings = deepcopy(spec.entry["default_deployment_config_dict"])
    return fom.load_model(settings, model_path=path and str(path), **options)


def _load_zoo(spec: ModelSpec, config: RunConfig, options: dict[str, Any]) -> fom.Model:
    import fiftyone.zoo as foz
    from eta.core.web import WebSessionError

    if spec.source == "remote":
        trust.require(spec.entry.get("remote_source") or spec.name)
    try:
        # A cached instance would be shared with other code of this process. The requirements have
        # been checked, under more names than FiftyOne knows.
        load = functools.partial(
            foz.load_zoo_model, spec.name, cache=False, ensure_requirements=False
        )
        if spec.source == "remote":
            return _load_remote(load, options)
        if spec.wrapper == downloads.TORCHVISION:
            return _load_torchvision(spec, options)
        return load(**options)
    except (OSError, WebSessionError) as error:
        if broken_packages.is_broken(error):
            raise
        raise ModelUnavailable(
            f"The weights of '{spec.name}' are not on this machine and could not be downloaded "
            f"from {_origin(spec, options)}: {broken_packages.first_line(error)}",
            reason=FailureReason.WEIGHTS_MISSING,
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        if not spec.needs_checkpoint:
            raise
        if problem := checkpoints.misfit(spec, config.checkpoint):
            raise ModelUnavailable(problem, reason=FailureReason.WRONG_CHECKPOINT) from error
        raise ModelUnavailable(
            f"'{config.checkpoint}' cannot be loaded for {spec.task.label_within}: "
            f"{broken_packages.first_line(error)}",
            reason=FailureReason.WRONG_CHECKPOINT,
        ) from error


def _load_remote(load: Callable[..., fom.Model], options: dict[str, Any]) -> fom.Model:
    """Loads with those of our settings that the source's own function takes.

    The engine applies the others, such as a minimum confidence, itself.
    """
    while True:
        try:
            return load(**options)
        except TypeError as error:
            unknown = _UNEXPECTED.search(str(error))
            if unknown is None or unknown[1] not in options:
                raise
            options = {name: value for name, value in options.items() if name != unknown[1]}


def _load_torchvision(spec: ModelSpec, options: Mapping[str, Any]) -> fom.Model:
    """Loads a model of torchvision, downloading the one file that torchvision loads.

    FiftyOne would download the file that the entry names first, often that of another training.
    It also replaces a function that torchvision no longer calls: weights in the zoo would be
    downloaded a second time.
    """
    import fiftyone.core.models as fom
    import torchvision.models._api as api

    load = api.load_state_dict_from_url

    def load_from_zoo(url: str, **named: Any) -> Any:
        return load(url, model_dir=str(folder), **named)

    here = downloads.files(spec)
    folder = here[0].parent if here else manifests.zoo_dir()
    settings = deepcopy(spec.entry["default_deployment_config_dict"])
    api.load_state_dict_from_url = load_from_zoo
    try:
        return fom.load_model(settings, model_path=str(folder), **options)
    finally:
        api.load_state_dict_from_url = load


def _origin(spec: ModelSpec, options: Mapping[str, Any]) -> str:
    return options.get("name_or_path") or downloads.url(spec) or spec.url or "its source"
