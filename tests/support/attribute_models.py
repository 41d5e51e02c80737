"""Models that say more of a thing than its class: attributes of every type, some of them mixed."""

import datetime

import numpy as np

NOON = datetime.datetime(2026, 5, 1, 12, 0)


def said(number):
    """What the models say of an image."""
    return {
        "color": ["red", "green"][number % 2],
        "occluded": number % 3 == 0,
        "weight": np.float32(number) / 2,
        "seen_at": NOON,
        "parts": ["wheel", "door"][: number % 3],
        "unknown": None,
        "source": "person" if number % 2 else "camera",  # which is how added labels are marked
        # Of mixed types: whole numbers, from 20 on with fractions, and a text.
        "size": "large" if number == 30 else number / 4 if number >= 20 else number,
        "code": f"c{number}" if number < 20 else number,
    }


def _model(make):
    import fiftyone.core.models as fom

    class Talkative(fom.Model):
        media_type = "image"

        def predict(self, arg):
            red, green, _ = (int(v) for v in np.asarray(arg)[0, 0])
            return make(red + 256 * green)

    return Talkative()


def detection():
    """One box for each image."""
    import fiftyone as fo

    box = {"label": "thing", "bounding_box": [0.1, 0.1, 0.5, 0.5], "confidence": 0.9}
    return _model(lambda n: fo.Detections(detections=[fo.Detection(**box, **said(n))]))


def classification():
    """One class for each image."""
    import fiftyone as fo

    return _model(lambda n: fo.Classification(label="thing", confidence=0.9, **said(n)))
