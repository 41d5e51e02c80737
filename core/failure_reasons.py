"""Why an error of another library made something fail, for programs.

Such errors are recognized by the names of their classes, without importing anything. PyTorch has
only ``RuntimeError`` for many of them, so their texts are read.
"""

import errno
import re
from collections.abc import Iterator

from auto_labeling.core.errors import FailureReason

R = FailureReason

_BY_CLASS = {
    "MemoryError": R.OUT_OF_MEMORY,
    "OutOfMemoryError": R.OUT_OF_MEMORY,  # PyTorch's and Ray's
    "ImportError": R.PACKAGES_MISSING,
    "LocalEntryNotFoundError": R.DOWNLOAD_FAILED,  # Hugging Face: a FileNotFoundError
    "FileNotFoundError": R.FILE_MISSING,
    "NotADirectoryError": R.FILE_MISSING,
    "PermissionError": R.PERMISSION_DENIED,
    "ConnectionFailure": R.DATABASE_AWAY,  # PyMongo
    "ConnectionError": R.DOWNLOAD_FAILED,  # Python's and that of requests
    "TimeoutError": R.DOWNLOAD_FAILED,
    "URLError": R.DOWNLOAD_FAILED,
    "HTTPError": R.DOWNLOAD_FAILED,
    "OfflineModeIsEnabled": R.DOWNLOAD_FAILED,
}

_BY_NUMBER = {
    errno.ENOSPC: R.DISK_FULL,
    errno.EDQUOT: R.DISK_FULL,
    errno.EROFS: R.PERMISSION_DENIED,
    errno.ENOMEM: R.OUT_OF_MEMORY,
}

#: The texts of errors of other libraries. The first that matches counts.
_BY_TEXT = (
    (r"out of memory|OutOfMemory|MemoryError|allocate memory|CUBLAS_STATUS_ALLOC", R.OUT_OF_MEMORY),
    (r"No space left|Disk quota", R.DISK_FULL),
    (r"ModuleNotFoundError|ImportError|No module named", R.PACKAGES_MISSING),
    (r"FileNotFoundError|No such file|NotADirectoryError", R.FILE_MISSING),
    (r"PermissionError|Permission denied", R.PERMISSION_DENIED),
    (
        r"ConnectionError|URLError|HTTPError|Max retries|Could not resolve|timed out|offline",
        R.DOWNLOAD_FAILED,
    ),
    (r"CUDA|cuDNN|NVIDIA|device-side assert|\bMPS\b", R.DEVICE_FAILED),
    (r"ServerSelectionTimeout|AutoReconnect|NetworkTimeout|NotPrimary", R.DATABASE_AWAY),
)


def of_error(error: BaseException) -> FailureReason:
    """Finds out why an error happened: its own reason, or the meaning of its class.

    An error without one has that of the error from which it was raised.

    Args:
        error: any error
    """
    for link in _chain(error):
        reason = getattr(link, "reason", None)
        if not isinstance(reason, FailureReason):
            reason = _of_link(link)
        if reason is not FailureReason.OTHER:
            return reason
    return FailureReason.OTHER


def of_text(text: str) -> FailureReason:
    """Guesses a reason from the text of another library's error, where that is all there is.

    So with an operation that failed in FiftyOne's own code, and with records of older versions.

    Args:
        text: an error, with the name of its class
    """
    matches = (reason for pattern, reason in _BY_TEXT if re.search(pattern, text, re.IGNORECASE))
    return next(matches, FailureReason.OTHER)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those from which it was raised."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__


def _of_link(error: BaseException) -> FailureReason:
    for cls in type(error).__mro__:
        if cls.__name__ in _BY_CLASS:
            return _BY_CLASS[cls.__name__]
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno or 0, FailureReason.OTHER)
    return of_text(str(error)) if isinstance(error, RuntimeError) else FailureReason.OTHER
