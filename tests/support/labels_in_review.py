"""Datasets with imported labels in review, without any image."""

import uuid
from pathlib import Path

import fiftyone as fo

from auto_labeling.lifecycle import importing
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from auto_labeling.storage.runs import RunStore

SAMPLES = 4


def make(kind, masks=None):
    """A dataset with labels of a person's, some of them without confidence."""
    dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
    samples = []
    for number in range(SAMPLES):
        sample = fo.Sample(filepath=f"/{number}.png", number=number, tags=["mine"])
        if number == SAMPLES - 1:
            pass  # without any
        elif kind == "classification":
            sample["truth"] = fo.Classification(label="a", confidence=number / 10)
        else:
            sample["truth"] = fo.Detections(
                detections=[
                    fo.Detection(label=name, bounding_box=[0, 0, 1, 1], confidence=c, extra=number)
                    for name, c in (("a", 0.2), ("b", None), ("c", 0.9))
                ]
            )
        samples.append(sample)
    dataset.add_samples(samples, progress=False, dynamic=True)
    return dataset


def in_review(kind, replace=False):
    dataset = make(kind)
    run = importing.import_labels(dataset, "truth", "" if replace else "checked", replace=replace)
    dataset.create_index(f"{run.label_root}.label")
    dataset.app_config.sidebar_groups = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    dataset.save()
    shown = Shown(dataset.view(), {f"{run.label_root}.label": _only("a")})
    promote(dataset, run.id, shown, SAMPLES - 1)
    return dataset, run


def with_mask_files(folder):
    """Detections whose masks are files in the run's own folder, as a model's run writes them."""
    dataset, run = in_review("detections")
    store = RunStore(dataset)
    config = run.config.model_copy(update={"mask_location": str(folder)})
    run = store.amend(run.id, config=config)
    for sample in dataset.match({run.staging_field: {"$type": "object"}}):
        path = Path(run.mask_folder) / sample.id[-2:]
        path.mkdir(parents=True, exist_ok=True)
        for number, label in enumerate(sample[run.staging_field].detections):
            label.mask_path = str(path / f"{sample.id}-{number}.png")
            Path(label.mask_path).write_bytes(b"png")
        sample.save()
    dataset.reload()
    return dataset, run


def _only(name):
    return {"values": [name], "exclude": False, "isMatching": False}
