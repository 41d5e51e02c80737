"""What the engine's benchmark stands on: a private database, photographs, datasets, and runs."""

import contextlib
import os
import shutil
import tempfile
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path
from unittest import mock

from auto_labeling.demo import data
from auto_labeling.demo import database as mongo

WIDTH, HEIGHT = 640, 360
_IMAGES = 64
_INSERTED_AT_ONCE = 2_000


@contextlib.contextmanager
def place():
    """A folder, and a private database for as long as the context lasts."""
    os.environ.pop(mongo.URI_VARIABLE, None)
    with tempfile.TemporaryDirectory(prefix="auto-labeling-bench-") as name:
        folder = Path(name)
        os.environ.update(
            FIFTYONE_DATABASE_NAME=f"auto_labeling_bench_{uuid.uuid4().hex[:8]}",
            FIFTYONE_DO_NOT_TRACK="true",
            FIFTYONE_MODEL_ZOO_DIR=str(folder / "zoo"),
            FIFTYONE_AUTO_LABELING_TRUSTED="benchmarks.models",
            FIFTYONE_DATABASE_VALIDATION="false",  # no word on the age of the server at each import
            YOLO_AUTOINSTALL="false",
            OMP_NUM_THREADS="1",
        )
        with mongo.provide(folder / "db") as database:
            os.environ[mongo.URI_VARIABLE] = database.uri
            yield folder


def photographs(folder) -> list[str]:
    """Writes JPEGs of 640 by 360: cuts of real photographs, all different."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    sources = [Image.open(path).convert("RGB") for path in data.photos()]
    folder = Path(folder) / "images"
    folder.mkdir()
    paths = []
    for number in range(_IMAGES):
        source = sources[number % len(sources)]
        width = min(source.width, source.height * 16 // 9)
        width = int(width * random.uniform(0.7, 1))
        height = width * 9 // 16
        left = int(random.integers(0, source.width - width + 1))
        top = int(random.integers(0, source.height - height + 1))
        cut = source.crop((left, top, left + width, top + height)).resize((WIDTH, HEIGHT))
        path = folder / f"{number:02}.jpg"
        cut.save(path, quality=90)
        paths.append(str(path))
    return paths


def dataset(paths, samples: int):
    """A dataset of image samples; file paths repeat. Inserted directly, since that is quick."""
    import fiftyone as fo
    from bson import ObjectId

    made = fo.Dataset(persistent=True)
    made.add_sample(fo.Sample(paths[0]))  # declares the media type
    now = datetime.now(timezone.utc)
    for first in range(1, samples, _INSERTED_AT_ONCE):
        made._sample_collection.insert_many(
            {
                "_id": ObjectId(),
                "filepath": paths[number % len(paths)],
                "tags": [],
                "_media_type": "image",
                "_rand": 0.5,
                "_dataset_id": made._doc.id,
                "created_at": now,
                "last_modified_at": now,
            }
            for number in range(first, min(samples, first + _INSERTED_AT_ONCE))
        )
    made.reload()
    assert len(made) == samples
    return made


class Ours:
    """A run of ours on a dataset, deleted afterwards.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        config: the run's :class:`auto_labeling.core.run.RunConfig`
    """

    def __init__(self, dataset, **config):
        from auto_labeling.core.run import RunConfig
        from auto_labeling.lifecycle import labeling

        self._verbs = labeling
        self.dataset = dataset
        self.config = RunConfig(label_field=f"ours_{uuid.uuid4().hex[:6]}", **config)

    def __enter__(self):
        self.run = self._verbs.start(self.dataset, self.config)
        return self

    def generate(self) -> float:
        """Labels everything in this process; returns the seconds.

        Without those in which the model is loaded: other sides begin with a model.
        """
        from auto_labeling.engine import generation

        loading, load = [], generation._load

        def timed(run):
            began = time.perf_counter()
            model = load(run)
            loading.append(time.perf_counter() - began)
            return model

        with mock.patch.object(generation, "_load", timed):
            began = time.perf_counter()
            run = self._verbs.generate(self.dataset, self.run.id)
            seconds = time.perf_counter() - began - sum(loading)
        assert not run.failed and run.state.value == "in_review", run
        return seconds

    def __exit__(self, *_):
        self._verbs.delete(self.dataset, self.run.id)


def stock(view, model, folder=None, **options) -> float:
    """``apply_model`` on a view; returns the seconds. Its field and files are removed."""
    field = f"stock_{uuid.uuid4().hex[:6]}"
    if folder is not None:
        options["output_dir"] = str(Path(folder) / field)
    began = time.perf_counter()
    view.apply_model(model, label_field=field, progress=False, **options)
    seconds = time.perf_counter() - began
    view._dataset.delete_sample_field(field)
    if folder is not None:
        shutil.rmtree(options["output_dir"])
    return seconds
