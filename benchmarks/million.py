"""A dataset with a million labels in review, made by direct inserts, and a naive model of them."""

from datetime import datetime, timezone

import numpy as np
from bson import ObjectId

LABELS = 10
CLASSES = 80
_BATCH = 2_000


class Truth:
    """What the labels are, as plain arrays: the oracle that every number is compared with.

    Args:
        samples: the number of samples
        seed (0): of the random labels
    """

    def __init__(self, samples, seed=0):
        random = np.random.default_rng(seed)
        self.code = random.integers(0, CLASSES, (samples, LABELS))
        self.confidence = random.random((samples, LABELS))
        self.promoted = np.zeros((samples, LABELS), dtype=bool)
        self.sample_ids = [ObjectId() for _ in range(samples)]
        self.label_ids = np.array(
            [[ObjectId() for _ in range(LABELS)] for _ in range(samples)], dtype=object
        )
        self.left = random.random((samples, LABELS)) * 0.8

    def counts(self, wanted) -> dict:
        """How many labels of each class are wanted; classes without any are left out."""
        counts = np.bincount(self.code[wanted], minlength=CLASSES)
        return {name(i): int(n) for i, n in enumerate(counts) if n}

    def documents(self, field, dataset, review):
        """The samples, with their labels in a field."""
        now = datetime.now(timezone.utc)
        for number, sample_id in enumerate(self.sample_ids):
            yield {
                "_id": sample_id,
                "filepath": f"/nowhere/{number}.jpg",
                "tags": [],
                "_media_type": "image",
                "_rand": 0.5,
                "_dataset_id": dataset._doc.id,
                "created_at": now,
                "last_modified_at": now,
                "number": number,
                field: {"_cls": "Detections", "detections": self._labels(number, review)},
            }

    def _labels(self, number, review):
        marker = {"review": "unpromoted"} if review else {}
        return [
            {
                "_id": label_id,
                "_cls": "Detection",
                "attributes": {},
                "tags": [],
                "label": name(code),
                "bounding_box": [left, 0.1, 0.2, 0.2],
                "confidence": confidence,
                **marker,
            }
            for label_id, code, confidence, left in zip(
                self.label_ids[number],
                self.code[number].tolist(),
                self.confidence[number].tolist(),
                self.left[number].tolist(),
                strict=True,
            )
        ]


def name(code) -> str:
    """The name of a class."""
    return f"class {code}"


def insert(dataset, truth, field, review):
    """Fills a dataset."""
    batch = []
    for document in truth.documents(field, dataset, review):
        batch.append(document)
        if len(batch) == _BATCH:
            dataset._sample_collection.insert_many(batch, ordered=False)
            batch = []
    if batch:
        dataset._sample_collection.insert_many(batch, ordered=False)
    dataset.reload()


def in_review(truth, title):
    """A dataset with a run whose labels are all generated.

    Returns:
        ``(dataset, run)``
    """
    import fiftyone as fo

    from auto_labeling.core.run import Run, RunConfig, RunState, Task
    from auto_labeling.storage import clock, fields
    from auto_labeling.storage.runs import RunStore

    dataset = fo.Dataset(title, persistent=True)
    dataset.media_type = "image"
    dataset.add_sample_field("number", fo.IntField)
    config = RunConfig(task=Task.DETECTION, model="benchmark", label_field="boxes")
    labels = truth.code.size
    run = Run(id="benchmark", config=config, created_at=clock.stamp(), frozen=True, labels=labels)
    store = RunStore(dataset)
    store.create(run.model_copy(update={"samples": len(truth.sample_ids)}))
    fields.declare(dataset, run)
    insert(dataset, truth, run.staging_field, review=True)
    store.move(run.id, RunState.GENERATING)
    return dataset, store.move(run.id, RunState.IN_REVIEW)


def existing(truth, title):
    """A dataset with a user's own labels in the field ``ground_truth``."""
    import fiftyone as fo

    dataset = fo.Dataset(title, persistent=True)
    dataset.add_sample_field("number", fo.IntField)
    dataset.add_sample_field(
        "ground_truth", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
    )
    insert(dataset, truth, "ground_truth", review=False)
    return dataset
