"""Relabel, undo the last action, and list the actions, without the panel."""

from typing import Any

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core.history import Action
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.operators import parameters
from auto_labeling.operators.base import RunOperator
from auto_labeling.operators.reviewing import OnLabels
from auto_labeling.review import duplicates, relabeling, thresholds, undoing


class RelabelLabels(OnLabels):
    """Gives labels another class."""

    name = "relabel_labels"
    label = "relabel labels"
    description = "Gives the labels of a run that meet every condition another class"
    icon = "drive_file_rename_outline"
    takes = parameters.taking(
        OnLabels.takes, whole=["expected"], text=["to", "tab"], any=["mapping"]
    )

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        form.str(
            "to",
            required=True,
            label="New class",
            description="A class that exists already is merged with these labels.",
        )
        super().ask(ctx, form)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        number = relabeling.relabel(
            ctx.dataset,
            request.run_id(ctx),
            self.chosen(ctx),
            request.new_classes(ctx),
            request.choice(ctx, "tab") or None,
            request.expected_or_none(ctx),
            request.person(ctx),
        )
        return {"run_id": request.run_id(ctx), "labels": number}


class SetThresholds(RunOperator):
    """Sets a minimum confidence for classes of a run."""

    name = "set_thresholds"
    label = "set thresholds"
    description = "Sets a minimum confidence for each class, by which labels can be promoted"
    icon = "tune"
    states = (RunState.IN_REVIEW,)
    takes = parameters.taking(any=["thresholds"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        form.map(
            "thresholds",
            types.String(),
            types.Number(min=0, max=1),
            required=True,
            label="Thresholds",
            description="The minimum confidence of each class, from 0 to 1.",
        )

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        run_id = request.run_id(ctx)
        run = thresholds.save(ctx.dataset, run_id, request.thresholds(ctx))
        return {"run_id": run_id, "thresholds": dict(run.thresholds)}


class RejectDuplicates(RunOperator):
    """Rejects boxes that stand for the same object as another one."""

    name = "reject_duplicates"
    label = "reject duplicates"
    description = "Rejects overlapping boxes of one image, except the most confident one"
    icon = "filter_none"
    states = (RunState.IN_REVIEW,)
    takes = parameters.taking(number=["iou"], flag=["across_classes"], whole=["expected"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        form.float(
            "iou",
            default=duplicates.IOU,
            label="Overlap",
            description="The intersection over union from which two boxes are the same object.",
            min=0,
            max=1,
        )
        form.bool(
            "across_classes",
            default=False,
            label="Also across classes",
            description="Boxes of different classes may be the same object.",
        )

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        run_id = request.run_id(ctx)
        run = labeling.get(ctx.dataset, run_id, confirm=False)
        given = request.parameters(ctx)
        iou = given.get("iou") or duplicates.IOU
        across = given.get("across_classes") is True
        found = duplicates.find(ctx.dataset, run, iou, across)
        expected, by = request.expected_or_none(ctx), request.person(ctx)
        number = duplicates.reject(ctx.dataset, run_id, found, expected, by)
        return {"run_id": run_id, "labels": number, "classes": found.classes}


class UndoLastAction(RunOperator):
    """Undoes the last action on the labels of a run."""

    name = "undo_last_action"
    label = "undo the last action"
    description = "Undoes the last promotion, rejection, undo or relabeling, by anyone"
    icon = "undo"
    states = (RunState.IN_REVIEW,)
    takes = parameters.taking(whole=["expected"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        run = self.asked_run(ctx)
        last = undoing.last_action(ctx.dataset, run) if run else None
        sentence = f"Would be undone: {last.sentence}" if last else "No action is left to undo"
        form.view("notice", types.Notice(label=sentence))

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        run_id, by = request.run_id(ctx), request.person(ctx)
        undone = undoing.undo_last(ctx.dataset, run_id, by, request.expected_or_none(ctx))
        numbers = {"labels": undone.labels, "edited": undone.edited, "deleted": undone.deleted}
        return {"run_id": run_id, **numbers, "undone": facts_of(undone.action)}


class ListActions(RunOperator):
    """Lists the actions on the labels of a run, for other plugins and agents."""

    name = "list_actions"
    label = "list the actions of a review"
    description = "The actions on the labels of a run, newest first, with who and when"
    icon = "history"
    risk = types.RiskLevel.LOW
    changes = False
    states = (RunState.IN_REVIEW, RunState.APPROVED)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        run = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)
        return {"actions": [facts_of(action) for action in undoing.history(ctx.dataset, run)]}


def facts_of(action: Action) -> dict[str, Any]:
    """Returns the facts about an action that operators return."""
    return {
        "number": action.number,
        "verb": action.verb,
        "sentence": action.sentence,
        "labels": action.labels,
        "by": action.by,
        "at": action.at,
        "state": action.state.value,
        "undone_by": action.undone_by,
        "undone_at": action.undone_at,
    }
