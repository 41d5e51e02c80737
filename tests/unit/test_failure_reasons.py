"""Failures carry a reason for programs beside the sentence for people."""

import errno
import pickle

import pytest

from auto_labeling.core.errors import AutoLabelingError, FailureReason, ModelUnavailable
from auto_labeling.models import catalog, trust


def test_a_model_that_is_not_offered():
    with pytest.raises(ModelUnavailable) as caught:
        catalog.get_model("no-such-model")
    assert caught.value.reason is FailureReason.MODEL_NOT_OFFERED


def test_code_that_is_not_trusted(monkeypatch):
    monkeypatch.delenv(trust.SETTING, raising=False)
    with pytest.raises(ModelUnavailable) as caught:
        trust.require("/models/mine.pt")
    assert caught.value.reason is FailureReason.NOT_TRUSTED


def test_every_error_has_one_and_keeps_it_on_its_way_between_processes():
    assert AutoLabelingError("something").reason is FailureReason.OTHER
    sent = ModelUnavailable("no such device", reason=FailureReason.DEVICE_MISSING)
    received = pickle.loads(pickle.dumps(sent))
    assert (str(received), received.reason) == (str(sent), FailureReason.DEVICE_MISSING)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, FailureReason.DISK_FULL),
        (errno.EROFS, FailureReason.PERMISSION_DENIED),
        (errno.ESTALE, FailureReason.STORAGE_GONE),
    ],
)
def test_masks_that_cannot_be_written(tmp_path, monkeypatch, number, reason):
    from auto_labeling.core.run import Run, RunConfig
    from auto_labeling.engine import masks

    config = RunConfig(
        task="instance_segmentation",
        model="shapes-mask-rcnn",
        label_field="new",
        mask_location=str(tmp_path),
    )
    store = masks.MaskStore(Run(id="1", config=config, created_at=""))

    def fails(*args, **kwargs):
        raise OSError(number, "it fails")

    monkeypatch.setattr(masks.tempfile, "TemporaryFile", fails)
    with pytest.raises(AutoLabelingError) as caught:
        store.prepare()
    assert caught.value.reason is reason
