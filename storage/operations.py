"""FiftyOne's delegated operations, as far as we use them: queue one, look at one.

An operation is one attempt at a run. Its state is never copied into the record.
"""

from dataclasses import dataclass

from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionContext

from auto_labeling.names import GENERATE_OPERATOR
from auto_labeling.run import Run


@dataclass(frozen=True)
class Operation:
    """What a delegated operation says of itself.

    Args:
        state: one of ``queued``, ``scheduled``, ``running``, ``completed``, ``failed``
        error: the last line of its error, if it failed
    """

    state: str
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in ("completed", "failed")


def queue(dataset, run: Run) -> str:
    """Queues the generation of a run's labels and returns the operation's id.

    The service is used directly, since ``execute_operator`` returns an unfinished task
    where an event loop is running (a notebook).
    """
    context = ExecutionContext(
        request_params={
            "dataset_id": str(dataset._doc.id),
            "dataset_name": dataset.name,
            "params": {"run_id": run.id},
            "delegated": True,
        },
        operator_uri=GENERATE_OPERATOR,
    )
    operation = DelegatedOperationService().queue_operation(
        operator=GENERATE_OPERATOR,
        label=f"Auto-Labeling: {run.name}",
        context=context.serialize(),
        metadata={"inputs_schema": None, "outputs_schema": None},
        rerunnable=False,
    )
    return str(operation.id)


def look_up(operation_id: str) -> Operation | None:
    """Returns an operation, or None if it is gone."""
    try:
        document = DelegatedOperationService().get(ObjectId(operation_id))
    except ValueError:  # FiftyOne's word for "no such operation"
        return None
    if document is None:
        return None
    text = ((document.result and document.result.error) or "").strip()
    return Operation(document.run_state, text.splitlines()[-1] if text else "")
