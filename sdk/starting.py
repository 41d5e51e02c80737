"""Choose a model, and start runs."""

import secrets
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from fiftyone.core.collections import SampleCollection
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, RunWarning
from auto_labeling.core.run import Method, ModelType, RunConfig, Target, Task
from auto_labeling.lifecycle import calibration_check, importing, labeling
from auto_labeling.lifecycle.labeling import Preflight, Preview
from auto_labeling.models import catalog
from auto_labeling.sdk.handle import Run
from auto_labeling.sdk.samples import dataset_of, refuse_forgotten, targets


def list_models(
    task: Task | str | None = None,
    model_type: ModelType | str | None = None,
    method: Method | str | None = None,
) -> list[catalog.ModelSpec]:
    """Lists the models that a run can use.

    Args:
        task (None): only models for this task
        model_type (None): only models of this type
        method (None): only models for this method

    Returns:
        the :class:`ModelSpec` of each

    Example:
        >>> "shapes-yolo" in [model.name for model in al.list_models("detection")]
        True
    """
    return catalog.list_models(
        None if task is None else Task(task),
        None if model_type is None else ModelType(model_type),
        None if method is None else Method(method),
    )


def check(
    samples: SampleCollection,
    config: RunConfig | Mapping[str, Any] | None = None,
    **settings: Any,
) -> RunConfig:
    """Validates a configuration without starting anything.

    Args:
        samples: a :class:`fiftyone.core.dataset.Dataset`, or a view of one
        config (None): a :class:`RunConfig`, or a dict with some of its fields
        **settings: fields of :class:`RunConfig`, which override those of ``config``

    Returns:
        the valid :class:`RunConfig`

    Raises:
        ConfigError: with a sentence for every wrong field

    Example:
        >>> config = al.check(dataset, task="detection", model="shapes-yolo", label_field="boxes")
        >>> config.method.value
        'one_stage'
    """
    answers = _answers(config, settings)
    target, _ = targets(samples, settings=answers)
    return _checked(dataset_of(samples), answers, target)


def preview(
    samples: SampleCollection,
    config: RunConfig | Mapping[str, Any] | None = None,
    *,
    sample_ids: Sequence[str] | None = None,
    **settings: Any,
) -> list[Preview]:
    """Runs a model on a few samples in this process, and writes nothing.

    Args:
        samples: a :class:`fiftyone.core.dataset.Dataset`, or a view of one
        config (None): a :class:`RunConfig`, or a dict with some of its fields. It needs no
            ``label_field``
        sample_ids (None): the IDs of the samples, instead of ``samples``
        **settings: fields of :class:`RunConfig`, which override those of ``config``

    Returns:
        a result for each sample, with ``sample_id``, ``filepath``, ``labels``, ``error`` and
        ``picture()``, which gives the bytes of a JPEG file

    Raises:
        ConfigError: with a sentence for every wrong field
        ModelUnavailable: if weights or packages are missing; nothing is downloaded

    Example:
        >>> previews = al.preview(dataset.limit(2), task="detection", model="shapes-yolo")
        >>> [preview.error for preview in previews]
        ['', '']
    """
    dataset = dataset_of(samples)
    answers = _answers(config, settings)
    view = samples if sample_ids is not None else samples.limit(labeling.MAX_PREVIEW_SAMPLES)
    target, ids = targets(view, sample_ids, answers)
    assert ids is not None  # a view was made above
    unused = {"label_field": f"preview_{secrets.token_hex(6)}", "mask_location": ""}
    checked = labeling.check(dataset, {**_with_target(answers, target), **unused})
    return labeling.preview(dataset, checked, ids[: labeling.MAX_PREVIEW_SAMPLES])


def preflight(
    samples: SampleCollection,
    config: RunConfig | Mapping[str, Any] | None = None,
    *,
    sample_ids: Sequence[str] | None = None,
    **settings: Any,
) -> Preflight:
    """Checks what a run needs on this machine, and starts nothing.

    Args:
        samples: what to label, as for ``start``
        config (None): a :class:`RunConfig`, or a dict with some of its fields
        sample_ids (None): the IDs of the target samples, instead of all of ``samples``
        **settings: fields of :class:`RunConfig`, which override those of ``config``

    Returns:
        the number of samples, weights, devices, packages, free disk, estimated time and warnings

    Raises:
        ConfigError: with a sentence for every wrong field

    Example:
        >>> settings = {"task": "detection", "model": "shapes-yolo", "label_field": "boxes"}
        >>> al.preflight(dataset, settings).samples
        4
    """
    dataset = dataset_of(samples)
    answers = _answers(config, settings)
    target, ids = targets(samples, sample_ids, answers)
    checked = _checked(dataset, answers, target)
    return labeling.preflight(dataset, checked, ids, view=_view(samples, target))


def start(
    samples: SampleCollection,
    config: RunConfig | Mapping[str, Any] | None = None,
    *,
    sample_ids: Sequence[str] | None = None,
    author: str = "",
    queue: bool = True,
    persist: bool = False,
    **settings: Any,
) -> Run:
    """Starts a run, in which a worker labels the samples.

    ``start(view, task="detection", model="shapes-yolo", label_field="shapes")`` is enough.

    Args:
        samples: what to label: a :class:`fiftyone.core.dataset.Dataset`, or a view of one. For a
            view of patches, the samples that contain them
        config (None): a :class:`RunConfig`, or a dict with some of its fields; its ``target``
            is set by ``samples``
        sample_ids (None): the IDs of the target samples, instead of all of ``samples``
        author (""): the name of the person who starts it
        queue (True): whether to queue it for a worker; otherwise, call ``generate``
        persist (False): whether to make a non-persistent dataset persistent. Otherwise its run is
            not queued, since FiftyOne deletes the dataset when your session ends
        **settings: fields of :class:`RunConfig`, which override those of ``config``

    Returns:
        the :class:`Run`, queued

    Raises:
        ConfigError: with a sentence for every wrong field; nothing is written

    Warns:
        RunWarning: if the run may not do what you expect: for a view of patches, whole images are
            labeled; or masks would go to a system folder, or among other files

    Example:
        >>> run = al.start(dataset, task="detection", model="shapes-yolo", label_field="boxes")
        >>> run.status
        'Generating'
    """
    dataset = dataset_of(samples)
    answers = _answers(config, settings)
    target, ids = targets(samples, sample_ids, answers)
    checked = _checked(dataset, answers, target)
    number = 0 if ids is None else len(ids)
    noted = labeling.cautions(dataset, checked, number, _view(samples, target))
    for caution in (*noted, *calibration_check.of_dataset(dataset, checked, ids)):
        warnings.warn(caution, RunWarning, stacklevel=2)
    return Run(dataset, labeling.start(dataset, checked, ids, author, queue, persist))


def _view(samples: SampleCollection, target: Target) -> SampleCollection | None:
    """Returns the view of the target samples; None for the whole dataset, or sample IDs."""
    return samples if target is Target.VIEW else None


def import_labels(
    dataset: SampleCollection,
    source: str,
    label_field: str = "",
    *,
    replace: bool = False,
    name: str = "",
    author: str = "",
) -> Run:
    """Copies the labels of a field into a new run in review; the field is not changed.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`, or a view of one
        source: the field
        label_field (""): the new field for the approved labels
        replace (False): whether approval replaces the labels in ``source`` with the promoted
            ones
        name (""): the run's name
        author (""): the name of the person who starts it

    Returns:
        the :class:`Run`, in review

    Raises:
        ConfigError: with a sentence for every wrong field; nothing is written

    Example:
        >>> run = al.import_labels(dataset, "predictions", "checked")
        >>> run.status
        'In Review'
    """
    root = dataset_of(dataset)
    record = importing.import_labels(
        root, source, label_field, replace=replace, name=name, author=author
    )
    return Run(root, record)


def _answers(
    config: RunConfig | Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the fields of a configuration, overridden by ``settings``."""
    if isinstance(config, RunConfig):
        config = config.model_dump()
    if config is not None and not isinstance(config, Mapping):
        raise AutoLabelingError(
            f"A configuration must be a RunConfig or a dict, not {type(config).__name__}"
        )
    return {**(config or {}), **settings}


def _checked(dataset: Dataset, answers: Mapping[str, Any], target: Target) -> RunConfig:
    refuse_forgotten(target, answers.get("target"))
    return labeling.check(dataset, _with_target(answers, target))


def _with_target(answers: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Sets the target, but keeps an answer that is none, so that the check refuses it."""
    answer = answers.get("target")
    is_target = answer is None or answer in (*Target, *(part.value for part in Target))
    return {**answers, "target": target} if is_target else dict(answers)
