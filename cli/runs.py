"""``list``, ``workers``, ``show``, ``cancel``, ``skip``, ``rename`` and ``delete``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from auto_labeling.cli import output
from auto_labeling.cli.arguments import BY, RUN, YES, confirmed, dataset_of, run_of
from auto_labeling.cli.verbs import REFUSED, argument, verb
from auto_labeling.core import text
from auto_labeling.core.account import Account
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import STATUSES

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from auto_labeling.sdk import Run

_COLUMNS = ("id", "name", "status", "samples", "labels", "failed", "approved", "created_at")
_OPTIONAL = ("segmenter", "source_field", "group_slices", "max_labels", "mask_location")
_WORKER_COLUMNS = ("host", "pid", "device", "state", "dataset", "run_id", "run_name", "beat_at")


@verb(
    "list",
    argument(
        "dataset", metavar="DATASET", nargs="?", help="the dataset's name (default: all datasets)"
    ),
    argument("--status", metavar="STATUS", help="list only runs with this status"),
    examples=("list", "list photos", "list photos --status 'In Review' --json"),
)
def list_runs(args: argparse.Namespace) -> None:
    """List the runs of a dataset, newest first, or of all datasets."""
    from auto_labeling import sdk
    from auto_labeling.lifecycle import labeling

    datasets = [dataset_of(args)] if args.dataset else sdk.datasets()
    runs = [run for dataset in datasets for run in sdk.runs(dataset)]
    if args.status is not None:
        _require_status(args.status)
        runs = [run for run in runs if run.status.casefold() == args.status.casefold()]
    rows = [run.to_dict() for run in runs]
    for dataset in datasets:
        for name in labeling.newer_runs(dataset).values():
            output.say(f"'{name}' in '{dataset.name}' needs a newer version of Auto-Labeling")
    if args.json:
        output.show_json(rows)
    elif rows:
        output.show(output.table(rows, _COLUMNS if args.dataset else ("dataset", *_COLUMNS)))
    else:
        output.say("There are no runs")


def _require_status(status: str) -> None:
    known = dict.fromkeys(STATUSES.values())
    if status.casefold() not in map(str.casefold, known):
        raise ConfigError(
            {"status": f"There is no status '{status}'. Choose from: {', '.join(known)}"}
        )


@verb("workers", examples=("workers", "workers --json"))
def list_workers(args: argparse.Namespace) -> None:
    """List the running workers and their current runs.

    It shows the workers that `auto-labeling launch` started; FiftyOne's own workers are not listed.
    """
    from auto_labeling import sdk

    rows = [worker.model_dump(mode="json") for worker in sdk.workers()]
    if args.json:
        output.show_json(rows)
    elif rows:
        output.show(output.table(rows, _WORKER_COLUMNS))
    else:
        output.say("No workers are running. Start one: auto-labeling launch")


@verb(
    "show",
    RUN,
    argument("--failures", action="store_true", help="list the samples that failed, and why"),
    argument("--log", action="store_true", help="print the end of the worker's log"),
    argument(
        "--config",
        action="store_true",
        help="print only the configuration, for `run --config` or `import --config`",
    ),
    examples=(
        "show photos latest",
        "show photos latest --failures --json",
        "show photos latest --log",
        "show photos latest --config > run.yml",
    ),
)
def show(args: argparse.Namespace) -> None:
    """Show a run's details."""
    from auto_labeling import sdk
    from auto_labeling.sdk import files

    run = run_of(args)
    if args.config:
        output.show(files.written(sdk.export_config(run), as_json=args.json), end="")
        return
    now = sdk.progress(run)
    facts = run.to_dict()
    account = None if run.is_active else run.account
    facts["account"] = account.model_dump(mode="json") if account else None
    facts["progress"] = now.model_dump(mode="json", exclude={"token"}) if now else None
    if args.failures:
        facts["failures"] = sdk.failures(run)
    if args.log:
        facts["log"] = sdk.log_tail(run)
    if args.json:
        output.show_json(facts)
        return
    output.show(output.facts(_shown(run, facts, account)))
    for remark in run.remarks:
        output.say(output.plain(remark))
    for line in facts.get("log", ()):
        output.show(output.plain(line.expandtabs()))
    for failure in facts.get("failures", ()):
        output.show(output.table([failure], ("sample_id", "filepath", "error")).splitlines()[1])


def _shown(run: Run, facts: Mapping[str, Any], account: Account | None) -> dict[str, Any]:
    """Returns the facts that people read, the most important first."""
    from auto_labeling.lifecycle.remarks import labels_in_words, samples_in_words

    config, now = facts["config"], facts["progress"] or {}
    minimum = config["confidence"]
    counts = ("samples", "labels", "failed", "approved")
    in_words: dict[str, str] = {}
    if account:
        in_words["sample details"] = samples_in_words(account)
        if not run.record.source:
            in_words["label details"] = labels_in_words(account)
    return {
        **{key: facts[key] for key in ("id", "name", "dataset", "status", "state")},
        "error": run.error,
        **{key: config[key] for key in ("task", "model", "method", "classes", "label_field")},
        **{key.replace("_", " "): config[key] or None for key in _OPTIONAL},
        "minimum confidence": None if minimum is None else f"{minimum:g}",
        "staging field": run.staging_field,
        **{key: facts[key] for key in counts if facts[key]},
        **in_words,
        "done": now.get("done"),
        "worker": now.get("worker"),
        "device": now.get("device"),
        **{key.replace("_", " "): facts[key] for key in ("license", "created_by", "created_at")},
    }


@verb("cancel", RUN, BY, examples=("cancel photos latest",))
def cancel(args: argparse.Namespace) -> None:
    """Stop a queued or generating run. You can resume it, or review the labels so far."""
    from auto_labeling import sdk

    _done(args, sdk.cancel(run_of(args), by=args.by))


@verb("skip", RUN, examples=("skip photos latest",))
def skip(args: argparse.Namespace) -> None:
    """Review the labels that a stopped run generated so far."""
    from auto_labeling import sdk

    _done(args, sdk.skip(run_of(args)))


@verb(
    "rename",
    RUN,
    argument("name", metavar="NAME", help="the new name"),
    examples=("rename photos 3f2a 'Night shift'",),
)
def rename(args: argparse.Namespace) -> None:
    """Rename a run."""
    from auto_labeling import sdk

    _done(args, sdk.rename(run_of(args), args.name))


@verb("delete", RUN, YES, examples=("delete photos 3f2a", "delete photos latest --yes"))
def delete(args: argparse.Namespace) -> int | None:
    """Delete a run and its staged labels. Approved labels are kept."""
    from auto_labeling import sdk

    run = run_of(args)
    question = f"Permanently delete '{run.name}' and its {text.count(run.generated, 'label')}?"
    if not confirmed(args, question):
        output.say("Nothing was deleted")
        return REFUSED
    sdk.delete(run)
    if args.json:
        output.show_json({"id": run.id, "deleted": True})
    else:
        output.show(f"{run.id}  {run.name}: deleted")
    return None


def _done(args: argparse.Namespace, run: Run) -> None:
    if args.json:
        output.show_json(run.to_dict())
    else:
        output.show(f"{run.id}  {run.name}: {run.status}")
