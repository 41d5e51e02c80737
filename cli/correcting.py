"""``relabel``, ``thresholds`` and ``history``, and ``undo --last``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from auto_labeling.cli import output
from auto_labeling.cli.arguments import BY, LABELS, RUN, classes_of, labels_of, run_of
from auto_labeling.cli.verbs import argument, verb
from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError, ConfigError

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from auto_labeling.sdk import Action, Run


@verb(
    "relabel",
    RUN,
    argument("--to", metavar="CLASS", help="the class that all these labels get"),
    argument(
        "--mapping",
        metavar="FILE",
        help="a file with the class that each class becomes: JSON, or a line such as 'car,vehicle' "
        "for each",
    ),
    argument(
        "--tab",
        choices=("review", "approval", "rejected"),
        default="",
        help="relabel only labels in this tab. By default, all labels of the run",
    ),
    LABELS,
    BY,
    argument("--expected", type=int, metavar="N", help="abort unless exactly N labels match"),
    examples=(
        "relabel photos latest --classes car --to vehicle",
        "relabel photos latest --mapping classes.csv",
    ),
)
def relabel(args: argparse.Namespace) -> None:
    """Give labels another class: those that meet every condition, or all.

    The class may exist already; then the two are merged. A relabeled label keeps the class that the
    model gave as its attribute model_label.
    """
    from auto_labeling import sdk

    if (args.to is None) == (args.mapping is None):
        raise AutoLabelingError("Pass either --to CLASS or --mapping FILE")
    run = run_of(args)
    to = args.to if args.mapping is None else Path(args.mapping)
    chosen = labels_of(args, run)
    number = sdk.relabel(run, to, args.tab, **chosen, expected=args.expected, by=args.by)
    output.show_moved(args, run.id, "relabeled", number)


@verb(
    "thresholds",
    RUN,
    argument(
        "--set",
        nargs="+",
        metavar="CLASS=P",
        help="set the threshold of each class, from 0 to 1; 'CLASS=' removes it",
    ),
    argument("--file", metavar="FILE", help="set the thresholds in this YAML or JSON file"),
    argument("--export", metavar="FILE", help="write the thresholds to this JSON file"),
    examples=(
        "thresholds photos latest --set car=0.6 person=0.4",
        "thresholds photos latest --file thresholds.yaml",
    ),
)
def thresholds(args: argparse.Namespace) -> None:
    """Set and list the thresholds of a run: a minimum confidence for each class.

    Then promote --above-thresholds promotes all labels above the threshold of their class.
    """
    from auto_labeling import sdk

    run = run_of(args)
    if args.file is not None:
        sdk.thresholds(run, Path(args.file))
    if args.set is not None:
        sdk.thresholds(run, dict(map(_threshold, args.set)))
    known = sdk.thresholds(run)
    if args.export is not None:
        try:
            Path(args.export).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise AutoLabelingError(f"{args.export} cannot be written: {error}") from error
    if args.json:
        output.show_json({"id": run.id, "thresholds": known})
        return
    counted = sdk.labels(run, above_thresholds=True).rows if known else []
    above = {row.label: (row.current, row.total) for row in counted}
    rows = [
        {"label": label, "threshold": least, "labels": above.get(label, (0, 0))[0]}
        | {"of": above.get(label, (0, 0))[1]}
        for label, least in known.items()
    ]
    output.show(output.table(rows, ("label", "threshold", "labels", "of")))


def _threshold(text: str) -> tuple[str, float | None]:
    name, _, number = text.rpartition("=")
    try:
        if not name:
            raise ValueError
        return name, float(number) if number else None
    except ValueError:
        raise ConfigError({"set": f"'{text}' must be a class, '=', and a number"}) from None


@verb(
    "duplicates",
    RUN,
    argument(
        "--iou",
        type=float,
        default=0.7,
        metavar="P",
        help="the overlap from which two boxes are the same object: intersection over union "
        "(default: 0.7)",
    ),
    argument(
        "--across-classes",
        action="store_true",
        help="boxes of different classes may be the same object",
    ),
    argument(
        "--classes",
        action="append",
        metavar="TEXT",
        help="only duplicates of these classes, separated by commas",
    ),
    argument("--reject", action="store_true", help="reject the duplicates"),
    argument("--expected", type=int, metavar="N", help="abort unless there are exactly N"),
    BY,
    examples=("duplicates photos latest --iou 0.8", "duplicates photos latest --reject"),
)
def duplicates(args: argparse.Namespace) -> None:
    """Count boxes of one image that stand for the same object, and reject them with --reject.

    Of boxes that overlap, a promoted one is kept before others, then the most confident one.
    """
    from auto_labeling import sdk

    run = run_of(args)
    found = sdk.duplicates(
        run,
        args.iou,
        across_classes=args.across_classes,
        classes=list(classes_of(args.classes)[0]) if args.classes else None,
        reject=args.reject,
        expected=args.expected,
        by=args.by,
    )
    if args.json:
        facts = {"labels": found.labels, "classes": found.classes, "rejected": found.rejected}
        output.show_json({"id": run.id, **facts, "label_ids": found.label_ids})
        return
    rows = [{"label": name, "duplicates": n} for name, n in sorted(found.classes.items())]
    if rows:
        output.show(output.table(rows, ("label", "duplicates")))
    outcome = "rejected" if args.reject else "found"
    output.show(f"{text.count(found.labels, 'duplicate')} {outcome}")


@verb(
    "history",
    RUN,
    argument("--all", action="store_true", help="also show actions that were undone"),
    examples=("history photos latest",),
)
def history(args: argparse.Namespace) -> None:
    """List the actions on a run's labels, newest first: what, by whom and when."""
    from auto_labeling import sdk

    actions = sdk.history(run_of(args))
    if args.json:
        output.show_json([facts(action) for action in actions])
        return
    rows = [facts(a) for a in actions if args.all or a.state.value != "undone"]
    columns = ("number", "action", "by", "at", *(("state",) if args.all else ()))
    output.show(output.table(rows, columns))


def facts(action: Action) -> dict[str, object]:
    """Returns what is shown of an action."""
    return {
        "number": action.number,
        "verb": action.verb,
        "action": action.sentence,
        "labels": action.labels,
        "by": action.by,
        "at": action.at,
        "state": action.state.value,
    }


def undo_last(args: argparse.Namespace, run: Run) -> None:
    """Undoes the last action, or shows it.

    Args:
        args: the parsed arguments of ``undo``
        run: the run

    Raises:
        AutoLabelingError: if options select labels as well
    """
    from auto_labeling import sdk

    if any(value not in (None, False) for value in labels_of(args, run).values()):
        raise AutoLabelingError(
            "--last undoes a whole action; leave out the options that select labels"
        )
    if args.dry_run:
        last = next((a for a in sdk.history(run) if a.state.value != "undone"), None)
        output.show(f"Would be undone: {last.sentence}" if last else "No action is left to undo")
        return
    undone = sdk.undo_last(run, by=args.by)
    if args.json:
        labels = {"labels": undone.labels, "edited": undone.edited, "deleted": undone.deleted}
        output.show_json({"id": run.id, **labels, "undone": facts(undone.action)})
    else:
        output.show(undone.sentence)
