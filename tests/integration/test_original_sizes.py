"""Models that want the original images' sizes: loader processes send what FiftyOne would."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from auto_labeling.core.run import Run
from auto_labeling.engine import loading, original_sizes
from auto_labeling.engine.batches import Waiting
from auto_labeling.engine.prediction import Predictor
from auto_labeling.engine.reading import Reader
from tests.support import zoo_models


def predicted(name, processes):
    """``{sample id: document}`` by a model of the demo, and the batches that it was given."""
    model, config = zoo_models.load(name, confidence=0.01)
    reader = Reader(model)
    paths = zoo_models.photos(7)
    targets = [Waiting(f"{i:024x}", {"filepath": path}) for i, path in enumerate(paths)]
    batches = [targets[:4], targets[4:]]
    predictor = Predictor(model, Run(id="r1", config=config, created_at=""), reader)
    documents, given = {}, []
    with predictor:
        for loaded in loading.load(reader, iter(batches), processes):
            given.append((loaded.release is not None, loaded.batch))
            result = predictor.forward(loaded)
            found, failures = predictor.finish(result)
            assert not failures
            documents |= {target.sample_id: made.document for target, made in found}
            if loaded.release is not None:
                loaded.release()
    return documents, given


def assert_same(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs)
    elif isinstance(one, np.ndarray):
        assert np.array_equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("name", ["shapes-yolo", "shapes-yolo-seg"])
def test_labels_are_the_same_without_the_original_images(name):
    plain, given = predicted(name, 0)
    assert not any(in_slot for in_slot, _ in given)
    documents, given = predicted(name, 2)
    for in_slot, batch in given:
        assert in_slot and all(image.strides == (0, 0, 0) for image in batch["orig_imgs"])
        shapes = {image.shape for image in batch["orig_imgs"]}
        assert shapes == {(h, w, 3) for w, h in batch["orig_shapes"]}
    assert sum(len(document["detections"]) for document in plain.values()) > 7
    assert_same(documents, plain)


def test_a_model_of_dicts_of_its_own_is_measured_and_gets_no_slots():
    item = {"pixel_values": torch.zeros(3, 4, 4)}
    question = SimpleNamespace(send=lambda answer: answers.append(answer))
    reader, answers = SimpleNamespace(item=lambda _: item, may_use_slots=True), []
    loading._measure(reader, None, question)
    assert answers == [(None, loading.Item(192, 1))]


def test_other_models_keep_their_batches():
    model, _ = zoo_models.load("efficientnet-lite0-imagenet")
    assert not original_sizes.needs_sizes(model)
