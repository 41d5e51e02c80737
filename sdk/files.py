"""The configuration of a run as a file, to keep, change and run again."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fiftyone as fo
import yaml
from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.lifecycle import converting
from auto_labeling.lifecycle.converting import Conversion
from auto_labeling.sdk.handle import Run

_JSON = ".json"


def export_config(run: Run, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Returns the settings of a run, to start or import it again.

    Args:
        run: the run
        path (None): a file to write it to: JSON if its name ends in ``.json``, otherwise YAML

    Returns:
        the settings that are not defaults, as a dict for JSON; for an import, the keyword
        arguments of ``import_labels``

    Example:
        >>> al.export_config(run)
        {'source': 'predictions', 'label_field': 'checked'}
    """
    record = run.reload().record
    if record.source:
        answers: dict[str, Any] = {"source": record.source}
        answers |= {"replace": True} if record.replaces else {"label_field": run.label_field}
        answers |= {"name": run.config.name} if run.config.name else {}
    else:
        answers = run.config.model_dump(mode="json", exclude_defaults=True)
    if path is not None:
        Path(path).write_text(written(answers, Path(path).suffix == _JSON), encoding="utf-8")
    return answers


def written(answers: Mapping[str, Any], as_json: bool = False) -> str:
    """Formats a configuration as the text of a file.

    Args:
        answers: names and values
        as_json (False): whether to write JSON; otherwise YAML

    Returns:
        the text
    """
    if as_json:
        return json.dumps(answers, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(dict(answers), sort_keys=False, allow_unicode=True)


def load_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a configuration from a YAML or JSON file.

    Args:
        path: the file; ``"-"`` for standard input

    Returns:
        its settings, for ``start(samples, load_config(path))``, which validates them

    Raises:
        AutoLabelingError: if it cannot be read, or does not hold names and values

    Example:
        >>> settings = al.export_config(run, "run.yaml")
        >>> al.load_config("run.yaml") == settings
        True
    """
    try:
        text = sys.stdin.read() if str(path) == "-" else Path(path).read_text(encoding="utf-8")
        answers = _parsed(text)
    except (OSError, UnicodeDecodeError) as error:
        raise AutoLabelingError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise AutoLabelingError(f"{path} is neither YAML nor JSON: {error}") from error
    if not isinstance(answers, dict) or not all(isinstance(name, str) for name in answers):
        raise AutoLabelingError(f"{path} must contain names and values, such as 'task: detection'")
    return answers


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def convert_point_clouds(
    paths: Iterable[str | os.PathLike[str]], *, columns: int | None = None
) -> list[Conversion]:
    """Writes a ``.pcd`` file beside each ``.las``, ``.laz`` or ``.bin`` file.

    FiftyOne shows ``.pcd`` files, and no others of these. The originals stay, and a file that
    exists is never overwritten.

    Args:
        paths: files and folders
        columns (None): the numbers of each point in ``.bin`` files; by default, 5 for names that
            end in ``.pcd.bin``, as in nuScenes, else 4, as in KITTI

    Returns:
        a result for each file, with ``source``, ``target``, ``outcome`` and ``error``

    Raises:
        AutoLabelingError: if a path is not there, or cannot be converted

    Example:
        >>> al.convert_point_clouds([])
        []
    """
    return converting.convert(converting.find(paths), columns)


def convert_samples(dataset: Dataset | str, *, columns: int | None = None) -> list[Conversion]:
    """Converts the ``.las``, ``.laz`` and ``.bin`` files of a dataset, and shows the new files.

    A ``.pcd`` file is written beside each original, and the samples get its path. The originals
    stay. If a file cannot be converted, nothing in the dataset changes.

    Args:
        dataset: a dataset or its name, whose files are all of these formats; or a grouped dataset
            with such a slice
        columns (None): as for :func:`convert_point_clouds`

    Returns:
        a result for each file; none if there is nothing to convert

    Raises:
        AutoLabelingError: if a file cannot be converted, with the first reason

    Example:
        >>> al.convert_samples(dataset)
        []
    """
    named = fo.load_dataset(dataset) if isinstance(dataset, str) else dataset
    return converting.convert_samples(named, columns)
