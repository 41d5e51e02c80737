"""Keeps a thread off the network while it loads a model that is on this machine.

Each library of models fetches what is missing, and some look for something newer, in ways of their
own. All of them ask for the address of a host first.
"""

import contextlib
import socket
import threading

_lookup = socket.getaddrinfo
_lock = threading.Lock()
_asked: dict[int, list] = {}


@contextlib.contextmanager
def offline():
    """In this thread, no host is found; other threads go on as before.

    Yields:
        a list, to which the names of the hosts that were asked for are added
    """
    thread, asked = threading.get_ident(), []
    with _lock:
        _asked[thread] = asked
        socket.getaddrinfo = _getaddrinfo
    try:
        yield asked
    finally:
        with _lock:
            del _asked[thread]
            if not _asked:
                socket.getaddrinfo = _lookup


def _getaddrinfo(host, *args, **kwargs):
    asked = _asked.get(threading.get_ident())
    if asked is not None:
        asked.append(str(host))
        raise socket.gaierror(socket.EAI_AGAIN, "network access is disabled in this thread")
    return _lookup(host, *args, **kwargs)
