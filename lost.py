"""Why an active run will not finish by itself, if it will not: its worker is gone, as a rule."""

from auto_labeling.run import Run, RunState
from auto_labeling.storage.heartbeat import LEASE_SECONDS, is_alive

#: Seconds that a worker may take between claiming an operation and its first sign of life.
START_UP_SECONDS = max(60.0, LEASE_SECONDS)


def why_lost(run: Run, progress, operation, waited: float) -> tuple[str, str] | None:
    """Says why an active run will not finish by itself, if it will not.

    Args:
        run: an active run
        progress: its attempt's progress, or None
        operation: its :class:`auto_labeling.storage.operations.Operation`, or None
        waited: seconds since the record changed

    Returns:
        ``(reason, sentence)``, or None if all is well
    """
    if run.state is RunState.IMPORTING:
        if is_alive(progress) or waited <= LEASE_SECONDS:
            return None
        return "worker lost", "The App stopped while labels were being copied; resume to go on"
    return _why_worker_lost(run, progress, operation, waited)


def _why_worker_lost(run, progress, operation, waited):
    if operation and operation.state == "failed":
        said = operation.error or "The delegated operation was marked as failed"
        return "worker lost" if operation.lost else "error", said
    if run.state is RunState.GENERATING:
        if not is_alive(progress) and waited > LEASE_SECONDS:
            return "worker lost", (
                "The worker stopped without saying why (killed, out of memory, or its machine "
                "went away). What it had labeled is kept; resume to label the rest"
            )
        return None
    if waited < START_UP_SECONDS:
        return None
    if not run.operation_id:
        return "worker lost", "The run was interrupted while it was being started"
    if operation is None:
        return "worker lost", "Its delegated operation was deleted before a worker took it"
    if operation.is_over or operation.state == "running":
        return "worker lost", operation.error or "The worker stopped before it began to label"
    return None
