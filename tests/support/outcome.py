"""Whether a test has failed so far, for fixtures that keep what it left."""

import pytest

_FAILED = pytest.StashKey[bool]()


def note(item, report):
    """Remembers the outcome of a test's preparation, call or clean-up."""
    item.stash[_FAILED] = has_failed(item) or report.failed


def has_failed(item) -> bool:
    """Whether a test, or what prepared it, has failed so far."""
    return item.stash.get(_FAILED, False)
