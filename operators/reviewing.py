"""Review without the panel: promote, reject, undo, approve."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core.run import RunState, Task
from auto_labeling.lifecycle import labeling, media
from auto_labeling.operators import parameters
from auto_labeling.operators.base import RunOperator, facts
from auto_labeling.review import approval, measures, promotion, summary, thresholds
from auto_labeling.review.selection import Chosen


class OnLabels(RunOperator):
    """An operator on labels that are selected by their properties, or by the grid."""

    states = (RunState.IN_REVIEW,)
    takes = parameters.taking(
        number=("min_confidence", "max_confidence", *measures.NAMES),
        flag=("shown", "without_confidence"),
        texts=("classes", "group_slices"),
        ids=("label_ids", "sample_ids"),
    )

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        for name, label in (("min_confidence", "Minimum"), ("max_confidence", "Maximum")):
            form.float(
                name,
                label=f"{label} confidence",
                description="Leave empty for any confidence, including labels without one.",
                min=0,
                max=1,
            )
        form.str(
            "classes", label="Classes", description="Separate with commas. Leave empty for all."
        )
        self._ask_limits(ctx, form)
        if names := ", ".join(media.slices(ctx.dataset)):
            form.str(
                "group_slices",
                label="Group slices",
                description=f"Separate with commas. Leave empty for all ({names}).",
            )
        form.bool(
            "shown",
            default=False,
            label="Only labels shown in the grid",
            description="Follows the grid's view, filters and selection.",
        )

    def _ask_limits(self, ctx: ExecutionContext, form: types.Object) -> None:
        """Asks for the size and distance of the chosen run's labels, where they have some."""
        run = self.asked_run(ctx)
        if run is None or run.config.task is Task.CLASSIFICATION:
            return
        unit = "the unit of the scene" if run.config.task.is_3d else "a part of the image's size"
        about = {"size": f"The length of the longest side, in {unit}."}
        if run.config.task.is_3d:
            about["distance"] = "From the origin of the scene, on the ground."
        else:
            about["area"] = "A part of the image, from 0 to 1. Above 1, in pixels."
        for name in measures.NAMES:
            limit, measure = name.split("_")
            if measure in about:
                label = f"{'Minimum' if limit == 'min' else 'Maximum'} {measure}"
                form.float(name, label=label, description=about[measure], min=0)

    def chosen(self, ctx: ExecutionContext) -> Chosen:
        """Reads which labels a call is about."""
        chosen, limits = request.chosen_labels(ctx), request.limits(ctx)
        if all(limit is None for limit in limits.values()):
            return chosen
        run = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)
        base = measures.narrowed(chosen.base, run, limits)
        return replace(chosen, base=base)


class PromoteLabels(OnLabels):
    """Promotes labels for approval."""

    name = "promote_labels"
    label = "promote labels"
    description = "Adds the labels of a run that meet every condition for approval"
    icon = "add_task"
    takes = parameters.taking(OnLabels.takes, whole=["expected"], flag=["above_thresholds"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        super().ask(ctx, form)
        form.bool(
            "above_thresholds",
            default=False,
            label="Only labels above the threshold of their class",
            description="Thresholds are set by the operator 'set thresholds'.",
        )

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        chosen = self.chosen(ctx)
        if request.is_above_thresholds(ctx):
            run = labeling.get(ctx.dataset, request.run_id(ctx), confirm=False)
            minimums = tuple(thresholds.of(run).items())
            conditions = replace(chosen.conditions, minimums=minimums)
            chosen = replace(chosen, conditions=conditions)
        expected = request.expected_or_none(ctx)
        number = promotion.promote(
            ctx.dataset, request.run_id(ctx), chosen, expected, request.person(ctx)
        )
        return {"run_id": request.run_id(ctx), "labels": number}


class RejectLabels(OnLabels):
    """Rejects labels in review."""

    name = "reject_labels"
    label = "reject labels"
    description = "Removes the labels of a run that meet every condition from review"
    icon = "do_not_disturb_on"
    takes = parameters.taking(OnLabels.takes, whole=["expected"])

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        chosen = self.chosen(ctx)
        expected = request.expected_or_none(ctx)
        number = promotion.reject(
            ctx.dataset, request.run_id(ctx), chosen, expected, request.person(ctx)
        )
        return {"run_id": request.run_id(ctx), "labels": number}


class UndoPromotion(OnLabels):
    """Moves promoted or rejected labels back to review."""

    name = "undo_promotion"
    label = "undo promotions or rejections"
    description = "Undoes the promotion, or the rejection, of labels that meet every condition"
    icon = "undo"
    takes = parameters.taking(OnLabels.takes, text=["tab"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        view = types.RadioGroup()
        view.add_choice("approval", label="Promotions")
        view.add_choice("rejected", label="Rejections")
        form.enum("tab", view.values(), default="approval", label="Undo", view=view)
        super().ask(ctx, form)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        chosen, tab = self.chosen(ctx), request.choice(ctx, "tab") or "approval"
        number = promotion.undo(
            ctx.dataset, request.run_id(ctx), chosen=chosen, tab=tab, by=request.person(ctx)
        )
        return {"run_id": request.run_id(ctx), "labels": number}


class ApproveRun(RunOperator):
    """Writes the promoted labels to the label field, and ends the run."""

    name = "approve_run"
    label = "approve a run"
    description = "Writes the promoted labels to the label field and permanently deletes all others"
    icon = "check_circle"
    risk = types.RiskLevel.HIGH
    states = (RunState.IN_REVIEW, RunState.APPROVING)
    takes = parameters.taking(whole=["expected"], flag=["empty"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        form.view("warning", types.Warning(label=f"{self.description}. This cannot be undone"))
        self._show_decision(ctx, form)
        form.bool(
            "empty",
            default=False,
            label="Mark samples as empty if none of their labels are kept",
            description="Otherwise they are left without labels, as if never labeled.",
        )

    def _show_decision(self, ctx: ExecutionContext, form: types.Object) -> None:
        """Shows how many labels would be approved, and makes the form send that number."""
        run = self.asked_run(ctx)
        if run is None or run.state is not RunState.IN_REVIEW:
            return
        decision = summary.decision(ctx.dataset, run, source=False)
        sentence = f"{decision.kept:,} labels will be written to '{run.config.label_field}'"
        if decision.added:
            sentence += f", including {decision.added:,} added by people"
        form.view(
            "numbers",
            types.Notice(
                label=f"{sentence}; {decision.left:,} others will be deleted ({decision.counts})"
            ),
        )
        # One name per run: a form keeps its answers when another run is chosen.
        name = request.expected_of(run.id)
        form.int(name, default=decision.kept, view=types.HiddenView())

    def _takes(self, ctx: ExecutionContext) -> Mapping[str, str]:
        expected = [name for name in request.parameters(ctx) if request.is_expected(name)]
        return parameters.taking(super()._takes(ctx), whole=expected)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        expected = request.expected_or_none(ctx)
        run = approval.approve(
            ctx.dataset,
            request.run_id(ctx),
            request.person(ctx),
            expected=expected,
            empty=request.marks_empty(ctx),
        )
        return facts(run)
