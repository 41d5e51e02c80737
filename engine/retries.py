"""Temporary errors, such as those of a model behind a service, and when to retry.

A client's errors are known by what they carry, the status of an answer and its headers, or by name:
none of the libraries that raise them is imported for it.
"""

import contextlib
import email.utils
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.engine.batches import describe

#: Statuses of temporary errors: timeouts, too many requests, and servers that are not there.
_STATUSES = frozenset({408, 425, 429, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_GRPC = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})
_NAMES = frozenset(
    {
        *("Timeout", "ConnectTimeout", "ReadTimeout", "TimeoutException", "PoolTimeout"),
        *("ConnectionError", "NetworkError", "RemoteProtocolError", "ProtocolError"),
        *("APIConnectionError", "APITimeoutError", "RateLimitError", "ServiceUnavailableError"),
        *("ChunkedEncodingError", "IncompleteRead", "ServerDisconnectedError", "ClientOSError"),
        *("ServiceUnavailable", "TooManyRequests", "EndpointConnectionError"),
        *("ConnectTimeoutError", "ReadTimeoutError", "ThrottlingException"),
    }
)

#: How often one sample is tried again; the intervals are 1, 2, 4 … seconds.
MAX_TRIES = 6

#: A service that asks for a longer wait than this is not waited for.
MAX_WAIT_SECONDS = 300.0

#: The run stops after so many samples in a row without an answer from the service.
MAX_UNANSWERED = 16


def is_temporary(error: BaseException) -> bool:
    """Whether an error, or one behind it, means that the same request may succeed later."""
    return any(_is_temporary(link) for link in _chain(error))


def retry_after(error: BaseException) -> float | None:
    """The seconds after which a service asks to be called again; None if it does not say."""
    for link in _chain(error):
        for headers in _headers(link):
            with contextlib.suppress(TypeError, ValueError, AttributeError):
                value = headers.get("Retry-After") or headers.get("retry-after")
                if value is not None:
                    return max(0.0, _seconds(str(value).strip()))
    return None


class Retries:
    """When to call a service again.

    The first sample without an answer gets all tries, further ones in a row one each.

    Args:
        pause: called with seconds to wait; may raise
    """

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause
        self._unanswered = 0

    def wait(self, tried: int, error: BaseException) -> bool:
        """Waits before a sample is tried again.

        Args:
            tried: how often it has been tried
            error: the error of the last try

        Returns:
            whether to try again
        """
        requested = retry_after(error)
        tries = 1 if self._unanswered else MAX_TRIES
        if tried > tries or (requested or 0) > MAX_WAIT_SECONDS:
            return False
        # Several workers that were refused together must not come back together.
        own = 2.0 ** (tried - 1) * random.uniform(1, 1.25)
        self._pause(max(requested or 0.0, own))
        return True

    def succeeded(self) -> None:
        """Notes that a sample has its answer."""
        self._unanswered = 0

    def gave_up(self, error: BaseException) -> None:
        """Notes that a sample has no answer after all its tries.

        Raises:
            AutoLabelingError: if it is the last of too many in a row
        """
        self._unanswered += 1
        if self._unanswered >= MAX_UNANSWERED:
            raise AutoLabelingError(
                f"The model's service did not respond for {self._unanswered:,} samples in a row "
                f"({describe(error)}). Labels so far are kept. Resume when it responds again",
                reason=FailureReason.SERVICE_SILENT,
            ) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        reason = getattr(link, "reason", None)  # of a URLError
        if isinstance(reason, BaseException):
            yield reason
        link = link.__cause__ or link.__context__


def _is_temporary(error: BaseException) -> bool:
    statuses = [status for status in _statuses(error) if status]
    if statuses:
        return any(status in _STATUSES for status in statuses)
    if isinstance(error, (TimeoutError, ConnectionError)):
        return True
    return any(kind.__name__ in _NAMES for kind in type(error).__mro__) or _grpc(error) in _GRPC


def _statuses(error: BaseException) -> Iterator[int]:
    """The status of the answer that an error carries, as each library names it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # Amazon's
        yield _status(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
        return
    for holder in (error, response):
        for name in ("status_code", "status", "code"):
            yield _status(getattr(holder, name, None))


def _status(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
        return int(value)
    return 0


def _grpc(error: BaseException) -> str:
    code = getattr(error, "code", None)
    with contextlib.suppress(TypeError):
        code = code() if callable(code) else code
    return str(getattr(code, "name", ""))


def _headers(error: BaseException) -> Iterator[Any]:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        yield response.get("ResponseMetadata", {}).get("HTTPHeaders")
    yield from (getattr(holder, "headers", None) for holder in (error, response))


def _seconds(value: str) -> float:
    """Seconds from a ``Retry-After``: a number, or a date."""
    with contextlib.suppress(ValueError):
        return float(value)
    return email.utils.parsedate_to_datetime(value).timestamp() - time.time()
