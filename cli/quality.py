"""``quality`` and ``certificate``: a promise about the labels."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from auto_labeling.cli import output
from auto_labeling.cli.arguments import BY, RUN, classes_of, ids_of, run_of, view_of
from auto_labeling.cli.verbs import PROBLEMS, argument, verb
from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from auto_labeling.review.audit_status import AuditStatus, QualityStatus
    from auto_labeling.sdk import Run

_ACTION = argument(
    "action",
    metavar="ACTION",
    nargs="?",
    default="status",
    choices=("status", "plan", "pilot", "freeze", "next", "answer", "undo", "abandon"),
    help="status (the default), plan, pilot, freeze, next, answer, undo or abandon",
)


@verb(
    "quality",
    RUN,
    _ACTION,
    argument(
        "--target",
        type=int,
        choices=(90, 95, 98),
        default=95,
        help="plan, freeze: the percentage of labels that must be right (default: 95)",
    ),
    argument(
        "--attempts",
        type=int,
        choices=(1, 2),
        default=1,
        help="plan, freeze: one audit at a risk of 5%%, or two at 2.5%% each (default: 1)",
    ),
    argument(
        "--classes",
        action="append",
        metavar="TEXT",
        help="plan, freeze: only promoted labels of these classes, separated by commas",
    ),
    argument("--view", metavar="NAME", help="plan, freeze: only labels that this saved view shows"),
    argument("--right-means", metavar="TEXT", help="freeze: when a label is right, in a sentence"),
    argument(
        "--size", type=int, default=24, metavar="N", help="next: the number of labels, at most"
    ),
    argument(
        "--labels",
        nargs="+",
        metavar="ID",
        help="answer: the IDs of all labels of the page, in their order, or @FILE",
    ),
    argument("--wrong", nargs="+", metavar="ID", help="answer, pilot: labels that are wrong"),
    argument("--unsure", nargs="+", metavar="ID", help="answer, pilot: labels that may be either"),
    argument("--right", nargs="+", metavar="ID", help="pilot: labels that are right"),
    argument(
        "--count", type=int, metavar="N", help="pilot: the number of labels; undo: of answers"
    ),
    BY,
    examples=(
        "quality photos latest plan --target 95",
        "quality photos latest freeze --target 95 --attempts 2 --by Ann",
        "quality photos latest next --size 24 > page.txt",
        "quality photos latest answer --labels @page.txt --wrong 65f0c1d2e3a4b5c6d7e8f901",
        "quality photos latest --json",
    ),
)
def quality(args: argparse.Namespace) -> None:
    """Audit a sample of the promoted labels, for a promise about all of them.

    First plan and freeze. Then repeat next and answer until the audit passes or fails. "next"
    prints the IDs of the labels to look at. A label that is not named as wrong or unsure is right.
    """
    from auto_labeling import sdk

    run = run_of(args)
    actions = {
        "status": lambda: _status(args, sdk.quality.status(run)),
        "plan": lambda: _plan(args, run),
        "pilot": lambda: _pilot(args, run),
        "freeze": lambda: _audit(args, _freeze(args, run)),
        "next": lambda: _next(args, run),
        "answer": lambda: _audit(args, _answer(args, run)),
        "undo": lambda: _audit(args, sdk.quality.undo(run, args.count, args.by)),
        "abandon": lambda: _audit(args, sdk.quality.abandon(run, args.by)),
    }
    actions[args.action]()


@verb(
    "certificate",
    RUN,
    argument(
        *("-o", "--output"),
        metavar="FILE",
        help="write it to this file: a web page if its name ends in .html, else JSON",
    ),
    argument(
        "--verify",
        metavar="FILE",
        help="check a certificate, and whether its labels are unchanged",
    ),
    examples=(
        "certificate photos latest",
        "certificate photos latest -o certificate.html",
        "certificate photos latest --verify certificate.html",
    ),
)
def certificate(args: argparse.Namespace) -> int | None:
    """Save or verify the certificate of an audit that has passed.

    With --verify, the exit status is 5 if the file was changed, or if labels were changed, removed
    or added since.
    """
    from auto_labeling import sdk

    run = run_of(args)
    if args.verify:
        if args.output:
            raise AutoLabelingError("Choose one of --verify and --output")
        found = sdk.quality.verify(run, args.verify)
        if args.json:
            output.show_json({**asdict(found), "valid": found.is_valid})
        else:
            output.show(found.sentence)
        return None if found.is_valid else PROBLEMS
    document = sdk.quality.certificate(run, args.output)
    if args.json:
        output.show_json(document)
    else:
        output.show(document["claim"])
        if args.output:
            output.say(f"Written to {args.output}")
    return None


def _scope(args: argparse.Namespace, run: Run) -> dict[str, Any]:
    return {
        "classes": classes_of(args.classes)[0] if args.classes else None,
        "view": view_of(args, run.dataset) if args.view else None,
    }


def _plan(args: argparse.Namespace, run: Run) -> None:
    from auto_labeling import sdk

    proposal = sdk.quality.plan(run, args.target, args.attempts, **_scope(args, run))
    plan = proposal.plan
    if args.json:
        output.show_json(asdict(proposal))
        return
    if plan.is_census:
        output.show(f"{text.count(plan.size, 'label')}: look at all of them")
        return
    low, high = proposal.likely
    output.show(
        f"{text.count(plan.size, 'label')}, target {plan.target}%, risk {plan.risk:.1%}: look at "
        f"{plan.first:,} if none is wrong, most likely at {low:,} to {high:,}"
    )
    rows = [{"wrong": look.allowed, "passes_after": look.labels} for look in plan.looks]
    output.show(output.table(rows, ("wrong", "passes_after")))


def _pilot(args: argparse.Namespace, run: Run) -> None:
    from auto_labeling import sdk

    answers = {name: ids_of(getattr(args, name)) for name in ("right", "wrong", "unsure")}
    if any(answers.values()):
        given = {name: ids or () for name, ids in answers.items()}
        _status(args, sdk.quality.answer_pilot(run, **given, by=args.by))
        return
    ids = sdk.quality.pilot(run, 60 if args.count is None else args.count, args.by)
    _ids(args, ids)


def _freeze(args: argparse.Namespace, run: Run) -> AuditStatus:
    from auto_labeling import sdk

    right = {"right": args.right_means} if args.right_means else {}
    scope = _scope(args, run)
    return sdk.quality.freeze(run, args.target, args.attempts, **scope, **right, by=args.by)


def _next(args: argparse.Namespace, run: Run) -> None:
    from auto_labeling import sdk

    page = sdk.quality.page(run, args.size, args.by)
    if args.json:
        output.show_json(asdict(page))
    else:
        _ids(args, page.ids)


def _answer(args: argparse.Namespace, run: Run) -> AuditStatus:
    from auto_labeling import sdk

    if not args.labels:
        raise AutoLabelingError("Name the labels that you looked at: --labels @page.txt")
    labels = ids_of(args.labels) or []
    wrong, unsure = ids_of(args.wrong) or [], ids_of(args.unsure) or []
    return sdk.quality.answer(run, labels, wrong, unsure, args.by)


def _ids(args: argparse.Namespace, ids: list[str]) -> None:
    if args.json:
        output.show_json({"labels": ids})
    else:
        output.show("\n".join(ids))


def _audit(args: argparse.Namespace, audit: AuditStatus) -> None:
    if args.json:
        output.show_json(asdict(audit))
    else:
        output.show(audit.sentence)


def _status(args: argparse.Namespace, status: QualityStatus) -> None:
    if args.json:
        output.show_json(asdict(status))
        return
    if status.pilot:
        output.show(
            f"Pilot: {status.pilot_right:,} right of {status.pilot_answered:,} looked at, of "
            f"{text.count(status.pilot, 'label')}"
        )
    for audit in status.audits:
        output.show(f"Audit {audit.number} ({audit.state}): {audit.sentence}")
    if not status.audits:
        output.show("There is no audit yet. The action plan shows what one would take")
