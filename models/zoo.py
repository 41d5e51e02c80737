"""Loads a model of the catalog through FiftyOne's own zoo code, fit for a run."""

import os
from copy import deepcopy

from auto_labeling.errors import ModelUnavailable
from auto_labeling.models.catalog import ModelSpec, missing_packages
from auto_labeling.run import RunConfig, Task

_TORCHVISION = "fiftyone.zoo.models.torch.TorchvisionImageModel"
_IMAGE_SIZES = {Task.CLASSIFICATION: [224, 224], Task.DETECTION: [800, 800]}


def load(spec: ModelSpec, config: RunConfig):
    """Loads a model, downloading its weights where the zoo does that.

    Its predictions are those that the run wants: at least the minimum confidence (the recommended
    one, if the run names none) and of the run's classes.

    Args:
        spec: the model
        config: the run's configuration

    Returns:
        a :class:`fiftyone.core.models.Model`

    Raises:
        ModelUnavailable: if its packages or its weights are missing, with what to do about it
    """
    missing = missing_packages(spec)
    if missing:
        command = " ".join(f'"{package}"' for package in missing)
        raise ModelUnavailable(
            f"The model '{spec.name}' needs packages that the worker does not have. "
            f"Install them where the worker runs: pip install {command}"
        )
    # Ultralytics would otherwise change the environment behind the back of whoever runs the worker.
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    options = _options(spec, config)
    return _load_bundled(spec, options) if spec.source == "bundled" else _load_zoo(spec, options)


def _options(spec: ModelSpec, config: RunConfig) -> dict:
    """What to say to the wrapper beyond the manifest."""
    options: dict = {}
    confidence = spec.confidence if config.confidence is None else config.confidence
    if confidence is not None:
        options["confidence_thresh"] = confidence
    if config.classes:
        options["filter_classes"] = list(config.classes)
    if spec.wrapper == _TORCHVISION and "image_size" not in spec.settings:
        # Without one size for all, FiftyOne runs these models an image at a time.
        options |= {"image_size": _IMAGE_SIZES[spec.task], "ragged_batches": False}
    return options


def _load_bundled(spec: ModelSpec, options: dict):
    import fiftyone.core.models as fom

    path = spec.weights
    if path is not None and not path.is_file():
        raise ModelUnavailable(
            f"The weights of '{spec.name}' are missing from this installation: {path}. "
            "Install Auto-Labeling again"
        )
    # Loading writes into the settings.
    settings = deepcopy(spec.entry["default_deployment_config_dict"])
    return fom.load_model(settings, model_path=path and str(path), **options)


def _load_zoo(spec: ModelSpec, options: dict):
    import fiftyone.zoo as foz
    from eta.core.web import WebSessionError

    try:
        # A cached instance would be shared with whoever else loaded it in this process.
        return foz.load_zoo_model(spec.name, cache=False, **options)
    except ImportError as error:
        raise ModelUnavailable(f"The model '{spec.name}' cannot be imported: {error}") from error
    except (OSError, WebSessionError) as error:
        raise ModelUnavailable(
            f"The weights of '{spec.name}' are not on this machine and could not be downloaded "
            f"from {_origin(spec)}: {_first_line(error)}"
        ) from error


def _origin(spec: ModelSpec) -> str:
    manager = spec.entry.get("manager") or {}
    return manager.get("config", {}).get("url") or spec.url or "its source"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:300] if lines else type(error).__name__


def field_mapping(config: RunConfig) -> dict:
    """The dataset's fields that a model wants beside the image, by the name it gives them."""
    return {}
