"""Loads custom models, if the worker's environment trusts them."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from auto_labeling.core.errors import FailureReason, ModelUnavailable
from auto_labeling.core.run import ModelType, RunConfig, Task
from auto_labeling.models import broken_packages, checkpoints, label_kinds, trust, vocabularies
from auto_labeling.models.spec import ModelSpec

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    import fiftyone.core.models as fom


def load(spec: ModelSpec, config: RunConfig, options: Mapping[str, Any]) -> fom.Model:
    """Loads the model that ``config.checkpoint`` names.

    Args:
        spec: the kind of model
        config: the run's configuration
        options: settings for FiftyOne's wrapper

    Returns:
        a :class:`fiftyone.core.models.Model`

    Raises:
        ModelUnavailable: if it is not trusted, not there, not a model, or one of another kind
    """
    trust.require(config.checkpoint)
    if spec.family == "custom-python":
        return _from_import(config.checkpoint, spec.task)
    if not os.path.isfile(config.checkpoint):
        host = socket.gethostname()
        raise _wrong(f"There is no file {config.checkpoint} on the worker ({host})")
    if problem := checkpoints.misfit(spec, config.checkpoint):
        raise _wrong(problem)
    settings = deepcopy(spec.entry["default_deployment_config_dict"])
    try:
        if spec.family == "custom-torch":
            return _from_torch(settings, config, options)
        return _from_ultralytics(spec, settings, config, options)
    except (RuntimeError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        if broken_packages.is_broken(error):
            raise
        reason = broken_packages.first_line(error)
        raise _wrong(f"{config.checkpoint} cannot be loaded: {reason}") from error


def require_fit(spec: ModelSpec, config: RunConfig, model: fom.Model) -> None:
    """Checks that a custom model can do the run's task, as far as its class tells.

    Args:
        spec: its entry in the catalog
        config: the run's configuration
        model: the model, loaded

    Raises:
        ModelUnavailable: if it is of another kind, or does not know the run's classes
    """
    name = config.checkpoint or spec.name
    name = os.path.basename(name) if os.path.isabs(name) else name
    problem = label_kinds.misfit(name, label_kinds.of_model(model), spec.task)
    # A zero-shot model is a text and an image encoder, whose architecture names no task.
    if spec.source == "zoo" and spec.model_type is ModelType.FIXED_VOCABULARY:
        network = getattr(getattr(model, "_model", None), "config", None)
        architectures = getattr(network, "architectures", None)
        problem = checkpoints.of_hub(name, architectures, spec.task) or problem
    if not problem and spec.model_type is ModelType.FIXED_VOCABULARY and not spec.names_outputs:
        known = getattr(model, "classes", None)
        if isinstance(known, (list, tuple)):
            problem = vocabularies.unknown(name, config.classes, list(map(str, known)))
    if problem:
        raise _wrong(problem)


def _wrong(sentence: str) -> ModelUnavailable:
    return ModelUnavailable(sentence, reason=FailureReason.WRONG_CHECKPOINT)


def _from_import(reference: str, task: Task) -> Any:
    import fiftyone.core.models as fom

    module, _, name = reference.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise _wrong(
            f"'{reference}' cannot be imported on {socket.gethostname()}: there is no module "
            f"'{error.name}'. PYTHONPATH of the worker must include its folder"
        ) from error
    except ImportError:
        raise  # a package that it needs, which is named above
    except Exception as error:
        raise _wrong(_failed(reference, "cannot be imported", error)) from error
    try:
        model = made() if callable(made) and not isinstance(made, fom.Model) else made
    except Exception as error:
        if broken_packages.is_broken(error):
            raise
        raise _wrong(_failed(reference, "fails when called", error)) from error
    if not (isinstance(model, fom.Model) or task.is_3d):
        raise _wrong(
            f"'{reference}' returns a {type(model).__name__}, not a fiftyone.core.models.Model"
        )
    return model


def _failed(reference: str, event: str, error: BaseException) -> str:
    reason = f"{type(error).__name__}: {broken_packages.first_line(error)}"
    return f"'{reference}' {event} on {socket.gethostname()}: {reason}"


def _from_ultralytics(
    spec: ModelSpec, settings: dict[str, Any], config: RunConfig, options: Mapping[str, Any]
) -> fom.Model:
    import fiftyone.core.models as fom
    import ultralytics

    name = os.path.basename(config.checkpoint)

    def load_checked(model: str) -> ultralytics.YOLO:
        loaded: Any = ultralytics.YOLO(model)
        problem = label_kinds.misfit(name, loaded.task or "", spec.task)
        head = loaded.model.model[-1]
        outputs = getattr(head, "nc", None) or getattr(
            getattr(head, "linear", None), "out_features", None
        )
        names, unnamed = checkpoints.by_output(name, loaded.model.names, outputs)
        if problem or names is None:
            raise _wrong(problem or unnamed)
        loaded.model.names = dict(enumerate(names))
        return loaded

    settings["config"]["entrypoint_fcn"] = load_checked
    return fom.load_model(settings, model_path=config.checkpoint, **options)


def _from_torch(
    settings: dict[str, Any], config: RunConfig, options: Mapping[str, Any]
) -> fom.Model:
    import fiftyone.core.models as fom
    import torch

    try:
        network = torch.jit.load(config.checkpoint, map_location="cpu")
    except RuntimeError:
        network = torch.load(config.checkpoint, map_location="cpu", weights_only=False)
    if not isinstance(network, torch.nn.Module):
        raise TypeError(f"it holds a {type(network).__name__}, not a module")
    network.eval()
    names = list(config.classes)
    # The wrapper's configuration is kept as JSON: it takes a function, not a network.
    settings["config"]["entrypoint_fcn"] = lambda: network
    model = fom.load_model(settings, classes=names, **options)
    _require_outputs(model, os.path.basename(config.checkpoint), names)
    return model


def _require_outputs(model: Any, name: str, names: Sequence[str]) -> None:
    """Checks that a network gives one row of scores for an image, with a name for each."""
    import torch

    images = torch.zeros(1, 3, *model.config.image_size, device=model.device)
    try:
        with torch.no_grad():
            scores = model._forward_pass(images.half() if model.using_half_precision else images)
    except Exception as error:
        height, width = model.config.image_size
        raise _wrong(
            f"{name} fails on an image of {width} by {height} pixels: "
            f"{broken_packages.first_line(error)}"
        ) from error
    if isinstance(scores, dict):
        scores = scores.get("logits")
    if not isinstance(scores, torch.Tensor) or scores.dim() != 2 or len(scores) != 1:
        raise _wrong(
            f"{name} is not a classifier: a classifier returns one row of scores for each image"
        )
    if scores.shape[1] != len(names):
        raise _wrong(checkpoints.mismatch(name, scores.shape[1], len(names)))
