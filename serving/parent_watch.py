"""Ends a process together with its parent, even if the parent is killed."""

import ctypes
import os
import signal
import sys

#: Names the process to end with, for those that we start.
PARENT_VARIABLE = "FIFTYONE_AUTO_LABELING_PARENT"

_PR_SET_PDEATHSIG = 1


def of_this_process() -> dict[str, str]:
    """What the environment of a process to be started says of this one."""
    return {PARENT_VARIABLE: str(os.getpid())}


def end_with_parent(how: signal.Signals) -> None:
    """Asks Linux for a signal when the process named by the environment has died.

    Linux means the thread that started us: it must live as long as its process.
    """
    parent = os.environ.pop(PARENT_VARIABLE, "")
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, how)
    if os.getppid() != int(parent):  # it died before we could ask
        os.kill(os.getpid(), how)
