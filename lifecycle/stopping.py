"""Cancel a run, continue to review with the labels it has, or give it another name."""

import secrets
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import IllegalTransition
from auto_labeling.core.run import NOT_STOPPED, Run, RunState, StopReason
from auto_labeling.lifecycle import resuming, validation
from auto_labeling.lifecycle.monitoring import get
from auto_labeling.storage import operations, staging
from auto_labeling.storage.account import account_fields
from auto_labeling.storage.guessed_ranges import GuessStore
from auto_labeling.storage.runs import RunStore


def cancel(dataset: Dataset, run_id: str, by: str = "") -> Run:
    """Stops a run that is queued or generating. You can resume it, or review its labels.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        by (""): who cancels it

    Returns:
        the run, failed

    Raises:
        IllegalTransition: if the run is not active
    """
    reason = f"Canceled by {by}" if by else "Canceled"
    token = secrets.token_hex(8)
    run = RunStore(dataset).move(
        run_id, RunState.FAILED, reason=StopReason.CANCELLED, error=reason, new_token=token
    )
    _withdraw(run, reason)
    return run


def skip(dataset: Dataset, run_id: str) -> Run:
    """Continues to review with the labels that a failed run has made (skip and continue).

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Returns:
        the run, in review

    Raises:
        IllegalTransition: if the run has not stopped
        FieldGone: if its staging field was deleted or renamed
    """
    store = RunStore(dataset)
    run = get(dataset, run_id)
    if run.state is not RunState.FAILED:
        raise IllegalTransition(f"'{run.name}' is {run.status.lower()}, not stopped")
    resuming.require_field(dataset, run)
    skipped = staging.count_waiting(dataset, run)
    run = store.move(
        run_id,
        RunState.IN_REVIEW,
        new_token=secrets.token_hex(8),
        **NOT_STOPPED,
    )
    staging.stop_waiting(dataset, run)
    failed = 0 if run.source else skipped  # what was not imported has not failed
    counts: dict[str, Any] = {"labels": staging.count(dataset, run), "failed": failed}
    counts["guessed"] = GuessStore(dataset).count(run_id)
    account_now = account_fields(dataset, run.model_copy(update=counts))
    return store.amend(run_id, token=run.token, **counts, **account_now)


def rename(dataset: Dataset, run_id: str, name: str) -> Run:
    """Gives a run another name, in any state.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        name: the new name; empty for one made from model and label field

    Returns:
        the run

    Raises:
        ConfigError: if the name cannot be used
    """
    store = RunStore(dataset)
    answers = {**store.get(run_id).config.model_dump(), "name": name}
    return store.amend(run_id, config=validation.parse(answers))


def _withdraw(run: Run, reason: str) -> None:
    """Spares a worker an operation that is still queued; one that takes it first is refused."""
    if run.operation_id:
        operations.withdraw(run.operation_id, reason)
