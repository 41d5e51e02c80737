"""How many workers may share a run, and the packages that several workers need.

Checked when a run is configured; when it runs, as many work as there are resources for.
"""

import logging
import os

from auto_labeling.models import devices, requirements

#: Limits the workers of a run. By default there may be one for each GPU of this machine, else one
#: for each of its cores; and :data:`MAX_ON_A_CLUSTER` where ``RAY_ADDRESS`` names one.
SETTING = "FIFTYONE_AUTO_LABELING_MAX_WORKERS"

#: The requirement of several workers; the extra ``ray`` of this package.
RAY = "ray>=2.40,<3"

#: The limit on a cluster, unless :data:`SETTING` sets another.
MAX_ON_A_CLUSTER = 64

logger = logging.getLogger(__name__)


def max_workers() -> int:
    """How many workers a run may have."""
    value = os.environ.get(SETTING, "").strip()
    if value:
        if value.isdecimal() and int(value):
            return int(value)
        logger.warning(
            "%s must be a whole number of at least 1, not %r; ignoring it", SETTING, value
        )
    if os.environ.get("RAY_ADDRESS"):
        return MAX_ON_A_CLUSTER
    return devices.nvidia() or _cores()


def problem(workers: int) -> str | None:
    """Why a run cannot have so many workers; None if it can.

    Args:
        workers: how many are requested
    """
    maximum = max_workers()
    if workers > maximum:
        return f"At most {maximum:,}; {SETTING} sets the limit"
    if workers > 1 and requirements.missing((RAY,)):
        return f"More than one worker needs Ray: {install_command()}"
    return None


def install_command() -> str:
    """The command that installs the packages that several workers need."""
    return requirements.install_command((RAY,))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
