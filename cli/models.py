"""``models``: what a run may use."""

import argparse

from auto_labeling.cli import output
from auto_labeling.cli.verbs import argument, verb
from auto_labeling.core.run import Method, ModelType, Task
from auto_labeling.models import catalog

_WORDS = {member.value for kind in (Task, Method, ModelType) for member in kind}


def _choice(name: str, of, help):
    return argument(name, choices=[member.value for member in of], help=help)


@verb(
    "models",
    argument(
        "--excluded", action="store_true", help="list the models that are not offered, and why"
    ),
    argument("--measured", action="store_true", help="add the speeds measured by past runs"),
    _choice("--task", Task, "only models for this task"),
    _choice("--method", Method, "only models for this method"),
    _choice("--model-type", ModelType, "only models of this type"),
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
    if args.excluded:
        rows = [{"name": name, "reason": why} for name, why in catalog.excluded().items()]
        shown = ("name", "reason")
    else:
        rows = [
            {**spec.facts, "downloaded": spec.downloaded}
            for spec in catalog.list_models(
                args.task and Task(args.task),
                args.model_type and ModelType(args.model_type),
                args.method and Method(args.method),
            )
        ]
        shown = ("name", "task", "model_type", "license", "downloaded", "speed", "performance")
        shown += ("performance_measure",)
        if args.measured:
            _add_speeds(rows)
            shown += ("measured",)
    if args.json:
        output.show_json(rows)
    else:
        output.show(output.table([_in_words(row) for row in rows], shown))


def _add_speeds(rows) -> None:
    from auto_labeling.lifecycle import (
        labeling,  # connects to the database, which listing does not need
    )

    speeds = labeling.measured_speeds()
    for row in rows:
        row["measured"] = [speed.model_dump(mode="json") for speed in speeds.get(row["name"], ())]


def _in_words(row) -> dict:
    """A row as people read it."""
    said = {
        k: str(v).replace("_", " ") if v in _WORDS else v for k, v in row.items() if k != "measured"
    }
    said["measured"] = [
        f"{s['rate']:.1f}/s on {s['machine']} ({s['device']})" for s in row.get("measured", ())
    ]
    return said
