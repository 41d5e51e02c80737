"""Keeps a thread off the network while it loads a model that is on this machine.

Each library of models downloads missing files, and some look for newer ones, in their own ways. All
of them look up the address of a host first.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

_lookup = socket.getaddrinfo
_lock = threading.Lock()
_refused: dict[int, list[str]] = {}  # by thread


@contextlib.contextmanager
def offline() -> Iterator[list[str]]:
    """Lets no host be found in this thread; other threads are not affected.

    Yields:
        a list, to which the names of the hosts that were asked for are added
    """
    hosts: list[str] = []
    thread = threading.get_ident()
    with _lock:
        _refused[thread] = hosts
        socket.getaddrinfo = _getaddrinfo
    try:
        yield hosts
    finally:
        with _lock:
            del _refused[thread]
            if not _refused:
                socket.getaddrinfo = _lookup


def _getaddrinfo(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:
    hosts = _refused.get(threading.get_ident())
    if hosts is not None:
        hosts.append(str(host))
        raise socket.gaierror(socket.EAI_AGAIN, "network access is disabled in this thread")
    return _lookup(host, *args, **kwargs)
