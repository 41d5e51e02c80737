"""``models``: what a run may use."""

import argparse
from collections.abc import Mapping
from enum import Enum
from typing import Any

from auto_labeling.cli import output
from auto_labeling.cli.verbs import Argument, argument, verb
from auto_labeling.core.run import Method, ModelType, Task
from auto_labeling.models import catalog

#: Values that people read with spaces instead of underscores.
_VALUES = {
    *(task.value for task in Task),
    *(method.value for method in Method),
    *(model_type.value for model_type in ModelType),
}


def _choice(name: str, enumeration: type[Enum], help: str) -> Argument:
    return argument(name, choices=[member.value for member in enumeration], help=help)


@verb(
    "models",
    argument(
        "--excluded", action="store_true", help="list the models that are not offered, and why"
    ),
    argument("--measured", action="store_true", help="add the speeds measured by past runs"),
    _choice("--task", Task, "list only models for this task"),
    _choice("--method", Method, "list only models for this method"),
    _choice("--model-type", ModelType, "list only models of this type"),
    examples=(
        "models --task detection --model-type zero_shot",
        "models --measured",
        "models --excluded --json",
    ),
)
def models(args: argparse.Namespace) -> None:
    """List the models that a run can use.

    Speed and performance are rated from 1 to 3, based on published numbers; without one, the
    rating is unknown. With --json, each rating names its source.
    """
    rows: list[dict[str, Any]]
    if args.excluded:
        rows = [{"name": name, "reason": reason} for name, reason in catalog.excluded().items()]
        columns = ["name", "reason"]
    else:
        rows = [
            {**spec.facts, "downloaded": spec.downloaded}
            for spec in catalog.list_models(
                args.task and Task(args.task),
                args.model_type and ModelType(args.model_type),
                args.method and Method(args.method),
            )
        ]
        columns = ["name", "task", "model_type", "license", "downloaded", "speed", "performance"]
        columns.append("performance_measure")
        if args.measured:
            _add_speeds(rows)
            columns.append("measured")
    if args.json:
        output.show_json(rows)
    else:
        output.show(output.table([_in_words(row) for row in rows], columns))


def _add_speeds(rows: list[dict[str, Any]]) -> None:
    from auto_labeling.lifecycle import labeling  # connects to the database

    speeds = labeling.measured_speeds()
    for row in rows:
        row["measured"] = [speed.model_dump(mode="json") for speed in speeds.get(row["name"], ())]


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row as people read it."""
    cells = {
        name: value.replace("_", " ") if isinstance(value, str) and value in _VALUES else value
        for name, value in row.items()
    }
    cells["measured"] = [
        f"{speed['rate']:.1f}/s on {speed['machine']} ({speed['device']})"
        for speed in row.get("measured", ())
    ]
    return cells
