"""FiftyOne's delegated operations, as far as we use them: queue them, look them up.

An operation is one attempt at a run. Its state is never copied into the record.
"""

from dataclasses import dataclass

from bson import ObjectId
from fiftyone.core.dataset import Dataset
from fiftyone.factory import DelegatedOperationPagingParams, SortByField, SortDirection
from fiftyone.factory.repos.delegated_operation_doc import DelegatedOperationDocument
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionContext, ExecutionResult, ExecutionRunState

from auto_labeling.core import failure_reasons
from auto_labeling.core.errors import FailureReason
from auto_labeling.core.names import GENERATE_OPERATOR, PLUGIN
from auto_labeling.core.run import Run

_LABEL = "Auto-Labeling: "


@dataclass(frozen=True)
class Operation:
    """What a delegated operation says of itself.

    Args:
        state: one of ``queued``, ``scheduled``, ``running``, ``completed``, ``failed``
        error: the last line of its error, if it failed
        lost: whether it failed because its worker is gone
        reason: why it failed, for programs, as far as that is known
        details: the whole error, usually a traceback
        worker: the id of the worker of ours that has claimed it; empty for others'
    """

    state: str
    error: str = ""
    lost: bool = False
    reason: FailureReason = FailureReason.OTHER
    details: str = ""
    worker: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in ("completed", "failed")


def queue(dataset: Dataset, run: Run) -> str:
    """Queues the generation of a run's labels.

    The service is used directly, since ``execute_operator`` returns an unfinished task where an
    event loop is running (a notebook).

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the operation's id
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
        label=_LABEL + run.name,
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
    result = document.result.result if document.result else None
    facts = result if isinstance(result, dict) else {}
    last = text.splitlines()[-1] if text else ""
    lost = bool(facts.get("lost"))
    reason = FailureReason(facts.get("reason", "")) if lost else failure_reasons.of_text(last)
    return Operation(document.run_state, last, lost, reason, text, _worker(document))


# --- what a worker asks --------------------------------------------------------------------------

_LINK = "auto-labeling:"


@dataclass(frozen=True)
class Job:
    """A delegated operation, as a worker sees it.

    Args:
        id: its id
        operator: the operator's URI
        state: as in :class:`Operation`
        dataset_id: the ``ObjectId`` of its dataset, or None
        dataset: the name that the dataset had
        run_id: the run whose labels it generates; empty for other operators
        run_name: the run's name, then
        worker: the id of the worker of ours that has claimed it; empty for others'
    """

    id: str
    operator: str
    state: str
    dataset_id: ObjectId | None
    dataset: str
    run_id: str
    run_name: str
    worker: str


def link(worker_id: str) -> str:
    """What an operation says of the worker that claims it: its ``run_link``."""
    return _LINK + worker_id


def oldest_queued(everything: bool = False) -> Job | None:
    """The operation that has been queued for the longest time, if any is.

    Args:
        everything (False): whether to look at the operations of all plugins
    """
    first = DelegatedOperationPagingParams(
        sort_by=SortByField.QUEUED_AT,  # type: ignore[arg-type]  # its constants are plain values
        sort_direction=SortDirection.ASCENDING,  # type: ignore[arg-type]
        limit=1,
    )
    ours = None if everything else {"$regex": f"^{PLUGIN}/"}
    documents = DelegatedOperationService().list_operations(
        operator=ours, run_state=ExecutionRunState.QUEUED, paging=first
    )
    return _job(documents[0]) if documents else None


def claimed() -> list[Job]:
    """The operations that run, or should, on workers of ours."""
    documents = DelegatedOperationService().list_operations(
        run_state=ExecutionRunState.RUNNING, run_link={"$regex": f"^{_LINK}"}
    )
    return [_job(document) for document in documents]


def job(operation_id: str) -> Job | None:
    """A worker's view of an operation; None if it is gone."""
    try:
        return _job(DelegatedOperationService().get(ObjectId(operation_id)))
    except ValueError:
        return None


def fail(operation_id: str, reason: FailureReason, sentence: str) -> bool:
    """Marks a running operation as failed since its worker is gone.

    Args:
        operation_id: the operation's id
        reason: why, for programs
        sentence: why, for people

    Returns:
        whether it was running
    """
    result = ExecutionResult(result={"lost": True, "reason": reason.value}, error=sentence)
    return _end(operation_id, ExecutionRunState.RUNNING, result)


def withdraw(operation_id: str, reason: str) -> bool:
    """Marks an operation as failed that no worker has taken.

    Args:
        operation_id: the operation's id
        reason: why, in a sentence

    Returns:
        whether it was still queued
    """
    return _end(operation_id, ExecutionRunState.QUEUED, ExecutionResult(error=reason))


def _end(operation_id: str, state: str, result: ExecutionResult) -> bool:
    """Marks an operation in a certain state as failed; whether it was in that state."""
    changed = DelegatedOperationService().set_failed(
        ObjectId(operation_id), result=result, required_state=state
    )
    return changed is not None


def _job(document: DelegatedOperationDocument) -> Job:
    parameters = document.context.request_params if document.context else {}
    ours = document.operator == GENERATE_OPERATOR
    return Job(
        id=str(document.id),
        operator=document.operator,
        state=document.run_state,
        dataset_id=document.dataset_id,
        dataset=parameters.get("dataset_name") or "",
        run_id=(parameters.get("params") or {}).get("run_id", "") if ours else "",
        run_name=(document.label or "").removeprefix(_LABEL) if ours else "",
        worker=_worker(document),
    )


def _worker(document: DelegatedOperationDocument) -> str:
    run_link = document.run_link or ""
    return run_link.removeprefix(_LINK) if run_link.startswith(_LINK) else ""
