"""What a service says of itself: sentences for people, or JSON lines for scripts."""

import json
import os

_SENTENCES = {
    "starting": "Starting; logs of operations are kept in {logs}",
    "ready": "Ready on {host} ({device}): serving {served}, oldest first. Ctrl-C to stop",
    "started": "Started {name} on dataset '{dataset}'; log: {log}",
    "completed": "Completed {name} after {took}",
    "failed": "Failed {name} after {took}: {error}",
    "restarting": "The process for operations ended ({why}); starting another in {seconds:.0f} s",
    "away": "The database cannot be reached; trying again: {why}",
    "back": "The database is back",
    "closed": "Closed an earlier attempt of {name}, whose worker on {host} is gone",
    "swept": "Marked {name} as failed, since its worker on {host} is gone",
    "draining": "Stopping when {name} is done; once more to stop it now (its run can be resumed)",
    "stopping": "Stopping {name}",
    "stopped": "Stopped: {completed} completed, {failed} failed",
    "output": "{line}",
}


class Teller:
    """Prints what happens, at once. Whatever else this process prints goes to standard error.

    Args:
        as_json: whether to print JSON lines
    """

    def __init__(self, as_json: bool):
        self._as_json = as_json
        self._output = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # libraries would print between our lines

    def __call__(self, event: str, **facts) -> None:
        """Tells of an event.

        Args:
            event: a key of the sentences above
            **facts: what the sentence says, and more for scripts
        """
        if self._as_json:
            line = json.dumps({"event": event, **facts}, ensure_ascii=False)
        else:
            line = _SENTENCES[event].format(**facts)
        print(line, flush=True, file=self._output)


def duration(seconds: float) -> str:
    """Seconds in words."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
