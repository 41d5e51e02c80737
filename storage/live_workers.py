"""Which workers are alive: each reports in its own key, for all datasets of a database."""

from fiftyone.operators.store import ExecutionStore

from auto_labeling.core.names import WORKERS_STORE
from auto_labeling.core.run import Worker
from auto_labeling.storage import clock
from auto_labeling.storage.heartbeat import LEASE_SECONDS


def beat(worker: Worker) -> None:
    """Says what a worker does, and that it is alive."""
    seen = worker.model_copy(update={"beat_at": clock.stamp()})
    _store().set(worker.id, seen.model_dump(mode="json"))


def remove(worker_id: str) -> None:
    """Forgets a worker."""
    _store().delete(worker_id)


def live() -> list[Worker]:
    """The workers that have given a sign of life lately, the longest-serving first."""
    return [worker for worker in _known() if is_alive(worker)]


def expired() -> list[Worker]:
    """The workers that have fallen silent without saying goodbye."""
    return [worker for worker in _known() if not is_alive(worker)]


def is_alive(worker: Worker) -> bool:
    """Whether a worker's last sign of life is recent enough."""
    return clock.age(worker.beat_at) < LEASE_SECONDS


def _known() -> list[Worker]:
    store = _store()
    values = (store.get(key) for key in store.list_keys())
    workers = [Worker.model_validate(value) for value in values if value is not None]
    return sorted(workers, key=lambda worker: (worker.started_at, worker.id))


def _store() -> ExecutionStore:
    return ExecutionStore.create(WORKERS_STORE)
