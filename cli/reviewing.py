"""``labels``, ``promote``, ``undo`` and ``approve``."""

from dataclasses import asdict

from auto_labeling.cli import output
from auto_labeling.cli.arguments import BY, LABELS, RUN, YES, confirmed, labels_of, run_of
from auto_labeling.cli.verbs import REFUSED, argument, verb
from auto_labeling.core.run import RunState

_EXPECTED = argument(
    "--expected", type=int, metavar="N", help="do nothing unless it is this many labels"
)
_DRY = argument("--dry-run", action="store_true", help="count, and change nothing")


@verb(
    "labels",
    RUN,
    argument(
        "--tab",
        choices=("review", "approval"),
        default="review",
        help="labels that are not promoted (review), or that are (approval)",
    ),
    LABELS,
    examples=(
        "labels photos latest",
        "labels photos latest --min-confidence 0.8 --classes 'cat, dog'",
        "labels photos latest --tab approval --json",
    ),
)
def labels(args) -> None:
    """Counts the labels of a run by class: those that are chosen, and all.

    What chooses labels is the same for labels, promote and undo; without it, all are chosen.
    """
    from auto_labeling import sdk

    run = run_of(args)
    counted = sdk.labels(run, args.tab, **labels_of(args, run.dataset))
    if args.json:
        output.show_json(asdict(counted))
        return
    rows = [
        {"label": row.label, "labels": row.current, "of": row.total, "confidence": row.confidence}
        for row in counted.rows
    ]
    total = {"label": "(all)", "labels": counted.current, "of": counted.total}
    rows.append({**total, "confidence": counted.confidence})
    output.show(output.table(rows, ("label", "labels", "of", "confidence")))


@verb(
    "promote",
    RUN,
    LABELS,
    _EXPECTED,
    _DRY,
    examples=(
        "promote photos latest --min-confidence 0.5",
        "promote photos latest --classes cat --tags checked --dry-run",
        "promote photos latest --label-ids @good.txt",
    ),
)
def promote(args) -> None:
    """Promotes labels for approval: those that meet every condition, or all."""
    from auto_labeling import sdk

    run = run_of(args)
    chosen = labels_of(args, run.dataset)
    if args.dry_run:
        number = sdk.labels(run, **chosen).current
    else:
        number = sdk.promote(run, **chosen, expected=args.expected)
    _moved(args, run, "promoted", number)


@verb(
    "undo",
    RUN,
    LABELS,
    _DRY,
    examples=("undo photos latest --classes dog", "undo photos latest"),
)
def undo(args) -> None:
    """Takes back the promotion of labels: those that meet every condition, or all."""
    from auto_labeling import sdk

    run = run_of(args)
    chosen = labels_of(args, run.dataset)
    if args.dry_run:
        number = sdk.labels(run, "approval", **chosen).current
    else:
        number = sdk.undo(run, **chosen)
    _moved(args, run, "taken back", number)


@verb(
    "approve",
    RUN,
    BY,
    _EXPECTED,
    argument(
        "--empty",
        action="store_true",
        help="mark samples whose labels all go as empty; else they are left without labels",
    ),
    YES,
    examples=("approve photos latest", "approve photos latest --yes --expected 124"),
)
def approve(args) -> int | None:
    """Writes the promoted labels to the label field and deletes all others of the run.

    Labels that people added to the staging field are kept, promoted or not. Where nothing was
    found, the label field holds an empty list of labels. This cannot be undone. An approval whose
    process died is finished.
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
        output.show(f"{run.id}  {run.name}: {run.approved:,} labels are in {run.label_field}")
    return None


def _question(run, decision, empty) -> str:
    from auto_labeling.lifecycle import labeling

    added = f", {decision.added:,} that people added among them," if decision.added else ""
    if decision.since:
        output.say(
            f"What people did in {run.config.source_field} since the import stays: "
            f"{decision.since_added:,} added, {decision.since_changed:,} changed, "
            f"{decision.since_deleted:,} deleted"
        )
    if decision.bare and run.record.many:
        becomes = (
            "marked as empty" if empty else "left without labels (--empty marks them as empty)"
        )
        output.say(f"Samples whose labels all go, {decision.bare:,} of them, are {becomes}")
    named = labeling.references(run.dataset, run.record)
    about = f"{named} made on {run.staging_field} will go by {run.label_field}. " if named else ""
    return (
        f"{about[:1].upper()}{about[1:]}Write {decision.kept:,} labels{added} to {run.label_field} "
        f"and delete {decision.left:,} others of '{run.name}' for good?"
    )


def _moved(args, run, what, number) -> None:
    if args.json:
        output.show_json({"id": run.id, "labels": number, "changed": not args.dry_run})
    else:
        output.show(f"{number:,} labels " + (f"would be {what}" if args.dry_run else what))
