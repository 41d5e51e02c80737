"""Every rule that a run's configuration must pass, in one place."""

import os
import re
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import fiftyone.core.fields as fof
import fiftyone.core.labels as fol
import fiftyone.core.media as fom
from fiftyone.core.dataset import Dataset
from fiftyone.core.odm.utils import validate_field_name
from pydantic import ValidationError

from auto_labeling.core import text
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.names import LATEST, STAGING_SUFFIX, staging_field
from auto_labeling.core.run import Method, RunConfig, Task
from auto_labeling.core.setting_problems import sentence
from auto_labeling.engine.ray import limits
from auto_labeling.lifecycle import lifting_rules, media
from auto_labeling.models import config_rules
from auto_labeling.storage import dataset_classes, orphans, samples
from auto_labeling.storage.runs import RunStore

_RUN_ID = re.compile("[0-9a-f]{12}")

#: The methods that begin with the labels of a field, and what becomes of those.
_TAKE_LABELS = {
    Method.EXISTING_DETECTIONS: "boxes get masks",
    Method.LIFT_LABELS: "2D labels are lifted into the point clouds",
}
_CLOUD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def parse(answers: Mapping[str, Any]) -> RunConfig:
    """Turns answers into a configuration, judged without a dataset.

    Raises:
        ConfigError: with a sentence for every wrong field
    """
    config, problems = _parse(answers)
    if config is None:
        raise ConfigError(problems)
    return config


def draft(answers: Mapping[str, Any]) -> RunConfig:
    """What is right among answers, with something harmless in place of what is not."""
    config, problems = _parse(answers)
    return config or _without(answers, problems)


def check(dataset: Dataset, answers: Mapping[str, Any], store: RunStore) -> RunConfig:
    """Turns answers into a configuration that fits the dataset.

    A field that is wrong in itself is not judged further. All others are, so that every problem is
    named at once.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        answers: a dict with the fields of :class:`auto_labeling.core.run.RunConfig`
        store: the dataset's :class:`auto_labeling.storage.runs.RunStore`

    Returns:
        the configuration

    Raises:
        ConfigError: with a sentence for every wrong field
    """
    config, problems = _parse(answers)
    judged = config or _without(answers, problems)
    task = None if "task" in problems else judged.task
    if reason := media.refusal(dataset, task):
        problems["target"] = f"{reason}. {media.remedy(dataset)}"
    elif "group_slices" not in problems:
        reason = media.slice_problem(dataset, answers.get("group_slices") or (), task)
        problems |= {"group_slices": reason} if reason else {}
    if "label_field" not in problems:
        problem = label_field_problem(dataset, str(answers["label_field"]).strip(), store)
        if problem:
            problems["label_field"] = problem
    judged = config or _without(answers, problems)
    for field, problem in {
        **config_rules.problems(judged, skip=problems),
        **_unused_problems(judged, problems),
        **_source_problems(dataset, judged),
        **lifting_rules.problems(dataset, judged, problems),
        **_mask_problems(judged),
        **_worker_problems(judged),
    }.items():
        problems.setdefault(field, problem)
    if problems or config is None:
        raise ConfigError(problems)
    return config


def check_model(dataset: Dataset, config: RunConfig) -> None:
    """Judges what a configuration asks of its model, wherever the labels may go.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the configuration

    Raises:
        ConfigError: with a sentence for every wrong field
    """
    problems = {
        **config_rules.problems(config),
        **_unused_problems(config, ()),
        **_source_problems(dataset, config),
        **lifting_rules.problems(dataset, config),
    }
    if problems:
        raise ConfigError(problems)


def source_fields(dataset: Dataset) -> dict[str, str]:
    """The label fields of a dataset, each with why its labels cannot be boxes for masks.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`

    Returns:
        a dict from field name to the reason; it is empty for a field that can be used
    """
    fields, needed = {}, orphans.needed_fields(dataset)
    for name, field in dataset.get_field_schema(ftype=fof.EmbeddedDocumentField).items():
        kind = field.document_type
        if not issubclass(kind, fol.Label):
            continue
        if name in needed:
            fields[name] = "These labels are in review"
        elif kind is not fol.Detections:
            fields[name] = f"It holds {kind.__name__}, not Detections"
        else:
            fields[name] = ""
    return fields


def frozen_ids(dataset: Dataset, sample_ids: Iterable[str] | None, config: RunConfig) -> list[str]:
    """Returns the ids of a run's target samples, each once and in a fixed order.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        sample_ids: an iterable of sample ids, or None for all samples
        config: the run's configuration, whose task and slices tell what is labeled

    Returns:
        the ids

    Raises:
        ConfigError: if there are none, or some are not in the dataset or not in those slices
    """
    grouped = dataset.media_type == fom.GROUP
    slices_to_label = list(config.group_slices) or media.slices_to_label(dataset, config.task)
    if sample_ids is None:
        ids = samples.in_slices(dataset, slices_to_label) if grouped else dataset.values("id")
    else:
        ids = list(dict.fromkeys(str(sample_id) for sample_id in sample_ids))
        if problem := unknown_samples(dataset, ids):
            raise ConfigError({"target": problem})
        if grouped and (others := samples.outside_slices(dataset, ids, slices_to_label)):
            slices = ", ".join(slices_to_label)
            raise ConfigError(
                {
                    "target": f"{len(others):,} of the samples are not in {slices}: "
                    f"{text.some(others)}"
                }
            )
    if not ids:
        raise ConfigError({"target": "There are no samples to label"})
    return ids


def unknown_samples(dataset: Dataset, sample_ids: Sequence[str]) -> str:
    """Names the ids that no sample of a dataset has.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        sample_ids: texts that may be sample ids

    Returns:
        a sentence; empty if all are known
    """
    unknown = samples.unknown(dataset, sample_ids)
    if not unknown:
        return ""
    if len(unknown) == 1:
        return f"No sample of this dataset has the ID {unknown[0]}"
    return f"{len(unknown):,} IDs are not in this dataset: {text.some(unknown)}"


def _parse(answers: Mapping[str, Any]) -> tuple[RunConfig | None, dict[str, str]]:
    answers = {str(field): value for field, value in answers.items()}
    problems = _name_problems(answers.get("name"))
    try:
        config = RunConfig(**answers)
    except ValidationError as error:
        for detail in error.errors():
            field = str(detail["loc"][0])
            problems.setdefault(field, sentence(field, detail))
        return None, problems
    return (None if problems else config), problems


def _name_problems(name: Any) -> dict[str, str]:
    """Names by which a run could not be told from others; see ``sdk.get``."""
    folded = name.strip().casefold() if isinstance(name, str) else ""
    if folded == LATEST:
        return {"name": f"'{LATEST}' always means the newest run; choose another name"}
    if _RUN_ID.fullmatch(folded):
        return {"name": "This looks like the ID of a run; choose another name"}
    return {}


def _without(answers: Mapping[str, Any], problems: Collection[str]) -> RunConfig:
    """The answers as a configuration, with something harmless in place of what is wrong."""
    wrong = {*problems, "prompts"} if "classes" in problems else problems
    sound = {field: value for field, value in answers.items() if field not in wrong}
    stand_ins = {"task": Task.DETECTION, "model": "?", "label_field": "?"}
    return RunConfig(**(stand_ins | sound))


def _source_problems(dataset: Dataset, config: RunConfig) -> dict[str, str]:
    if config.method not in _TAKE_LABELS:
        return {}
    if not config.source_field:
        return {"source_field": f"Choose the field whose {_TAKE_LABELS[config.method]}"}
    name, fields = config.source_field, source_fields(dataset)
    if name not in fields:
        return {"source_field": f"There is no label field '{name}'"}
    if reason := fields[name]:
        return {"source_field": f"'{name}' cannot be used: {reason}"}
    known = dataset_classes.of_field(dataset, name) if config.classes else None
    unknown = [c for c in config.classes if known is not None and c not in known]
    return {"classes": f"No label of '{name}' is '{unknown[0]}'"} if unknown else {}


def _unused_problems(config: RunConfig, wrong: Collection[str]) -> dict[str, str]:
    """Settings that a run of this kind would not regard."""
    problems = {}
    method = None if "method" in wrong else config.method
    if config.segmenter and method not in (None, Method.TWO_STAGE):
        problems["segmenter"] = "Only two-stage runs have a segmenter"
    if config.source_field and method not in (None, *_TAKE_LABELS):
        problems["source_field"] = "Only runs on existing detections take boxes from a field"
    if "task" not in wrong and config.task is Task.CLASSIFICATION and config.max_labels:
        problems["max_labels"] = "Classification has one label per image"
    return problems


def _mask_problems(config: RunConfig) -> dict[str, str]:
    given = [name for name in ("mask_location", "keep_without_mask") if getattr(config, name)]
    if config.task is not Task.INSTANCE_SEGMENTATION:
        return dict.fromkeys(given, "Only instance segmentation makes masks")
    if not config.mask_location:
        return {}
    problem = _location_problem(config.mask_location)
    return {"mask_location": problem} if problem else {}


def _worker_problems(config: RunConfig) -> dict[str, str]:
    problem = limits.problem(config.workers)
    return {"workers": problem} if problem else {}


def _location_problem(location: str) -> str | None:
    if _CLOUD.match(location):
        return "Choose a local or mounted folder: open-source FiftyOne cannot read cloud paths"
    if any(c < " " for c in location) or not os.path.isabs(location):
        return "Enter the full path of the folder, such as /data/masks"
    if ".." in Path(location).parts:
        return "A folder's path cannot contain '..'"
    try:
        folder = next(p for p in (Path(location), *Path(location).parents) if p.exists())
        if not folder.is_dir():
            return f"{folder} is a file, not a folder"
        tempfile.TemporaryFile(dir=folder).close()  # leaves nothing, unlike a first mask
    except (OSError, ValueError) as error:
        return f"Nothing can be written to {location}: {getattr(error, 'strerror', '') or error}"
    return None


def label_field_problem(dataset: Dataset, name: str, store: RunStore) -> str | None:
    """Explains why approved labels cannot go to a new field.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        name: the field's name
        store: the dataset's :class:`auto_labeling.storage.runs.RunStore`

    Returns:
        a sentence; None if the name can be used
    """
    try:
        validate_field_name(name, media_type=dataset.media_type)
    except ValueError as error:
        return str(error)
    if "." in name:
        return "A label field is a top-level field: its name cannot contain a '.'"
    if not name.isprintable() or len(name) > 100:
        return "A field name has at most 100 printable characters"
    if name.endswith(STAGING_SUFFIX):
        return f"Names that end in '{STAGING_SUFFIX}' are reserved for labels in review"
    if dataset.has_field(name):
        return f"There is a field '{name}' already; approved labels need a new field"
    if name in dataset._sample_doc_cls._fields or hasattr(dataset._sample_doc_cls, name):
        return f"'{name}' is a name that FiftyOne reserves"
    if dataset.has_field(staging_field(name)):
        twin = staging_field(name)
        if twin in orphans.names(dataset):
            description, remedies = orphans.description(twin), orphans.remedies(dataset.name)
            return f"{description}, which blocks '{name}'. {remedies}"
        return (
            f"There is a field '{twin}' already; this run needs that name for its labels in review"
        )
    if store.claimed_by(name):
        return f"Another run is already generating '{name}'"
    return None
