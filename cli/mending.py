"""``doctor``: what was left behind, and its repair."""

import argparse
from typing import TYPE_CHECKING

from auto_labeling.cli import output
from auto_labeling.cli.arguments import dataset_of
from auto_labeling.cli.verbs import PROBLEMS, argument, verb

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from auto_labeling.lifecycle.labeling import Finding


@verb(
    "doctor",
    argument(
        "dataset", metavar="DATASET", nargs="?", help="the dataset's name (default: all datasets)"
    ),
    argument("--repair", action="store_true", help="repair what can be repaired"),
    examples=("doctor", "doctor photos", "doctor photos --repair", "doctor --json"),
)
def doctor(args: argparse.Namespace) -> int | None:
    """Find what a crash, an older version or a manual change left behind; repair it if asked.

    It changes nothing else, and never deletes labels that people made. The exit status
    says whether anything is left to repair.
    """
    from auto_labeling import sdk

    findings = sdk.doctor(dataset_of(args) if args.dataset else None, repair=args.repair)
    if args.json:
        output.show_json([finding.model_dump(mode="json") for finding in findings])
    elif not findings:
        output.show("Nothing to repair")
    for finding in () if args.json else findings:
        where = "" if args.dataset else f"{finding.dataset}: "
        output.show(output.plain(f"{where}{finding.description}."))
        output.show(output.plain(f"  {_outcome(finding, args.repair)}."))
    return None if all(finding.repaired for finding in findings) else PROBLEMS


def _outcome(finding: "Finding", repair: bool) -> str:
    if finding.repaired:
        return f"Repaired: {finding.remedy[:1].lower()}{finding.remedy[1:]}"
    if finding.can_repair and not repair:
        return f"With --repair: {finding.remedy[:1].lower()}{finding.remedy[1:]}"
    return finding.remedy
