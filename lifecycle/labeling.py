"""What can be done with a run, in the order of its life. Start reading here.

This is the one door to runs: the ways in, workers and tests call ``labeling.<name>``, whichever
module has the code. So a verb or a question that outgrows this file moves without a change to its
many callers. ``serving/`` may import nothing else of this folder (``tests/unit/test_house.py``).
A name that is imported ``as`` itself below is part of the door. Modules about something other than
a run are called directly: ``importing``, ``media``, ``remarks``.

Everything takes a dataset and plain values, so that the panel, the operators, the command
line, a notebook and a test call the same functions. Reviewing is in ``review/``.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fiftyone.core.dataset import Dataset
from pymongo.errors import PyMongoError

from auto_labeling.core.errors import (
    AttemptRevoked,
    AutoLabelingError,
)
from auto_labeling.core.run import NOT_STOPPED, Run, RunConfig, RunState, stopped_by
from auto_labeling.engine.generation import Generation
from auto_labeling.engine.ray import limits
from auto_labeling.lifecycle import importing, persistence, resuming, validation, worker_check
from auto_labeling.lifecycle.deleting import delete as delete
from auto_labeling.lifecycle.doctor import Finding as Finding
from auto_labeling.lifecycle.doctor import examine as examine
from auto_labeling.lifecycle.monitoring import about_orphan as about_orphan
from auto_labeling.lifecycle.monitoring import datasets as datasets
from auto_labeling.lifecycle.monitoring import failed_ids as failed_ids
from auto_labeling.lifecycle.monitoring import failure_kinds as failure_kinds
from auto_labeling.lifecycle.monitoring import failures as failures
from auto_labeling.lifecycle.monitoring import get
from auto_labeling.lifecycle.monitoring import is_worked_on as is_worked_on
from auto_labeling.lifecycle.monitoring import log_tail as log_tail
from auto_labeling.lifecycle.monitoring import measured_speeds as measured_speeds
from auto_labeling.lifecycle.monitoring import newer_runs as newer_runs
from auto_labeling.lifecycle.monitoring import operation as operation
from auto_labeling.lifecycle.monitoring import orphans as orphans
from auto_labeling.lifecycle.monitoring import progress as progress
from auto_labeling.lifecycle.monitoring import record as record
from auto_labeling.lifecycle.monitoring import references as references
from auto_labeling.lifecycle.monitoring import require_database as require_database
from auto_labeling.lifecycle.monitoring import runs as runs
from auto_labeling.lifecycle.monitoring import target_ids as target_ids
from auto_labeling.lifecycle.monitoring import versions as versions
from auto_labeling.lifecycle.monitoring import workers as workers
from auto_labeling.lifecycle.persistence import NOT_PERSISTENT as NOT_PERSISTENT
from auto_labeling.lifecycle.persistence import is_persistent as is_persistent
from auto_labeling.lifecycle.preflight import Preflight as Preflight
from auto_labeling.lifecycle.preflight import cautions as cautions
from auto_labeling.lifecycle.preflight import preflight as preflight
from auto_labeling.lifecycle.preview import MAX_PREVIEW_SAMPLES as MAX_PREVIEW_SAMPLES
from auto_labeling.lifecycle.preview import Preview as Preview
from auto_labeling.lifecycle.preview import Trial as Trial
from auto_labeling.lifecycle.preview import preview as preview
from auto_labeling.lifecycle.preview import trial as trial
from auto_labeling.lifecycle.promoted_counts import promoted_counts as promoted_counts
from auto_labeling.lifecycle.resuming import missing_field as missing_field
from auto_labeling.lifecycle.stopping import cancel as cancel
from auto_labeling.lifecycle.stopping import rename as rename
from auto_labeling.lifecycle.stopping import skip as skip
from auto_labeling.lifecycle.validation import draft as draft
from auto_labeling.lifecycle.validation import source_fields as source_fields
from auto_labeling.lifecycle.validation import unknown_samples as unknown_samples
from auto_labeling.models import catalog
from auto_labeling.storage import clock, fields, operations, speeds, staging
from auto_labeling.storage.account import account as account
from auto_labeling.storage.account import account_fields
from auto_labeling.storage.chunks import ChunkStore, chunk_size
from auto_labeling.storage.dataset_classes import class_sources as class_sources
from auto_labeling.storage.dataset_classes import classes_of as classes_of
from auto_labeling.storage.guessed_ranges import GuessStore
from auto_labeling.storage.heartbeat import Heartbeat
from auto_labeling.storage.loaded_datasets import load_dataset as load_dataset
from auto_labeling.storage.runs import RunStore


def check(dataset: Dataset, answers: Mapping[str, Any]) -> RunConfig:
    """Turns answers into a run's configuration, or names everything that is wrong.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        answers: a dict with the fields of :class:`auto_labeling.core.run.RunConfig`

    Returns:
        the configuration

    Raises:
        ConfigError: with a sentence for every wrong field
    """
    return validation.check(dataset, answers, RunStore(dataset))


def max_workers() -> int:
    """The most workers that a run may ask for."""
    return limits.max_workers()


def start(
    dataset: Dataset,
    config: RunConfig,
    sample_ids: Iterable[str] | None = None,
    author: str = "",
    queue: bool = True,
    persist: bool = False,
) -> Run:
    """Records a run, freezes its target samples and queues it for a worker.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: what to do
        sample_ids (None): the ids of the target samples; None means all
        author (""): who asks for it
        queue (True): whether a worker is to do it; if not, call :func:`generate`
        persist (False): whether to make the dataset persistent where that is needed

    Returns:
        the :class:`auto_labeling.core.run.Run`, queued

    Raises:
        ConfigError: if the configuration does not fit the dataset, or there
            are no target samples; or a worker is to do it, and the dataset is not persistent
    """
    config = check(dataset, config.model_dump())
    worker_check.require(config, queue)
    ids = validation.frozen_ids(dataset, sample_ids, config)
    if queue:
        persistence.require(dataset, persist)
    store = RunStore(dataset)
    run = store.create(
        Run(
            id=secrets.token_hex(6),
            config=config,
            created_at=clock.stamp(),
            created_by=author,
            license=catalog.get_model(config.model).license,
            delegated=queue,
            own_source=fields.has_source(dataset, config.source_field),
        )
    )
    try:
        with Heartbeat(store, run):  # freezing the targets of a large dataset takes minutes
            run = _freeze(dataset, store, run, ids)
            return _queue(dataset, store, run) if queue else run
    except Exception as error:
        store.move(run.id, RunState.FAILED, **stopped_by(error))
        raise


def generate(
    dataset: Dataset, run_id: str, report: Callable[[float, str], None] | None = None
) -> Run:
    """Labels the samples of a run that still wait. This is what a worker does.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        report (None): called with the fraction done and a line of text, now and then

    Returns:
        the run, in review

    Raises:
        IllegalTransition: if the run is not queued; so a second worker loses here
        AttemptRevoked: if the run was canceled, approved or deleted since
        CannotWrite: if the disk or the database takes no further labels or masks; the run stops
    """
    began = time.monotonic()
    store = RunStore(dataset)
    run = store.get(run_id)
    run = store.move(
        run_id, RunState.GENERATING, attempt=run.attempt + 1, new_token=secrets.token_hex(8)
    )
    try:
        with Heartbeat(store, run) as heartbeat:
            counts = Generation(dataset, run, store, heartbeat, report).run()
            fields.require_staging_field(dataset, run)
            run = store.move(
                run_id,
                RunState.IN_REVIEW,
                token=run.token,
                labels=staging.count(dataset, run),
                failed=counts["failed"],
                guessed=GuessStore(dataset).count(run_id),
                **account_fields(dataset, run),
            )
    except AttemptRevoked:
        raise
    except Exception as error:
        # If the run was canceled or taken over since, that stands. A database that refuses may
        # refuse this, too; what was wrong first is what the worker's log must say.
        with contextlib.suppress(AutoLabelingError, PyMongoError):
            store.move(run_id, RunState.FAILED, token=run.token, **stopped_by(error))
        raise
    speeds.record(run, store.progress(run), counts["tried"], time.monotonic() - began)
    return run


def resume(dataset: Dataset, run_id: str, queue: bool = True, again: bool = False) -> Run:
    """Queues a failed run again, or the failed samples of a run in review.

    Samples that are labeled or done, and promotions, are left alone.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        queue (True): whether a worker is to do it; if not, call :func:`generate`
        again (False): whether to label all samples again if the staging field is gone

    Returns:
        the run, queued

    Raises:
        IllegalTransition: if there is nothing to resume
        FieldGone: if the staging field was deleted or renamed, and ``again`` is false
    """
    store = RunStore(dataset)
    run = get(dataset, run_id)
    if run.source:
        return importing.resume(dataset, run)
    resuming.require_resumable(dataset, run, again)
    if queue:
        persistence.require(dataset)
    store.reserve(run)  # its start may have been interrupted before it did
    run = store.move(
        run_id,
        RunState.QUEUED,
        **NOT_STOPPED,
        account=None,
        operation_id="",
        new_token="",
        delegated=queue,
    )
    try:
        with Heartbeat(store, run, keep=True):  # marking a large dataset's samples takes long
            resuming.await_labels(dataset, run, again)
            return _queue(dataset, store, run) if queue else run
    except Exception as error:
        store.move(run_id, RunState.FAILED, **stopped_by(error))
        raise


def _freeze(dataset: Dataset, store: RunStore, run: Run, sample_ids: Sequence[str]) -> Run:
    chunks = ChunkStore(dataset)
    size = chunk_size(len(sample_ids), run.config.workers)
    fields.declare(dataset, run)
    starts = range(0, len(sample_ids), size)
    for index, first in enumerate(starts):
        ids = sample_ids[first : first + size]
        chunks.freeze(run.id, index, ids)
        staging.await_labels(dataset, run, ids)
        if index % 20 == 0:
            # Also fails if the run was deleted since, before more marks are made.
            store.amend(run.id, chunks=index)
    return store.amend(run.id, samples=len(sample_ids), chunks=len(starts), frozen=True)


def _queue(dataset: Dataset, store: RunStore, run: Run) -> Run:
    return store.amend(run.id, operation_id=operations.queue(dataset, run))
