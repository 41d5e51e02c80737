"""Models behind a service: what passes is waited for, and no more is asked than must be."""

import collections
import email.utils
import time
import urllib.error

import pytest

from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.engine import retries
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.run import remedies
from tests.support import http_models

SAMPLES = 40


@pytest.fixture(params=["one_by_one", "in_batches"])
def kind(request):
    return request.param


@pytest.fixture
def waits(monkeypatch):
    """The seconds for which a service was waited for; no test really waits."""
    from auto_labeling.engine.labeler import Labeler

    waited = []
    monkeypatch.setattr(Labeler, "_pause", lambda self, seconds: waited.append(seconds))
    return waited


@pytest.fixture
def serve(monkeypatch):
    """Runs a service that answers so, and labels by it."""
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.http_models")

    def label(dataset, kind, answer, run=None):
        service = http_models.Service(answer)
        with service.running() as address:
            monkeypatch.setenv(http_models.ADDRESS, address)
            if run is None:
                config = RunConfig(
                    task="detection",
                    model="custom-python-detection",
                    checkpoint=f"tests.support.http_models:{kind}",
                    label_field="found",
                )
                run = labeling.start(dataset, config)
            service.run_id = run.id
            try:
                labeling.generate(dataset, run.id)
            except AutoLabelingError as error:
                service.error = error
        return service

    return label


def boxes(dataset, run_id):
    run = labeling.get(dataset, run_id)
    found = zip(*dataset.values(["number", f"{run.staging_field}.detections"]), strict=True)
    return {number: [d.bounding_box[0] for d in made] for number, made in found if made is not None}


EXPECTED = {number: [number % 7 / 10] for number in range(SAMPLES)}


@pytest.mark.parametrize("trouble", [429, 502, 503, 504, None])
def test_one_error_that_passes_costs_no_sample_and_few_requests(
    numbered, serve, waits, kind, trouble
):
    service = serve(numbered, kind, lambda _, before: trouble if before == 5 else 200)
    run = labeling.get(numbered, service.run_id)
    assert (run.state, run.failed) == (RunState.IN_REVIEW, 0)
    assert boxes(numbered, run.id) == EXPECTED
    assert len(waits) == 1 and 1 <= waits[0] < 2
    # Of a batch, no one can tell which of its images were answered: each is sent once more.
    most = {"one_by_one": SAMPLES + 1, "in_batches": SAMPLES + 6}[kind]
    assert len(service.requests) == most
    assert max(collections.Counter(service.requests).values()) == 2


def test_a_service_that_says_when_is_asked_no_sooner(numbered, serve, waits, kind):
    def answer(number, before):
        return (429, {"Retry-After": "17"}) if before == 5 else 200

    service = serve(numbered, kind, answer)
    assert waits == [17] and boxes(numbered, service.run_id) == EXPECTED


def test_an_error_that_does_not_pass_fails_its_sample_alone(numbered, serve, waits, kind):
    service = serve(numbered, kind, lambda number, _: 400 if number == 7 else 200)
    run = labeling.get(numbered, service.run_id)
    [failure] = labeling.failures(numbered, run)
    assert "400" in failure["error"] and failure["filepath"].endswith("00007.png")
    assert boxes(numbered, run.id) == {n: b for n, b in EXPECTED.items() if n != 7}
    assert waits == []


def test_a_sample_that_is_never_answered_is_tried_in_growing_intervals_and_given_up(
    numbered, serve, waits, kind
):
    service = serve(numbered, kind, lambda number, _: 504 if number == 7 else 200)
    run = labeling.get(numbered, service.run_id)
    [failure] = labeling.failures(numbered, run)
    assert "504" in failure["error"]
    assert boxes(numbered, run.id) == {n: b for n, b in EXPECTED.items() if n != 7}
    grown = waits[-retries.MAX_TRIES :]
    assert len(grown) == retries.MAX_TRIES
    assert all(2**n <= wait <= 1.25 * 2**n for n, wait in enumerate(grown))


def test_a_service_that_is_gone_stops_the_run_which_a_resume_finishes(numbered, serve, waits, kind):
    service = serve(numbered, kind, lambda _, before: 200 if before < 16 else 503)
    run = labeling.get(numbered, service.run_id)
    assert run.state is RunState.FAILED and str(service.error) == run.error
    assert "service did not respond for 16 samples in a row" in run.error and "503" in run.error
    assert run.failure_reason is FailureReason.SERVICE_SILENT
    title = "The model's service did not respond for 16 samples in a row"
    assert remedies.in_plain_words(run).startswith(title)
    assert remedies.remedy(run) == "Labels so far are kept. Resume when it responds again."
    assert sum(waits) < 120 and not labeling.failures(numbered, run)
    labeling.resume(numbered, run.id, queue=False)
    serve(numbered, kind, lambda *_: 200, run=run)
    assert boxes(numbered, run.id) == EXPECTED
    assert labeling.get(numbered, run.id).state is RunState.IN_REVIEW


def test_what_a_client_library_says_is_understood_without_the_library():
    class Answer:
        status_code, headers = 429, {"retry-after": "2.5"}

    class RateLimitError(Exception):
        response = Answer()

    class Code:
        name = "UNAVAILABLE"

    class RpcError(Exception):
        def code(self):
            return Code()

    class ClientError(Exception):
        def __init__(self):
            said = {"HTTPStatusCode": 503, "HTTPHeaders": {"retry-after": "3"}}
            self.response = {"ResponseMetadata": said}

    def wrapped(cause):
        try:
            try:
                raise cause
            except Exception as error:
                raise RuntimeError("prediction failed") from error
        except RuntimeError as error:
            return error

    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    dated = urllib.error.HTTPError("x", 503, "busy", {"Retry-After": date}, None)
    for error in (RateLimitError(), RpcError(), ClientError(), dated):
        assert retries.is_temporary(error)
    for cause in (TimeoutError(), RateLimitError()):
        assert retries.is_temporary(wrapped(cause))
    assert retries.is_temporary(urllib.error.URLError(ConnectionResetError()))
    assert retries.retry_after(wrapped(RateLimitError())) == 2.5
    assert retries.retry_after(ClientError()) == 3
    assert 55 < retries.retry_after(dated) <= 60
    for error in (
        ValueError("bad"),
        urllib.error.HTTPError("x", 404, "no", {}, None),
        urllib.error.HTTPError("x", 500, "broken", {}, None),
        KeyError("status"),
        MemoryError(),
    ):
        assert not retries.is_temporary(error) and retries.retry_after(error) is None
