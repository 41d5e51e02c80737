"""The base of our operators: a form that never raises, and an action that may be refused."""

import logging
from collections.abc import Mapping
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.operators import parameters

logger = logging.getLogger(__name__)


class RunOperator(foo.Operator):
    """An operator on the runs of the dataset that is open.

    A subclass describes itself in the attributes, asks in :meth:`ask` and acts in :meth:`act`.
    """

    name = label = description = ""
    icon = "auto_awesome"
    risk = types.RiskLevel.MEDIUM
    changes = True
    #: The states of the runs that can be chosen; empty where no run is.
    states: tuple[RunState, ...] = ()
    #: The kinds of its parameters, beside the run's id.
    takes: Mapping[str, str] = parameters.taking()

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name=self.name,
            label=f"Auto-Labeling: {self.label}",
            description=self.description,
            icon=self.icon,
            dynamic=True,
            # The verbs check the answers, and name every wrong one.
            disable_schema_validation=True,
            risk_level=self.risk,
            view_target=False,
        )

    def resolve_input(self, ctx: ExecutionContext) -> types.Property:
        form = types.Object()
        try:
            if ctx.dataset is None:
                raise AutoLabelingError("Open a dataset first")
            if self.states:
                self._ask_for_run(ctx, form)
            self.ask(ctx, form)
        except AutoLabelingError as error:
            form = _notice(str(error))
        except Exception:
            logger.exception("The form of %s could not be made", self.name)
            form = _notice("Something unexpected went wrong. See the App's log for details")
        return types.Property(form, view=types.View(label=f"Auto-Labeling: {self.label}"))

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        if ctx.dataset is None:
            raise AutoLabelingError("Open a dataset first")
        if self.changes:
            request.require_edit(ctx)
        parameters.require(request.parameters(ctx), self._takes(ctx))
        facts = self.act(ctx)
        if self.changes:
            ctx.ops.reload_dataset()
        return facts

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        """Adds the operator's questions to a form. It must be quick, since the App waits for it.

        Args:
            ctx: the call, with the answers so far
            form: where the questions go

        Raises:
            AutoLabelingError: if there is nothing to ask; the form shows the reason
        """

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Carries out the call, and returns facts that can be written as JSON."""
        raise NotImplementedError

    def asked_run(self, ctx: ExecutionContext) -> Run | None:
        """Reads the run that is chosen in the form; None if none is chosen yet."""
        run_id = request.run_id(ctx)
        return labeling.get(ctx.dataset, run_id, confirm=False) if run_id else None

    def _takes(self, ctx: ExecutionContext) -> Mapping[str, str]:
        return parameters.taking(self.takes, text=["run_id"]) if self.states else self.takes

    def _ask_for_run(self, ctx: ExecutionContext, form: types.Object) -> None:
        runs = [
            run for run in labeling.runs(ctx.dataset, confirm=False) if run.state in self.states
        ]
        if not runs:
            raise AutoLabelingError("No run is in a state that allows this")
        view = types.DropdownView()
        for run in runs:
            view.add_choice(run.id, label=f"{run.name} ({run.status})", description=run.created_at)
        ids = [run.id for run in runs]
        form.enum("run_id", ids, default=ids[0], required=True, label="Run", view=view)


def _notice(sentence: str) -> types.Object:
    form = types.Object()
    form.view("notice", types.Warning(label=sentence))
    return form


def facts(run: Run) -> dict[str, Any]:
    """Returns the facts about a run that operators return."""
    return {
        "run_id": run.id,
        "name": run.name,
        "state": run.state.value,
        "status": run.status,
        "samples": run.samples,
        "labels": run.labels,
        "failed": run.failed,
        "approved": run.approved,
        "error": run.error,
        "label_field": run.config.label_field,
        "staging_field": run.staging_field,
    }


#: The states in which a run can be resumed, or its failed samples retried.
STOPPED = (RunState.FAILED, RunState.IN_REVIEW)
