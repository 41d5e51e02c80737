"""Deletes a run and everything that it left behind."""

import secrets

from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import RunState
from auto_labeling.storage import log_tails, mask_files, operations, staging
from auto_labeling.storage.audit_ledgers import LedgerStore
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.history import HistoryStore
from auto_labeling.storage.runs import RunStore


def delete(dataset: Dataset, run_id: str) -> None:
    """Deletes a run with its staged labels; approved labels stay.

    Everything that the run left is removed, even if a person has changed its staging field since.
    Mask files that a label of this database still names, in any field, stay.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id

    Raises:
        IllegalTransition: while the run is being approved
    """
    store = RunStore(dataset)
    run = store.get(run_id)
    approved = run.state is RunState.APPROVED
    if run.state is not RunState.DELETING:
        run = store.move(run_id, RunState.DELETING, new_token=secrets.token_hex(8))
    if run.operation_id:
        operations.withdraw(run.operation_id, "Its run was deleted")
    if not approved:
        staging.clear(dataset, run)
        mask_files.remove_unused(dataset, run)
    ChunkStore(dataset).remove(run)
    LedgerStore(dataset).remove(run.id)
    log_tails.remove(dataset, run.id)
    HistoryStore(dataset).remove(run)
    store.remove(run)
