"""``run``, ``import``, ``resume`` and ``watch``: make labels, and wait for them."""

from __future__ import annotations

import argparse
import contextlib
import traceback
from typing import TYPE_CHECKING

from auto_labeling.cli import flags, output, preview
from auto_labeling.cli.arguments import DATASET, RUN, WAITING, dataset_of, run_of
from auto_labeling.cli.progress import Follower, Quiet, Report, follower
from auto_labeling.cli.verbs import RUN_FAILED, STILL_RUNNING, argument, verb
from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError, ConfigError, RunFailed, StillRunning

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from auto_labeling.sdk import Run

_AUTHOR = argument("--author", default="", metavar="NAME", help="store your name with the run")


@verb(
    "run",
    DATASET,
    flags.CONFIG,
    flags.of_run(),
    flags.TARGETS,
    argument(
        "--dry-run",
        action="store_true",
        help="validate the settings and show a preflight report; start nothing",
    ),
    WAITING,
    argument(
        "--persist",
        action="store_true",
        help="make the dataset persistent, which a queued run needs",
    ),
    _AUTHOR,
    examples=(
        "run photos --config run.yml --dry-run",
        "run photos --task detection --model shapes-yolo --label-field shapes --watch",
        "run photos --config run.yml --view unlabeled --wait --json",
        "run photos --config run.yml --samples-of latest --label-field second-try",
        "run photos --task detection --model yolov8l-world-torch --label-field objects "
        '--classes "cat, dog" --classes "vehicle: car, truck" --here',
    ),
)
def run(args: argparse.Namespace) -> int | None:
    """Start a run: label the samples of a dataset with a model.

    Flags override the file. Without --wait, --watch or --here, the run is queued for a worker and
    the command returns at once.
    """
    from auto_labeling import sdk

    dataset = dataset_of(args)
    samples, ids, answers = flags.targets_and_answers(args, dataset)
    if args.dry_run:
        preview.preflight(args, samples, ids, answers)
        return None
    with output.readable_warnings():
        started = sdk.start(
            samples,
            answers,
            sample_ids=ids,
            author=args.author,
            queue=not args.here,
            persist=args.persist,
        )
    return _follow(args, started)


@verb(
    "import",
    DATASET,
    flags.CONFIG,
    argument("--source", metavar="FIELD", help="review the labels of this field"),
    argument("--label-field", metavar="FIELD", help="write the approved labels to this new field"),
    argument(
        "--replace",
        action="store_true",
        default=None,
        help="replace all labels in the source field with the approved ones",
    ),
    argument("--name", metavar="TEXT", help="name the run"),
    _AUTHOR,
    examples=(
        "import photos --source ground_truth --label-field cleaned",
        "import photos --source predictions --replace --name 'Second look'",
    ),
)
def import_labels(args: argparse.Namespace) -> None:
    """Copy the labels of a field into a new run, to review them like a model's labels."""
    from auto_labeling import sdk

    answers = sdk.load_config(args.config) if args.config else {}
    names = ("source", "label_field", "replace", "name")
    if unknown := [name for name in answers if name not in names]:
        raise ConfigError({name: "An import has no such setting" for name in unknown})
    answers |= {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    source = answers.pop("source", "")
    imported = sdk.import_labels(dataset_of(args), source, author=args.author, **answers)
    _show(args, imported)


@verb(
    "resume",
    RUN,
    argument(
        "--again",
        action="store_true",
        help="label all samples again if the staging field was deleted or renamed by hand",
    ),
    WAITING,
    examples=(
        "resume photos latest --watch",
        "resume photos 3f2a --here",
        "resume photos latest --again",
    ),
)
def resume(args: argparse.Namespace) -> int | None:
    """Resume a run that stopped, or retry the failed samples of a run in review.

    Existing and promoted labels are kept.
    """
    from auto_labeling import sdk

    run = sdk.resume(run_of(args), queue=not args.here, again=args.again)
    if run.is_active:
        return _follow(args, run)
    _show(args, run)
    return None


@verb(
    "watch",
    RUN,
    argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="stop watching after this long (the run continues)",
    ),
    examples=("watch photos latest", "watch photos latest --json | jq .progress.done"),
)
def watch(args: argparse.Namespace) -> int | None:
    """Show the progress of a run until its labels can be reviewed.

    With --json, it prints one line per change.
    """
    return _wait(args, run_of(args), follower(args.json), silent_end=args.json)


def _follow(args: argparse.Namespace, run: Run) -> int | None:
    """Generates the labels of a queued run, waits for it, or only shows it."""
    if args.here:
        return _generate(args, run)
    if args.watch:
        return _wait(args, run, follower(args.json), silent_end=args.json)
    if args.wait or args.timeout is not None:
        return _wait(args, run, Quiet())
    _show(args, run)
    return None


def _wait(
    args: argparse.Namespace, run: Run, follow: Follower, silent_end: bool = False
) -> int | None:
    try:
        with follow as report:
            run.wait(args.timeout, report)
    except (RunFailed, StillRunning) as error:
        output.say(f"auto-labeling: {error}")
        if args.json and not silent_end:
            output.show_json(run.to_dict())
        return STILL_RUNNING if isinstance(error, StillRunning) else RUN_FAILED
    if silent_end:
        _show_remarks(run)
        return None
    _show(args, run)
    return None


def _generate(args: argparse.Namespace, run: Run) -> int | None:
    """Generates the labels in this process; however that ends, the run can be resumed."""
    from auto_labeling import sdk

    streams = args.json and args.watch
    follow = follower(args.json) if streams or not args.json else Quiet()
    try:
        with follow as report:
            output.say(f"{run.id}  {run.name}: loading the model")
            sdk.generate(run, lambda *_: _report(report, run))
            if streams:
                _report(report, run)
    except KeyboardInterrupt:
        with contextlib.suppress(AutoLabelingError):  # the run ended by itself
            sdk.cancel(run)
        output.say(f"Stopped. Resume with: auto-labeling resume {args.dataset} {run.id} --here")
        raise
    except Exception as error:  # noqa: BLE001 - the run has stopped, and its record has the reason
        if isinstance(error, AutoLabelingError):
            output.say(f"auto-labeling: {error}")
        else:
            traceback.print_exc()
        if args.json:
            output.show_json(run.to_dict())
        return RUN_FAILED
    if streams:
        _show_remarks(run)
        return None
    _show(args, run)
    return None


def _report(report: Report | None, run: Run) -> None:
    from auto_labeling import sdk

    if report is not None:
        report(run, sdk.progress(run))


def _show(args: argparse.Namespace, run: Run) -> None:
    if args.json:
        output.show_json(run.to_dict())
        return
    output.show(f"{run.id}  {run.name}: {run.status}, {_numbers(run)}")
    if run.is_active:
        output.say(f"Follow it with: auto-labeling watch {run.dataset.name} {run.id}")
    _show_remarks(run)


def _show_remarks(run: Run) -> None:
    for remark in run.remarks:
        output.say(output.plain(remark))


def _numbers(run: Run) -> str:
    if run.is_active:
        return text.count(run.samples, "sample")
    left_out = sum(run.record.account.left_out.values()) if run.record.account else 0
    more = f", {left_out:,} left out" if left_out else ""
    more += f", {run.failed:,} failed" if run.failed else ""
    return f"{text.count(run.generated, 'label')} on {text.count(run.samples, 'sample')}{more}"
