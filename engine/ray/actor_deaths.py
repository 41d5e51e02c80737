"""Why an actor died, in one sentence; Ray's own message is a paragraph."""

import re

#: The meaning of Ray's errors, by class and text. The first that matches counts.
_MEANINGS = (
    (
        r"OutOfMemoryError|OUT_OF_MEMORY|memory pressure|low on memory",
        "its machine ran out of memory",
    ),
    (r"PREEMPT|preempted", "the cluster reclaimed its machine"),
    (
        r"NodeDiedError|node has died|node was (dead|terminated|drained)|Node Id",
        "its machine went away",
    ),
    (r"ActorUnavailableError|OwnerDied", "it can no longer be reached"),
)
_KILLED = "its process was killed or crashed, often because memory ran out"


def cause(error: Exception) -> str:
    """Why an actor died, in words that continue "A worker died: ".

    Args:
        error: a ``ray.exceptions.RayError``
    """
    if getattr(error, "actor_init_failed", False) or type(error).__name__ == "RuntimeEnvSetupError":
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"it could not be set up ({lines[-1] if lines else type(error).__name__})"
    if getattr(error, "preempted", False):
        return "the cluster reclaimed its machine"
    line = f"{type(error).__name__}: {error}"
    meanings = (meaning for pattern, meaning in _MEANINGS if re.search(pattern, line))
    return next(meanings, _KILLED)
