"""A program that adds a setting to ``RunConfig`` and prints where it appears: one JSON object.

It replaces the class before anything else of ours is imported, as an edit of its source would.
"""

import contextlib
import json
import sys

from pydantic import Field

from auto_labeling.core import settings

NAME = "overlap"
TITLE = "Maximum overlap"
DESCRIPTION = "Discard boxes that overlap more than this"


class RunConfig(settings.RunConfig):
    """The settings of a run, and one more."""

    overlap: float | None = Field(default=None, ge=0, le=1, title=TITLE, description=DESCRIPTION)


def main() -> None:
    """Starts a run with the setting from the panel, and looks at the other ways in."""
    settings.RunConfig = RunConfig  # type: ignore[misc] # for all that is imported below

    import fiftyone.core.dataset as fod

    from auto_labeling.cli.__main__ import main as cli
    from auto_labeling.lifecycle import labeling
    from auto_labeling.panels import background
    from docs import reference
    from tests.support import app_double as app

    background.MAX_WAIT = 60
    dataset = fod.load_dataset(sys.argv[1])
    told, state = app.send(dataset, "new_run")
    told, state = app.answer(
        dataset, state, family="yolo", version="v8-shapes", label_field="boxes", overlap=7
    )
    page = app.page_of(told)
    _, state = app.send(dataset, "start", state)
    refused = state["problems"]
    _, state = app.answer(dataset, state, overlap=0.5)
    _, state = app.send(dataset, "start", state)
    run = labeling.get(dataset, state["run_id"])
    told, state = app.send(dataset, "duplicate", state, run_id=run.id)
    with contextlib.suppress(SystemExit):
        cli(["run", "--help"])
    print(
        json.dumps(
            {
                "panel": page,
                "refused": refused,
                "run": run.config.overlap,
                "again": state["form"]["labels"][NAME],
                "operator": _operator(dataset),
                "reference": reference._settings(),
            }
        )
    )


def _operator(dataset) -> str:
    from fiftyone.operators.executor import ExecutionContext

    from auto_labeling.operators.starting import StartRun

    ctx = ExecutionContext(request_params={"dataset_name": dataset.name, "params": {}})
    return str(StartRun(_builtin=False).resolve_input(ctx).to_json())


if __name__ == "__main__":
    main()
