"""Files that say which class becomes which: JSON, or CSV with two columns."""

import csv
import io
import json
from pathlib import Path

from auto_labeling.core.errors import AutoLabelingError, ConfigError


def read(path: Path) -> dict[str, str]:
    """Reads a mapping from class to class.

    A file that begins with ``{`` is a JSON object. In any other, each line is a class, a comma, and
    the class that it becomes; quote a name that has a comma.

    Args:
        path: the path of the file

    Returns:
        a dict from class to class

    Raises:
        AutoLabelingError: if the file cannot be read
        ConfigError: naming the line that is no mapping
    """
    try:
        content = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AutoLabelingError(f"{path} cannot be read: {error}") from error
    return _of_json(content, path) if content.lstrip().startswith("{") else _of_lines(content, path)


def _of_json(content: str, path: Path) -> dict[str, str]:
    try:
        mapping = json.loads(content)
    except ValueError as error:
        raise ConfigError({"mapping": f"{path} is not valid JSON: {error}"}) from error
    wrong = [old for old, new in mapping.items() if not isinstance(new, str)]
    if wrong:
        raise ConfigError({"mapping": f"{path}: what '{wrong[0]}' becomes must be text"})
    return dict(mapping)


def _of_lines(content: str, path: Path) -> dict[str, str]:
    mapping: dict[str, str] = {}
    reader = csv.reader(io.StringIO(content), skipinitialspace=True)
    for row in reader:
        if not row or not any(cell.strip() for cell in row):
            continue
        place = f"{path}, line {reader.line_num}"
        if len(row) != 2:
            raise ConfigError({"mapping": f"{place}: must be a class, a comma and a class"})
        old, new = (cell.strip() for cell in row)
        if mapping.setdefault(old, new) != new:
            raise ConfigError({"mapping": f"{place}: '{old}' becomes two different classes"})
    return mapping
