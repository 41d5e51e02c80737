"""A scripted model that misbehaves in every way, and what a naive reader says must come of it."""

import dataclasses
import math
import random

import numpy as np

from tests.support import scripted_model

CLASSES = ("ant", "bee", "cat")
#: What a run with :func:`settings` asks for.
ASKED = ("ant", "bee", "elk")
LEAST = 0.3
MOST = 2

_PLACES = [[0.02, 0.02, 0.2, 0.2], [0.3, 0.02, 0.2, 0.3], [0.6, 0.5, 0.3, 0.4]]
_KINDS = ("good", "good", "good", "other", "unsure", "nan box", "nan confidence", "outside")


@dataclasses.dataclass
class Given:
    """A label as the model gives it."""

    label: str
    confidence: float
    box: list
    masked: bool = True
    reason: str = ""  # why it is left out, by itself


class Script:
    """What the model says of each image, by the image's number.

    Args:
        seed: of everything random in it
        task: the run's task
    """

    def __init__(self, seed: int, task: str):
        self.task = task
        self._seed = seed
        self.fails = True  # the images that fail; no longer once they are repaired

    def given(self, number: int) -> list | None:
        """The labels of an image; None for one that fails."""
        dice = random.Random(self._seed * 1000 + number)
        if dice.random() < 0.15 and self.fails:
            return None
        if self.task == "classification":
            return [self._label(dice)] if dice.random() < 0.8 else []
        labels = [self._label(dice) for _ in range(dice.choice((0, 1, 2, 4, 6)))]
        if self.task == "instance_segmentation":
            for label in labels:
                label.masked = dice.random() < 0.8
        return labels

    def _label(self, dice):
        kind = dice.choice(_KINDS)
        confidence, box = round(dice.uniform(0.35, 1), 6), list(dice.choice(_PLACES))
        given = Given(dice.choice(("ant", "ant", "bee")), confidence, box)
        if kind == "other":
            given.label, given.reason = "cat", "other_class"
        elif kind == "unsure":
            given.confidence, given.reason = 0.1, "low_confidence"
        elif kind == "nan confidence":
            given.confidence, given.reason = math.nan, "not_finite"
        elif self.task != "classification" and kind == "nan box":
            given.box[dice.randrange(4)], given.reason = math.inf, "not_finite"
        elif self.task != "classification" and kind == "outside":
            given.box, given.reason = [1.2, 0.1, 0.3, 0.3], "no_area"
        return given

    def expected(self, number: int) -> tuple[list, dict] | None:
        """``(staged labels, left out by reason)`` of an image; None if it fails."""
        given = self.given(number)
        if given is None or (given and all(one.reason == "not_finite" for one in given)):
            return None
        left_out, kept = {}, []
        for one in given:
            if one.reason:
                left_out[one.reason] = left_out.get(one.reason, 0) + 1
            else:
                kept.append(one)
        if self.task == "classification":
            return kept, left_out
        for reason, less in (
            ("duplicate", self._without_duplicates),
            ("no_mask", lambda some: [one for one in some if one.masked]),
            ("over_limit", lambda some: sorted(some, key=lambda one: -one.confidence)[:MOST]),
        ):
            before, kept = kept, less(kept)
            if len(kept) < len(before):
                left_out[reason] = len(before) - len(kept)
        return kept, left_out

    @staticmethod
    def _without_duplicates(labels):
        """Labels of "ant", which two prompts ask for, are one where they are in one place."""
        kept = []
        for one in sorted(labels, key=lambda one: -one.confidence):
            same = [o for o in kept if o.box == one.box and o.label == one.label == "ant"]
            if not same:
                kept.append(one)
        return kept


def settings(task: str, **more) -> dict:
    """The settings of a run that leaves out labels for every reason."""
    limited = {} if task == "classification" else {"max_labels": MOST}
    return {
        "task": task,
        "model": "scripted",
        "label_field": "found",
        "classes": ASKED,
        "confidence": LEAST,
        "prompts": {"ant": ("ant", "small red ant")},
        **limited,
        **more,
    }


def install(script: Script):
    """Makes the catalog know the model ``scripted``, and the zoo load what misbehaves."""
    import fiftyone as fo
    import fiftyone.core.models as fom

    from auto_labeling.core.run import ModelType
    from auto_labeling.models import catalog, zoo

    class Misbehaving(fom.Model):
        media_type = "image"

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def predict(self, image):
            red, green, _ = image[0, 0]
            given = script.given(int(red) + 256 * int(green))
            if given is None:
                raise RuntimeError("scripted failure")
            if script.task == "classification":
                return fo.Classification(**_class(given[0])) if given else None
            return fo.Detections(detections=[_detection(one) for one in given])

        def predict_all(self, images):
            return [self.predict(image) for image in images]

    def _class(one):
        return {"label": one.label, "confidence": one.confidence}

    def _detection(one):
        mask = None
        if script.task == "instance_segmentation":
            mask = np.full((4, 5), one.masked)
        return fo.Detection(**_class(one), bounding_box=one.box, mask=mask)

    uninstall = scripted_model.install(script.task)
    spec = dataclasses.replace(catalog.get_model("scripted"), model_type=ModelType.ZERO_SHOT)
    get, known, load = catalog.get_model, catalog.known_classes, zoo.load
    catalog.get_model = lambda name: spec if name == "scripted" else get(name)
    catalog.known_classes = lambda s, *more: None if s is spec else known(s, *more)
    zoo.load = lambda s, config: Misbehaving() if s is spec else load(s, config)
    return uninstall
