"""Ends a process together with its parent, even if the parent is killed."""

import ctypes
import os
import signal
import sys

#: The environment variable with the ID of the process to end with.
PARENT_VARIABLE = "FIFTYONE_AUTO_LABELING_PARENT"

_PR_SET_PDEATHSIG = 1


def of_this_process() -> dict[str, str]:
    """Returns the environment variables that make a new process end with this one."""
    return {PARENT_VARIABLE: str(os.getpid())}


def end_with_parent(signal_number: signal.Signals) -> None:
    """Asks Linux for a signal when the process in :data:`PARENT_VARIABLE` has died.

    Linux watches the thread that started this process: it must live as long as its process.
    """
    parent = os.environ.pop(PARENT_VARIABLE, "")
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != int(parent):  # it died before the call above
        os.kill(os.getpid(), signal_number)
