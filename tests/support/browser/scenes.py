"""Runs in every state, made by the verbs themselves; only clocks and counts are moved."""

import contextlib
from datetime import datetime, timedelta

import cv2
import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService

from auto_labeling.core.run import Progress, Run, RunConfig, RunState, StopReason, iso
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.storage import clock
from auto_labeling.storage.chunks import ChunkStore, Claim
from auto_labeling.storage.runs import RunStore

LONG_NAME = "Everything on the roads of the northern districts, second attempt, lower confidence"
UNBROKEN_NAME = "a_name_without_a_single_space_that_goes_on_and_on_for_as_long_as_it_may"
VEHICLES = ("car", "truck", "bus", "motorcycle", "bicycle", "train")

MINUTE, HOUR, DAY = 60, 3600, 86400
_CLASSES = ("car", "person", "traffic light", "über.größe $x", "a class with quite a long name")


def start(dataset, label_field, name="", ago=0, **answers) -> Run:
    """Starts a run of a real model, which no worker picks up."""
    answers = {"task": "detection", "model": "yolo11n-coco-torch", **answers}
    config = RunConfig(label_field=label_field, name=name, **answers)
    return at(dataset, labeling.start(dataset, config), ago)


def at(dataset, run: Run, ago: float, **changes) -> Run:
    """Moves a run's clock back, and sets other fields of its record."""
    then = iso(clock.now() - timedelta(seconds=ago))
    store = RunStore(dataset)
    record = store.amend(run.id, **changes).model_copy(
        update={"created_at": then, "changed_at": then}
    )
    store._store.set(f"run:{run.id}", record.model_dump(mode="json"))
    return store.get(run.id)


def generating(dataset, run: Run, done: int, **facts) -> Run:
    """Makes a run look as if a worker were at it, for as long as a test may take."""
    store = RunStore(dataset)
    run = store.move(run.id, RunState.GENERATING, attempt=1, new_token="t")
    DelegatedOperationService().set_running(ObjectId(run.operation_id))
    return _alive(dataset, run, done, **facts)


def _alive(dataset, run, done, **facts):
    beat_at = iso(datetime.fromisoformat(clock.stamp()) + timedelta(hours=2))
    facts = {"worker": "gpu-07.example:41235", "device": "cuda:0", **facts}
    RunStore(dataset).beat(run, Progress(token=run.token, done=done, beat_at=beat_at, **facts))
    return run


def failed(dataset, run: Run, error: str, reason=StopReason.ERROR) -> Run:
    """Stops a run as a worker does that has met an error."""
    DelegatedOperationService().set_failed(ObjectId(run.operation_id))
    return RunStore(dataset).move(run.id, RunState.FAILED, reason=reason, error=error)


def partly_failed(dataset, run: Run, errors) -> Run:
    """Ends a run as a worker does that could not label its first samples."""
    chunks, store = ChunkStore(dataset), RunStore(dataset)
    ids = chunks.sample_ids(run.id, 0)
    failures = [
        {"sample_id": i, "filepath": f"/data/{i}.jpg", "error": e}
        for i, e in zip(ids, errors, strict=False)
    ]
    claim = Claim(attempt=1, turn=1)
    assert chunks.claim(run.id, 0, claim) and chunks.mark_done(run.id, 0, claim, failures)
    store.move(run.id, RunState.GENERATING, attempt=1, new_token="t")
    return store.move(run.id, RunState.IN_REVIEW, failed=len(failures))


def approving(dataset, run: Run, alive: bool) -> Run:
    """Stops a run in the middle of its approval; ``alive`` if a process is still at it."""
    run = RunStore(dataset).move(run.id, RunState.APPROVING, new_token="t")
    return _alive(dataset, run, run.samples // 3) if alive else run


def die(dataset, run: Run):
    """Ends the process that seems to be at a run: it gives no more signs of life."""
    long_ago = iso(clock.now() - timedelta(hours=1))
    store = RunStore(dataset)
    store.beat(run, store.progress(run).model_copy(update={"beat_at": long_ago}))


def add_boxes(dataset, field: str, each: int, classes=_CLASSES, without=0):
    """Adds a field of boxes: ``each`` for every sample; one in ``without`` has no confidence."""
    random = np.random.default_rng(3)
    number = 0
    for sample in dataset.iter_samples(autosave=True):
        boxes = []
        for _ in range(each):
            number += 1
            sure = round(float(random.beta(3, 1.6)), 4)
            boxes.append(
                fo.Detection(
                    label=classes[int(random.integers(len(classes)) ** 2 / len(classes))],
                    confidence=None if without and number % without == 0 else sure,
                    bounding_box=[*random.uniform(0, 0.6, 2), *random.uniform(0.05, 0.4, 2)],
                )
            )
        sample[field] = fo.Detections(detections=boxes)


def imported(dataset, source: str, label_field: str, name: str) -> Run:
    """Imports existing labels into a run in review."""
    return importing.import_labels(dataset, source, label_field, name=name)


def add_classification_field(dataset, name):
    """Adds a field of classifications without any."""
    dataset.add_sample_field(name, fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification)


@contextlib.contextmanager
def videos(folder):
    """A dataset of one short video."""
    path = str(folder / "two.mp4")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), 5, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    dataset = fo.Dataset(persistent=True)
    try:
        dataset.add_sample(fo.Sample(path))
        yield dataset
    finally:
        dataset.delete()


def forget_operations(dataset):
    """Deletes the operations that were queued for a dataset's runs: no worker is to take them."""
    service = DelegatedOperationService()
    for run in RunStore(dataset).list():
        if run.operation_id:
            service.delete_operation(ObjectId(run.operation_id))
