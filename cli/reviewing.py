"""``labels``, ``promote``, ``reject``, ``undo`` and ``approve``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from auto_labeling.cli import output
from auto_labeling.cli.arguments import BY, LABELS, RUN, YES, confirmed, labels_of, run_of
from auto_labeling.cli.correcting import undo_last
from auto_labeling.cli.verbs import REFUSED, argument, verb
from auto_labeling.core import text
from auto_labeling.core.account import Decision
from auto_labeling.core.run import RunState

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from auto_labeling.review.summary import Row, Summary
    from auto_labeling.sdk import Run

_EXPECTED_MATCHES = argument(
    "--expected", type=int, metavar="N", help="abort unless exactly N labels match"
)
_EXPECTED_LABELS = argument(
    "--expected",
    type=int,
    metavar="N",
    help="abort unless exactly N labels would be kept: the promoted labels, and those that people "
    "added",
)
_ABOVE = argument(
    "--above-thresholds",
    action="store_true",
    help="select only labels above the threshold of their class (see thresholds)",
)
_DRY = argument("--dry-run", action="store_true", help="only count; change nothing")


@verb(
    "labels",
    RUN,
    argument(
        "--tab",
        choices=("review", "approval", "rejected"),
        default="review",
        help="count labels in review (neither promoted nor rejected), in approval (promoted), or "
        "rejected labels",
    ),
    LABELS,
    _ABOVE,
    examples=(
        "labels photos latest",
        "labels photos latest --min-confidence 0.8 --classes 'cat, dog'",
        "labels photos latest --tab approval --json",
    ),
)
def labels(args: argparse.Namespace) -> None:
    """Count a run's labels by class: the selected ones, and all.

    The options that select labels are the same for labels, promote, reject and undo. Without any,
    all labels are selected.
    """
    from auto_labeling import sdk

    run = run_of(args)
    chosen = {**labels_of(args, run), "above_thresholds": args.above_thresholds}
    counted = sdk.labels(run, args.tab, **chosen)
    if args.json:
        output.show_json(asdict(counted))
        return
    rows = [_cells(row.label, row) for row in counted.rows]
    rows.append(_cells("(all)", counted))
    output.show(output.table(rows, ("label", "labels", "of", "confidence")))
    totals = counted.totals
    output.show(
        f"{totals['approval']:,} promoted, {totals['rejected']:,} rejected, "
        f"{totals['review']:,} not looked at"
    )


def _cells(label: str, numbers: Row | Summary) -> dict[str, Any]:
    """A row of the table of labels by class."""
    return {
        "label": label,
        "labels": numbers.current,
        "of": numbers.total,
        "confidence": numbers.confidence,
    }


@verb(
    "promote",
    RUN,
    LABELS,
    _ABOVE,
    BY,
    _EXPECTED_MATCHES,
    _DRY,
    examples=(
        "promote photos latest --min-confidence 0.5",
        "promote photos latest --classes cat --tags checked --dry-run",
        "promote photos latest --label-ids @good.txt",
        "promote photos latest --above-thresholds",
    ),
)
def promote(args: argparse.Namespace) -> None:
    """Promote labels for approval: those that meet every condition, or all."""
    from auto_labeling import sdk

    run = run_of(args)
    chosen = {**labels_of(args, run), "above_thresholds": args.above_thresholds}
    if args.dry_run:
        number = sdk.labels(run, **chosen).current
    else:
        number = sdk.promote(run, **chosen, expected=args.expected, by=args.by)
    output.show_moved(args, run.id, "promoted", number)


@verb(
    "reject",
    RUN,
    LABELS,
    BY,
    _EXPECTED_MATCHES,
    _DRY,
    examples=(
        "reject photos latest --max-confidence 0.2",
        "reject photos latest --label-ids @wrong.txt",
    ),
)
def reject(args: argparse.Namespace) -> None:
    """Reject labels in review: those that meet every condition, or all.

    Rejected labels leave the review. Approving the run deletes them, also those that people added.
    """
    from auto_labeling import sdk

    run = run_of(args)
    chosen = labels_of(args, run)
    if args.dry_run:
        number = sdk.labels(run, **chosen).current
    else:
        number = sdk.reject(run, **chosen, expected=args.expected, by=args.by)
    output.show_moved(args, run.id, "rejected", number)


@verb(
    "undo",
    RUN,
    argument(
        "--tab",
        choices=("approval", "rejected"),
        default="approval",
        help="undo promotions (approval, the default) or rejections (rejected)",
    ),
    argument(
        "--last",
        action="store_true",
        help="undo the last action on the labels of the run, whatever it was. Can be repeated",
    ),
    LABELS,
    BY,
    _DRY,
    examples=(
        "undo photos latest --classes dog",
        "undo photos latest",
        "undo photos latest --tab rejected --classes dog",
        "undo photos latest --last",
    ),
)
def undo(args: argparse.Namespace) -> None:
    """Undo the promotion or rejection of labels: those that meet every condition, or all.

    With --last, undo the last action on the labels instead, whatever it was.
    """
    from auto_labeling import sdk

    run = run_of(args)
    if args.last:
        undo_last(args, run)
        return
    chosen = labels_of(args, run)
    if args.dry_run:
        number = sdk.labels(run, args.tab, **chosen).current
    else:
        number = sdk.undo(run, args.tab, **chosen, by=args.by)
    output.show_moved(args, run.id, "moved back to review", number)


@verb(
    "approve",
    RUN,
    BY,
    _EXPECTED_LABELS,
    argument(
        "--empty",
        action="store_true",
        help="mark samples that keep none of their labels as empty; otherwise they get no labels",
    ),
    YES,
    examples=("approve photos latest", "approve photos latest --yes --expected 124"),
)
def approve(args: argparse.Namespace) -> int | None:
    """Write the promoted labels to the label field, and delete the run's other labels.

    Labels that people added to the staging field are kept unless they were rejected. Samples in
    which the model found nothing get an empty list of labels. This cannot be undone. If an approval
    was interrupted, this finishes it.
    """
    from auto_labeling import sdk

    run = run_of(args)
    expected = args.expected
    if not args.yes and run.state is RunState.IN_REVIEW:
        decision = sdk.decision(run)
        expected = decision.kept if expected is None else expected
        if not confirmed(args, _question(run, decision, args.empty)):
            output.say("Nothing was approved")
            return REFUSED
    elif not args.yes and not confirmed(args, f"Finish the approval of '{run.name}'?"):
        output.say("Nothing was approved")
        return REFUSED
    sdk.approve(run, by=args.by, expected=expected, empty=args.empty)
    if args.json:
        output.show_json(run.to_dict())
    else:
        output.show(
            f"{run.id}  {run.name}: {text.count(run.approved, 'label')} in {run.label_field}"
        )
    return None


def _question(run: Run, decision: Decision, empty: bool) -> str:
    from auto_labeling.lifecycle import labeling

    added = f" ({decision.added:,} added by people)" if decision.added else ""
    output.say(f"Labels: {decision.counts}")
    if decision.since:
        output.say(
            f"Changes that people made in {run.config.source_field} since the import are kept: "
            f"{decision.since_added:,} added, {decision.since_changed:,} changed, "
            f"{decision.since_deleted:,} deleted"
        )
    if decision.bare and run.record.many:
        becomes = (
            "marked as empty" if empty else "left without labels (--empty marks them as empty)"
        )
        output.say(f"Samples that keep none of their labels ({decision.bare:,}) are {becomes}")
    references = labeling.references(run.dataset, run.record)
    about = (
        f"{references} made on {run.staging_field} will use {run.label_field}. "
        if references
        else ""
    )
    return (
        f"{about[:1].upper()}{about[1:]}Write {text.count(decision.kept, 'label')}{added} to "
        f"{run.label_field} and permanently delete the other {decision.left:,} of '{run.name}'?"
    )
