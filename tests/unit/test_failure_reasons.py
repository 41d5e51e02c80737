"""Failures have a reason for programs beside the sentence for people, and advice from it."""

import errno
import pickle
import urllib.error

import pymongo.errors
import pytest

from auto_labeling.core import failure_reasons
from auto_labeling.core.errors import (
    AutoLabelingError,
    CannotWrite,
    DatabaseAway,
    FailureReason,
    ModelUnavailable,
)
from auto_labeling.core.run import NOT_STOPPED, Run, RunConfig, RunState, StopReason, stopped_by
from auto_labeling.models import catalog, trust
from auto_labeling.panels.run import remedies


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


def _raised_from(error, cause):
    try:
        raise error from cause
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), FailureReason.OUT_OF_MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), FailureReason.OUT_OF_MEMORY),
        (RuntimeError("CUDA error: device-side assert"), FailureReason.DEVICE_FAILED),
        (ModuleNotFoundError("No module named 'sam2'"), FailureReason.PACKAGES_MISSING),
        (FileNotFoundError(errno.ENOENT, "gone"), FailureReason.FILE_MISSING),
        (OSError(errno.ENOSPC, "full"), FailureReason.DISK_FULL),
        (urllib.error.URLError("no route"), FailureReason.DOWNLOAD_FAILED),
        (pymongo.errors.AutoReconnect("lost"), FailureReason.DATABASE_AWAY),
        (DatabaseAway("The database does not answer"), FailureReason.DATABASE_AWAY),
        (_raised_from(OSError("cannot load"), ConnectionError()), FailureReason.DOWNLOAD_FAILED),
        (ValueError("No such file"), FailureReason.OTHER),
    ],
)
def test_errors_of_other_libraries_have_one_by_their_class(error, reason):
    assert failure_reasons.of_error(error) is reason


def stopped(**fields):
    config = RunConfig(task="detection", model="shapes-yolo", label_field="new")
    run = Run(id="1", config=config, created_at="", state=RunState.FAILED, **fields)
    return Run.model_validate_json(run.model_dump_json())  # as the database gives it


def test_the_advice_comes_from_the_reason_and_not_from_the_sentence():
    run = stopped(**stopped_by(MemoryError("whatever it says")))
    assert remedies.in_plain_words(run) == "The worker ran out of memory"
    assert "smaller model" in remedies.remedy(run)
    misleading = stopped(**stopped_by(KeyError("out of memory")))
    assert "smaller model" not in remedies.remedy(misleading)
    lost = stopped(
        reason=StopReason.WORKER_LOST,
        failure_reason=FailureReason.OUT_OF_MEMORY,
        error="The worker on gpu-3 ended",
    )
    assert remedies.in_plain_words(lost) == "The worker on gpu-3 ended"
    assert "more memory" in remedies.remedy(lost)


def test_our_own_errors_bring_their_advice():
    error = CannotWrite(
        "No masks can be written to /m: its disk is full. Labels so far are kept. Free some "
        "space there, then resume",
        reason=FailureReason.DISK_FULL,
    )
    run = stopped(**stopped_by(error))
    assert remedies.in_plain_words(run) == "No masks can be written to /m: its disk is full"
    assert remedies.remedy(run) == "Labels so far are kept. Free some space there, then resume."
    without = stopped(**stopped_by(ModelUnavailable("'x' is not offered: no weights")))
    assert remedies.remedy(without).startswith("Resume retries")


def test_a_record_without_a_reason_is_understood_by_its_error():
    old = stopped(reason=StopReason.ERROR, error="OutOfMemoryError: CUDA out of memory")
    assert remedies.in_plain_words(old) == "The worker ran out of memory"
    assert old.model_copy(update=NOT_STOPPED).error == ""


def test_a_reason_of_a_newer_version_is_unknown():
    assert FailureReason("sunspots") is FailureReason.OTHER
