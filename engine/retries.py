"""Temporary errors, such as those of a model behind a service, and when to retry.

A client's errors are known by what they carry, the status of an answer and its headers, or by name:
none of the libraries that raise them is imported for it.
"""

import contextlib
import email.utils
import random
import time
from collections.abc import Callable, Iterator

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.engine.loading import describe

#: Statuses of answers that say so: timeouts, too many requests, and servers that are not there.
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
MOST_TRIES = 6

#: Seconds that a service may ask us to wait. What asks for more is not waited for.
LONGEST_WAIT = 300.0

#: Samples in a row for which a service did not answer, after which the run stops.
MOST_IN_VAIN = 16


def passes(error: BaseException) -> bool:
    """Whether an error says that the same request may succeed a little later."""
    return any(_says_so(one) for one in _chain(error))


def retry_after(error: BaseException) -> float | None:
    """The seconds after which a service wants to be asked again; None if it does not say."""
    for one in _chain(error):
        for headers in _headers(one):
            with contextlib.suppress(TypeError, ValueError, AttributeError):
                said = headers.get("Retry-After") or headers.get("retry-after")
                if said is not None:
                    return max(0.0, _seconds(str(said).strip()))
    return None


class Retries:
    """When to ask a service again. A sample in vain costs all tries, more in a row one each.

    Args:
        pause: called with seconds to wait; may raise
    """

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause
        self._in_vain = 0

    def wait(self, tried: int, error: BaseException) -> bool:
        """Waits before a sample is tried again.

        Args:
            tried: how often it has been
            error: what the last try met

        Returns:
            whether to try again
        """
        asked = retry_after(error)
        if tried > (1 if self._in_vain else MOST_TRIES) or (asked or 0) > LONGEST_WAIT:
            return False
        # Several workers that were refused together must not come back together.
        own = 2.0 ** (tried - 1) * random.uniform(1, 1.25)
        self._pause(own if asked is None else max(asked, own))
        return True

    def succeeded(self) -> None:
        """A sample has its answer."""
        self._in_vain = 0

    def in_vain(self, error: BaseException) -> None:
        """A sample has no answer after all its tries.

        Raises:
            AutoLabelingError: if it is the last of too many in a row
        """
        self._in_vain += 1
        if self._in_vain >= MOST_IN_VAIN:
            raise AutoLabelingError(
                f"The model's service did not answer for {self._in_vain:,} samples in a row "
                f"({describe(error)}). Labels so far are kept. Resume when it answers again"
            ) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None)  # of a URLError
        if isinstance(reason, BaseException):
            yield reason
        error = error.__cause__ or error.__context__


def _says_so(error: BaseException) -> bool:
    statuses = [status for status in _statuses(error) if status]
    if statuses:
        return any(status in _STATUSES for status in statuses)
    if isinstance(error, (TimeoutError, ConnectionError)):
        return True
    return any(kind.__name__ in _NAMES for kind in type(error).__mro__) or _grpc(error) in _GRPC


def _statuses(error: BaseException):
    """The status of the answer that an error carries, as each library names it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # Amazon's
        yield _status(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
        return
    for holder in (error, response):
        for name in ("status_code", "status", "code"):
            yield _status(getattr(holder, name, None))


def _status(value):
    is_status = isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600
    return int(value) if is_status else 0


def _grpc(error: BaseException) -> str:
    code = getattr(error, "code", None)
    with contextlib.suppress(TypeError):
        code = code() if callable(code) else code
    return str(getattr(code, "name", ""))


def _headers(error: BaseException):
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        yield response.get("ResponseMetadata", {}).get("HTTPHeaders")
    yield from (getattr(holder, "headers", None) for holder in (error, response))


def _seconds(said):
    """Seconds from a ``Retry-After``: a number, or a date."""
    with contextlib.suppress(ValueError):
        return float(said)
    return email.utils.parsedate_to_datetime(said).timestamp() - time.time()
