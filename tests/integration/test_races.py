"""Several people review one run at once: every label ends in exactly one place."""

import base64
import json
import random
import threading

import fiftyone as fo
import pytest
from fiftyone.server.routes.sample import SampleRoutes
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote, undo
from auto_labeling.review.summary import summarize
from auto_labeling.storage import staging

SAMPLES, LABELS, THREADS = 60, 5, 8


@pytest.fixture
def labeled(dataset):
    dataset.delete_samples(dataset.values("id"))
    samples = []
    for number in range(SAMPLES):
        sample = fo.Sample(filepath=f"/{number}.png", number=number)
        sample["truth"] = fo.Detections(
            detections=[
                fo.Detection(label="abcde"[i], confidence=i / 5, bounding_box=[0, 0, 1, 1])
                for i in range(LABELS)
            ]
        )
        samples.append(sample)
    dataset.add_samples(samples, progress=False)
    return dataset


def ids(dataset, path):
    return [i for i in dataset.values(path, unwind=True) if i is not None]


@pytest.mark.parametrize("seed", range(4))
def test_eight_people_promote_undo_and_approve_at_once(labeled, seed):
    run = importing.import_labels(labeled, "truth", "checked")
    everything = set(ids(labeled, "truth.detections.id"))
    promote(labeled, run.id, Shown(labeled.limit(5)), 5 * LABELS)
    barrier, unexpected, sentences = threading.Barrier(THREADS), [], []

    def person(number):
        chance = random.Random(100 * seed + number)
        dataset = fo.load_dataset(labeled.name)
        barrier.wait()
        for turn in range(12):
            try:
                _do_something(dataset, run, chance, may_approve=turn > 5)
            except AutoLabelingError as error:
                sentences.append(str(error))
            except Exception as error:  # noqa: BLE001 - any other is what the test is about
                unexpected.append(error)

    threads = [threading.Thread(target=person, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not unexpected, unexpected
    if labeling.get(labeled, run.id).state is RunState.IN_REVIEW:
        view = Shown(labeled.limit(1))
        promote(labeled, run.id, view, summarize(labeled, run, view).current)
        approve(labeled, run.id)
    labeled.reload()
    approved = ids(labeled, "checked.detections.id")
    run = labeling.get(labeled, run.id)
    assert (run.state, run.approved) == (RunState.APPROVED, len(approved))
    assert len(approved) == len(set(approved)) and set(approved) <= everything
    assert labeled._sample_collection.count_documents({run.staging_field: {"$exists": True}}) == 0
    assert set(ids(labeled, "truth.detections.id")) == everything
    assert not labeled.has_field(run.staging_field)
    stored = str(list(labeled._sample_collection.find()))
    assert "promoted" not in stored
    assert all("checked_in_review" not in sentence for sentence in sentences)


def _do_something(dataset, run, chance, may_approve):
    deed = chance.choice(["promote", "promote", "class", "undo", "undo all", "approve"])
    if deed in ("promote", "class"):
        filters = {}
        if deed == "class":
            only = {"values": [chance.choice("abcde")], "exclude": False, "isMatching": False}
            filters = {f"{run.label_root}.label": only}
        first = chance.randrange(SAMPLES)
        base = dataset.view() if deed == "class" else dataset.skip(first).limit(10)
        shown = Shown(base, filters)
        promote(dataset, run.id, shown, summarize(dataset, run, shown).current)
    elif deed == "undo":
        undo(dataset, run.id, chance.choice("abcde"))
    elif deed == "undo all":
        undo(dataset, run.id)
    elif may_approve:
        approve(dataset, run.id)


def test_a_label_edited_in_the_app_while_labels_are_promoted_keeps_both(labeled):
    """Annotate mode writes whole samples, but is refused where its sample is out of date."""
    run = importing.import_labels(labeled, "truth", "checked")
    count = staging.count(labeled, run, staging.UNPROMOTED)
    labeled.reload()
    opened = labeled._sample_collection.find_one({"number": 0})
    promote(labeled, run.id, Shown(labeled.view()), count)
    late = edit(labeled, run, opened, "edited")
    assert late.status_code == 412, "the reviewer's sample was older than the promotion"
    assert staging.count(labeled, run, staging.UNPROMOTED) == 0
    opened = labeled._sample_collection.find_one({"number": 0})
    done = edit(labeled, run, opened, "edited")
    assert done.status_code == 200, done.text
    shown = Shown(labeled.view())
    table = {row.label: row.current for row in summarize(labeled, run, shown, "approval").rows}
    assert table["edited"] == 1 and sum(table.values()) == count
    undo(labeled, run.id, "edited")
    assert staging.count(labeled, run, staging.UNPROMOTED) == 1
    opened = labeled._sample_collection.find_one({"number": 0})
    approve(labeled, run.id)
    assert edit(labeled, run, opened, "too late").status_code in (400, 412)
    assert labeled._sample_collection.count_documents({run.staging_field: {"$exists": True}}) == 0
    labeled.reload()
    assert "too late" not in labeled.count_values("checked.detections.label")


def edit(dataset, run, opened, label):
    """What the App's annotate mode sends when a person changes the class of a sample's first label.

    Args:
        opened: the sample as the App has read it
    """
    stamp = opened["last_modified_at"].isoformat()
    etag = base64.b64encode(stamp.encode()).decode()
    change = {"op": "replace", "path": f"/{run.staging_field}/detections/0/label", "value": label}
    server = Starlette(routes=[Route(path, endpoint) for path, endpoint in SampleRoutes])
    client = TestClient(server, raise_server_exceptions=False)
    return client.patch(
        f"/dataset/{dataset._doc.id}/sample/{opened['_id']}",
        content=json.dumps([change]),
        headers={"If-Match": f'"{etag}"', "Content-Type": "application/json-patch+json"},
    )
