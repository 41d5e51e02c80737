"""A scripted model: exact oracles and failure injection, in this process or a worker's.

Each image is filled with a color that encodes its number; the model reads the number and
answers as scripted. Never the only proof of anything: real models have tests of their own.
"""

import os
import time

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee", "cat.x", "dög 🐕", "$egg")

#: Numbers of images on which the model raises, and seconds that it takes for each image.
FAILS = "SCRIPTED_FAILS"
DELAY = "SCRIPTED_DELAY"


def write_images(folder, count):
    """Writes numbered images and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        pixels = np.full((24, 32, 3), (number % 256, number // 256, 7), dtype=np.uint8)
        paths.append(str(folder / f"{number:05}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return paths


def detections(number):
    """The truth: ``(class, confidence, box)`` of an image. Every fifth has none."""
    if number % 5 == 4:
        return []
    random = np.random.default_rng(number)
    return [
        (
            CLASSES[int(random.integers(len(CLASSES)))],
            round(float(random.uniform(0.05, 1)), 4),
            [
                round(float(v), 4)
                for v in (*random.uniform(0, 0.5, 2), *random.uniform(0.1, 0.5, 2))
            ],
        )
        for _ in range(1 + number % 3)
    ]


def classification(number):
    """The truth: ``(class, confidence)`` of an image, or None for every fifth."""
    return detections(number)[0][:2] if number % 5 != 4 else None


def install(task="detection"):
    """Makes the catalog know the model ``scripted``, and the zoo load it."""
    import fiftyone as fo
    import fiftyone.core.models as fom

    from auto_labeling.core.run import Method, ModelType, Task
    from auto_labeling.models import catalog, zoo

    fails = {int(n) for n in os.environ.get(FAILS, "").split(",") if n}
    delay = float(os.environ.get(DELAY, "0"))

    class Scripted(fom.Model):
        media_type = "image"

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def predict(self, image):
            red, green, _ = image[0, 0]
            number = int(red) + 256 * int(green)
            time.sleep(delay)
            if number in fails:
                raise RuntimeError(f"scripted failure on {number}")
            return _label(number)

        def predict_all(self, images):
            return [self.predict(image) for image in images]

    def _label(number):
        if task == "classification":
            truth = classification(number)
            return fo.Classification(label=truth[0], confidence=truth[1]) if truth else None
        return fo.Detections(
            detections=[
                fo.Detection(label=label, confidence=confidence, bounding_box=box)
                for label, confidence, box in detections(number)
            ]
        )

    spec = catalog.ModelSpec(
        name="scripted",
        task=Task(task),
        method=Method.ONE_STAGE,
        model_type=ModelType.FIXED_VOCABULARY,
        family="Scripted",
        version="",
        size="",
        license="Apache-2.0",
        description="",
        author="",
        url="",
        size_bytes=None,
        packages=(),
        confidence=None,
        source="bundled",
        entry={},
    )
    originals = (catalog.get_model, catalog.known_classes, zoo.load)
    catalog.get_model = lambda name: spec if name == "scripted" else originals[0](name)
    catalog.known_classes = lambda s, *more: CLASSES if s is spec else originals[1](s, *more)
    zoo.load = lambda s, config: Scripted() if s is spec else originals[2](s, config)

    def uninstall():
        catalog.get_model, catalog.known_classes, zoo.load = originals

    return uninstall


def labels_by_number(dataset, field):
    """``{number: [(class, confidence, box, id)]}`` of a field; None where it is not set."""
    found = {}
    for number, value in zip(*dataset.values(["number", field]), strict=True):
        if value is None:
            found[number] = None
        elif hasattr(value, "detections"):
            found[number] = [
                (d.label, d.confidence, list(d.bounding_box), d.id) for d in value.detections
            ]
        else:
            found[number] = [(value.label, value.confidence, None, value.id)]
    return found


def expected(task, number):
    """What the scripted model says of an image, as :func:`labels_by_number` without ids."""
    if task == "classification":
        truth = classification(number)
        return [(*truth, None)] if truth else None
    return detections(number)


def without_ids(labels):
    """:func:`labels_by_number` without the ids."""
    return {n: v if v is None else [label[:3] for label in v] for n, v in labels.items()}
