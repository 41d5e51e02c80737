"""Eight people act on one run at once: no label is lost, and all can be undone."""

import contextlib
import os
import random
from concurrent.futures import ThreadPoolExecutor

import fiftyone as fo
import pytest

import auto_labeling as al
from auto_labeling.core.errors import IllegalTransition as NothingToUndo
from auto_labeling.review import snapshot
from auto_labeling.review.undoing import last_action
from auto_labeling.storage import approval_counts

THREADS = 8
ACTIONS = int(os.environ.get("REVIEWERS_ACTIONS", "4"))
CLASSES = ("a", "b", "c")


def boxes(chance):
    return [
        fo.Detection(
            label=chance.choice(CLASSES), bounding_box=[0, 0, 1, 1], confidence=chance.random()
        )
        for _ in range(4)
    ]


ACTS = (
    lambda run, chance, some: al.promote(run, min_confidence=chance.random()),
    lambda run, chance, some: al.promote(run, sample_ids=some),
    lambda run, chance, some: al.reject(run, classes=[chance.choice(CLASSES)]),
    lambda run, chance, some: al.reject(run, view=run.dataset.select(some)),
    lambda run, chance, some: al.undo(run, "rejected"),
    lambda run, chance, some: al.undo(run, classes=[chance.choice(CLASSES)]),
    lambda run, chance, some: al.relabel(run, {"a": "b", "b": "c", "c": "a"}),
    lambda run, chance, some: al.relabel(run, "b", classes=["a"], sample_ids=some),
    lambda run, chance, some: al.undo_last(run),
)


def review(dataset, run_id, number):
    """The actions of one person."""
    chance, run = random.Random(number), al.get(dataset, run_id)
    for _ in range(ACTIONS):
        with contextlib.suppress(NothingToUndo):
            chance.choice(ACTS)(run, chance, chance.sample(dataset.values("id"), 5))


@pytest.mark.parametrize("in_memory", [True, False])
def test_eight_people_act_at_once(dataset, in_memory, monkeypatch):
    if not in_memory:  # then no lock of a process keeps them apart
        monkeypatch.setattr(snapshot, "MAX_LABELS", -1)
    chance = random.Random(7)
    samples = [
        fo.Sample(filepath=f"/{n}.png", truth=fo.Detections(detections=boxes(chance)))
        for n in range(40)
    ]
    dataset.add_samples(samples, progress=False)
    run = al.import_labels(dataset, "truth", "checked")
    al.promote(run, min_confidence=0.9)
    al.relabel(run, "a", classes=["b"], sample_ids=dataset.values("id")[:5])
    while last_action(dataset, run.record):
        al.undo_last(run)
    first = stored(run)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: review(dataset, run.id, number), range(THREADS)))
    totals = al.labels(run).totals
    assert sum(totals.values()) == 160, "no label is lost"
    counted = approval_counts.count(dataset, run.record)
    assert (counted.promoted, counted.rejected) == (totals["approval"], totals["rejected"])
    while last_action(dataset, run.record):
        al.undo_last(run)
    assert stored(run) == first


def stored(run):
    samples = run.dataset._sample_collection.find({}, {"last_modified_at": 0})
    return list(samples.sort("_id", 1))
