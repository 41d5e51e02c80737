"""How many workers may share a run, and what several workers need.

Judged where a run is asked for; where it is made, as many work as there is room for.
"""

import logging
import os

from auto_labeling.models import devices, requirements

#: Limits the workers of a run. By default there may be one for each GPU of this machine, else one
#: for each of its cores; and :data:`ON_A_CLUSTER` where ``RAY_ADDRESS`` names one.
SETTING = "FIFTYONE_AUTO_LABELING_MAX_WORKERS"

#: What runs several workers; the extra ``ray`` of this package.
RAY = "ray>=2.40,<3"

#: The most workers of a run on a cluster, unless :data:`SETTING` says otherwise.
ON_A_CLUSTER = 64

logger = logging.getLogger(__name__)


def most_workers() -> int:
    """The most workers that a run may ask for."""
    given = os.environ.get(SETTING, "").strip()
    if given:
        if given.isdecimal() and int(given):
            return int(given)
        logger.warning(
            "%s must be a whole number of at least 1, not %r; ignoring it", SETTING, given
        )
    if os.environ.get("RAY_ADDRESS"):
        return ON_A_CLUSTER
    return devices.nvidia() or _cores()


def problem(workers: int) -> str | None:
    """Why a run cannot have so many workers, if it cannot.

    Args:
        workers: how many are asked for
    """
    most = most_workers()
    if workers > most:
        return f"At most {most:,}; {SETTING} sets the limit"
    if workers > 1 and requirements.missing((RAY,)):
        return f"More than one worker needs Ray: {install_command()}"
    return None


def install_command() -> str:
    """The command that installs what several workers need."""
    return requirements.install_command((RAY,))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
