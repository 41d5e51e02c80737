"""Resume, cancel and delete runs, and list them."""

from typing import Any

from fiftyone.operators import ExecutionContext
from fiftyone.operators.types import Object, RiskLevel

from auto_labeling.app import request
from auto_labeling.core.run import ACTIVE, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.operators import parameters
from auto_labeling.operators.base import STOPPED, RunOperator, facts


class ListRuns(RunOperator):
    """Lists the runs, for other plugins and agents."""

    name = "list_runs"
    label = "list the runs"
    description = "The runs of the dataset, newest first, with their states and numbers"
    risk = RiskLevel.LOW
    changes = False

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        return {"runs": [facts(run) for run in labeling.runs(ctx.dataset)]}


class ResumeRun(RunOperator):
    """Resumes a run that stopped, or retries the failed samples of a run in review."""

    name = "resume_run"
    label = "resume a run"
    description = "Labels the remaining samples of a stopped run; labels so far are kept"
    icon = "play_arrow"
    states = STOPPED
    takes = parameters.taking(flag=["again"])

    def ask(self, ctx: ExecutionContext, form: Object) -> None:
        form.bool(
            "again",
            default=False,
            label="Label all samples again",
            description="Only if the staging field was deleted or renamed by hand",
        )

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        again = request.is_again(ctx)
        return facts(labeling.resume(ctx.dataset, request.run_id(ctx), again=again))


class CancelRun(RunOperator):
    """Stops a run; its labels so far are kept."""

    name = "cancel_run"
    label = "cancel a run"
    description = "Stops a run that is generating; you can resume it, or review its labels so far"
    icon = "stop"
    states = tuple(sorted(ACTIVE))

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        return facts(labeling.cancel(ctx.dataset, request.run_id(ctx), by=request.person(ctx)))


class DeleteRun(RunOperator):
    """Deletes a run and its staged labels."""

    name = "delete_run"
    label = "delete a run"
    description = "Permanently deletes a run and its staged labels; approved labels are kept"
    icon = "delete"
    risk = RiskLevel.DANGEROUS
    states = (*sorted(ACTIVE), RunState.IN_REVIEW, RunState.APPROVED, RunState.FAILED)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        labeling.delete(ctx.dataset, request.run_id(ctx))
        return {"run_id": request.run_id(ctx), "deleted": True}
