"""The models that a run can use.

The catalog is FiftyOne's own zoo manifest, the remote sources registered with it, and ours, all in
the same format. It is read in milliseconds and imports neither torch nor FiftyOne's zoo, since the
App asks for it with every keystroke in the form.
"""

from functools import lru_cache
from typing import Any

from auto_labeling.core.errors import FailureReason, ModelUnavailable
from auto_labeling.core.run import Method, ModelType, RunConfig, Task
from auto_labeling.models import (
    checkpoints,
    custom_entries,
    downloads,
    exclusions,
    licenses,
    manifests,
    requirements,
    vocabularies,
)
from auto_labeling.models import spec as specs
from auto_labeling.models.spec import PACKAGE, ModelSpec

__all__ = [
    "PACKAGE",
    "ModelSpec",
    "choices",
    "excluded",
    "get_model",
    "known_classes",
    "list_models",
    "missing_packages",
    "missing_weights",
    "models_of",
    "segmenters",
]


def list_models(
    task: Task | None = None,
    model_type: ModelType | None = None,
    method: Method | None = None,
) -> list[ModelSpec]:
    """Lists the models that a run may use: the bundled ones, people's own, then the zoo's by name.

    Args:
        task (None): only those that make these labels
        model_type (None): only those whose classes come from there
        method (None): only those that this method itself uses

    Returns:
        the :class:`auto_labeling.models.spec.ModelSpec` of each
    """
    return [
        spec
        for spec in _catalog()[0].values()
        if task in (None, spec.task)
        and model_type in (None, spec.model_type)
        and (method is None or method in spec.methods)
        and not licenses.refusal(spec.name, spec.license)
    ]


def choices(task: Task, method: Method, model_type: ModelType | None = None) -> list[ModelSpec]:
    """The models that a run of some task and method may name as its ``model``.

    With two stages that is the detector; the second stage is one of :func:`segmenters`.

    Args:
        task: the run's task
        method: the run's method
        model_type (None): only those whose classes come from there
    """
    if method is Method.ONE_STAGE:
        return list_models(task, model_type, method)
    if method.lifts:
        if not task.is_3d:
            return []
        if method is Method.LIFT_LABELS:
            return list_models(task, model_type, method)
        return [
            spec
            for in_images in (Task.DETECTION, Task.INSTANCE_SEGMENTATION)
            for spec in list_models(in_images, model_type, Method.ONE_STAGE)
        ]
    if task is not Task.INSTANCE_SEGMENTATION:
        return []
    if method is Method.TWO_STAGE:
        return list_models(Task.DETECTION, model_type, Method.ONE_STAGE)
    return segmenters()


def segmenters() -> list[ModelSpec]:
    """The models that make masks out of boxes."""
    return [spec for spec in list_models() if spec.is_segmenter]


def excluded() -> dict[str, str]:
    """Why each model that is not offered is not, by name.

    An empty reason means that no one has decided yet; a test fails on that.
    """
    offered, left_out = _catalog()
    refused = {s.name: licenses.refusal(s.name, s.license) for s in offered.values()}
    return dict(sorted((left_out | {n: text for n, text in refused.items() if text}).items()))


def get_model(name: str) -> ModelSpec:
    """Returns the model of that name.

    Raises:
        ModelUnavailable: if there is none, or it is not offered, with the reason
    """
    offered, left_out = _catalog()
    if name in left_out:
        raise _not_offered(f"'{name}' is not offered: {left_out[name]}")
    if name not in offered:
        raise _not_offered(f"There is no model '{name}' in the catalog")
    spec = offered[name]
    refusal = licenses.refusal(name, spec.license)
    if refusal:
        raise _not_offered(f"'{name}' is not offered: {refusal}")
    return spec


def _not_offered(sentence: str) -> ModelUnavailable:
    return ModelUnavailable(sentence, reason=FailureReason.MODEL_NOT_OFFERED)


def models_of(config: RunConfig) -> list[ModelSpec]:
    """The models that a run loads.

    Raises:
        ModelUnavailable: if one is not offered
    """
    names = [config.model]
    if config.method is Method.TWO_STAGE and config.segmenter:
        names.append(config.segmenter)
    return [get_model(name) for name in names]


def known_classes(spec: ModelSpec, checkpoint: str = "") -> tuple[str, ...] | None:
    """Returns the labels that a model can give, or None if only its weights know.

    Args:
        spec: the model
        checkpoint: the weights that a run names, if the model needs that
    """
    if spec.model_type is ModelType.ZERO_SHOT or spec.is_segmenter:
        return None
    listed = spec.entry.get("classes")
    if listed:
        return tuple(listed)
    if spec.family == "custom-ultralytics":
        named = checkpoints.class_names(checkpoint)
        return named and tuple(dict.fromkeys(named))
    return vocabularies.find(spec) or downloads.class_names(checkpoint or spec.checkpoint)


def missing_packages(spec: ModelSpec) -> tuple[str, ...]:
    """Returns the requirements of a model that this environment does not satisfy."""
    return requirements.missing(spec.packages)


def missing_weights(config: RunConfig) -> list[ModelSpec]:
    """The models of a run whose weights are not known to be on this machine, whole.

    Raises:
        ModelUnavailable: if one is not offered
    """
    return [
        spec
        for spec in models_of(config)
        if not downloads.is_downloaded(spec, config.checkpoint if spec.needs_checkpoint else "")
    ]


def _catalog() -> tuple[dict[str, ModelSpec], dict[str, str]]:
    """The models, and why each other one is left out. Parsed again if a remote source changes."""
    return _build(manifests.remote_files())


@lru_cache(maxsize=4)
def _build(
    _remote_files: tuple[tuple[str, int], ...],
) -> tuple[dict[str, ModelSpec], dict[str, str]]:
    offered: list[ModelSpec] = []
    left_out: dict[str, str] = {}
    sources: dict[str, list[dict[str, Any]]] = {
        "bundled": manifests.bundled(),
        "custom": custom_entries.entries(),
        "zoo": manifests.zoo(),
        "remote": manifests.remote(),
    }
    for source, entries in sources.items():
        of_source = []
        for entry in entries:
            task = specs.task_of(entry)
            reason = exclusions.reason(entry, task is not None)
            if reason == "" and task is not None:
                of_source.append(specs.make(entry, source, task))
            else:
                left_out[entry["base_name"]] = reason or ""
        offered += sorted(of_source, key=lambda spec: spec.name)
    unique = {spec.name: spec for spec in reversed(offered)}  # ours come before a source's
    return {s.name: s for s in offered if unique[s.name] is s}, left_out
