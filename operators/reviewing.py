"""Review without the panel: promote, take back, approve."""

import fiftyone.operators.types as types

from auto_labeling import forms, media
from auto_labeling.operators import parameters
from auto_labeling.operators.base import RunOperator, facts
from auto_labeling.review import approval, promotion
from auto_labeling.run import RunState


class _Choosing(RunOperator):
    """An operator on labels that are chosen by what they are, or by what the grid shows."""

    states = (RunState.IN_REVIEW,)
    takes = parameters.taking(
        number=("min_confidence", "max_confidence"),
        flag=("shown", "without_confidence"),
        texts=("classes", "group_slices"),
        ids=("label_ids", "sample_ids"),
    )

    def ask(self, ctx, form):
        for name, label in (("min_confidence", "Least"), ("max_confidence", "Greatest")):
            form.float(
                name,
                label=f"{label} confidence",
                description="Empty: labels of any confidence, and those without",
                min=0,
                max=1,
            )
        form.str("classes", label="Classes", description="Separated by commas; empty: all")
        if names := ", ".join(media.slices(ctx.dataset)):
            form.str(
                "group_slices",
                label="Group slices",
                description=f"Separated by commas; empty: all ({names})",
            )
        form.bool(
            "shown",
            default=False,
            label="Only what the grid shows",
            description="By its view, its filters and what is selected",
        )


class PromoteLabels(_Choosing):
    """Promotes labels for approval."""

    name = "promote_labels"
    label = "promote labels"
    description = "Adds labels of a run in review for approval: those that meet every condition"
    icon = "add_task"
    takes = parameters.taking(_Choosing.takes, whole=["expected"])

    def act(self, ctx):
        chosen = forms.chosen_labels(ctx)
        expected = forms.expected_or_none(ctx)
        number = promotion.promote(ctx.dataset, forms.run_id(ctx), chosen, expected)
        return {"run_id": forms.run_id(ctx), "labels": number}


class UndoPromotion(_Choosing):
    """Takes labels back from approval."""

    name = "undo_promotion"
    label = "take back promoted labels"
    description = "Takes back the promotion of labels: those that meet every condition"
    icon = "undo"

    def act(self, ctx):
        chosen = forms.chosen_labels(ctx)
        number = promotion.undo(ctx.dataset, forms.run_id(ctx), chosen=chosen)
        return {"run_id": forms.run_id(ctx), "labels": number}


class ApproveRun(RunOperator):
    """Writes the promoted labels to the label field, and ends the run."""

    name = "approve_run"
    label = "approve a run"
    description = (
        "Writes the promoted labels to the label field and deletes all others of the run, for good"
    )
    icon = "check_circle"
    risk = types.RiskLevel.HIGH
    states = (RunState.IN_REVIEW, RunState.APPROVING)
    takes = parameters.taking(whole=["expected"], flag=["empty"])

    def ask(self, ctx, form):
        form.view("warning", types.Warning(label=f"{self.description}. This cannot be undone"))
        form.bool(
            "empty",
            default=False,
            label="Mark samples as empty whose labels all go",
            description="Else they are left without labels, as if they had never been labeled",
        )

    def act(self, ctx):
        expected = forms.expected_or_none(ctx)
        run = approval.approve(
            ctx.dataset,
            forms.run_id(ctx),
            forms.person(ctx),
            expected=expected,
            empty=forms.marks_empty(ctx),
        )
        return facts(run)
