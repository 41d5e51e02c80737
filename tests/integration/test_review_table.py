"""The review page's table of classes: searched and sorted, with or without confidences."""

import fiftyone as fo
import pytest

import auto_labeling as al
from tests.support.app_double import App

NAMES = [f"class {number:02}" for number in range(15)]


@pytest.fixture
def review(numbered):
    """Opens the review of boxes: ``review([(class, confidence), …])``."""

    def review(labels):
        boxes = [
            fo.Detection(label=name, confidence=sure, bounding_box=[0.1, 0.1, 0.5, 0.5])
            for name, sure in labels
        ]
        sample = numbered.first()
        sample["boxes"] = fo.Detections(detections=boxes)
        sample.save()
        run = al.import_labels(numbered, "boxes", "kept")
        app = App(numbered, panel_id=f"table-{run.id}")
        app.send("on_load")
        app.send("open_run", run_id=run.id)
        return app

    return review


def test_many_classes_are_searched_and_sorted_both_ways(review):
    app = review(
        [(name, number / 20) for number, name in enumerate(NAMES) for _ in range(number + 1)]
    )
    assert next(iter(app.table())) == NAMES[-1], "by the number of labels at first"
    app.send("sort_classes", **app.button("label")["params"])
    assert list(app.table()) == NAMES and app.button("label")["label"] == "Name \u2191"
    app.send("sort_classes", order="label")
    assert list(app.table()) == NAMES[::-1] and app.button("label")["label"] == "Name \u2193"
    app.send("sort_classes", order="confidence")
    assert list(app.table()) == NAMES[::-1]
    app.send("sort_classes", order="nothing of the kind")
    app.send("search", path="search", value="class 1")
    assert list(app.table()) == NAMES[:9:-1]
    assert "also those that the search hides" in app.find("hint")["view"]["title"]
    app.send("toggle_class", row=0)
    assert app.button("promote")["label"] == "Add 15 labels for approval"


def test_few_classes_need_neither(review):
    app = review([(name, 0.5) for name in NAMES[:14]])
    assert app.find("search") is None and app.find("orders") is None


def test_a_run_without_any_confidence_has_no_histogram_and_no_slider(review):
    app = review([(name, None) for name in NAMES])
    assert app.find("distribution") is None and "slide_confidence" not in app.events()
    assert app.find("without") is None and app.find("no_confidence")
    assert app.find("confidence") is None, "nothing can be sorted by it"
    assert app.table()[NAMES[0]] == ["1 of 1"]
    assert app.button("promote")["label"] == "Add 15 labels for approval"
