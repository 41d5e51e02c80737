"""Approve: what is promoted, or was added by people, becomes the label field; the rest goes."""

import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any

from fiftyone.core.dataset import Dataset

from auto_labeling.core.account import Decision
from auto_labeling.core.errors import AutoLabelingError, IllegalTransition, LabelsChanged
from auto_labeling.core.history import ActionState
from auto_labeling.core.run import Run, RunState
from auto_labeling.lifecycle import liveness
from auto_labeling.review import audit_ledger, certifying
from auto_labeling.storage import (
    approval_counts,
    clock,
    decided_by,
    fields,
    mask_files,
    references,
    staging,
    write_stamp,
)
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.heartbeat import LEASE_SECONDS, Heartbeat
from auto_labeling.storage.history import HistoryStore
from auto_labeling.storage.runs import RunStore

logger = logging.getLogger(__name__)

#: Actions of the review that provenance lists.
_KEPT_ACTIONS = 1_000

#: How often the labels are counted again while others write.
_COUNTS = 5


def approve(
    dataset: Dataset,
    run_id: str,
    by: str = "",
    background: bool = False,
    expected: int | None = None,
    empty: bool = False,
) -> Run:
    """Moves the promoted labels to the label field and deletes all others of the run.

    Labels that people have added to the staging field are moved too, promoted or not. An approval
    whose process died is taken over and finished. Saved views, evaluations and brain runs that name
    the staging field name the label field afterwards.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        by (""): who approves
        background (False): whether to return at once and work in a thread
        expected (None): the number of labels to approve that the person was shown
        empty (False): whether samples with labels, of which none is kept, get an empty list of
            labels, as those in which nothing was found do; else they are left without

    Returns:
        the :class:`auto_labeling.core.run.Run`: approved, or approving if in the background

    Raises:
        IllegalTransition: if the run is not in review, is being approved by someone
            else, has nothing promoted, or its label field exists by now
        LabelsChanged: if it is not ``expected`` labels; nothing is approved then
    """
    store = RunStore(dataset)
    run = _claim(dataset, store, store.get(run_id), expected, empty)
    if not background:
        return _finish(dataset, store, run, by)
    alive = threading.Event()
    args = (dataset, store, run, by, alive)
    threading.Thread(target=_finish_quietly, args=args, daemon=True).start()
    alive.wait(LEASE_SECONDS)  # for a sign of life, before others look for one
    return run


def _finish_quietly(
    dataset: Dataset, store: RunStore, run: Run, by: str, alive: threading.Event
) -> None:
    try:
        _finish(dataset, store, run, by, alive)
    except Exception:  # the run is unchanged, and "Finish approval" continues
        logger.exception("The approval of '%s' stopped", run.name)


def _finish(
    dataset: Dataset, store: RunStore, run: Run, by: str, alive: threading.Event | None = None
) -> Run:
    with Heartbeat(store, run) as heartbeat:
        if alive:
            alive.set()
        return _steps(dataset, store, run, by, heartbeat)


def _steps(dataset: Dataset, store: RunStore, run: Run, by: str, heartbeat: Heartbeat) -> Run:
    staging.publish(dataset, run, after=_counter(heartbeat))
    references.rename(dataset, run.staging_field, run.config.label_field)
    mask_files.remove_unused(dataset, run)
    approved = staging.count_approved(dataset, run)
    _keep_provenance(dataset, run, approved, by)
    ChunkStore(dataset).remove(run)
    run = store.move(run.id, RunState.APPROVED, token=run.token, approved=approved)
    store.release(run)
    return run


def _counter(heartbeat: Heartbeat) -> Callable[[int], None]:
    """Adds up the samples of each part for the progress on the record."""
    lock, done = threading.Lock(), 0

    def count(samples: int) -> None:
        nonlocal done
        with lock:
            done += samples
            heartbeat.update(done=done)

    return count


def _claim(dataset: Dataset, store: RunStore, run: Run, expected: int | None, empty: bool) -> Run:
    """Makes this process the one that approves the run, and settles what is approved.

    From the claim on, no one can promote or undo. What was shown is compared with what
    is there only then, and if it has changed the run is in review again.
    """
    token = secrets.token_hex(8)
    if run.state is RunState.APPROVING:
        if not liveness.is_silent(store, run):
            raise IllegalTransition(f"'{run.name}' is already being approved")
        run = store.take_over(run.id, run.token, token)
    else:
        if run.state is RunState.IN_REVIEW:
            fields.require_staging_field(dataset, run)
            _refuse_taken_field(dataset, run)
            audit_ledger.settle(dataset, run.id)
        run = store.move(
            run.id,
            RunState.APPROVING,
            new_token=token,
            attempt=run.attempt + 1,
            expected=expected,
            marks_empty=empty,
            is_settled=False,
        )
    return run if run.is_settled else _settled(dataset, store, run)


def _settled(dataset: Dataset, store: RunStore, run: Run) -> Run:
    with Heartbeat(store, run):
        decided = _counted_at_rest(dataset, run)
        try:
            if run.expected is not None:
                _expect(decided, run.expected)
            _refuse_nothing(run, decided, run.marks_empty)
        except AutoLabelingError:
            store.move(run.id, RunState.IN_REVIEW, token=run.token, is_settled=True)
            raise
        actions = HistoryStore(dataset).list(run)
        decided = decided.model_copy(
            update={
                "people": decided_by.people(dataset, run, decided, actions),
                "relabeled": decided_by.relabeled(dataset, run, actions),
            }
        )
        return store.amend(run.id, token=run.token, decision=decided, is_settled=True)


def _counted_at_rest(dataset: Dataset, run: Run) -> Decision:
    """Counts again while others write: a promotion that began before the claim continues."""
    for _ in range(_COUNTS):
        before = write_stamp.stamp(dataset)
        decided = approval_counts.count(dataset, run)
        if before is None or write_stamp.stamp(dataset) == before:
            break
    return decided


def _refuse_nothing(run: Run, decided: Decision, empty: bool) -> None:
    """A run whose labels are all rejected can be closed; else it needs some to approve."""
    if empty and not run.many:
        raise AutoLabelingError(
            f"A sample of '{run.name}' has one label or none; it cannot be marked as empty"
        )
    if decided.not_looked_at and not decided.kept and not empty:
        raise IllegalTransition(
            f"No label of '{run.name}' is promoted; there is nothing to approve. Promote some, "
            "mark all samples as empty, or delete the run"
            if run.many
            else f"No label of '{run.name}' is promoted; there is nothing to approve"
        )


def _expect(decided: Decision, expected: int) -> None:
    if decided.kept != expected:
        raise LabelsChanged(
            f"The labels waiting for approval have changed: there are now {decided.kept:,}, "
            f"not {expected:,}. Nothing was approved; check the labels, then approve again"
        )


def _refuse_taken_field(dataset: Dataset, run: Run) -> None:
    dataset.reload()
    name = run.config.label_field
    if run.replaces:
        if not dataset.has_field(name):
            raise IllegalTransition(
                f"The field '{name}' no longer exists, so its labels cannot be replaced"
            )
        return
    if dataset.has_field(name) and fields.owner(dataset, name) != run.id:
        raise IllegalTransition(
            f"A field '{name}' was created by someone else after this run started. Nothing was "
            "changed. Rename that field, then approve"
        )


def _actions(dataset: Dataset, run: Run) -> list[dict[str, Any]]:
    """The last actions on the labels, newest first, without those that were undone."""
    actions = [a for a in HistoryStore(dataset).list(run) if a.state is not ActionState.UNDONE]
    return [
        {"verb": a.verb, "about": a.about, "labels": a.labels, "by": a.by, "at": a.at}
        for a in actions[:_KEPT_ACTIONS]
    ]


def provenance_key(run: Run) -> str:
    """The key of the FiftyOne custom run that keeps where approved labels came from."""
    return f"auto_labeling_{run.id}"


def _keep_provenance(dataset: Dataset, run: Run, approved: int, by: str) -> None:
    """Keeps where the labels came from as a FiftyOne custom run, for good."""
    key = provenance_key(run)
    decided = run.decision or Decision(promoted=approved)
    certificate = certifying.summary(dataset, run.id)
    config = dataset.init_run(
        method="auto_labeling",
        run=run.id,
        name=run.name,
        config=run.config.model_dump(mode="json"),
        license=run.license,
        samples=run.samples,
        failed=run.failed,
        generated=run.labels,
        approved=approved,
        promoted=decided.promoted,
        rejected=decided.rejected,
        not_looked_at=decided.not_looked_at,
        added=decided.added,
        marked_empty=decided.empty + (decided.bare if run.marks_empty else 0),
        people=decided.people,
        relabeled=decided.relabeled,
        actions=_actions(dataset, run),
        thresholds=dict(run.thresholds),
        source=run.source,
        replaced=run.replaces,
        since_import={
            "added": decided.since_added,
            "changed": decided.since_changed,
            "deleted": decided.since_deleted,
        },
        created_by=run.created_by,
        created_at=run.created_at,
        approved_by=by,
        approved_at=clock.stamp(),
        **({"certificate": certificate} if certificate else {}),
    )
    dataset.register_run(key, config, overwrite=True)
